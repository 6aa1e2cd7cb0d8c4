/**
 * The requests that are with the servers behind us, in no order.
 *
 * A list with places in place of a `Set`. A `Set` whose entries come and go is given a new table every few dozen
 * requests, and V8 leaves in the old table what was in it, and a pointer to the new one. Where one old table has come
 * into the old generation, it keeps each that follows, and every request in them, alive until the next full
 * collection: those then came twice a second, and took a quarter of the throughput.
 *
 * @module
 */
import type { OpenRequest } from './backend.js'

export class OpenRequests implements Iterable<OpenRequest> {
  readonly #list: OpenRequest[] = []

  get size(): number {
    return this.#list.length
  }

  /** Once for each. */
  add(request: OpenRequest): void {
    request.place = this.#list.length
    this.#list.push(request)
  }

  /** Of one that is not here (any more) it knows nothing. */
  delete(request: OpenRequest): void {
    const { place } = request
    if (this.#list[place] !== request) return
    const last = this.#list.pop() as OpenRequest
    if (last === request) return
    this.#list[place] = last
    last.place = place
  }

  [Symbol.iterator](): Iterator<OpenRequest> {
    return this.#list[Symbol.iterator]()
  }
}
