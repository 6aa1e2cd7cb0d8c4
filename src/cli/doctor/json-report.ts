/**
 * The report for programs.
 *
 * @module
 */
import type { Diagnosis } from './diagnosis.js'

/** Changes with every change of its members that a program could notice. */
const VERSION = 1

export interface JsonReport {
  readonly version: typeof VERSION
  /** When it was made: ISO 8601. */
  readonly at: string
  readonly diagnoses: readonly Diagnosis[]
}

export function jsonReport(diagnoses: readonly Diagnosis[], now: number): JsonReport {
  return { version: VERSION, at: new Date(now).toISOString(), diagnoses }
}
