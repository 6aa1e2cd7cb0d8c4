/**
 * The report for programs, and an earlier one to compare with.
 *
 * @module
 */
import { isJsonObject } from '../../base/json.js'
import type { Baseline, Changes } from './changes.js'
import type { Diagnosis } from './diagnosis.js'
import { printable } from './shown.js'

/** It is raised with every change of the members that a program could notice. */
const VERSION = 1

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

function hasTexts(value: unknown, ...names: readonly string[]): boolean {
  return isJsonObject(value) && names.every((name) => typeof value[name] === 'string')
}

function isDiagnosis(value: unknown): value is Diagnosis {
  if (!isJsonObject(value)) return false
  const { findings, verdicts, url } = value
  if (typeof url !== 'string' || !Array.isArray(verdicts)) return false
  return (
    Array.isArray(findings) &&
    findings.every((each) => hasTexts(each, 'id', 'about', 'title')) &&
    verdicts.every((each) => hasTexts(each, 'client', 'connects'))
  )
}

/** An earlier report, or what is wrong with it. */
export function readBaseline(text: string): Baseline | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'is not JSON'
  }
  if (!isJsonObject(value) || value['version'] !== VERSION) return 'is not a report of this version'
  const { at, diagnoses } = value
  if (typeof at !== 'string' || !Array.isArray(diagnoses) || !diagnoses.every(isDiagnosis)) {
    return 'is not a report of the doctor'
  }
  return { at: printable(at), diagnoses }
}
