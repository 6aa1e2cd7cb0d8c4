/**
 * The report for programs.
 *
 * @module
 */
import type { Changes } from './changes.js'
import type { Diagnosis } from './diagnosis.js'

/** Changes with every change of its members that a program could notice. */
export const VERSION = 1

export interface JsonReport {
  readonly version: typeof VERSION
  /** When it was made: ISO 8601. */
  readonly at: string
  readonly diagnoses: readonly Diagnosis[]
  /** Since the report of `--baseline`. */
  readonly changes?: Changes
}

/** What every form of the report shows. */
export interface Results {
  readonly diagnoses: readonly Diagnosis[]
  readonly changes: Changes | undefined
  /** Milliseconds since 1970. */
  readonly at: number
}

export function jsonReport({ diagnoses, changes, at }: Results): JsonReport {
  return {
    version: VERSION,
    at: new Date(at).toISOString(),
    diagnoses,
    ...(changes !== undefined && { changes }),
  }
}
