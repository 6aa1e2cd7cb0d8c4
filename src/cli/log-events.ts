/**
 * The log as a listener: a line for each event, at its level.
 *
 * @module
 */
import type { Logger } from 'pino'
import { redactUrl } from '../config/redacted.js'
import { lineOf, type EventSubject, type GatewayEventListener } from '../gateway/events.js'

/** A listener that writes events to the log. They hold neither tokens nor session ids. */
export function createEventLog(logger: Logger): GatewayEventListener {
  return function log(event, resource, about) {
    const [level, text] = lineOf(event)
    // Most requests succeed, and their lines are rarely wanted.
    if (!logger.isLevelEnabled(level)) return
    const { type, ...fields } = event
    const known = resource === undefined ? undefined : { resource }
    logger[level]({ event: type, ...known, ...membersOf(about), ...fields }, text())
  }
}

/** Characters of a value that others choose. */
const LONGEST = 256

/** Who and what, as far as known. */
function membersOf(about: EventSubject | undefined): Readonly<Record<string, string>> {
  if (about === undefined) return {}
  const { subject, clientId, rpcMethod } = about
  // The URI of a resource may have a key in its query.
  const target = about.target && redactUrl(about.target)
  const known = Object.entries({ subject, clientId, rpcMethod, target }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value.slice(0, LONGEST)] as const],
  )
  return Object.fromEntries(known)
}
