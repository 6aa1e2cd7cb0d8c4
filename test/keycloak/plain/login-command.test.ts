/** `login` at the realm of the guide as it is: from nothing but the URL of the gateway. */
import { mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { alice, login, nobody } from '../../cli/login/support.js'
import { startFixture, type Fixture } from '../../support/fixture.js'
import { verifies } from '../../support/verifies.js'
import { Keycloak } from '../keycloak.js'

let keycloak: Keycloak
let fixture: Fixture

beforeAll(async () => {
  keycloak = await Keycloak.get()
})
afterEach(() => fixture.stop())

verifies('FLD-41', 'registers, logs in with consent, lists and calls', async () => {
  fixture = await startFixture(keycloak)
  const { code, stdout, stderr, visits } = await login([fixture.url, '--call', 'whoami'], alice)
  expect(code).toBe(0)
  expect(visits[0]?.forms).toEqual([
    'Sign in to your account',
    'Grant Access to mcp-gatehouse login',
  ])
  expect(JSON.stringify(JSON.parse(stdout))).toContain(keycloak.issuer)
  expect(stderr).not.toMatch(/eyJ[\w-]+\./)
})

test('--store: the next time nobody logs in', async () => {
  fixture = await startFixture(keycloak)
  const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-login-')), 'login.json')
  const first = await login([fixture.url, '--store', file], alice)
  expect({ code: first.code, mode: statSync(file).mode & 0o777 }).toEqual({ code: 0, mode: 0o600 })
  const second = await login([fixture.url, '--store', file], nobody)
  expect({ code: second.code, shown: second.shown, stdout: second.stdout }).toEqual({
    code: 0,
    shown: [],
    stdout: first.stdout,
  })
})
