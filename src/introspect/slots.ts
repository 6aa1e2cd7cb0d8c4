/**
 * Limits concurrent calls: unknown tokens must not starve known callers, and hanging calls must not
 * starve other unknown tokens.
 *
 * @module
 */

export interface Slots {
  /**
   * Waits for a slot.
   *
   * @param isKnown the caller's token was found active before
   * @param limit milliseconds to wait at most
   * @returns the function that gives it back; `undefined` when too many wait already, or the wait
   * took too long
   */
  acquire(isKnown: boolean, limit: number): Promise<(() => void) | undefined>
}

/**
 * A healthy provider answers within this time: a stranger's call that takes longer makes room for
 * another.
 */
const LONG = 1_000

/**
 * @param total calls at once; strangers get half of them, at least one, and as many more for calls that take long
 */
export function createSlots(total: number, maxWaiting: number): Slots {
  const forStrangers = Math.max(1, Math.floor(total / 2))
  const waiting = { known: [] as (() => void)[], strangers: [] as (() => void)[] }
  /** Slow calls that found no room among the slow ones; each moves there when it is called. */
  const overdue: (() => void)[] = []
  let busy = 0
  let busyStrangers = 0
  let busyLong = 0

  function mayEnter(isKnown: boolean): boolean {
    return busy < total && (isKnown || busyStrangers < forStrangers)
  }

  function enterKnown(): () => void {
    busy++
    return once(() => {
      busy--
      next()
    })
  }

  function enterStranger(): () => void {
    busy++
    busyStrangers++
    let isLong = false
    const leave = () => {
      busy--
      busyStrangers--
    }
    const move = () => {
      isLong = true
      busyLong++
      leave()
      next()
    }
    const timer = setTimeout(() => {
      if (busyLong < forStrangers) move()
      else overdue.push(move)
    }, LONG)
    return once(() => {
      clearTimeout(timer)
      if (isLong) {
        busyLong--
        overdue.shift()?.()
        return
      }
      const place = overdue.indexOf(move)
      if (place >= 0) overdue.splice(place, 1)
      leave()
      next()
    })
  }

  function next(): void {
    if (mayEnter(true) && waiting.known.length > 0) waiting.known.shift()?.()
    else if (mayEnter(false)) waiting.strangers.shift()?.()
  }

  return {
    acquire(isKnown, limit) {
      const enter = isKnown ? enterKnown : enterStranger
      if (mayEnter(isKnown)) return Promise.resolve(enter())
      const queue = isKnown ? waiting.known : waiting.strangers
      if (queue.length >= maxWaiting) return Promise.resolve(undefined)
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          queue.splice(queue.indexOf(take), 1)
          resolve(undefined)
        }, limit)
        const take = () => {
          clearTimeout(timer)
          resolve(enter())
        }
        queue.push(take)
      })
    },
  }
}

/** How long a call may take: an older one was cancelled, and its slot is not given back. */
const LEASE = 10_000
/** How often to look for a free slot. */
const LOOK_AGAIN = 50

/** The same for isolated requests: each looks for a slot itself, with its own timers. */
export function createLeasedSlots(total: number, now: () => number): Slots {
  const forStrangers = Math.max(1, Math.floor(total / 2))
  const leases = new Set<{ readonly isKnown: boolean; readonly began: number }>()

  function mayEnter(isKnown: boolean): boolean {
    const at = now()
    let known = 0
    let strangers = 0
    let long = 0
    for (const lease of leases) {
      if (at - lease.began >= LEASE) leases.delete(lease)
      else if (lease.isKnown) known++
      else if (at - lease.began >= LONG && long < forStrangers) long++
      else strangers++
    }
    return known + strangers < total && (isKnown || strangers < forStrangers)
  }

  return {
    async acquire(isKnown, limit) {
      const deadline = now() + limit
      while (!mayEnter(isKnown)) {
        if (now() >= deadline) return undefined
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN))
      }
      const lease = { isKnown, began: now() }
      leases.add(lease)
      return () => leases.delete(lease)
    },
  }
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    work()
  }
}
