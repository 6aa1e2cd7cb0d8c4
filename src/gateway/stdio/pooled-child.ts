/**
 * A child in the pool, and the one caller that it belongs to.
 *
 * @module
 */
import type { UpstreamFault } from '../request/upstream-fault.js'
import type { Flaw } from './broken-message.js'
import type { IdleTimer } from './idle-timer.js'
import type { Reply } from './reply.js'

/** Why a child or its session ends. */
export interface ChildEnd {
  /** For the log. */
  readonly reason: string
  /** The message for waiting requests. Without it, we or the client ended it on purpose. */
  readonly fault?: UpstreamFault
  readonly exitCode?: number | undefined
}

export interface PooledChild {
  /** See {@link Caller.key}. */
  readonly callerKey: string
  /** See {@link Caller.principalKey}. */
  readonly principalKey: string | undefined
  readonly idleTimer: IdleTimer
  /** Whether it serves one session. Otherwise it serves all requests of a caller without sessions. */
  readonly isSession: boolean
  /** Ends the child. Settles when all of its processes have ended. */
  end(end: ChildEnd): Promise<void>
}

/** For a command that writes something else. */
export const STDOUT =
  'stdout is for MCP messages, each a JSON-RPC 2.0 message on one line: let the command log to stderr'

/** The end of a command that has ended by itself. */
export function exitOf(reason: string, exitCode?: number): ChildEnd {
  const text = `the command ${reason}`
  const hint = 'its stderr output is in the log'
  return { reason: text, fault: { code: 'ERR_UPSTREAM_UNREACHABLE', reason: text, hint }, exitCode }
}

/**
 * The end of a command that does not send its first answer.
 *
 * @param remark what it wrote instead
 */
export function silenceOf(seconds: number, remark: string | undefined): ChildEnd {
  if (remark !== undefined) {
    const reason = `the command wrote ${remark} to stdout, which is not an MCP answer`
    return { reason, fault: { code: 'ERR_UPSTREAM_INVALID', reason, hint: STDOUT } }
  }
  const reason = `the command did not answer within ${seconds} s`
  const hint = '--child-start-timeout sets how long it may take'
  return { reason, fault: { code: 'ERR_UPSTREAM_TIMEOUT', reason, hint } }
}

export const SAME_ID = 'an answer must have the id of its request (JSON-RPC 2.0 §5)'

/** The end of a command whose first answer has an id that no request has. */
export function mistakeOf(id: string): ChildEnd {
  const reason = `the command answered with the id ${id}, which no request has`
  return { reason, fault: { code: 'ERR_UPSTREAM_INVALID', reason, hint: SAME_ID } }
}

/** The end of a command whose message cannot be forwarded: its requests would wait for ever. */
export function flawOf({ text, hint }: Flaw): ChildEnd {
  const reason = `the command sent a message that ${text}`
  return { reason, fault: { code: 'ERR_UPSTREAM_INVALID', reason, hint } }
}

/** Fails all waiting requests. */
export function failAll(replies: Iterable<Reply>, end: ChildEnd): void {
  const { fault } = end
  const status = fault === undefined ? 404 : fault.code === 'ERR_UPSTREAM_TIMEOUT' ? 504 : 502
  for (const reply of replies) reply.fail(status, wordsFor(end), fault)
}

/** For a client. */
function wordsFor({ fault, exitCode }: ChildEnd): string {
  if (fault === undefined) return 'The session has ended'
  return `The MCP server has ended${exitCode === undefined ? '' : ` with exit code ${exitCode}`}`
}
