/**
 * The failures that people meet with MCP and OAuth: each is made here, a command names it with the setting to change, and
 * says nothing of it where it is not. `FAILURES_TABLE=1` prints them as a table.
 */
import { afterAll, describe, expect } from 'vitest'
import { verifies } from '../support/verifies.js'
import { CATALOGUE, UNSEEN, type Failure } from './failure.js'
import { OF_THE_LOGIN } from './rows/login.js'
import { MISTAKES } from './rows/mistakes.js'
import { OF_THE_NETWORK } from './rows/network.js'
import { OF_REGISTRATION } from './rows/registration.js'
import { OF_THE_RESOURCE } from './rows/resource.js'
import { OF_THE_SERVER } from './rows/server.js'
import { OF_TOKENS } from './rows/tokens.js'

const FAILURES: readonly Failure[] = [
  ...OF_THE_RESOURCE,
  ...OF_THE_SERVER,
  ...OF_REGISTRATION,
  ...OF_THE_LOGIN,
  ...OF_TOKENS,
  ...OF_THE_NETWORK,
  ...MISTAKES,
]

/** What the command said of each. */
const said = new Map<Failure, string>()

describe('a failure is named with the setting to change, and only where it is', () => {
  for (const failure of FAILURES) {
    const { number, name, made, command, finding, advice, run } = failure
    verifies('DOC-11', `${number}: ${name}: ${made}: ${command}, ${finding}`, async () => {
      const broken = await run(true)
      const found = broken.filter((each) => each.finding === finding).map(({ text }) => text)
      expect(found.length, broken.map((each) => each.finding).join(' ')).toBeGreaterThan(0)
      expect(found.join('\n')).toMatch(advice)
      said.set(failure, found[0] ?? '')
      const right = await run(false)
      expect(right.map((each) => each.finding)).not.toContain(finding)
    })
  }
})

verifies('DOC-11', 'of the catalogue at most three are seen by nobody', () => {
  const seen = new Set(FAILURES.map(({ number }) => number))
  const all = Array.from({ length: CATALOGUE }, (_, index) => index + 1)
  const missing = all.filter((number) => !seen.has(number))
  expect(missing).toEqual(UNSEEN.map(({ number }) => number))
  expect(missing.length).toBeLessThanOrEqual(3)
})

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
}

afterAll(() => {
  if (process.env['FAILURES_TABLE'] !== '1') return
  const place = ({ number }: { readonly number: number | 'mistake' }) =>
    number === 'mistake' ? CATALOGUE + 1 : number
  const seen = FAILURES.map((each) => ({
    number: each.number,
    cells: [
      ...[each.number, each.name, each.made, `\`${each.command}\``, `\`${each.finding}\``],
      said.get(each) ?? 'not run',
    ],
  }))
  const unseen = UNSEEN.map(({ number, name, why }) => ({
    number,
    cells: [number, name, 'not made', 'nobody', '', why],
  }))
  const rows = [...seen, ...unseen].sort((one, other) => place(one) - place(other))
  const head = ['number', 'failure', 'made by', 'found by', 'finding', 'what it says']
  const lines = [head, head.map(() => '---'), ...rows.map(({ cells }) => cells)].map(row)
  process.stdout.write(`${lines.join('\n')}\n`)
})
