/**
 * Events about the commands that we start, for the operator.
 *
 * @module
 */

/** A command was started for a session, or for a caller without one. */
export interface ChildStarted {
  readonly type: 'child.started'
  /** The same in all events about one child: a short hash, not the session's id. */
  readonly child: string
}

/** It has ended, by itself or because we ended it. */
export interface ChildEnded {
  readonly type: 'child.ended'
  readonly child: string
  readonly reason: string
  /** Seconds for which it ran. */
  readonly seconds: number
  /** What it may have lacked, if it gave no answer. */
  readonly hint?: string
}

/** It wrote something that is not a protocol message: on stderr, or by mistake on stdout. */
export interface ChildRemarked {
  readonly type: 'child.remarked'
  readonly child: string
  readonly from: 'stdout' | 'stderr'
  readonly text: string
  /** What to do, if a request waits for what should stand there. */
  readonly hint?: string
  /** Earlier lines that were dropped because there were too many. */
  readonly suppressed?: number
}

/**
 * A message of it is of no use: it cannot be forwarded, or is an answer for which no request waits.
 */
export interface MessageUnusable {
  readonly type: 'message.unusable'
  readonly child: string
  readonly reason: string
  readonly hint?: string
  /** As in {@link ChildRemarked}. */
  readonly suppressed?: number
}

/** The session of a child ended, or its caller no longer needs it, and why. */
export interface SessionEnded {
  readonly type: 'session.ended'
  readonly child: string
  readonly reason: string
}

/**
 * Processes that it had started in other process groups were still running when it ended. They were
 * ended too.
 */
export interface ChildStrays {
  readonly type: 'child.strays'
  readonly child: string
  readonly count: number
}

/**
 * The client of a session left before the first answer of its command. The command goes on until
 * that answer, and a retry of the same caller may get it.
 */
export interface StartAbandoned {
  readonly type: 'start.abandoned'
  readonly child: string
  readonly hint?: string
}

/** The same caller tried again, and waits for that answer now. */
export interface StartResumed {
  readonly type: 'start.resumed'
  readonly child: string
}

/** A command was run once before a client needed it. */
export interface CommandWarmed {
  readonly type: 'command.warmed'
  readonly child: string
  /** Seconds until its first answer, or until it failed. */
  readonly seconds: number
  /** Why there was no answer. */
  readonly failure?: string
  readonly hint?: string
}

export type ChildEvent =
  | ChildStarted
  | ChildEnded
  | ChildRemarked
  | ChildStrays
  | MessageUnusable
  | SessionEnded
  | StartAbandoned
  | StartResumed
  | CommandWarmed
