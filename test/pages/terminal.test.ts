/** What people see in a terminal: nothing is broken in the middle, and only known colours are used. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundledCli } from '../support/cli.js'
import { verifies } from '../support/verifies.js'
import { startHouse } from './house.js'
import { launch } from './screen.js'
import { inTerminal, plain, saveTerminal, tooLong } from './terminal.js'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

/** A character that a terminal acts on, other than a line break. */
const CONTROL = /[^\P{Cc}\n]/u

verifies('DOC-07', 'the doctor has colours on a terminal, and fits into 100 columns', async () => {
  const { url, secrets } = await startHouse()
  const shown = await inTerminal(`${process.execPath} ${bundledCli()} doctor ${url}`)
  await saveTerminal(browser, shown, 'terminal-doctor')
  expect(shown).toContain('\u001b[31merror')
  expect(plain(shown)).not.toMatch(CONTROL)
  expect(tooLong(shown)).toEqual([])
  expect(secrets.filter((secret) => shown.includes(secret))).toEqual([])
})

test('the demo has colours on a terminal, and fits into 100 columns', async () => {
  const shown = await inTerminal(`${process.execPath} --import tsx examples/demo/main.ts --once`)
  await saveTerminal(browser, shown, 'terminal-demo')
  expect(shown).toContain('\u001b[32m✓')
  expect(plain(shown)).toContain('steps did what they should')
  expect(plain(shown)).not.toMatch(CONTROL)
  expect(tooLong(shown)).toEqual([])
})
