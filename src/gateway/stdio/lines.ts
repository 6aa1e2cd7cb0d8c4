/**
 * Splits a byte stream into lines, each up to a maximum length.
 *
 * @module
 */

import { Pieces } from '../../base/pieces.js'

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Bytes of a line that is too long that are still shown. */
const BEGINNING = 2 ** 20
/** How many times the limit the dropped rest of a line may have. */
const MOST_DROPPED = 4

export interface LineListener {
  onLine(line: Buffer): void
  /** A line is longer than allowed. The rest of it is dropped. */
  onTooLong(beginning: Buffer): void
  /** The rest of it is longer than what is dropped. */
  onEndless?(): void
}

/** Splits bytes into lines, without their ends. Empty lines are skipped. */
export class LineSplitter {
  readonly #limit: number
  readonly #listener: LineListener
  /** The beginning of a line whose end has not arrived. */
  readonly #pieces = new Pieces<Buffer>(Buffer.concat)
  #size = 0
  /** The line is too long: the rest of it is skipped. */
  #isSkipping = false
  #isEndless = false

  /** @param limit bytes of a line */
  constructor(limit: number, listener: LineListener) {
    this.#limit = limit
    this.#listener = listener
  }

  /** The rest of a line that is too long is being dropped. */
  get isSkipping(): boolean {
    return this.#isSkipping
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
    this.#size += piece.length
    if (this.#isSkipping) return this.#boundRest()
    if (this.#size <= this.#limit) return this.#pieces.add(piece)
    const pieces = [...this.#pieces.all, piece]
    this.#pieces.clear()
    this.#isSkipping = true
    this.#listener.onTooLong(Buffer.concat(pieces, Math.min(this.#size, BEGINNING)))
    this.#boundRest()
  }

  #boundRest(): void {
    if (this.#isEndless || this.#size <= (1 + MOST_DROPPED) * this.#limit) return
    this.#isEndless = true
    this.#listener.onEndless?.()
  }

  #finish(): void {
    const wasSkipping = this.#isSkipping
    this.#size = 0
    this.#isSkipping = false
    this.#isEndless = false
    if (wasSkipping) return
    const whole = this.#pieces.take()
    const line = whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole
    if (line.length > 0) this.#listener.onLine(line)
  }
}
