/** Breaks one rule of the source while it is loaded, so that a run can show which test notices. */
import type { Plugin } from 'vitest/config'
import { ALL_FAULTS } from './all.js'
import { placesOf } from './place.js'

export function plantedFault(id: string | undefined): Plugin | undefined {
  if (id === undefined) return undefined
  const fault = ALL_FAULTS.find((entry) => entry.id === id)
  if (fault === undefined) throw new Error(`no planted fault is called ${id}`)
  const places = placesOf(fault)
  if (places.length !== 1) {
    throw new Error(`${id}: this text stands in ${places.length} places of src: ${fault.find}`)
  }
  return {
    name: 'planted-fault',
    enforce: 'pre',
    transform(code, file) {
      if (!file.endsWith(`/src/${places[0]}`)) return undefined
      return code.replace(fault.find, () => fault.replace)
    },
  }
}
