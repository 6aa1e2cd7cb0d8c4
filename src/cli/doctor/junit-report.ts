/**
 * The report in the format of JUnit: a suite for each view of a URL, a case for each client.
 *
 * @module
 */
import type { Diagnosis } from './diagnosis.js'
import type { Finding } from './finding.js'
import { escapeHtml } from '../../base/html.js'
import type { Verdict } from './verdict.js'

interface Case {
  readonly name: string
  /** What is wrong, in lines. */
  readonly failure: readonly string[]
  /** Why the result is not known. */
  readonly unknown: readonly string[]
}

function describe({ title, seen, change }: Finding): string {
  return `${title}. ${seen} Change: ${change}`
}

/** The errors that stop none of the clients. */
function ownCase({ view, findings, verdicts }: Diagnosis): Case {
  const name = view === 'inside' ? 'the gateway gets what it needs' : 'the server is in order'
  const judged = new Set(verdicts.map(({ client }) => client))
  const failure = findings
    .filter(
      ({ severity, breaks }) => severity === 'error' && !breaks.some((each) => judged.has(each)),
    )
    .map(describe)
  return { name, failure, unknown: [] }
}

function caseOf({ client, title, connects }: Verdict, findings: readonly Finding[]): Case {
  const of = (member: 'breaks' | 'mayBreak') =>
    findings.filter((finding) => finding[member].includes(client)).map(describe)
  return {
    name: title,
    failure: connects === 'no' ? of('breaks') : [],
    unknown: connects === 'unknown' ? of('mayBreak') : [],
  }
}

function caseXml(suite: string, { name, failure, unknown }: Case): readonly string[] {
  const open = `    <testcase classname="${escapeHtml(suite)}" name="${escapeHtml(name)}"`
  const [reason] = failure
  if (reason !== undefined) {
    return [
      `${open}>`,
      `      <failure message="${escapeHtml(reason)}">${escapeHtml(failure.join('\n'))}</failure>`,
      '    </testcase>',
    ]
  }
  if (unknown.length === 0) return [`${open}/>`]
  const message = `not known: ${unknown.join(' ')}`
  return [`${open}>`, `      <skipped message="${escapeHtml(message)}"/>`, '    </testcase>']
}

function suiteXml(diagnosis: Diagnosis): readonly string[] {
  const { url, view, findings, verdicts } = diagnosis
  const name = view === 'inside' ? `${url}, from inside` : url
  const cases = [ownCase(diagnosis), ...verdicts.map((each) => caseOf(each, findings))]
  const failures = cases.filter(({ failure }) => failure.length > 0).length
  const skipped = cases.filter(({ unknown }) => unknown.length > 0).length
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}"`
  return [
    `  <testsuite name="${escapeHtml(name)}" ${counts}>`,
    ...cases.flatMap((each) => caseXml(name, each)),
    '  </testsuite>',
  ]
}

/** Ends with a line break. */
export function junitReport(diagnoses: readonly Diagnosis[]): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="mcp-gatehouse doctor">',
    ...diagnoses.flatMap(suiteXml),
    '</testsuites>',
    '',
  ].join('\n')
}
