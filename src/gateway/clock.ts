/**
 * Time as a parameter, so that no test has to wait.
 *
 * @module
 */
import { setQuietTimer } from '../rs/token-watch.js'

export interface Clock {
  /** Milliseconds that never run backwards. */
  readonly now: () => number
  /**
   * Calls back once. The timer does not keep the process alive.
   *
   * @param delay milliseconds
   * @returns cancels it
   */
  readonly setTimer: (callback: () => void, delay: number) => () => void
}

export const REAL_TIME: Clock = {
  now: () => performance.now(),
  setTimer: setQuietTimer,
}
