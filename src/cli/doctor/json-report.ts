/**
 * The report for programs.
 *
 * @module
 */
import type { Diagnosis } from './diagnosis.js'

/** Changes with every change of its members that a program could notice. */
const VERSION = 1

export interface JsonReport extends Diagnosis {
  readonly version: typeof VERSION
  /** When it was made: ISO 8601. */
  readonly at: string
}

export function jsonReport(diagnosis: Diagnosis, now: number): JsonReport {
  return { version: VERSION, at: new Date(now).toISOString(), ...diagnosis }
}
