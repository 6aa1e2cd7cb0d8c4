/** The README, `docs` and the guides in `examples`: each command is run by a test, or says why it is not. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { allGuideBlocks, GUIDES, readGuide } from '../support/guides.js'

const TESTS = resolve(import.meta.dirname, '..')
const blocks = allGuideBlocks()

/** What tests take from the guides: `keycloak start`. */
const taken = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => readFileSync(join(TESTS, file), 'utf8'))
  .flatMap((source) => [...source.matchAll(/guideBlock\('([\w/-]+)', '([\w-]+)'\)/g)])
  .map(([, guide, name]) => `${guide} ${name}`)

test('each block of commands is marked: run by a test, or not and why', () => {
  const unmarked = blocks.filter(
    ({ mark, name }) => name === undefined && !/^<!-- not run here: \S.+ -->$/.test(mark),
  )
  expect(unmarked).toEqual([])
  expect(blocks.length).toBeGreaterThan(10)
})

test('each block that is marked as run is taken by a test, and none twice of one name', () => {
  const named = blocks.flatMap(({ guide, name }) =>
    name === undefined ? [] : [`${guide} ${name}`],
  )
  expect(named.filter((block) => !taken.includes(block))).toEqual([])
  expect(new Set(named).size).toBe(named.length)
})

test('no other fence hides commands', () => {
  for (const guide of GUIDES) {
    expect(readGuide(guide), guide).not.toMatch(
      /^```(?:bash|shell|console|zsh)?\n(?:\$ |npx |curl )/m,
    )
  }
})
