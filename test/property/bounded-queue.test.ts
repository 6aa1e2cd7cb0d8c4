/** What waits is bounded by what it costs, and dropping the oldest moves nothing. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BoundedQueue, costOf, ENTRY } from '../../src/gateway/stdio/bounded-queue.js'
import { verifies } from '../support/verifies.js'

const costs = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 80 })

test('it keeps and drops what a plain list would', () => {
  const least = fc.integer({ min: 0, max: 2 })
  fc.assert(
    fc.property(costs, fc.integer({ min: 1, max: 200 }), least, (pushed, limit, kept) => {
      const dropped: number[] = []
      const expectedDropped: number[] = []
      const queue = new BoundedQueue<number>(limit, kept, (item) => dropped.push(item))
      const plain: number[] = []
      for (const [index, cost] of pushed.entries()) {
        queue.push(index, cost)
        plain.push(index)
        const sum = () => plain.reduce((total, item) => total + (pushed[item] ?? 0), 0)
        while (sum() > limit && plain.length > kept) expectedDropped.push(plain.shift() as number)
        expect(queue.values()).toEqual(plain)
        expect(queue.length).toBe(plain.length)
      }
      expect(dropped).toEqual(expectedDropped)
      expect(queue.takeAll()).toEqual(plain)
      expect(queue.length).toBe(0)
    }),
  )
})

/** How many elements of lists are moved or copied while `work` runs. */
function movedBy(work: () => void): number {
  let moved = 0
  const { shift, slice, splice } = Array.prototype
  const counting = (real: (this: unknown[], ...args: never[]) => unknown) =>
    function count(this: unknown[], ...args: never[]): unknown {
      moved += this.length
      return real.apply(this, args)
    }
  Object.assign(Array.prototype, {
    shift: counting(shift),
    slice: counting(slice),
    splice: counting(splice),
  })
  try {
    work()
  } finally {
    Object.assign(Array.prototype, { shift, slice, splice })
  }
  return moved
}

verifies('ATK-07', 'a full queue that takes 50,000 more moves each entry twice at most', () => {
  const moved = movedBy(() => {
    const queue = new BoundedQueue<number>(1_000_000, 0, () => undefined)
    for (let item = 0; item < 50_000; item++) queue.push(item, 100)
  })
  expect(moved).toBeGreaterThan(0)
  expect(moved).toBeLessThan(100_000)
})

verifies('ATK-07', 'small entries cost what they take, not what they are long', () => {
  const line = Buffer.from('{}')
  const queue = new BoundedQueue<Buffer>(ENTRY * 100, 0, () => undefined)
  for (let item = 0; item < 1_000; item++) queue.push(line, costOf(line))
  expect(queue.length).toBe(99)
})
