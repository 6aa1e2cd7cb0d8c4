/** Each expectation of a test runs: it is under no condition, and after no return that is under one. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parseAst } from 'vitest/node'

interface Node {
  readonly type: string
  readonly start: number
  readonly [member: string]: unknown
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value
}

function childrenOf(node: Node): readonly (readonly [string, Node])[] {
  return Object.entries(node).flatMap(([name, value]) =>
    [value]
      .flat()
      .filter(isNode)
      .map((child) => [name, child] as const),
  )
}

/** The members of a node that are evaluated under a condition only. */
const CONDITIONAL: Readonly<Record<string, readonly string[]>> = {
  IfStatement: ['consequent', 'alternate'],
  ConditionalExpression: ['consequent', 'alternate'],
  LogicalExpression: ['right'],
  SwitchCase: ['consequent'],
  CatchClause: ['body'],
}

const FUNCTIONS = new Set(['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration'])
/** The calls whose functions are tests. */
const TESTS = new Set(['verifies', 'test', 'it'])

/** `test` of `test.each(rows)(name, body)`. */
function rootName(node: unknown): unknown {
  if (!isNode(node)) return undefined
  if (node.type === 'Identifier') return node['name']
  return rootName(node['callee'] ?? node['object'] ?? node['tag'])
}

function isExpectation({ type, callee }: Node): boolean {
  if (type !== 'CallExpression' || !isNode(callee)) return false
  return callee.type === 'Identifier' && callee['name'] === 'expect'
}

/** Whether it may leave the statements that follow it out, and the test is passed all the same. */
function mayLeave(node: Node): boolean {
  if (FUNCTIONS.has(node.type)) return false
  if (/^(?:Return|Continue|Break)Statement$/.test(node.type)) return true
  return childrenOf(node).some(([, child]) => mayLeave(child))
}

/** The places of expectations that may not run. */
function unsure(node: Node, isInTest = false, isSure = true): readonly number[] {
  const own = isInTest && !isSure && isExpectation(node) ? [node.start] : []
  const isTest = node.type === 'CallExpression' && TESTS.has(String(rootName(node['callee'])))
  let isReached = isSure
  return own.concat(
    ...childrenOf(node).map(([name, child]) => {
      const isBody = isTest && name === 'arguments' && FUNCTIONS.has(child.type)
      if (isBody) return unsure(child, true)
      const isChildSure = isReached && CONDITIONAL[node.type]?.includes(name) !== true
      if (child.type === 'IfStatement' && mayLeave(child)) isReached = false
      return unsure(child, isInTest, isChildSure)
    }),
  )
}

/** Their lines. */
function unsureLines(source: string): readonly number[] {
  const program = parseAst(source, { lang: 'ts' }) as unknown as Node
  return unsure(program).map((start) => source.slice(0, start).split('\n').length)
}

test.each([
  'if (a) expect(1).toBe(1)',
  'if (!a) b(); else expect(1).toBe(1)',
  'try { a() } catch (error) { expect(error).toBe(1) }',
  'a ? expect(1).toBe(1) : b()',
  'a && expect(1).toBe(1)',
  'a ?? expect(1).toBe(1)',
  'switch (a) { case 1: expect(1).toBe(1) }',
  'if (a) return; expect(1).toBe(1)',
  'for (const each of a) { if (each) continue; expect(1).toBe(1) }',
  'a.forEach((each) => { if (each) expect(each).toBe(1) })',
])('is noticed: %s', (statement) => {
  for (const call of [
    `verifies('KEY-01', 'x', () => { ${statement} })`,
    `test('x', async function () { ${statement} })`,
    `test.each([1])('x', (a) => { ${statement} })`,
    `describe('y', () => { for (const a of b) verifies('KEY-01', 'x', () => { ${statement} }) })`,
  ]) {
    expect(unsureLines(`\n${call}`)).toEqual([2])
  }
})

test.each([
  'expect(a ? 1 : 2).toBe(1)',
  'expect(a && b).toBe(1)',
  'if (a === undefined) throw new Error(); expect(1).toBe(1)',
  'for (const each of a) expect(each).toBe(1)',
  'try { expect(1).toBe(1) } finally { a() }',
  'const f = () => { if (a) return 1; return 2 }; expect(f()).toBe(1)',
  'expect(a).toEqual(a ? expect.any(String) : undefined)',
])('is no matter: %s', (statement) => {
  expect(unsureLines(`test('x', () => { ${statement} })`)).toEqual([])
  expect(unsureLines(`if (a) test('x', () => { ${statement} })`)).toEqual([])
})

test('every expectation of every test runs', () => {
  const root = resolve(import.meta.dirname, '..')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.test.ts'),
  )
  const found = files.flatMap((file) =>
    unsureLines(readFileSync(join(root, file), 'utf8')).map((line) => `test/${file}:${line}`),
  )
  expect(found).toEqual([])
  expect(files.length).toBeGreaterThan(100)
})
