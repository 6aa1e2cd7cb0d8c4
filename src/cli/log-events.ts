/**
 * What of the events is worth a line, at which level, in which words.
 *
 * @module
 */
import type { Logger } from 'pino'
import type { GatewayEvent, GatewayEventListener } from '../gateway/events.js'

type Level = 'error' | 'warn' | 'info' | 'debug'

function lineOf(event: GatewayEvent): readonly [Level, string] {
  switch (event.type) {
    case 'request.denied':
      return ['info', `denied: ${event.reason}`]
    case 'request.refused':
    case 'session.refused':
    case 'operation.unreadable':
      return ['info', `refused: ${event.reason}`]
    case 'origin.refused':
      return ['info', `refused: Origin ${event.origin}; if it may call: --allow-origin`]
    case 'request.unavailable':
      return ['warn', `identity provider unavailable: ${event.reason}`]
    case 'upstream.failed':
      return ['warn', `upstream: ${event.reason}`]
    case 'request.failed':
      return ['error', 'a fault of the gateway']
    case 'keys.loaded':
      return ['info', `keys of ${event.issuer}: ${event.usable} usable`]
    case 'keys.failed':
      return [event.serving ? 'warn' : 'error', event.reason]
    case 'introspection.failed':
      return [event.concerns === 'issuer' ? 'error' : 'info', event.reason]
    case 'introspection.answered':
      return ['debug', `introspection: ${event.active ? 'active' : 'not active'}`]
    case 'request.completed':
      return ['debug', `${event.method} ${event.status}`]
    case 'child.started':
      return ['info', `child ${event.child} started`]
    case 'child.ended':
      return ['info', `child ${event.child} ${event.reason} after ${event.seconds.toFixed(1)} s`]
    case 'child.strays':
      return [
        'warn',
        `child ${event.child} left ${event.count} processes behind in groups of their own: they were ended`,
      ]
    case 'child.remarked':
      return ['info', `child ${event.child} on ${event.from}: ${event.text}`]
    case 'session.ended':
      return ['info', `session of child ${event.child} ended: ${event.reason}`]
    case 'token.ended':
      return ['info', `the token of an open answer is no longer good: ${event.reason}`]
    case 'operation.judged':
      return [
        'debug',
        `${event.outcome}: ${event.operations.map(({ method }) => method).join(', ')}`,
      ]
    case 'operation.throttled':
      return [event.isFirst ? 'warn' : 'debug', 'too many refusals: this caller must wait']
    case 'request.authenticated':
      return ['debug', 'authenticated']
  }
}

/** A listener that writes events to the log. They hold neither tokens nor session ids. */
export function createEventLog(logger: Logger): GatewayEventListener {
  return function log(event, resource) {
    const [level, text] = lineOf(event)
    // Most requests succeed, and their lines are rarely wanted.
    if (!logger.isLevelEnabled(level)) return
    const { type, ...fields } = event
    const about = resource === undefined ? undefined : { resource }
    logger[level]({ event: type, ...about, ...fields }, text)
  }
}
