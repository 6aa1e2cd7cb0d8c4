/** Which types a client reads, by what its `Accept` says. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acceptsType } from '../../src/gateway/stdio/accept.js'

const EVENTS = 'text/event-stream'

describe('a type', () => {
  test.each([
    [undefined, true],
    ['text/event-stream', true],
    ['application/json, text/event-stream', true],
    ['TEXT/Event-Stream', true],
    ['text/*', true],
    ['*/*', true],
    ['text/event-stream;q=0.001', true],
    ['text/event-stream ; charset=utf-8 ; Q=1', true],
    ['text/event-stream;q=0, text/event-stream', true],
    ['*/*;q=0, text/event-stream', true],
    ['text/*;q=0, text/event-stream', true],
    ['', false],
    ['application/json', false],
    ['application/*', false],
    ['*', false],
    ['text/event-stream-2', false],
    ['x-text/event-stream', false],
    ['application/json;profile="text/event-stream"', false],
    ['application/json;profile="a, text/event-stream"', false],
    ['application/json;profile="a\\", text/event-stream"', false],
    ['text/event-stream;q=0', false],
    ['text/event-stream;q=0.000', false],
    ['text/event-stream; Q = 0.0', false],
    ['text/event-stream;charset="a;b,c";q=0', false],
    ['*/*, text/event-stream;q=0', false],
    ['text/event-stream;q=0, */*', false],
    ['text/*;q=0, */*', false],
  ])('%j: %s', (field, isAccepted) => {
    expect(acceptsType(field, EVENTS)).toBe(isAccepted)
  })

  test('JSON alike', () => {
    expect(acceptsType('application/*', 'application/json')).toBe(true)
    expect(acceptsType('text/*', 'application/json')).toBe(false)
  })
})

const ranges = fc.constantFrom(EVENTS, 'text/*', '*/*', 'application/json', 'text/plain', 'audio/*')
const weights = fc.constantFrom(undefined, '0', '0.0', '0.000', '0.001', '0.5', '1', '1.000')
const blanks = fc.constantFrom('', ' ', '\t ')
const values = fc.constantFrom('x', '""', '"a, b;q=0"', String.raw`"\", text/event-stream;q=0, "`)
const elements = fc.record({
  range: ranges,
  weight: weights,
  parameter: fc.option(values, { nil: undefined }),
  isLoud: fc.boolean(),
  blank: blanks,
})
type Element = typeof elements extends fc.Arbitrary<infer Value> ? Value : never

function written({ range, weight, parameter, isLoud, blank }: Element): string {
  const parts = [isLoud ? range.toUpperCase() : range]
  if (parameter !== undefined) parts.push(`p=${parameter}`)
  if (weight !== undefined) parts.push(`${isLoud ? 'Q' : 'q'}=${weight}`)
  return parts.join(`${blank};${blank}`)
}

/** Section 12.5.1, word for word: the most specific range that fits has precedence. */
function expected(list: readonly Element[]): boolean {
  for (const wanted of [EVENTS, 'text/*', '*/*']) {
    const fitting = list.filter(({ range }) => range === wanted)
    if (fitting.length > 0) return fitting.some(({ weight = '1' }) => Number(weight) > 0)
  }
  return false
}

describe('any list', () => {
  test('is read as its grammar has it', () => {
    fc.assert(
      fc.property(fc.array(elements, { maxLength: 8 }), blanks, (list, blank) => {
        const field = list.map(written).join(`${blank},${blank}`)
        expect(acceptsType(field, EVENTS)).toBe(expected(list))
      }),
      { numRuns: 2_000 },
    )
  })

  test('of any text is read, and soon', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: fc.constantFrom('"', '\\', ',', ';', 'q=0', EVENTS, ' '), maxLength: 200 }),
    )
    fc.assert(
      fc.property(texts, (field) => {
        expect(typeof acceptsType(field, EVENTS)).toBe('boolean')
      }),
      { numRuns: 2_000 },
    )
    const startedAt = performance.now()
    for (const unit of ['"', '\\', '";', '"\\', ',', ';q=0', '"a'])
      acceptsType(unit.repeat(16_384), EVENTS)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })
})
