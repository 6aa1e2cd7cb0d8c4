/** Collections of what comes and goes, against the `Map` and `Set` that they stand for. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TransientMap, TransientSet } from '../../src/gateway/request/transients.js'

/** Shorter ones that fail are not looked for: thousands of them are tried. */
const LONG_RUNS = { numRuns: 30, endOnFailure: true }

/** More deletions than make it anew, with many and with few entries left. */
const steps = fc.array(
  fc.record({ sets: fc.boolean(), from: fc.nat(40), count: fc.integer({ min: 1, max: 40 }) }),
  { minLength: 40, maxLength: 120 },
)

test('a map holds what was set and not deleted, in the order of insertion', () => {
  let made = 0
  fc.assert(
    fc.property(steps, (list) => {
      const map = new TransientMap<number, number>()
      const model = new Map<number, number>()
      for (const { sets, from, count } of list) {
        for (let key = from; key < from + count; key++) {
          const removed = sets ? [] : [map.delete(key), model.delete(key)]
          expect(removed[0]).toBe(removed[1])
          if (sets) {
            map.set(key, ++made)
            model.set(key, made)
          }
          expect(map.get(key)).toBe(model.get(key))
          expect(map.has(key)).toBe(model.has(key))
        }
        expect(map.size).toBe(model.size)
        expect([...map]).toEqual([...model])
        expect([...map.keys()]).toEqual([...model.keys()])
        expect([...map.values()]).toEqual([...model.values()])
      }
    }),
    LONG_RUNS,
  )
})

test('a set holds what was added and not deleted, in the order of insertion', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const set = new TransientSet<number>()
      const model = new Set<number>()
      for (const { sets, from, count } of list) {
        for (let item = from; item < from + count; item++) {
          const removed = sets ? [] : [set.delete(item), model.delete(item)]
          expect(removed[0]).toBe(removed[1])
          if (sets) {
            set.add(item)
            model.add(item)
          }
        }
        expect(set.size).toBe(model.size)
        expect([...set]).toEqual([...model])
      }
    }),
    LONG_RUNS,
  )
})
