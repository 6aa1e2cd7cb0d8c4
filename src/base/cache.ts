/**
 * The bounded memory that we keep between requests.
 *
 * @module
 */

/** A smaller memory always keeps the order of use. */
const ROOMY = 100

/**
 * Remembers a bounded number of values; the least recently used goes first. Keys are digests or short texts, values
 * are small frozen objects; neither holds a token.
 */
export class Cache<V extends object> {
  /** In the order of use: a `Map` iterates its keys as they were set. */
  readonly #values = new Map<string, V>()
  /**
   * Walks from the oldest entry. What it has passed is deleted, and what is used again moves ahead
   * of it. So it need not start again for each value, which would step over every deleted entry.
   */
  #oldest: Iterator<string> | undefined
  /** Uses since that walk began or continued. */
  #uses = 0
  readonly #max: number

  /** @param max how many values are kept */
  constructor(max: number) {
    this.#max = max
  }

  get(key: string): V | undefined {
    const value = this.#values.get(key)
    if (value === undefined || this.#isRoomy) return value
    this.#values.delete(key)
    this.#values.set(key, value)
    this.#countUse()
    return value
  }

  set(key: string, value: V): void {
    if (!this.#values.delete(key) && this.#values.size >= this.#max) this.#forgetOldest()
    this.#values.set(key, value)
    this.#countUse()
  }

  delete(key: string): void {
    this.#values.delete(key)
  }

  /** Forgets everything. */
  clear(): void {
    this.#values.clear()
    this.#beginAnew()
  }

  /** Values held now. */
  get size(): number {
    return this.#values.size
  }

  /**
   * A `Map` in use moves to new tables now and then. A paused iterator keeps each old table alive
   * with its contents, so it is renewed after as many uses as there are values.
   */
  #countUse(): void {
    if (++this.#uses > this.#values.size) this.#beginAnew()
  }

  /**
   * Nothing is evicted soon, so the order of use does not matter yet. Keeping it would make a `Map`
   * allocate new tables again and again, and old objects would keep those alive.
   */
  get #isRoomy(): boolean {
    return this.#max >= ROOMY && this.#values.size * 2 < this.#max
  }

  #beginAnew(): void {
    // The next walk begins when something must go: before that, a paused iterator would keep every
    // table from which the `Map` has grown.
    this.#oldest = undefined
    this.#uses = 0
  }

  #forgetOldest(): void {
    this.#uses = 0
    this.#oldest ??= this.#values.keys()
    let next = this.#oldest.next()
    // A finished iterator stays finished.
    if (next.done === true) next = (this.#oldest = this.#values.keys()).next()
    if (next.done !== true) this.#values.delete(next.value)
  }
}

/** Shares one frozen copy among equal lists of strings. */
export type ShareList = (list: readonly string[]) => readonly string[]

/**
 * Thousands of tokens name a handful of audiences, clients and sets of scopes: sharing them halves what
 * a remembered token costs.
 */
export function createShareList(max = 1000): ShareList {
  const known = new Cache<readonly string[]>(max)
  return function share(list) {
    const key = JSON.stringify(list)
    let shared = known.get(key)
    if (shared === undefined) {
      shared = Object.freeze([...list])
      known.set(key, shared)
    }
    return shared
  }
}
