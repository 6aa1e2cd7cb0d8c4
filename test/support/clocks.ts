/** Clocks that do not let tests wait. */
import { REAL_TIME, type Clock } from '../../src/gateway/clock.js'

const FASTER = 10

/** A clock that goes ten times as fast: for real processes that do not end before their time is up. */
export const FAST_CLOCK: Clock = {
  now: () => performance.now() * FASTER,
  setTimer: (callback, delay) => REAL_TIME.setTimer(callback, delay / FASTER),
}

/** A clock that goes when the test says so. */
export interface ManualClock extends Clock {
  /** Milliseconds since 1970. */
  readonly today: () => number
  /** How many timers wait: all, or those that were set to this delay. */
  readonly waiting: (delay?: number) => number
  /** Calls the timers that are due by then. Those that they set wait for the next time. */
  readonly pass: (milliseconds: number) => void
}

export function createManualClock(): ManualClock {
  const timers = new Map<() => void, { readonly at: number; readonly delay: number }>()
  // Tokens name whole seconds.
  const began = Math.ceil(Date.now() / 1000) * 1000
  let now = 0
  return {
    now: () => now,
    today: () => began + now,
    waiting: (delay) =>
      [...timers.values()].filter((timer) => delay === undefined || timer.delay === delay).length,
    setTimer(callback, delay) {
      const due = () => callback()
      timers.set(due, { at: now + delay, delay })
      return () => timers.delete(due)
    },
    pass(milliseconds) {
      now += milliseconds
      for (const [callback, { at }] of [...timers]) {
        if (at <= now && timers.delete(callback)) callback()
      }
    },
  }
}
