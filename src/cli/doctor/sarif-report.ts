/**
 * The report in SARIF 2.1.0, for code scanning.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { FINDINGS, type FindingId } from '../../advice/findings.js'
import { identityOf, type Changes } from './changes.js'
import type { Diagnosis } from './diagnosis.js'
import type { Finding } from './finding.js'
import type { Results } from './json-report.js'

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json'

function ruleOf(id: FindingId): object {
  const { title, change, severity, reference } = FINDINGS[id]
  return {
    id,
    shortDescription: { text: title },
    help: { text: change },
    defaultConfiguration: { level: severity },
    // It must be a URI. Our own pages have no address.
    ...(reference.startsWith('https:') && { helpUri: reference }),
  }
}

/** Code scanning wants the path of a file. There is none, so the URL stands in its place. */
function placeOf(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/[^\w./-]/g, '_') || 'gateway'
}

function resultOf(
  { url, view }: Diagnosis,
  finding: Finding,
  rules: readonly FindingId[],
  known: ReadonlySet<string> | undefined,
): object {
  const { id, severity, about, seen, change, breaks, mayBreak } = finding
  const identity = identityOf({ url, view, finding })
  return {
    ruleId: id,
    ruleIndex: rules.indexOf(id),
    level: severity,
    message: { text: `${seen} ${change}` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: placeOf(url) } },
        logicalLocations: [{ fullyQualifiedName: about, kind: 'resource' }],
      },
    ],
    partialFingerprints: { 'doctor/v1': createHash('sha256').update(identity).digest('hex') },
    ...(known !== undefined && { baselineState: known.has(identity) ? 'new' : 'unchanged' }),
    properties: { view, breaks, mayBreak },
  }
}

function appearedIn(changes: Changes | undefined): ReadonlySet<string> | undefined {
  return changes && new Set(changes.appeared.map(identityOf))
}

/** Ends with a line break. */
export function sarifReport({ diagnoses, changes }: Results): string {
  const rules = [...new Set(diagnoses.flatMap(({ findings }) => findings.map(({ id }) => id)))]
  const appeared = appearedIn(changes)
  const results = diagnoses.flatMap((diagnosis) =>
    diagnosis.findings.map((finding) => resultOf(diagnosis, finding, rules, appeared)),
  )
  const driver = { name: 'mcp-gatehouse doctor', rules: rules.map(ruleOf) }
  const log = { $schema: SCHEMA, version: '2.1.0', runs: [{ tool: { driver }, results }] }
  return `${JSON.stringify(log, undefined, 2)}\n`
}
