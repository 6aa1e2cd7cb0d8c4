/** Patterns for values of claims. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { claimAt } from '../../src/token/claim-shapes.js'
import { fitsAnything, fitsPattern } from '../../src/token/claim-pattern.js'

test.each([
  ['repo:acme/*', 'repo:acme/app', true],
  ['repo:acme/*', 'repo:acme/', true],
  ['repo:acme/*', 'repo:acme-evil/app', false],
  ['repo:acme/*', 'repo:acme/app:ref:refs/heads/main', false],
  ['repo:acme/*:ref:refs/heads/main', 'repo:acme/app:ref:refs/heads/main', true],
  ['repo:acme/*:ref:refs/heads/main', 'repo:acme/app:ref:refs/heads/main2', false],
  ['repo:acme/*:ref:refs/heads/*', 'repo:acme/app:ref:refs/heads/a/b', false],
  ['a*c*', 'abcd', true],
  ['a*c*', 'abd', false],
  ['a***', 'a', true],
  ['a***b', 'a', false],
  ['', '', true],
  ['', 'a', false],
  ['a.c', 'abc', false],
])('%s and %s: %s', (pattern, value, fits) => {
  expect(fitsPattern(pattern, value)).toBe(fits)
})

/** The same as a regular expression, whose time nobody bounds. */
function slowly(pattern: string, value: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.?+^$[\]\\(){}|]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^/:]*')}$`, 's').test(value)
}

test('any pattern and any value agree with a regular expression', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '/', ':', '.'), maxLength: 12 })
  fc.assert(
    fc.property(text, text, (pattern, value) => {
      expect(fitsPattern(pattern, value)).toBe(slowly(pattern, value))
    }),
    { numRuns: 3000 },
  )
})

test('many stars take no time without end, as they do in a regular expression', () => {
  expect(fitsPattern(`${'a*'.repeat(30)}b`, 'a'.repeat(5000))).toBe(false)
})

test.each([
  ['*', true],
  ['*/*:*', true],
  ['**', true],
  ['/', false],
  ['a*', false],
  ['', false],
])('%s says nothing: %s', (pattern, isEmpty) => {
  expect(fitsAnything(pattern)).toBe(isEmpty)
})

test('a path goes through names with dots', () => {
  const claims = { 'kubernetes.io': { namespace: 'ci', 'a.b': { c: 1 } }, kubernetes: { io: 7 } }
  expect(claimAt(claims, 'kubernetes.io.namespace')).toBe('ci')
  expect(claimAt(claims, 'kubernetes.io.a.b.c')).toBe(1)
  expect(claimAt(claims, 'kubernetes.io.b.c')).toBeUndefined()
  expect(claimAt({ kubernetes: { io: { namespace: 'x' } } }, 'kubernetes.io.namespace')).toBe('x')
  expect(claimAt(claims, 'kubernetes.io.toString')).toBeUndefined()
})
