/**
 * How often a caller may ask for what he may not use, so that guessing names costs us nothing.
 *
 * @module
 */
import { Cache } from '../base/cache.js'

/** Refusals that come at once: an agent that tries each tool of a small server is no attack. */
const BURST = 30
/** Milliseconds after which one more is allowed. */
const INTERVAL = 2000
/** Callers who are remembered; whoever is forgotten begins anew. */
const MAX_CALLERS = 10_000

interface Allowance {
  /** Refusals left at {@link at}. */
  left: number
  /** Milliseconds since 1970. */
  at: number
  /** He was told to wait since then. */
  isTold: boolean
}

/** A caller who is not heard for now. */
export interface Wait {
  /** Seconds. */
  readonly retryAfter: number
  /** The first time since he was last heard. */
  readonly isFirst: boolean
}

/** A bucket for each caller, which every refusal takes from and time fills again. */
export class RefusalRate {
  readonly #allowances = new Cache<Allowance>(MAX_CALLERS)
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Nobody was refused lately: then nobody need be looked up. */
  get isIdle(): boolean {
    return this.#allowances.size === 0
  }

  /** Whether this caller has to wait; `undefined`: he is heard. */
  waitOf(caller: string): Wait | undefined {
    const allowance = this.#allowances.get(caller)
    if (allowance === undefined) return undefined
    const left = this.#leftOf(allowance)
    if (left >= 1) return undefined
    const isFirst = !allowance.isTold
    allowance.isTold = true
    return { retryAfter: Math.ceil(((1 - left) * INTERVAL) / 1000), isFirst }
  }

  /** A request of his was refused. */
  count(caller: string): void {
    const allowance = this.#allowances.get(caller)
    const left = (allowance === undefined ? BURST : this.#leftOf(allowance)) - 1
    this.#allowances.set(caller, { left, at: this.#now(), isTold: false })
  }

  #leftOf({ left, at }: Allowance): number {
    // A clock that was set back gives nothing, and takes nothing.
    return Math.min(BURST, left + Math.max(0, this.#now() - at) / INTERVAL)
  }
}
