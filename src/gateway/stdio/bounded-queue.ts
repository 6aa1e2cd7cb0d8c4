/**
 * A bounded queue, oldest entry first.
 *
 * @module
 */

/** Overhead of an entry in bytes: objects, and a place in a list. Measured: about 220. */
export const ENTRY = 256

/** The cost of keeping this many bytes. Small entries cost far more than their bytes. */
export function costOf(bytes: Uint8Array): number {
  return ENTRY + bytes.length
}

interface Entry<Item> {
  readonly item: Item
  readonly cost: number
}

/**
 * A queue that drops its oldest entries beyond a limit. It drops them by an index: moving the rest
 * each time would take quadratic time.
 */
export class BoundedQueue<Item> {
  readonly #limit: number
  readonly #least: number
  readonly #onDropped: (item: Item) => void
  #entries: (Entry<Item> | undefined)[] = []
  #gone = 0
  #cost = 0

  /**
   * @param limit the total cost of all entries
   * @param least how many of the newest are kept, whatever they cost
   * @param onDropped called for each entry that is dropped
   */
  constructor(limit: number, least: number, onDropped: (item: Item) => void) {
    this.#limit = limit
    this.#least = least
    this.#onDropped = onDropped
  }

  get length(): number {
    return this.#entries.length - this.#gone
  }

  push(item: Item, cost: number): void {
    this.#entries.push({ item, cost })
    this.#cost += cost
    while (this.#cost > this.#limit && this.length > this.#least) this.#dropOldest()
    if (this.#gone * 2 > this.#entries.length) this.#compact()
  }

  /** All entries, the oldest first. */
  values(): Item[] {
    return this.#entries
      .slice(this.#gone)
      .flatMap((entry) => (entry === undefined ? [] : entry.item))
  }

  /** Takes all entries out of it. */
  takeAll(): Item[] {
    const items = this.values()
    this.#entries = []
    this.#gone = 0
    this.#cost = 0
    return items
  }

  #dropOldest(): void {
    const oldest = this.#entries[this.#gone]
    this.#entries[this.#gone] = undefined
    this.#gone++
    if (oldest === undefined) return
    this.#cost -= oldest.cost
    this.#onDropped(oldest.item)
  }

  #compact(): void {
    this.#entries = this.#entries.slice(this.#gone)
    this.#gone = 0
  }
}
