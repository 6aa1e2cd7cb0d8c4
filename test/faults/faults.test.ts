/** `npm run faults` takes minutes; that its texts have not moved shows at once. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { ALL_FAULTS } from './all.js'

const root = resolve(import.meta.dirname, '../..')

test.each(ALL_FAULTS)('$id stands in its file exactly once', ({ file, find, replace, tests }) => {
  const source = readFileSync(join(root, 'src', file), 'utf8')
  expect(source.split(find)).toHaveLength(2)
  expect(replace).not.toBe(find)
  for (const each of tests) expect(existsSync(join(root, 'test', each)), each).toBe(true)
})

test('no two have one name', () => {
  expect(new Set(ALL_FAULTS.map(({ id }) => id)).size).toBe(ALL_FAULTS.length)
})
