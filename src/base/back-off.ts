/**
 * How long a server that failed is left alone.
 *
 * @module
 */

const FIRST_RETRY = 500
/** Milliseconds: the longest pause after a failure. */
export const LONGEST_RETRY = 30_000

/** Milliseconds until the next attempt after this many failures in a row; doubled each time. */
export function backOff(attempts: number, longest: number = LONGEST_RETRY): number {
  return Math.min(FIRST_RETRY * 2 ** (attempts - 1), longest)
}

/** Whole seconds for `Retry-After` (RFC 9110 §10.2.3), never 0. Both times in milliseconds. */
export function retryAfterSeconds(retryAt: number, now: number): number {
  return Math.max(1, Math.ceil((retryAt - now) / 1000))
}
