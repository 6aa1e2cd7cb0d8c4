/** Time that passes when the test says so, for code without sockets: timers, dates and timeouts. */
import { onTestFinished, vi } from 'vitest'
import { nextTurn } from './turns.js'

/** For the rest of the test. What is loaded on first use should have been loaded before. */
export function simulateTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const spy = vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
    const limit = new AbortController()
    setTimeout(() => limit.abort(new DOMException('', 'TimeoutError')), milliseconds)
    return limit.signal
  })
  onTestFinished(() => {
    spy.mockRestore()
    vi.useRealTimers()
  })
}

export async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
}

/** Waits until so many timers are set. */
export async function timersSet(count: number): Promise<void> {
  while (vi.getTimerCount() < count) await nextTurn()
}

/** Lets time pass until it is done. */
export async function drive<Result>(work: Promise<Result>): Promise<Result> {
  const state = { isDone: false }
  const done = work.finally(() => (state.isDone = true))
  while (!state.isDone) {
    await nextTurn()
    await pass(10)
  }
  return done
}
