/** How the demo reports: a step is right only when all that it expects is there. */
import { expect, test } from 'vitest'
import { abridged, claimsOf, fold, Report, styleOf } from '../../examples/demo/say.js'
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

test.each([
  ['a short line', 40, ['a short line']],
  ['      ← one two three four', 20, ['      ← one two', '        three four']],
  [
    '  https://mcp.example.com/a/long/address x',
    20,
    ['  https://mcp.example.com/a/long/address', '    x'],
  ],
  ['one  two', 5, ['one', '  two']],
  ['', 40, ['']],
])('%j in %i columns', (line, width, lines) => {
  expect(fold(line, width)).toEqual(lines)
})

test.each([
  ['a file', {}, {}, Infinity, false],
  ['a terminal', { isTTY: true, columns: 100 }, {}, 100, true],
  ['a terminal of unknown width', { isTTY: true }, {}, 80, true],
  ['a very narrow terminal', { isTTY: true, columns: 10 }, {}, 40, true],
  ['a terminal with NO_COLOR', { isTTY: true, columns: 100 }, { NO_COLOR: '1' }, 100, false],
  ['an empty NO_COLOR', { isTTY: true, columns: 100 }, { NO_COLOR: '' }, 100, true],
  ['a dumb terminal', { isTTY: true, columns: 100 }, { TERM: 'dumb' }, 100, false],
])('on %s', (_name, stream, env, width, isColoured) => {
  expect(styleOf(stream, env)).toEqual({ width, isColoured })
})

test('colour surrounds whole lines, and only where there is colour', () => {
  const lines: string[] = []
  const report = new Report((line) => lines.push(line), { width: 24, isColoured: true })
  report.step({ ...STEP, expect: { 'the status 401': true } })
  expect(lines).toEqual([
    '\u001b[32m✓  1. It knocks  (RFC\u001b[0m',
    '\u001b[32m  9728)\u001b[0m',
    '      → POST',
    '      ← 401',
  ])
})
