/**
 * Counts the users of a child, and how long it has had none.
 *
 * @module
 */
import type { Clock } from '../clock.js'
import type { StdioRequest } from './request.js'

export class IdleTimer {
  /** A request counts as often as it enters. */
  #present = 0
  readonly #clock: Clock
  readonly #idle: number
  readonly #onIdle: () => void
  #leftAt: number
  #clearTimer: () => void

  /** @param idle milliseconds without a user until `onIdle` is called */
  constructor(clock: Clock, idle: number, onIdle: () => void) {
    this.#clock = clock
    this.#idle = idle
    this.#onIdle = onIdle
    this.#leftAt = clock.now()
    this.#clearTimer = this.#lookAfter(idle)
  }

  get isEmpty(): boolean {
    return this.#present === 0
  }

  /** The time on the clock when the last user left. */
  get leftAt(): number {
    return this.#leftAt
  }

  enter(request: StdioRequest): void {
    this.#present++
    request.whenOver(() => {
      this.#present--
      this.touch()
    })
  }

  /** Counts a momentary use, such as a notification. */
  touch(): void {
    this.#leftAt = this.#clock.now()
  }

  close(): void {
    this.#clearTimer()
  }

  /** One timer for many uses: when it fires, it waits for the time that the last use has added. */
  #lookAfter(delay: number): () => void {
    return this.#clock.setTimer(() => {
      const rest = this.isEmpty ? this.#leftAt + this.#idle - this.#clock.now() : this.#idle
      if (rest <= 0) this.#onIdle()
      else this.#clearTimer = this.#lookAfter(rest)
    }, delay)
  }
}
