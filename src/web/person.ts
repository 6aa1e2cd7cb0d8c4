/**
 * Whether a person or a program gets the answer.
 *
 * @module
 */
import type { Decision, Denied } from '../rs/decision.js'
import type { GuardRequestHead } from './guard-request.js'

/** The weight of an entry of `Accept` (RFC 9110 §12.4.2). */
function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((each) => /^\s*q\s*=/i.test(each))
  return weight === undefined ? 1 : Number(weight.slice(weight.indexOf('=') + 1))
}

function prefersPage(accept: string | undefined): boolean {
  const entries = (accept ?? '').toLowerCase().split(',')
  const weights = new Map(
    entries.map((entry) => {
      const [type = '', ...parameters] = entry.split(';')
      return [type.trim(), weightOf(parameters)]
    }),
  )
  const html = weights.get('text/html') ?? 0
  if (!(html > 0) || weights.has('text/event-stream')) return false
  return html >= (weights.get('application/json') ?? 0)
}

/**
 * Whether a browser shows the answer to a person: it prefers HTML. MCP clients name event streams
 * instead (2025-03-26 and later, "Listening for Messages from the Server").
 */
export function isForPerson(
  { method, accept, origin }: GuardRequestHead,
  decision: Decision,
): decision is Denied {
  return (
    decision.outcome === 'denied' &&
    decision.code === 'ERR_CREDENTIALS_MISSING' &&
    method === 'GET' &&
    // A script in a page is a program, and sends its origin.
    origin === undefined &&
    prefersPage(accept)
  )
}
