/** No file of the source leads back to itself, not even by a type: each can be read after those that it imports. */
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

test('the source has no circle', () => {
  const files = readdirSync(SOURCE, { encoding: 'utf8', recursive: true }).filter((file) =>
    file.endsWith('.ts'),
  )
  const graph = new Map(
    files.map((file) => [file, importsOf(file, readFileSync(join(SOURCE, file), 'utf8'))]),
  )
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
