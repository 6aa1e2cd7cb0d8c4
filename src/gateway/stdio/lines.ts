/**
 * Splits a byte stream into lines, each up to a maximum length.
 *
 * @module
 */

/**
 * This many pieces are merged: each costs some hundred bytes of overhead and may hold a single
 * byte.
 */
const MANY = 256

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Splits bytes into lines, without their ends. Empty lines are skipped. */
export class LineSplitter {
  readonly #limit: number
  readonly #onLine: (line: Buffer) => void
  readonly #onTooLong: () => void
  /** The beginning of a line whose end has not arrived. */
  #pieces: Buffer[] = []
  /** How many of the first pieces are {@link MANY} in one. */
  #joined = 0
  #size = 0
  /** The line is too long: the rest of it is skipped. */
  #isSkipping = false

  /** @param limit bytes of a line */
  constructor(limit: number, onLine: (line: Buffer) => void, onTooLong: () => void) {
    this.#limit = limit
    this.#onLine = onLine
    this.#onTooLong = onTooLong
  }

  push(chunk: Buffer): void {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start)
      if (end < 0) break
      this.#add(chunk.subarray(start, end))
      this.#finish()
      start = end + 1
    }
    if (start < chunk.length) this.#add(chunk.subarray(start))
  }

  #add(piece: Buffer): void {
    if (this.#isSkipping) return
    this.#size += piece.length
    if (this.#size <= this.#limit) {
      this.#pieces.push(piece)
      if (this.#pieces.length - this.#joined === MANY) {
        const joined = Buffer.concat(this.#pieces.splice(this.#joined))
        this.#joined = this.#pieces.push(joined)
      }
      return
    }
    this.#pieces = []
    this.#joined = 0
    this.#isSkipping = true
    this.#onTooLong()
  }

  #finish(): void {
    const pieces = this.#pieces
    const size = this.#size
    const wasSkipping = this.#isSkipping
    this.#pieces = []
    this.#joined = 0
    this.#size = 0
    this.#isSkipping = false
    if (wasSkipping) return
    const whole = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, size)
    const line = whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole
    if (line.length > 0) this.#onLine(line)
  }
}
