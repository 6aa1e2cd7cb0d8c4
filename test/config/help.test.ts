/** `--help` names everything and fits. */
import { expect, test } from 'vitest'
import { helpText } from '../../src/cli/help.js'
import { flagOf } from '../../src/config/names.js'
import { SETTINGS } from '../../src/config/setting-lists.js'
import { SECTIONS } from '../../src/config/setting.js'

const lines = helpText().split('\n')

test('every setting is there once, with what it takes', () => {
  for (const { path, placeholder } of SETTINGS) {
    const usage = `  ${flagOf(path)} ${placeholder}`.trimEnd()
    const own = lines.filter((line) => line.startsWith(`${usage}  `))
    expect(own.map((line) => [usage, line])).toHaveLength(1)
  }
  const listed = lines.filter((line) => /^ {2}--\S+.* {2}\S/.test(line))
  expect(listed).toHaveLength(SETTINGS.length)
})

test('the sections, in order, and none is empty', () => {
  const headings = lines.filter((line) => /^[A-Z][\w, ]*:$/.test(line))
  expect(headings).toEqual([
    'Usage:',
    'Examples:',
    ...SECTIONS.map((section) => `${section}:`),
    'One name, three spellings:',
  ])
})

test('descriptions and defaults, whole although broken into lines', () => {
  const flat = lines.map((line) => line.trim()).join(' ')
  for (const { description, default: fallback } of SETTINGS) {
    expect(flat).toContain(description)
    expect(flat).toContain(fallback === undefined ? '' : `default: ${fallback})`)
  }
  expect(flat).toContain('(required unless a command follows --)')
  expect(flat).toContain('(repeatable; required with --auth oauth)')
})

test('what one must know beside them', () => {
  const text = helpText()
  for (const word of [
    '--upstream URL -- COMMAND',
    '--transport stdio -- COMMAND',
    'check [settings] [--json]',
    'MCP_GATEHOUSE_OAUTH_JWKS_MAX_AGE',
    'Several issuers',
    'PORT in the environment',
    'Exit codes: 0 ok; 1 failed while running; 2 usage or configuration',
  ]) {
    expect(text).toContain(word)
  }
})

test('it fits a terminal of 100 columns, and needs no trimming', () => {
  for (const line of lines) {
    expect(line.length).toBeLessThanOrEqual(100)
    expect(line.trimEnd()).toBe(line)
  }
})
