/**
 * A child in the pool, and the one caller that it belongs to.
 *
 * @module
 */
import type { UpstreamFault } from '../request/upstream-fault.js'
import type { IdleTimer } from './idle-timer.js'
import type { Reply } from './reply.js'

/** Why a child or its session ends. */
export interface ChildEnd {
  /** For the log. */
  readonly reason: string
  /** The message for waiting requests. Without it, we or the client ended it on purpose. */
  readonly fault?: UpstreamFault
}

export interface PooledChild {
  /** See {@link Caller.key}. */
  readonly callerKey: string
  /** See {@link Caller.principalKey}. */
  readonly principalKey: string | undefined
  readonly idleTimer: IdleTimer
  /** Ends the child. Settles when all of its processes have ended. */
  end(end: ChildEnd): Promise<void>
}

/** The end of a command that has ended by itself. */
export function exitOf(reason: string): ChildEnd {
  const text = `the command ${reason}`
  const hint = 'its stderr output is in the log'
  return { reason: text, fault: { code: 'ERR_UPSTREAM_UNREACHABLE', reason: text, hint } }
}

/** The end of a command that does not send its first answer. */
export function silenceOf(seconds: number): ChildEnd {
  const reason = `the command did not answer within ${seconds} s`
  const hint = '--child-start-timeout sets how long it may take'
  return { reason, fault: { code: 'ERR_UPSTREAM_TIMEOUT', reason, hint } }
}

/** The end of a command whose message cannot be forwarded: its requests would wait for ever. */
export function floodOf(bytes: number): ChildEnd {
  const reason = `the command sent a message of more than ${bytes} bytes`
  const hint = '--child-max-message sets how large it may be'
  return { reason, fault: { code: 'ERR_UPSTREAM_INVALID', reason, hint } }
}

/** Fails all waiting requests. */
export function failAll(replies: Iterable<Reply>, { fault }: ChildEnd): void {
  const status = fault === undefined ? 404 : fault.code === 'ERR_UPSTREAM_TIMEOUT' ? 504 : 502
  const message = fault === undefined ? 'The session has ended' : 'The MCP server has ended'
  for (const reply of replies) reply.fail(status, message, fault)
}
