/**
 * How many calls may be under way at once, and for whom: a stranger's garbage must not starve those who were
 * let in before.
 *
 * @module
 */

export interface Slots {
  /**
   * Waits for a slot.
   *
   * @param isKnown the caller's token was found active before
   * @param limit milliseconds to wait at most
   * @returns the function that gives it back; `undefined` when too many wait already, or it took too long
   */
  acquire(isKnown: boolean, limit: number): Promise<(() => void) | undefined>
}

/** @param total calls at once; strangers get half of them, at least one */
export function createSlots(total: number, maxWaiting: number): Slots {
  const forStrangers = Math.max(1, Math.floor(total / 2))
  const waiting = { known: [] as (() => void)[], strangers: [] as (() => void)[] }
  let busy = 0
  let busyStrangers = 0

  function mayEnter(isKnown: boolean): boolean {
    return busy < total && (isKnown || busyStrangers < forStrangers)
  }

  function enter(isKnown: boolean): () => void {
    busy++
    if (!isKnown) busyStrangers++
    let isReleased = false
    return function release() {
      if (isReleased) return
      isReleased = true
      busy--
      if (!isKnown) busyStrangers--
      next()
    }
  }

  function next(): void {
    if (mayEnter(true) && waiting.known.length > 0) waiting.known.shift()?.()
    else if (mayEnter(false)) waiting.strangers.shift()?.()
  }

  return {
    acquire(isKnown, limit) {
      if (mayEnter(isKnown)) return Promise.resolve(enter(isKnown))
      const queue = isKnown ? waiting.known : waiting.strangers
      if (queue.length >= maxWaiting) return Promise.resolve(undefined)
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          queue.splice(queue.indexOf(take), 1)
          resolve(undefined)
        }, limit)
        const take = () => {
          clearTimeout(timer)
          resolve(enter(isKnown))
        }
        queue.push(take)
      })
    },
  }
}
