/**
 * The log as a listener: a line for each event, at its level.
 *
 * @module
 */
import type { Logger } from 'pino'
import { lineOf, type GatewayEventListener } from '../gateway/events.js'

/** A listener that writes events to the log. They hold neither tokens nor session ids. */
export function createEventLog(logger: Logger): GatewayEventListener {
  return function log(event, resource) {
    const [level, text] = lineOf(event)
    // Most requests succeed, and their lines are rarely wanted.
    if (!logger.isLevelEnabled(level)) return
    const { type, ...fields } = event
    const about = resource === undefined ? undefined : { resource }
    logger[level]({ event: type, ...about, ...fields }, text())
  }
}
