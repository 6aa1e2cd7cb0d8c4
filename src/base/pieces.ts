/**
 * Bytes that arrive piece by piece, kept until they are whole.
 *
 * @module
 */

/**
 * This many pieces are merged: each costs some hundred bytes of overhead and may hold a single
 * byte.
 */
const MANY = 256

export class Pieces<Bytes extends Uint8Array> {
  readonly #join: (pieces: readonly Bytes[]) => Bytes
  #pieces: Bytes[] = []
  /** How many of the first pieces are {@link MANY} in one. */
  #merged = 0

  /** @param join makes one piece of several */
  constructor(join: (pieces: readonly Bytes[]) => Bytes) {
    this.#join = join
  }

  /** In their order. */
  get all(): readonly Bytes[] {
    return this.#pieces
  }

  add(piece: Bytes): void {
    this.#pieces.push(piece)
    if (this.#pieces.length - this.#merged < MANY) return
    const merged = this.#join(this.#pieces.splice(this.#merged))
    this.#merged = this.#pieces.push(merged)
  }

  /** All bytes in one piece, not copied if they are. Nothing is kept. */
  take(): Bytes {
    const [only] = this.#pieces
    const whole = only !== undefined && this.#pieces.length === 1 ? only : this.#join(this.#pieces)
    this.clear()
    return whole
  }

  clear(): void {
    this.#pieces = []
    this.#merged = 0
  }
}
