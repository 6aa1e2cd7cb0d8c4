/**
 * The limits for commands.
 *
 * @module
 */

export interface ChildLimits {
  /** Seconds without a user until it is ended. Default 600. */
  readonly idle: number
  /** Seconds until its first answer. Default 30. */
  readonly startTimeout: number
  /**
   * Children at once. One subject, with all its clients, holds at most half of them. Default 100.
   */
  readonly maxChildren: number
  /** Children of one issuer, subject and client. Default 10. */
  readonly maxChildrenPerPrincipal: number
  /** Children of callers without a token, beside the others. Default 0. */
  readonly maxAnonymousChildren: number
  /** Bytes of one message of a child. Default 16 MiB. */
  readonly maxMessage: number
  /**
   * Bytes that may wait for one client or one child. It also limits what a client whose stream was
   * cut can get again. Default 4 MiB.
   */
  readonly queue: number
}

export const DEFAULT_LIMITS: ChildLimits = {
  idle: 600,
  startTimeout: 30,
  maxChildren: 100,
  maxChildrenPerPrincipal: 10,
  maxAnonymousChildren: 0,
  maxMessage: 16 * 2 ** 20,
  queue: 4 * 2 ** 20,
}
