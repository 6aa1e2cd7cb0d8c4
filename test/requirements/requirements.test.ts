/** Each requirement that is called tested is cited by a test, and nothing else is cited. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { REQUIREMENTS } from './requirements.js'

const root = resolve(import.meta.dirname, '..')
const ID = /'([A-Z]{2,4}-\d+)'/g

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(
    (file) => file.endsWith('.ts') && !/^(?:requirements|faults|docs\/\.generated)/.test(file),
  )
  .map((file) => ({ file, source: readFileSync(join(root, file), 'utf8') }))

/** In calls of `verifies`, in members of that name, and in tables of ids that are handed to it. */
function citations(source: string): string[] {
  const calls = source.matchAll(/verifies(?:\(|:)\s*(\[[^\]]*\]|'[^']*')/g)
  const tables = source.matchAll(/\[((?:\s*'[A-Z]{2,4}-\d+',?)+)\s*\]/g)
  return [...calls, ...tables].flatMap(([, list = '']) =>
    [...list.matchAll(ID)].map(([, id = '']) => id),
  )
}

const cited = new Set(sources.flatMap(({ source }) => citations(source)))
const tested = Object.keys(REQUIREMENTS).filter((id) => REQUIREMENTS[id]?.status === 'tested')

test('every id that is called tested is cited', () => {
  expect(tested.filter((id) => !cited.has(id))).toEqual([])
  expect(tested.length).toBeGreaterThan(90)
})

test('every cited id is known, and called tested', () => {
  expect([...cited].filter((id) => !tested.includes(id))).toEqual([])
})

test('no test is skipped, focused or postponed', () => {
  const tricks = /\b(?:test|describe|verifies|it)\.(?:skip|only|todo|fails|skipIf|runIf)\b/
  const found = sources.filter(({ source }) => tricks.test(source)).map(({ file }) => file)
  expect(found.filter((file) => !file.startsWith('requirements'))).toEqual([])
})

test('the manifest has the ids of the reference, where that is at hand, and each once', () => {
  const reference = resolve(root, '../../shared/reference/requirements.md')
  const ids = Object.keys(REQUIREMENTS).filter((id) => !id.startsWith('CASE-'))
  const expected = existsSync(reference)
    ? [...readFileSync(reference, 'utf8').matchAll(/^\| ([A-Z]{2,3}-\d\d) \|/gm)].map(
        ([, id = '']) => id,
      )
    : ids
  expect([...ids].sort()).toEqual([...expected].sort())
})
