/**
 * What changed since an earlier report, for better and for worse.
 *
 * @module
 */
import { isJsonObject } from '../../base/json.js'
import type { Diagnosis } from './diagnosis.js'
import type { Finding } from './finding.js'
import { VERSION, type JsonReport } from './json-report.js'
import { printable } from './shown.js'
import type { Connects } from './verdict.js'

interface PlacedFinding {
  /** The URL and the view of its diagnosis. */
  readonly url: string
  readonly view: Diagnosis['view']
  readonly finding: Finding
}

interface ChangedVerdict {
  readonly url: string
  readonly title: string
  readonly before: Connects
  readonly now: Connects
}

export interface Changes {
  /** When the earlier report was made: ISO 8601. */
  readonly since: string
  readonly appeared: readonly PlacedFinding[]
  readonly gone: readonly PlacedFinding[]
  readonly verdicts: readonly ChangedVerdict[]
  /** Whether an error appeared, or a client that could connect no longer can. */
  readonly isWorse: boolean
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
export function readBaseline(text: string): JsonReport | string {
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
  return { version: VERSION, at: printable(at), diagnoses }
}

/** `seen` may hold numbers that always differ, so it does not identify a finding. */
export function identityOf({ view, url, finding }: PlacedFinding): string {
  return JSON.stringify([view, url, finding.id, finding.about])
}

function placed(diagnoses: readonly Diagnosis[]): readonly PlacedFinding[] {
  return diagnoses.flatMap(({ url, view, findings }) =>
    findings.map((finding) => ({ url, view, finding })),
  )
}

function without(all: readonly PlacedFinding[], others: readonly PlacedFinding[]) {
  const known = new Set(others.map(identityOf))
  return all.filter((each) => !known.has(identityOf(each)))
}

function changedVerdicts(
  earlier: readonly Diagnosis[],
  diagnoses: readonly Diagnosis[],
): readonly ChangedVerdict[] {
  const before = new Map(
    earlier.flatMap(({ url, verdicts }) =>
      verdicts.map(({ client, connects }) => [`${client} ${url}`, connects] as const),
    ),
  )
  return diagnoses.flatMap(({ url, verdicts }) =>
    verdicts.flatMap(({ client, title, connects: now }) => {
      const was = before.get(`${client} ${url}`)
      return was === undefined || was === now ? [] : [{ url, title, before: was, now }]
    }),
  )
}

export function changesSince(baseline: JsonReport, diagnoses: readonly Diagnosis[]): Changes {
  const [then, now] = [placed(baseline.diagnoses), placed(diagnoses)]
  const appeared = without(now, then)
  const verdicts = changedVerdicts(baseline.diagnoses, diagnoses)
  return {
    since: baseline.at,
    appeared,
    gone: without(then, now),
    verdicts,
    isWorse:
      appeared.some(({ finding }) => finding.severity === 'error') ||
      verdicts.some((each) => each.now === 'no'),
  }
}
