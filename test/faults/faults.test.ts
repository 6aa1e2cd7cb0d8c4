/** `npm run faults` takes minutes; that its texts still stand where they can be broken shows at once. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { ALL_FAULTS } from './all.js'
import { placesOf } from './place.js'

const root = resolve(import.meta.dirname, '../..')

test.each(ALL_FAULTS)('$id stands in the source exactly once', (fault) => {
  expect(placesOf(fault)).toHaveLength(1)
  expect(fault.replace).not.toBe(fault.find)
  for (const each of fault.tests) expect(existsSync(join(root, 'test', each)), each).toBe(true)
})

test('a fault names a file only where its text stands in others too', () => {
  const needless = ALL_FAULTS.filter(
    ({ file, ...anywhere }) => file !== undefined && placesOf(anywhere).length === 1,
  )
  expect(needless.map(({ id }) => id)).toEqual([])
})

test('no two have one name', () => {
  expect(new Set(ALL_FAULTS.map(({ id }) => id)).size).toBe(ALL_FAULTS.length)
})
