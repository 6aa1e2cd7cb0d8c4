/**
 * Limits how often a caller may be refused, so that guessing names costs us little.
 *
 * @module
 */
import { Cache } from '../base/cache.js'
import { refilled } from '../base/refill.js'

/** Refusals in one burst: an agent that tries each tool of a small server is not an attack. */
const BURST = 30
/** Milliseconds after which one more is allowed. */
const INTERVAL = 2000
/** How many callers are remembered; a forgotten caller starts again. */
const MAX_CALLERS = 10_000

interface Allowance {
  /** Refusals left at {@link at}. */
  left: number
  /** Milliseconds since 1970. */
  at: number
  /** Whether they have been told to wait since then. */
  isTold: boolean
}

/** A caller who must wait. */
export interface Wait {
  /** Seconds. */
  readonly retryAfter: number
  /** Their first throttled request since the last admitted one. */
  readonly isFirst: boolean
}

/** A token bucket for each caller: every refusal takes from it, and time refills it. */
export class RefusalRate {
  readonly #allowances = new Cache<Allowance>(MAX_CALLERS)
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Nobody was refused lately, so no lookup is needed. */
  get isIdle(): boolean {
    return this.#allowances.size === 0
  }

  /** Whether this caller must wait; `undefined`: they may proceed. */
  waitOf(caller: string): Wait | undefined {
    const allowance = this.#allowances.get(caller)
    if (allowance === undefined) return undefined
    const left = this.#leftOf(allowance)
    if (left >= 1) return undefined
    const isFirst = !allowance.isTold
    allowance.isTold = true
    return { retryAfter: Math.ceil(((1 - left) * INTERVAL) / 1000), isFirst }
  }

  /** One of their requests was refused. */
  count(caller: string): void {
    const allowance = this.#allowances.get(caller)
    const left = (allowance === undefined ? BURST : this.#leftOf(allowance)) - 1
    this.#allowances.set(caller, { left, at: this.#now(), isTold: false })
  }

  #leftOf(allowance: Allowance): number {
    return refilled(allowance, this.#now(), BURST, INTERVAL)
  }
}
