/**
 * How long an answer may go on.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import type { Caller } from './caller.js'
import { cutAnswer } from './turns.js'

/** How long the rest of an answer that we ended may take to reach a slow client, in milliseconds. */
const LINGER = 5_000

export class AnswerLimit {
  #unwatch: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #isTokenOver = false
  #isReaderWatched = false

  /** It ended, or was cut, because its token had. */
  get isTokenOver(): boolean {
    return this.#isTokenOver
  }

  /**
   * Begins to watch the caller's token.
   *
   * @param grace milliseconds after its end
   * @param onOver when both are over
   */
  watch(caller: Caller, requestId: string, grace: number, onOver: () => void): void {
    const over = () => {
      this.#isTokenOver = true
      onOver()
    }
    this.#unwatch = caller.watch(requestId, () => {
      if (grace === 0) over()
      else this.#timer = setTimeout(over, grace).unref()
    })
  }

  /**
   * Calls when the client has taken nothing for so long, while something waits for it. This does not
   * apply to a stream that is silent.
   *
   * @param stalled milliseconds
   */
  watchReader(response: ServerResponse, stalled: number, onStalled: () => void): void {
    if (this.#isReaderWatched) return
    this.#isReaderWatched = true
    // Of the socket, which sees each byte that is taken, and begins anew with each that is written.
    response.setTimeout(stalled, () => {
      if (response.writableLength > 0) onStalled()
    })
  }

  /** The answer is at its end: who does not read it must not hold it. */
  linger(response: ServerResponse): void {
    this.clear()
    this.#timer = setTimeout(() => cutAnswer(response), LINGER).unref()
  }

  clear(): void {
    this.#unwatch?.()
    clearTimeout(this.#timer)
  }
}
