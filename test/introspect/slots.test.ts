/** How many calls may be under way at once, and for whom. */
import { expect, vi } from 'vitest'
import { createSlots } from '../../src/introspect/slots.js'
import { verifies } from '../support/verifies.js'

verifies(
  'ATK-16',
  'a stranger’s call that takes long makes room, in a second bound of equal size',
  async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const slots = createSlots(4, 100)
      let entered = 0
      const releases: (() => void)[] = []
      const enter = (isKnown: boolean) =>
        void slots.acquire(isKnown, 60_000).then((release) => {
          entered++
          if (release !== undefined) releases.push(release)
        })
      for (let i = 0; i < 20; i++) enter(false)
      await vi.advanceTimersByTimeAsync(999)
      expect(entered).toBe(2)
      await vi.advanceTimersByTimeAsync(1)
      expect(entered).toBe(4)
      await vi.advanceTimersByTimeAsync(30_000)
      expect(entered).toBe(4)
      // Those that were let in before have their half in any case.
      enter(true)
      enter(true)
      enter(true)
      await vi.advanceTimersByTimeAsync(0)
      expect(entered).toBe(6)
      // One that took long ends: another moves into its place, and a third enters.
      releases[0]?.()
      releases[0]?.()
      await vi.advanceTimersByTimeAsync(0)
      expect(entered).toBe(7)
      // One in a stranger's slot ends: exactly one enters.
      releases[2]?.()
      await vi.advanceTimersByTimeAsync(0)
      expect(entered).toBe(8)
      for (const release of releases) release()
      await vi.advanceTimersByTimeAsync(0)
      for (let round = 0; round < 30; round++) {
        for (const release of releases.splice(0)) release()
        await vi.advanceTimersByTimeAsync(0)
      }
      expect(entered).toBe(23)
    } finally {
      vi.useRealTimers()
    }
  },
)
