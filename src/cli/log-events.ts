/**
 * The log as a listener: a line for each event, at its level.
 *
 * @module
 */
import type { Logger } from 'pino'
import { redactUrl } from '../config/redacted.js'
import { accessLines } from '../gateway/access-line.js'
import {
  codeFor,
  lineOf,
  type EventSubject,
  type GatewayEvent,
  type GatewayEventListener,
} from '../gateway/events.js'
import { isDocumentUrl } from './log.js'

/**
 * A listener that writes events to the log. They hold neither tokens nor session ids.
 *
 * @param access whether calls that were let in have lines at `info`
 */
export function createEventLog(logger: Logger, access: 'on' | 'off' = 'on'): GatewayEventListener {
  return function log(event, resource, about) {
    if (access === 'on' && logAccess(logger, event, resource, about)) return
    const [level, text] = lineOf(event)
    // Most requests succeed, and their lines are rarely wanted.
    if (!logger.isLevelEnabled(level)) return
    logger[level](membersOf(event, resource, about), text())
  }
}

/** @returns whether it wrote the line of a call, so that the event needs no other line */
function logAccess(
  logger: Logger,
  event: GatewayEvent,
  resource: string | undefined,
  about: EventSubject | undefined,
): boolean {
  if (event.type !== 'request.completed' || about === undefined) return false
  if (!logger.isLevelEnabled('info')) return false
  const lines = accessLines(event, about)
  if (lines.length === 0) return false
  const { user, subject, clientId, caller } = about
  for (const { text, rpcMethod, target } of lines) {
    const named = { user, subject, clientId, caller, rpcMethod, target }
    logger.info(membersOf(event, resource, named), text)
  }
  return true
}

/** Who and what, in the order of a line. */
const NAMES = ['user', 'subject', 'clientId', 'caller', 'rpcMethod', 'target'] as const

type Named = Pick<EventSubject, (typeof NAMES)[number]>

/** Spreading objects would cost as much as writing the line. */
function membersOf(
  event: GatewayEvent,
  resource: string | undefined,
  about: Named | undefined,
): Readonly<Record<string, unknown>> {
  const { type, ...fields } = event
  const members: Record<string, unknown> = { event: type }
  const code = codeFor(event)
  if (code !== undefined) members['code'] = code
  if (resource !== undefined) members['resource'] = resource
  for (const name of NAMES) {
    const value = about?.[name]
    if (value !== undefined) members[name] = value
  }
  // An event may name the caller, too.
  Object.assign(members, fields)
  for (const name of NAMES) {
    const value = members[name]
    if (typeof value === 'string') members[name] = shown(name, value)
  }
  return members
}

/** Characters of a value that others choose. */
const LONGEST = 256

function shown(name: (typeof NAMES)[number], value: string): string {
  // It is the URL of the client's metadata document: people open it, so it is not cut.
  if (name === 'clientId' && isDocumentUrl(value)) return value
  // The URI of a resource may have a key in its query.
  return (name === 'target' ? redactUrl(value) : value).slice(0, LONGEST)
}
