/**
 * Collections whose entries come and go with requests: made anew every few hundred of them.
 *
 * V8 gives a `Map` or `Set` that is deleted from a new table every few dozen entries, and leaves in the old table what
 * was in it, and a pointer to the new one. Where one table has come into the old generation, each that follows, with
 * every request in it, stays alive until the next full collection. Those came twice a second, and took a quarter of the
 * throughput. A collection that is dropped points to nothing that follows.
 *
 * @module
 */

/** Deletions that a collection without entries is kept for. */
const FEW = 256

/** A `Map` in the order of insertion. What is set while it is gone through may not come up. */
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
    // As many as there are entries: then copying them costs each deletion the same, however many there are.
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
