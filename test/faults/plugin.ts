/** Breaks one rule of the source while it is loaded, so that a run can show which test notices. */
import type { Plugin } from 'vitest/config'
import { ALL_FAULTS } from './all.js'
import type { Fault } from './faults.js'
import { placesOf } from './place.js'

/** The variable that names the fault. A run of tests that stays up changes it between its runs. */
export const PLANTED = 'GATEHOUSE_PLANTED_FAULT'

/** @returns the one file below src/ where the fault is planted; an error if there is not exactly one */
export function placeOf(fault: Fault): string {
  const [place, ...others] = placesOf(fault)
  if (place === undefined || others.length > 0) {
    const places = place === undefined ? 0 : others.length + 1
    throw new Error(`${fault.id}: this text stands in ${places} places of src: ${fault.find}`)
  }
  return place
}

export function faultCalled(id: string): Fault {
  const fault = ALL_FAULTS.find((entry) => entry.id === id)
  if (fault === undefined) throw new Error(`no planted fault is called ${id}`)
  return fault
}

export function plantedFault(): Plugin {
  return {
    name: 'planted-fault',
    enforce: 'pre',
    transform(code, file) {
      const id = process.env[PLANTED]
      if (id === undefined || !file.includes('/src/')) return undefined
      const fault = faultCalled(id)
      if (!file.endsWith(`/src/${placeOf(fault)}`)) return undefined
      return code.replace(fault.find, () => fault.replace)
    },
  }
}
