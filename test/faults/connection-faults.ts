/** Rules that attacks broke before, broken on purpose. */
import type { Fault } from './faults.js'

export const CONNECTION_FAULTS: readonly Fault[] = []
