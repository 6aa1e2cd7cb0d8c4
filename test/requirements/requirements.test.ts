/** Each requirement that is called tested is cited by a test, and nothing else is cited. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { transformSync } from 'esbuild'
import { expect, test } from 'vitest'
import { REQUIREMENTS } from './requirements.js'

const root = resolve(import.meta.dirname, '..')
const ID = /"([A-Z]{2,4}-\d+)"/g

/** What is written in a comment proves nothing. Printed anew, texts are in double quotes. */
function withoutComments(source: string): string {
  return transformSync(source, { loader: 'ts', minifyWhitespace: true, legalComments: 'none' }).code
}

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/^(?:requirements|faults)/.test(file))
  .map((file) => ({ file, source: withoutComments(readFileSync(join(root, file), 'utf8')) }))

/** In calls of `verifies`, in members of that name, and in tables of ids that are handed to it. */
function citations(source: string): string[] {
  const calls = source.matchAll(/verifies(?:\(|:)\s*(\[[^\]]*\]|"[^"]*")/g)
  const tables = source.matchAll(/\[((?:\s*"[A-Z]{2,4}-\d+",?)+)\s*\]/g)
  return [...calls, ...tables].flatMap(([, list = '']) =>
    [...list.matchAll(ID)].map(([, id = '']) => id),
  )
}

const cited = new Set(sources.flatMap(({ source }) => citations(source)))
const tested = Object.keys(REQUIREMENTS).filter((id) => REQUIREMENTS[id]?.status === 'tested')

test('a citation in a comment is none', () => {
  const source = [
    "// verifies('KEY-01', 'x', () => undefined)",
    "/* verifies(['KEY-02'], 'x', () => undefined) */",
    "const url = 'https://a.example' // ['KEY-03']",
    `verifies(['KEY-04', /* "KEY-05", */ 'KEY-06'], '// x', () => undefined)`,
  ].join('\n')
  expect(citations(withoutComments(source))).toEqual(['KEY-04', 'KEY-06', 'KEY-04', 'KEY-06'])
})

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
  const ids = Object.keys(REQUIREMENTS).filter((id) => !/^(?:CASE|ATK|FLD|DOC|IDN|WHO)-/.test(id))
  const expected = existsSync(reference)
    ? [...readFileSync(reference, 'utf8').matchAll(/^\| ([A-Z]{2,3}-\d\d) \|/gm)].map(
        ([, id = '']) => id,
      )
    : ids
  expect([...ids].sort()).toEqual([...expected].sort())
})
