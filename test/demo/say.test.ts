/** How the demo reports: a step is right only when all that it expects is there. */
import { expect, test } from 'vitest'
import { abridged, claimsOf, Report } from '../../examples/demo/say.js'
import { FakeIdp, RESOURCE } from '../support/idp.js'

function recorded(): { readonly report: Report; readonly lines: string[] } {
  const lines: string[] = []
  return { report: new Report((line) => lines.push(line)), lines }
}

const STEP = { title: 'It knocks', spec: 'RFC 9728', lines: ['→ POST', '← 401'] }

test('a step whose expectations hold is marked, numbered and counted', () => {
  const { report, lines } = recorded()
  report.step({ ...STEP, expect: { 'the status 401': true } })
  report.step({ ...STEP, expect: { 'the status 401': true } })
  expect(lines[0]).toBe('✓  1. It knocks  (RFC 9728)')
  expect(lines).toContain('✓  2. It knocks  (RFC 9728)')
  expect(report).toMatchObject({ steps: 2, failed: 0 })
})

test('one expectation that does not hold makes the step a failure, and is named', () => {
  const { report, lines } = recorded()
  report.step({ ...STEP, expect: { 'the status 401': true, 'a challenge': false } })
  expect(lines).toEqual([
    '✗  1. It knocks  (RFC 9728)',
    '      → POST',
    '      ← 401',
    '    ✗ expected: a challenge',
  ])
  expect(report).toMatchObject({ steps: 1, failed: 1 })
})

test('a step that expects nothing is a failure', () => {
  const { report } = recorded()
  report.step({ ...STEP, expect: {} })
  expect(report.failed).toBe(1)
})

test('what stops the walk is a failure', () => {
  const { report, lines } = recorded()
  report.failure('the walk stopped')
  expect(lines).toEqual(['✗ the walk stopped'])
  expect(report).toMatchObject({ steps: 0, failed: 1 })
})

test('a token is shown by its beginning and its claims, never whole', async () => {
  const idp = await FakeIdp.start()
  const token = await idp.token()
  expect(abridged(token)).toBe(`${token.slice(0, 12)}…(${token.length} characters)`)
  const claims = claimsOf(token)
  expect(claims).toContain(`aud=${RESOURCE}`)
  expect(claims).toContain('lives 300 s')
  expect(claims).not.toContain(token.slice(0, 20))
})
