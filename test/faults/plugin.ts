/** Breaks one rule of the source while it is loaded, so that a run can show which test notices. */
import type { Plugin } from 'vitest/config'
import { ALL_FAULTS } from './all.js'

export function plantedFault(id: string | undefined): Plugin | undefined {
  if (id === undefined) return undefined
  const fault = ALL_FAULTS.find((entry) => entry.id === id)
  if (fault === undefined) throw new Error(`no planted fault is called ${id}`)
  return {
    name: 'planted-fault',
    enforce: 'pre',
    transform(code, file) {
      if (!file.endsWith(`/src/${fault.file}`)) return undefined
      if (code.split(fault.find).length !== 2) {
        throw new Error(
          `${id}: ${fault.file} does not contain this text exactly once: ${fault.find}`,
        )
      }
      return code.replace(fault.find, () => fault.replace)
    },
  }
}
