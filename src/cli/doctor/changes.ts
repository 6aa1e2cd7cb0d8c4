/**
 * What changed since an earlier report, for better and for worse.
 *
 * @module
 */
import type { Diagnosis } from './diagnosis.js'
import type { Finding } from './finding.js'
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

/** An earlier report, as far as it is compared. */
export interface Baseline {
  /** When it was made: ISO 8601. */
  readonly at: string
  readonly diagnoses: readonly Diagnosis[]
}

export function changesSince(baseline: Baseline, diagnoses: readonly Diagnosis[]): Changes {
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
