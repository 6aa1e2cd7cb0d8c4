/**
 * What a log says about one request.
 *
 * @module
 */
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { isJsonObject, type JsonObject } from '../../base/json.js'
import { inOneLine } from '../policy/shown.js'
import { adviceFor } from '../../advice/cures.js'
import { withTimes } from '../time-in-words.js'

/** The members that are shown, in this order. The log of another program may have others. */
const SHOWN = [
  'time',
  'event',
  'outcome',
  'code',
  'status',
  'reason',
  'where',
  'hint',
  'issuer',
  'user',
  'subject',
  'clientId',
  'rpcMethod',
  'target',
  'resource',
  'requestId',
  'seconds',
] as const

/** Lines about one request are few. */
const MOST_LINES = 100
const LONGEST = 1_000

export interface LoggedRequest {
  /** Each has the known members of one line. */
  readonly lines: readonly JsonObject[]
  /** The last code: it decided. */
  readonly code: string | undefined
  readonly isAllowed: boolean
}

function readObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** A line of the log, or a line of the audit, alone or within the log. */
export function factsOf(line: JsonObject): JsonObject {
  const { audit } = line
  const facts = isJsonObject(audit) ? audit : line
  const known = SHOWN.filter((name) => facts[name] !== undefined)
  const shown = known.map((name): [string, unknown] => [name, facts[name]])
  const { reason, msg } = facts
  // The message says the reason where no member does.
  return Object.fromEntries(
    reason === undefined && typeof msg === 'string' ? [...shown, ['message', msg]] : shown,
  )
}

/** The answer that a user got has the last characters of the id. */
export function isAbout(facts: JsonObject, id: string): boolean {
  const { requestId } = facts
  return typeof requestId === 'string' && requestId.endsWith(id)
}

function isAllowed({ outcome, event, status }: JsonObject): boolean {
  if (outcome !== undefined) return outcome === 'allow'
  return event === 'request.completed' && typeof status === 'number' && status < 400
}

/** @param id an id, or its end */
export async function findRequest(input: Readable, id: string): Promise<LoggedRequest> {
  const lines: JsonObject[] = []
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    // Most lines are about other requests, and reading them would take long.
    if (!text.includes(id) || lines.length >= MOST_LINES) continue
    const object = readObject(text)
    const facts = object && factsOf(object)
    if (facts !== undefined && isAbout(facts, id)) lines.push(facts)
  }
  return requestOf(lines)
}

/** @param lines about one request */
export function requestOf(lines: readonly JsonObject[]): LoggedRequest {
  const codes = lines.flatMap(({ code }) => (typeof code === 'string' ? [code] : []))
  return { lines, code: codes.at(-1), isAllowed: lines.some(isAllowed) }
}

function shownValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return inOneLine(withTimes(text), LONGEST)
}

/** Ends with a line break. */
export function formatRequest({ lines, code }: LoggedRequest): string {
  const hints = lines.map(({ hint }) => hint).filter((hint) => typeof hint === 'string')
  const hint = hints.length === 0 ? undefined : hints.join('; ')
  // The hint is in its own line already.
  const cure = adviceFor(hint, code).find((advice) => advice !== hint)
  const blocks = lines.map((facts) =>
    Object.entries(facts)
      .map(([name, value]) => `${name.padEnd(10)} ${shownValue(value)}`)
      .join('\n'),
  )
  return `${blocks.join('\n\n')}\n${cure === undefined ? '' : `\n${code}\n  → ${cure}\n`}`
}
