/**
 * The silence of an event stream. Proxies close a connection over which nothing comes, and some
 * hold the head of an answer back until the first byte of its body.
 *
 * @module
 */
import type { Clock } from '../clock.js'

/** A comment, which readers of an event stream ignore (WHATWG HTML §9.2.6). */
export const COMMENT: Buffer = Buffer.from(': \n\n')

export class Silence {
  readonly #clock: Clock
  readonly #limit: number
  readonly #onTooLong: () => void
  #since: number
  #clearTimer: () => void

  /**
   * It begins now.
   *
   * @param limit milliseconds
   * @param onTooLong called each time that nothing came for this long
   */
  constructor(clock: Clock, limit: number, onTooLong: () => void) {
    this.#clock = clock
    this.#limit = limit
    this.#onTooLong = onTooLong
    this.#since = clock.now()
    this.#clearTimer = clock.setTimer(this.#check, limit)
  }

  /** Something was sent. */
  break(): void {
    this.#since = this.#clock.now()
  }

  /** Nothing more will be sent. */
  end(): void {
    this.#clearTimer()
  }

  readonly #check = (): void => {
    const rest = this.#since + this.#limit - this.#clock.now()
    this.#clearTimer = this.#clock.setTimer(this.#check, rest > 0 ? rest : this.#limit)
    if (rest > 0) return
    this.break()
    this.#onTooLong()
  }
}
