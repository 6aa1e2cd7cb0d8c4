/**
 * Writes lines to a reader that may stop reading. A write never waits for the reader. A line that
 * does not fit is dropped and counted, because a log that nobody reads must not stop the gateway.
 *
 * @module
 */
import type { Writable } from 'node:stream'

/** Bytes that may wait for the reader. */
export const MAX_WAITING: number = 2 ** 20
/** Milliseconds to wait at the end for the remaining lines. */
const LAST_LINES = 1_000

/** Waits until the reader has taken everything, for a second at most. */
export async function untilTaken(target: Writable): Promise<void> {
  if (target.destroyed || target.writableLength === 0) return
  let timer: ReturnType<typeof setTimeout> | undefined
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LAST_LINES)
    target.write('', () => resolve())
  })
  clearTimeout(timer)
}

export class LineWriter {
  readonly #target: Writable
  readonly #onDropped: (count: number) => void
  readonly #maxWaiting: number
  #total = 0
  #unreported = 0

  /**
   * @param onDropped gets the number of lost lines, once there is room again
   * @param maxWaiting bytes that may wait for the reader. Default 1 MiB.
   */
  constructor(target: Writable, onDropped: (count: number) => void, maxWaiting = MAX_WAITING) {
    this.#target = target
    this.#onDropped = onDropped
    this.#maxWaiting = maxWaiting
    // A reader that is gone takes nothing more. Its lines are counted like those of a reader that
    // does not read.
    target.on('error', () => undefined)
    target.on('drain', () => this.#report())
  }

  /** The total number of lost lines. */
  get dropped(): number {
    return this.#total
  }

  /** @returns false if the line was dropped */
  write(line: string): boolean {
    if (this.#target.destroyed || this.#target.writableLength > this.#maxWaiting) {
      this.#total++
      this.#unreported++
      return false
    }
    this.#target.write(line, this.#onWritten)
    return true
  }

  /** Waits until the reader has taken everything, for a second at most. */
  async finish(): Promise<void> {
    await untilTaken(this.#target)
  }

  readonly #onWritten = (error: Error | null | undefined): void => {
    // The reader went away before it took the line.
    if (error === null || error === undefined) return
    this.#total++
    this.#unreported++
  }

  #report(): void {
    const count = this.#unreported
    if (count === 0) return
    this.#unreported = 0
    this.#onDropped(count)
  }
}
