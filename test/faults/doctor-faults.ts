/** Faults in what the doctor finds, and in what it must not do. */
import type { Fault } from './faults.js'

export const DOCTOR_FAULTS: readonly Fault[] = [
  {
    id: 'facts-without-sources',
    breaks: 'CASE-45',
    find: 'sources: places.map((at) => ({ at, date: SURVEY }))',
    replace: 'sources: places.slice(0, 0).map((at) => ({ at, date: SURVEY }))',
    tests: ['advice/clients.test.ts'],
  },
]
