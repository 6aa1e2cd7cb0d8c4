/**
 * How long an answer may go on.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import type { Caller } from './caller.js'

/** How long the rest of an answer that we ended may take to reach a slow client, in milliseconds. */
const LINGER = 5_000

export class AnswerLimit {
  #unwatch: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #isTokenOver = false

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

  /** The answer is at its end: who does not read it must not hold it. */
  linger(response: ServerResponse): void {
    this.clear()
    this.#timer = setTimeout(() => response.destroy(), LINGER).unref()
  }

  clear(): void {
    this.#unwatch?.()
    clearTimeout(this.#timer)
  }
}
