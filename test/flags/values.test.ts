import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, parseDuration, splitList, splitWords } from '../../src/config/values.js'

test.each([
  '',
  ' ',
  's',
  '-1',
  '-1s',
  '1.5',
  '1,5s',
  '30 s',
  '30S',
  '1d',
  '1e3',
  'ten',
  '0x10',
  '30s ',
])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})

test.each([
  ['500ms', 0.5],
  ['30s', 30],
  ['30', 30],
  ['0', 0],
  ['10m', 600],
  ['24h', 86_400],
])('%j is %d seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds)
})

test.each([
  [0, '0s'],
  [0.5, '500ms'],
  [90, '90s'],
  [600, '10m'],
  [86_400, '24h'],
])('%d seconds are written as %j', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text)
})

test('what is written can be read, to the millisecond', () => {
  const seconds = fc
    .integer({ min: 0, max: 999_999_999 })
    .map((milliseconds) => milliseconds / 1000)
  fc.assert(
    fc.property(seconds, (value) => {
      expect(parseDuration(formatDuration(value))).toBe(value)
    }),
  )
})

test('a list has blanks or commas between, words only blanks', () => {
  expect(splitList(' a,b  c ,\n d,')).toEqual(['a', 'b', 'c', 'd'])
  expect(splitList(' , ')).toEqual([])
  expect(splitWords(' a,b  c ')).toEqual(['a,b', 'c'])
})
