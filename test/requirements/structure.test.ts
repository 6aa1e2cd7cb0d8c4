/**
 * The layout of CONTRIBUTING.md holds: imports point down its list, and no file leads back to itself, not even by a type. So
 * each file can be read after those that it imports.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const SOURCE = resolve(import.meta.dirname, '../../src')

/** What a file imports by a relative path. Late imports are no part of it: they run later. */
function importsOf(file: string, text: string): readonly string[] {
  const named = text.matchAll(/^(?:import|export)\b[^'";]*from '(\.[^']+)\.js'/gm)
  return [...named].map(([, path = '']) => join(dirname(file), `${path}.ts`))
}

/** The first way from a file back to itself. */
function findCircle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>()
  function walk(file: string, way: readonly string[]): readonly string[] | undefined {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const next of graph.get(file) ?? []) {
      const circle = walk(next, [...way, file])
      if (circle !== undefined) return circle
    }
    done.add(file)
    return undefined
  }
  for (const file of graph.keys()) {
    const circle = walk(file, [])
    if (circle !== undefined) return circle
  }
  return undefined
}

function graphOfSource(): ReadonlyMap<string, readonly string[]> {
  const files = readdirSync(SOURCE, { encoding: 'utf8', recursive: true }).filter((file) =>
    file.endsWith('.ts'),
  )
  return new Map(
    files.map((file) => [file, importsOf(file, readFileSync(join(SOURCE, file), 'utf8'))]),
  )
}

/** The folders in the order of CONTRIBUTING.md; several in one line have the same level. */
function levelsOfFolders(): ReadonlyMap<string, number> {
  const text = readFileSync(resolve(SOURCE, '../CONTRIBUTING.md'), 'utf8')
  const [, list = ''] = /## Folders[^`]*`[^`]*`[^`]*```\n([^`]*)```/.exec(text) ?? []
  const levels = new Map<string, number>()
  for (const [level, line] of list.split('\n').entries()) {
    const isInner = line.startsWith('  ')
    for (const [, name = ''] of line.matchAll(/(?:^| {1,2})([a-z]+)\/(?= |$)/g)) {
      levels.set(isInner ? `gateway/${name}` : name, level)
    }
  }
  return levels
}

/** Words that all share stand beside the toolbox; entries stand above all. */
function levelOf(file: string, levels: ReadonlyMap<string, number>): number | undefined {
  const folder = dirname(file)
  if (folder === '.') return /^(?:errors|events|types)\.ts$/.test(file) ? levels.get('base') : -1
  const [first = '', second = ''] = folder.split('/')
  return levels.get(`${first}/${second}`) ?? levels.get(first)
}

function pointsUp(from: string, to: string, levels: ReadonlyMap<string, number>): boolean {
  // Files directly in `gateway` stand beside its folders.
  const isBeside = [from, to].some((file) => dirname(file) === 'gateway')
  if (isBeside && from.startsWith('gateway/') && to.startsWith('gateway/')) return false
  const [above, below] = [levelOf(from, levels), levelOf(to, levels)]
  return above === undefined || below === undefined || below < above
}

test('the list of folders has all of them', () => {
  expect([...levelsOfFolders().keys()]).toEqual(
    expect.arrayContaining(['cli', 'gateway/request', 'node', 'hono', 'web', 'base']),
  )
})

test('imports point down the list of folders', () => {
  const levels = levelsOfFolders()
  const wrong = [...graphOfSource()].flatMap(([file, imported]) =>
    imported.filter((each) => pointsUp(file, each, levels)).map((each) => `${file} → ${each}`),
  )
  expect(wrong).toEqual([])
})

test.each([
  ['rs/a.ts', 'web/a.ts', true],
  ['web/a.ts', 'node/a.ts', true],
  ['node/a.ts', 'gateway/a.ts', true],
  ['gateway/request/a.ts', 'gateway/http/a.ts', true],
  ['base/a.ts', 'hono.ts', true],
  ['unknown/a.ts', 'base/a.ts', true],
  ['gateway/a.ts', 'gateway/stdio/a.ts', false],
  ['gateway/stdio/a.ts', 'gateway/request/a.ts', false],
  ['base/a.ts', 'errors.ts', false],
  ['hono.ts', 'hono/a.ts', false],
])('%s → %s points up: %s', (from, to, expected) => {
  expect(pointsUp(from, to, levelsOfFolders())).toBe(expected)
})

test('the source has no circle', () => {
  const graph = graphOfSource()
  expect(graph.size).toBeGreaterThan(200)
  const missing = [...graph.values()].flat().filter((file) => !graph.has(file))
  expect(missing).toEqual([])
  expect(findCircle(graph)).toBeUndefined()
})

test('a circle would be found', () => {
  const graph = new Map([
    ['a.ts', importsOf('a.ts', "import type { B } from './b.js'\n")],
    ['b.ts', importsOf('b.ts', "import {\n  c,\n} from './c.js'\n")],
    ['c.ts', importsOf('c.ts', "export * from './b.js'\n")],
  ])
  expect(findCircle(graph)).toEqual(['b.ts', 'c.ts', 'b.ts'])
})
