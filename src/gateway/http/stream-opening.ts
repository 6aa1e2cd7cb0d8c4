/**
 * The beginning of an event stream, which shows a server of protocol revision 2024-11-05.
 *
 * @module
 */

/** Characters that are looked at. */
const LOOKED_AT = 1024

export class StreamOpening {
  #text = ''
  #isOver = false

  /** @returns true once: the stream tells where to send messages, as in HTTP+SSE */
  hasEndpoint(chunk: Buffer): boolean {
    if (this.#isOver) return false
    this.#text += chunk.toString('latin1', 0, LOOKED_AT)
    const isFound = /^event: ?endpoint[\r\n]/m.test(this.#text)
    this.#isOver = isFound || this.#text.length >= LOOKED_AT
    return isFound
  }
}
