import { expect, test } from 'vitest'
import { authFlagsHelp } from 'mcp-gatehouse/flags'
import { flagOf } from '../../src/config/names.js'
import { AUTH_SETTINGS as SETTINGS } from '../../src/config/setting-lists.js'

const lines = authFlagsHelp().split('\n')
/** Without the breaks within a setting. */
const unbroken = (help: string) => help.replaceAll(/\n {20,}/g, ' ').split('\n')

test('every setting is there once, with its default', () => {
  for (const setting of SETTINGS) {
    const own = unbroken(authFlagsHelp()).filter((line) =>
      line.startsWith(`  ${flagOf(setting.path)} `),
    )
    expect(own).toHaveLength(1)
    expect(own[0]).toContain(setting.placeholder)
    expect(own[0]).toContain(setting.description)
    const shown = setting.required === true ? 'required with --auth oauth' : 'default: '
    expect(own[0]).toContain(shown + (setting.default ?? ''))
  }
})

test('it tells how values and names are spelled', () => {
  const text = unbroken(authFlagsHelp()).join('\n')
  expect(text).toContain('--auth none|oauth ')
  expect(text).toContain('(default: none)')
  expect(text).toMatch(/--oauth-clock-tolerance TIME .*at most 5m \(default: 30s\)/)
  expect(text).toMatch(/--oauth-jwks-max-age TIME .*\(default: 10m\)/)
  expect(text).toMatch(/--oauth-jwks-stale-for TIME .*\(default: 24h\)/)
  expect(text).toMatch(/--oauth-wait TIME .*\(default: 3s\)/)
  expect(text).toMatch(/--oauth-issuer URL .*\(repeatable; required with --auth oauth\)/)
  expect(text).toContain('MCP_GATEHOUSE_')
})

test('it fits a terminal of 100 columns, and needs no trimming', () => {
  for (const line of lines) {
    expect(line.length).toBeLessThanOrEqual(100)
    expect(line.trimEnd()).toBe(line)
  }
})

test("the server's own resource is shown as the default", () => {
  const help = unbroken(authFlagsHelp({ resource: 'http://localhost:3000/mcp' })).join('\n')
  expect(help).toMatch(/--resource URL .*\(default: http:\/\/localhost:3000\/mcp\)/)
  expect(authFlagsHelp({})).toBe(authFlagsHelp())
})
