/** Sizes, ports and pairs; durations and lists are in test/flags. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  environmentNameOf,
  flagOf,
  pathOfEnvironmentName,
  pathOfFlag,
} from '../../src/config/names.js'
import { AUTH_SETTINGS, SETTINGS } from '../../src/config/setting-lists.js'
import { formatSize, parsePort, parseSize, splitPair } from '../../src/config/values.js'

test.each(['', ' ', '-1', '1.5MiB', '4MB', '4mib', '4 MiB', 'MiB', '0x10', '1e3', '4M', '1TiB'])(
  '%j is no size',
  (text) => {
    expect(parseSize(text)).toBeUndefined()
  },
)

test.each([
  ['0', 0],
  ['1000', 1000],
  ['64KiB', 65_536],
  ['4MiB', 4_194_304],
  ['1GiB', 1_073_741_824],
])('%j is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each([
  [0, '0'],
  [1000, '1000'],
  [1024, '1KiB'],
  [1025, '1025'],
  [1536, '1536'],
  [4_194_304, '4MiB'],
  [1_073_741_824, '1GiB'],
])('%d bytes are written as %j', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})

test('a size that is written can be read', () => {
  const unit = fc.constantFrom(1, 2 ** 10, 2 ** 20, 2 ** 30)
  const bytes = fc.tuple(fc.integer({ min: 0, max: 999_999 }), unit).map(([n, each]) => n * each)
  fc.assert(
    fc.property(bytes, (value) => {
      expect(parseSize(formatSize(value))).toBe(value)
    }),
  )
})

test('whatever can be read as a size or port is one, and nothing throws', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseSize(text) ?? 0).toBeGreaterThanOrEqual(0)
      expect(parsePort(text) ?? 0).toBeLessThanOrEqual(65_535)
      const pair = splitPair(text)
      expect(pair?.join('=') ?? text).toBe(text)
    }),
  )
})

test('each setting has one flag and one environment name, and these have no other setting', () => {
  const paths = SETTINGS.map(({ path }) => path)
  expect(paths.map((path) => pathOfFlag(flagOf(path)))).toEqual(paths)
  expect(paths.map((path) => pathOfEnvironmentName(environmentNameOf(path)))).toEqual(paths)
  expect(new Set(paths.map(flagOf)).size).toBe(paths.length)
})

test('./flags has a part of the gateway’s settings, and they mean the same', () => {
  for (const { path, description, kind } of AUTH_SETTINGS) {
    expect(SETTINGS.find((each) => each.path === path)).toMatchObject({ description, kind })
  }
})
