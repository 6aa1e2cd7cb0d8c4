/**
 * Remembers which callers' commands support stateless revisions. A caller's own child said so. That
 * says nothing about the children of others: a command may behave differently for each caller, and
 * may be replaced.
 *
 * @module
 */

/** Milliseconds until we ask the command again. */
const LASTS = 5 * 60_000
/** How many callers are remembered. Beyond that, the oldest verdict is dropped. */
const MAX_VERDICTS = 1_000

export class Verdicts {
  readonly #now: () => number
  /** By caller, the oldest first: the time until which the verdict holds. */
  readonly #until = new Map<string, number>()

  /** @param now milliseconds of a steady clock */
  constructor(now: () => number) {
    this.#now = now
  }

  add(callerKey: string): void {
    this.#until.delete(callerKey)
    this.#until.set(callerKey, this.#now() + LASTS)
    const [oldest] = this.#until.keys()
    if (oldest !== undefined && this.#until.size > MAX_VERDICTS) this.#until.delete(oldest)
  }

  has(callerKey: string): boolean {
    const until = this.#until.get(callerKey)
    if (until === undefined) return false
    if (this.#now() < until) return true
    this.#until.delete(callerKey)
    return false
  }
}
