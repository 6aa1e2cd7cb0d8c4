/**
 * The report for programs.
 *
 * @module
 */
import type { Changes } from './changes.js'
import type { Diagnosis } from './diagnosis.js'

/** It is raised with every change of the members that a program could notice. */
export const VERSION = 1

export interface JsonReport {
  readonly version: typeof VERSION
  /** When it was made: ISO 8601. */
  readonly at: string
  readonly diagnoses: readonly Diagnosis[]
  /** Since the report of `--baseline`. */
  readonly changes?: Changes
}

/** What every report shows. */
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
