/**
 * Time that never runs backwards. A wall clock that is set back must not stretch ages, pauses and
 * cooldowns by as much.
 *
 * @module
 */

/**
 * Follows the wall clock forwards. When the wall clock is set back, this one continues from where
 * it was. The elapsed time is then unknown, so `onSetBack` is called: no age can be trusted.
 *
 * @param now milliseconds since 1970
 */
export function createSteadyClock(now: () => number, onSetBack: () => void): () => number {
  let last = Number.NEGATIVE_INFINITY
  let ahead = 0
  return function steadyNow() {
    const at = now() + ahead
    if (at >= last) return (last = at)
    ahead += last - at
    onSetBack()
    return last
  }
}
