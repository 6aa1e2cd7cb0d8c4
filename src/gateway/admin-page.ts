/**
 * The admin page: what a gateway serves, trusts and refuses. It has no scripts, and reloads itself.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { adviceFor } from '../advice/cures.js'
import { escapeHtml, escapeWithFlags } from '../base/html.js'
import { PAGE_STYLE, TABLE_STYLE } from '../base/page-style.js'
import type { GatewayStatus, ResourceStatus } from './gateway.js'
import type { Readiness } from './readiness.js'
import type { RecentRefusal } from './recent-refusals.js'

/** Everything on the page. */
export interface AdminFacts {
  readonly status: GatewayStatus
  readonly readiness: Readiness
  /** The newest first. */
  readonly refusals: readonly RecentRefusal[]
  /** By flag. */
  readonly limits: readonly (readonly [flag: string, value: string])[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Seconds. */
const REFRESH = 15

const STYLE = `${PAGE_STYLE}${TABLE_STYLE}
body { max-width: 90rem; } .id { min-width: 9rem; } .wide { min-width: 13rem; }`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

export const ADMIN_PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  Refresh: String(REFRESH),
}

type Cell = string | number | undefined

/** By column: `word` is never broken, the others get some room. */
const CLASSES: Readonly<Record<string, string>> = {
  Time: 'word',
  Code: 'word',
  State: 'word',
  'Tokens by': 'word',
  'Age of keys': 'word',
  Reason: 'wide',
  Who: 'id',
  Request: 'id',
}

function cell(value: Cell, column: string): string {
  if (value === undefined) return '<td class="none">–</td>'
  const looks = CLASSES[column] === undefined ? '' : ` class="${CLASSES[column]}"`
  return `<td data-label="${escapeHtml(column)}"${looks}>${escapeWithFlags(String(value))}</td>`
}

function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): string {
  const head = columns.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('')
  const body = rows
    .map((row) => `<tr>${row.map((value, at) => cell(value, columns[at] ?? '')).join('')}</tr>`)
    .join('\n')
  const none = `<tr><td colspan="${columns.length}">none</td></tr>`
  return `<table>
<caption>${escapeHtml(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body === '' ? none : body}
</tbody>
</table>`
}

function timeOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}

function keysOf(count: number): string {
  if (count === 0) return 'no keys'
  return count === 1 ? '1 key' : `${count} keys`
}

function issuerRows({ resource, resourceServer }: ResourceStatus): readonly (readonly Cell[])[] {
  const keys = resourceServer?.issuers ?? []
  const introspectors = resourceServer?.introspectors ?? []
  return [
    ...keys.map(({ issuer, keys: count, serving, age, fault }) => [
      resource,
      issuer,
      keysOf(serving ? count : 0),
      age === undefined ? undefined : `${Math.round(age)} s`,
      fault?.message,
    ]),
    ...introspectors.map(({ issuer, fault }) => [
      resource,
      issuer,
      'introspection',
      undefined,
      fault?.message,
    ]),
  ]
}

type RefusalColumn = readonly [name: string, of: (refusal: RecentRefusal) => Cell]

function joined(texts: readonly (string | undefined)[], by: string): string | undefined {
  return texts.filter((each) => each !== undefined).join(by) || undefined
}

const REFUSAL_COLUMNS: readonly RefusalColumn[] = [
  ['Time', ({ at }) => timeOf(at)],
  ['Code', ({ code }) => code],
  ['Reason', ({ reason }) => reason],
  ['Advice', ({ hint, code }) => adviceFor(hint, code).join('; ') || undefined],
  ['Who', ({ user, subject, clientId }) => joined([user, subject, clientId], ' · ')],
  // A gateway for one resource does not name it.
  ['Resource', ({ resource }) => resource],
  ['Request', ({ requestId }) => requestId],
]

function refusalTable(refusals: readonly RecentRefusal[]): string {
  const isOne = refusals.every(({ resource }) => resource === undefined)
  const columns = REFUSAL_COLUMNS.filter(([name]) => name !== 'Resource' || !isOne)
  return table(
    'Last refusals',
    columns.map(([name]) => name),
    refusals.map((refusal) => columns.map(([, of]) => of(refusal))),
  )
}

/** @returns HTML, in which every text is escaped */
export function adminPage({ status, readiness, refusals, limits, now }: AdminFacts): string {
  const { resources, active, streams, children } = status
  const checks = readiness.checks.map(({ name, subject, ok, reason }) => [
    name,
    subject,
    ok ? 'ok' : 'not ok',
    reason,
  ])
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mcp-gatehouse</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>mcp-gatehouse: ${readiness.ready ? 'ready' : 'not ready'}</h1>
<p>As of ${timeOf(now)}; the page reloads itself every ${REFRESH} seconds.</p>
${table(
  'Resources',
  ['Resource', 'Server'],
  resources.map(({ resource, upstream }) => [resource, upstream]),
)}
${table('Issuers', ['Resource', 'Issuer', 'Tokens by', 'Age of keys', 'Fault'], resources.flatMap(issuerRows))}
${table('Checks', ['Check', 'Of', 'State', 'Reason'], checks)}
${table(
  'Now',
  ['Requests at servers', 'Open streams', 'Sessions of commands', 'Children'],
  [[active, streams, children.sessions, children.running]],
)}
${refusalTable(refusals)}
${table('Limits', ['Flag', 'Value'], limits)}
</main>
</body>
</html>
`
}
