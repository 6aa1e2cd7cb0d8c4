/**
 * Collections whose entries come and go with requests: replaced every few hundred of them.
 *
 * After a few dozen deletions V8 gives a `Map` or `Set` a new table. The old table keeps its
 * contents and a pointer to the new one. Once one table is in the old generation, each later one,
 * with every request in it, stays alive until the next full collection. Those ran twice a second
 * and cost a quarter of the throughput. A replaced collection points to nothing that follows.
 *
 * @module
 */

/** How many deletions an empty collection is kept for. */
const FEW = 256

/** A `Map` in insertion order. Iteration may miss entries that are set meanwhile. */
export class TransientMap<Key, Value> implements Iterable<[Key, Value]> {
  #map = new Map<Key, Value>()
  #deletions = 0

  get size(): number {
    return this.#map.size
  }

  has(key: Key): boolean {
    return this.#map.has(key)
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key)
  }

  set(key: Key, value: Value): void {
    // As many as there are entries: then the cost of copying per deletion is constant.
    if (this.#deletions > FEW + this.#map.size) {
      this.#map = new Map(this.#map)
      this.#deletions = 0
    }
    this.#map.set(key, value)
  }

  /** @returns whether it was there */
  delete(key: Key): boolean {
    const wasThere = this.#map.delete(key)
    if (wasThere) this.#deletions++
    return wasThere
  }

  keys(): IterableIterator<Key> {
    return this.#map.keys()
  }

  values(): IterableIterator<Value> {
    return this.#map.values()
  }

  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#map[Symbol.iterator]()
  }
}

/** A `Set` of the same kind. */
export class TransientSet<Item> implements Iterable<Item> {
  readonly #items = new TransientMap<Item, true>()

  get size(): number {
    return this.#items.size
  }

  add(item: Item): void {
    this.#items.set(item, true)
  }

  /** @returns whether it was there */
  delete(item: Item): boolean {
    return this.#items.delete(item)
  }

  [Symbol.iterator](): IterableIterator<Item> {
    return this.#items.keys()
  }
}
