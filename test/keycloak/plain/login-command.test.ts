/** `login` and `clients register` at the realm of the guide as it is: from nothing but the URL of the gateway. */
import { chmodSync, mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { register } from '../../cli/clients/support.js'
import { alice, login, nobody } from '../../cli/login/support.js'
import { freePort, writeTemporary } from '../../support/cli.js'
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

/** As an administrator gets it. */
async function adminToken(): Promise<string> {
  const answer = await fetch(`${keycloak.origin}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'admin-cli',
      username: 'admin',
      password: 'admin',
    }),
  })
  return ((await answer.json()) as { readonly access_token: string }).access_token
}

verifies('FLD-47', 'clients register --apply: the client that it makes logs in', async () => {
  fixture = await startFixture(keycloak)
  const file = writeTemporary('token', await adminToken())
  chmodSync(file, 0o600)
  const port = await freePort()
  const id = `registered-${port}`
  const argv = [
    ...['--idp', 'keycloak', '--issuer', keycloak.issuer, '--client', 'claude-code'],
    ...['--client-id', id, '--redirect-uri', `http://127.0.0.1:${port}/callback`],
    ...['--apply', '--admin-token-file', file],
  ]
  expect(await register(argv)).toMatchObject({ code: 0, stdout: `${id}\n` })
  const client = ['--client-id', id, '--redirect-port', String(port)]
  expect((await login([fixture.url, ...client], alice)).code).toBe(0)
  const again = await register(argv)
  expect(again.code).toBe(1)
  expect(again.stderr).toMatch(/answered 409.*\n.*--client-id/)
})
