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
}

/** It wrote something that is not a protocol message: on stderr, or by mistake on stdout. */
export interface ChildRemarked {
  readonly type: 'child.remarked'
  readonly child: string
  readonly from: 'stdout' | 'stderr'
  readonly text: string
  /** Earlier lines that were dropped because there were too many. */
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

export type ChildEvent = ChildStarted | ChildEnded | ChildRemarked | ChildStrays | SessionEnded
