/**
 * Remembers which callers' commands support stateless revisions. A caller's own child said so, and
 * it says nothing about the children of others: a command may differ with whom it serves, and may
 * be replaced.
 *
 * @module
 */

/** Milliseconds until the command is asked again. */
const LASTS = 5 * 60_000
/** Callers that are remembered; beyond it the oldest verdict goes. */
const MAX_VERDICTS = 1_000

export class Verdicts {
  readonly #now: () => number
  /** By caller, the oldest first: until when it holds. */
  readonly #until = new Map<string, number>()

  /** @param now milliseconds of a steady clock */
  constructor(now: () => number = () => performance.now()) {
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
