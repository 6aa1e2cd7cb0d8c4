/**
 * What a bridge keeps: a child, and the one caller that it belongs to.
 *
 * @module
 */
import type { UpstreamFault } from '../request/upstream-fault.js'
import type { IdleTimer } from './idle-timer.js'
import type { Reply } from './reply.js'

/** Why something ends. */
export interface ChildEnd {
  /** For the log. */
  readonly reason: string
  /** Whose requests wait is told this. Without it, it ended because we or its client wanted so. */
  readonly fault?: UpstreamFault
}

export interface PooledChild {
  /** See {@link Caller.key}. */
  readonly callerKey: string
  /** See {@link Caller.principalKey}. */
  readonly principalKey: string | undefined
  readonly idleTimer: IdleTimer
  /** Settles when nothing of it runs any more. */
  end(end: ChildEnd): Promise<void>
}

/** The command has ended by itself. */
export function exitOf(reason: string): ChildEnd {
  const text = `the command ${reason}`
  const hint = 'what it said on stderr is in the log'
  return { reason: text, fault: { code: 'ERR_UPSTREAM_UNREACHABLE', reason: text, hint } }
}

/** It does not say what it has to say first. */
export function silenceOf(seconds: number): ChildEnd {
  const reason = `the command did not answer within ${seconds} s`
  const hint = '--child-start-timeout says how long it may take'
  return { reason, fault: { code: 'ERR_UPSTREAM_TIMEOUT', reason, hint } }
}

/** What it said cannot be passed on, and whoever waits for it would wait for ever. */
export function floodOf(bytes: number): ChildEnd {
  const reason = `the command sent a message of more than ${bytes} bytes`
  const hint = '--child-max-message says how large it may be'
  return { reason, fault: { code: 'ERR_UPSTREAM_INVALID', reason, hint } }
}

/** Tells all who wait that they wait for nothing. */
export function failAll(replies: Iterable<Reply>, { fault }: ChildEnd): void {
  const status = fault === undefined ? 404 : fault.code === 'ERR_UPSTREAM_TIMEOUT' ? 504 : 502
  const message = fault === undefined ? 'The session has ended' : 'The MCP server has ended'
  for (const reply of replies) reply.fail(status, message, fault)
}
