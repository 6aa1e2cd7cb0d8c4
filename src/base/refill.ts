/**
 * How much of a token bucket is left: time refills it.
 *
 * @module
 */

/** A bucket as it was at a time. */
export interface BucketLevel {
  readonly left: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/** @param interval milliseconds for one more */
export function refilled(
  { left, at }: BucketLevel,
  now: number,
  burst: number,
  interval: number,
): number {
  // A clock that was set back neither adds nor removes anything.
  return Math.min(burst, left + Math.max(0, now - at) / interval)
}
