/**
 * Counts the users of a child, and how long it has had none.
 *
 * @module
 */
import { TransientSet } from '../request/transients.js'
import type { StdioRequest } from './request.js'

export class IdleTimer {
  readonly #present = new TransientSet<StdioRequest>()
  readonly #timer: ReturnType<typeof setTimeout>
  #leftAt = performance.now()

  /** @param idle milliseconds without a user until `onIdle` is called */
  constructor(idle: number, onIdle: () => void) {
    // The timer waits for a client that may come back. That must not keep the process alive.
    this.#timer = setTimeout(() => {
      if (this.#present.size === 0) onIdle()
    }, idle).unref()
  }

  get isEmpty(): boolean {
    return this.#present.size === 0
  }

  /** `performance.now()` when the last user left. */
  get leftAt(): number {
    return this.#leftAt
  }

  enter(exchange: StdioRequest): void {
    this.#present.add(exchange)
    exchange.whenOver(() => {
      this.#present.delete(exchange)
      this.touch()
    })
  }

  /** Counts a momentary use, such as a notification. */
  touch(): void {
    this.#leftAt = performance.now()
    this.#timer.refresh()
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}
