/**
 * Counts how often operations are used, for the limits of a policy. Each process counts for itself.
 *
 * @module
 */
import { refilled } from '../base/refill.js'
import type { CheckedLimit } from '../policy/limit.js'

/** One use of one limit. */
export interface LimitUse {
  readonly limit: CheckedLimit
  /** Whose use it is. */
  readonly key: string
}

/** A limit that does not allow one more use now. */
export interface LimitReached {
  readonly limit: CheckedLimit
  /** Seconds. */
  readonly retryAfter: number
  /** The first refusal by it since the last use that it allowed. */
  readonly isFirst: boolean
}

interface Bucket {
  readonly limit: CheckedLimit
  /** Uses left at {@link at}. */
  left: number
  /** Milliseconds since 1970. */
  at: number
  isTold: boolean
}

/** Identities that are counted apart. More share one bucket for each limit, until others are idle. */
const MOST_BUCKETS = 100_000
/** Milliseconds between two searches for buckets that are full again. */
const BETWEEN_SWEEPS = 1000

/** A token bucket for each limit and identity. */
export class Quotas {
  readonly #now: () => number
  readonly #most: number
  readonly #buckets = new Map<string, Bucket>()
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor(now: () => number, most: number = MOST_BUCKETS) {
    this.#now = now
    this.#most = most
  }

  /**
   * Counts all of these uses, or none if one of them is one too many: the longest wait is returned.
   */
  take(uses: readonly LimitUse[]): LimitReached | undefined {
    const now = this.#now()
    const wanted = new Map<Bucket, number>()
    for (const use of uses) {
      const bucket = this.#bucketOf(use, now)
      wanted.set(bucket, (wanted.get(bucket) ?? 0) + 1)
    }
    let reached: LimitReached | undefined
    for (const [bucket, count] of wanted) {
      const refusal = refill(bucket, now) < count ? toldBy(bucket, count) : undefined
      if (refusal !== undefined && refusal.retryAfter > (reached?.retryAfter ?? 0)) {
        reached = refusal
      }
    }
    if (reached !== undefined) return reached
    for (const [bucket, count] of wanted) {
      bucket.left -= count
      bucket.isTold = false
    }
    return undefined
  }

  #bucketOf({ limit, key }: LimitUse, now: number): Bucket {
    const own = `${limit.id} ${key}`
    const known = this.#buckets.get(own)
    if (known !== undefined) return known
    if (this.#buckets.size >= this.#most) this.#sweep(now)
    // Nobody's bucket is given up for somebody new.
    const isFull = this.#buckets.size >= this.#most
    const name = isFull ? limit.id : own
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      bucket = { limit, left: limit.burst, at: now, isTold: false }
      this.#buckets.set(name, bucket)
    }
    return bucket
  }

  /** Forgets buckets that are full again: a new one would be the same. */
  #sweep(now: number): void {
    if (Math.abs(now - this.#sweptAt) < BETWEEN_SWEEPS) return
    this.#sweptAt = now
    for (const [name, bucket] of this.#buckets) {
      if (refill(bucket, now) >= bucket.limit.burst) this.#buckets.delete(name)
    }
  }
}

/** @returns the uses that are left */
function refill(bucket: Bucket, now: number): number {
  const { burst, interval } = bucket.limit
  bucket.left = refilled(bucket, now, burst, interval)
  bucket.at = now
  return bucket.left
}

function toldBy(bucket: Bucket, count: number): LimitReached {
  const { limit, left, isTold } = bucket
  bucket.isTold = true
  const missing = Math.min(count, limit.burst) - left
  return {
    limit,
    retryAfter: Math.max(1, Math.ceil((missing * limit.interval) / 1000)),
    isFirst: !isTold,
  }
}
