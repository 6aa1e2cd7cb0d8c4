/** The buckets of limits. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRate, readBurst, toLimit, type CheckedLimit } from '../../src/policy/limit.js'
import { Quotas } from '../../src/web/quotas.js'

function limit(rate: string, burst?: number): CheckedLimit {
  const parsed = parseRate(rate)
  if (parsed === undefined) throw new Error(rate)
  return toLimit(`rules.0.limit ${rate}`, { rate, ...(burst !== undefined && { burst }) }, parsed)
}

test.each<readonly [unknown, unknown]>([
  ['20/min', { uses: 20, time: 60_000 }],
  ['1/s', { uses: 1, time: 1000 }],
  ['999999/d', { uses: 999_999, time: 86_400_000 }],
  ...['0/min', '01/min', '20', '20/m', '20/min ', '-1/s', '1.5/s', '1000000/h', '', 20, null].map(
    (text) => [text, undefined] as const,
  ),
])('%j is %j', (text, rate) => {
  expect(parseRate(text)).toEqual(rate)
})

test.each<readonly [unknown, unknown]>([
  [5, 5],
  ['5', 5],
  [1_000_000, 1_000_000],
  ...[0, -1, 1.5, '', '0', '1e3', ' 5', 1_000_001, null].map(
    (value) => [value, undefined] as const,
  ),
])('a burst of %j is %j', (value, burst) => {
  expect(readBurst(value)).toBe(burst)
})

describe('buckets', () => {
  test('fill again with time, and never above the burst', () => {
    let now = 0
    const quotas = new Quotas(() => now)
    const use = [{ limit: limit('60/min', 2), key: 'a' }]
    expect([quotas.take(use), quotas.take(use)]).toEqual([undefined, undefined])
    expect(quotas.take(use)).toMatchObject({ retryAfter: 1, isFirst: true })
    now = 999
    expect(quotas.take(use)).toMatchObject({ retryAfter: 1, isFirst: false })
    now = 1000
    expect(quotas.take(use)).toBeUndefined()
    expect(quotas.take(use)).toMatchObject({ isFirst: true })
    now = 1e9
    expect([quotas.take(use), quotas.take(use)]).toEqual([undefined, undefined])
    expect(quotas.take(use)).toBeDefined()
  })

  test('a clock that is set back gives nothing', () => {
    let now = 1e7
    const quotas = new Quotas(() => now)
    const use = [{ limit: limit('1/h'), key: 'a' }]
    quotas.take(use)
    now = 0
    expect(quotas.take(use)).toBeDefined()
    now = 3_600_000
    expect(quotas.take(use)).toBeUndefined()
  })

  test('when there are too many, the new share one, and nobody loses theirs', () => {
    let now = 0
    const quotas = new Quotas(() => now, 3)
    const hourly = limit('1/h')
    const take = (key: string) => quotas.take([{ limit: hourly, key }]) === undefined
    expect(['a', 'b', 'c'].map(take)).toEqual([true, true, true])
    // One for all that come later.
    expect(['d', 'e', 'f'].map(take)).toEqual([true, false, false])
    expect(['a', 'b', 'c'].map(take)).toEqual([false, false, false])
    now = 3_600_000
    // The first three are idle, so there is room again.
    expect(['e', 'f', 'a'].map(take)).toEqual([true, true, true])
  })

  test('over any time no more uses than the burst and what the rate gives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (pauses, burst) => {
          let now = 0
          let taken = 0
          const quotas = new Quotas(() => now)
          for (const pause of pauses) {
            now += pause
            if (quotas.take([{ limit: limit('60/min', burst), key: 'a' }]) === undefined) taken++
          }
          expect(taken).toBeLessThanOrEqual(burst + now / 1000)
        },
      ),
    )
  })

  test('all or nothing', () => {
    const quotas = new Quotas(() => 0)
    const [wide, narrow] = [limit('5/h'), limit('1/h')]
    const both = [
      { limit: wide, key: 'a' },
      { limit: narrow, key: 'a' },
    ]
    expect(quotas.take([...both, ...both])).toMatchObject({ limit: narrow })
    expect(quotas.take(both)).toBeUndefined()
    expect(quotas.take(both)).toMatchObject({ limit: narrow })
    const rest = Array.from({ length: 4 }, () => ({ limit: wide, key: 'a' }))
    expect(quotas.take(rest)).toBeUndefined()
    expect(quotas.take([{ limit: wide, key: 'a' }])).toMatchObject({ limit: wide })
  })
})
