/** The bounded memory against a model that is obviously right. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Cache } from '../../src/base/cache.js'

/** A list of keys and values, the least recently used first. */
class Model {
  entries: (readonly [string, object])[] = []
  readonly max: number

  constructor(max: number) {
    this.max = max
  }

  get(key: string): object | undefined {
    const found = this.entries.find(([name]) => name === key)
    if (found !== undefined) this.put(key, found[1])
    return found?.[1]
  }

  put(key: string, value: object): void {
    this.entries = [...this.entries.filter(([name]) => name !== key), [key, value] as const].slice(
      -this.max,
    )
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', '__proto__', '')
const steps = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('get' as const), key),
    fc.tuple(fc.constant('set' as const), key),
    fc.tuple(fc.constant('delete' as const), key),
    fc.tuple(fc.constantFrom('clear' as const, 'get' as const), key),
  ),
  { maxLength: 200 },
)

/** Bytes that are in use now, garbage collected. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}

/** How much more is in use after many uses of `count` values. */
function growth(cache: Cache<object>, count: number): number {
  const before = bytesInUse()
  for (let i = 0; i < 1_000_000; i++) {
    if (i % 2 === 0) cache.get(String(i % count))
    else cache.set(String(i % count), {})
  }
  return bytesInUse() - before
}

describe('the bounded memory', () => {
  test('keeps the most recently used, as a model of it does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), steps, (max, all) => {
        const cache = new Cache<object>(max)
        const model = new Model(max)
        for (const [step, name] of all) {
          const value = {}
          const found = step === 'get' ? [cache.get(name), model.get(name)] : []
          expect(found[0]).toBe(found[1])
          if (step === 'set') {
            cache.set(name, value)
            model.put(name, value)
          }
          if (step === 'delete') {
            cache.delete(name)
            model.entries = model.entries.filter(([each]) => each !== name)
          }
          if (step === 'clear') {
            cache.clear()
            model.entries = []
          }
          expect(cache.size).toBe(model.entries.length)
        }
        for (const [name, value] of [...model.entries]) expect(cache.get(name)).toBe(value)
      }),
      { numRuns: 500 },
    )
  })

  test('keeps what is used, although a memory with room keeps no order of use', () => {
    const cache = new Cache<object>(200)
    for (let i = 0; i < 1_000; i++) {
      cache.set(String(i), {})
      // Every value is used while there is room; afterwards only one of them is.
      if (i < 90) for (let j = 0; j <= i; j++) cache.get(String(j))
      cache.get('7')
    }
    expect(cache.size).toBe(200)
    expect(cache.get('7')).toBeDefined()
    expect(cache.get('8')).toBeUndefined()
    expect(cache.get('801')).toBeDefined()
  })

  test('forgets one value for one, also after many', () => {
    const cache = new Cache<object>(1_000)
    for (let i = 0; i < 100_000; i++) {
      cache.set(String(i), {})
      if (i % 3 === 0) cache.get(String(i - 500))
    }
    expect(cache.size).toBe(1_000)
    expect(cache.get('99999')).toBeDefined()
    expect(cache.get('0')).toBeUndefined()
  })

  // A million uses that left anything behind would show as tens of megabytes.
  test.each([1, 10, 100, 1_000])('uses of %i values leave nothing behind', (count) => {
    expect(growth(new Cache<object>(1_000), count)).toBeLessThan(4 * 2 ** 20)
  })

  // The walk that found the oldest one rests: it must not hold the tables that are left since then.
  test.each([10, 100, 1_000])('nor when %i values are full and one was forgotten', (count) => {
    const cache = new Cache<object>(count)
    for (let i = -1; i < count; i++) cache.set(String(i), {})
    expect(cache.get('-1')).toBeUndefined()
    expect(growth(cache, count)).toBeLessThan(4 * 2 ** 20)
  })
})
