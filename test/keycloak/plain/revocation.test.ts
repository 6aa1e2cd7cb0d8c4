/** How soon the end of a session is seen: by introspection within the cache time, by signatures alone at `exp`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { createResourceServer } from 'mcp-gatehouse'
import { beforeAll, expect } from 'vitest'
import { verifies } from '../../support/verifies.js'
import type { Client } from '../admin.js'
import { introspection } from '../introspection.js'
import { Keycloak } from '../keycloak.js'
import { loginByPassword, refresh, type Tokens } from '../mint.js'
import { startFixture, type Fixture } from '../../support/fixture.js'

/** Seconds; the default is 30. */
const CACHE = 5
const INACTIVE = { status: 401, code: 'ERR_TOKEN_INACTIVE' }

let keycloak: Keycloak
let client: Client
let fixture: Fixture

beforeAll(async () => {
  keycloak = await Keycloak.get()
  client = await keycloak.admin.createClient()
  const { options } = await introspection(keycloak, { cache: CACHE })
  fixture = await startFixture(keycloak, options)
  return () => fixture.stop()
})
/** Milliseconds until this token is refused, and that it is for being inactive. */
async function untilRefused(token: string): Promise<number> {
  const began = performance.now()
  for (;;) {
    const verdict = await fixture.send(token)
    if (verdict.status !== 200) {
      expect(verdict).toMatchObject(INACTIVE)
      return performance.now() - began
    }
    if (performance.now() - began > 2 * CACHE * 1000) throw new Error('still let in')
    await sleep(20)
  }
}

verifies(
  ['REV-01', 'INT-05', 'CASE-28'],
  'logout, a deleted session, a disabled user and a disabled client: refused within the cache time',
  async () => {
    const { admin } = keycloak
    const doomed = await admin.createClient()
    const bob = await admin.findUser('bob')
    const setEnabled = (enabled: boolean) => admin.request('PUT', `/users/${bob}`, { enabled })
    const ends: Readonly<Record<string, (tokens: Tokens) => Promise<unknown>>> = {
      'deleted session': ({ access_token: token }) =>
        admin.deleteSession(String(decodeJwt(token)['sid'])),
      'logged out by the client': ({ refresh_token: token = '' }) =>
        fetch(`${keycloak.protocol}/logout`, {
          method: 'POST',
          body: new URLSearchParams({ client_id: doomed.clientId, refresh_token: token }),
        }),
      'revoked by the client': ({ access_token: token }) =>
        fetch(`${keycloak.protocol}/revoke`, {
          method: 'POST',
          body: new URLSearchParams({ client_id: doomed.clientId, token }),
        }),
      'user logged out': () => admin.logoutUser('bob'),
      'user disabled': () => setEnabled(false),
      'client disabled': () => admin.disableClient(doomed),
    }
    // By signatures alone nothing of it is seen until exp.
    const signatures = createResourceServer({
      resource: keycloak.resource,
      authorizationServers: keycloak.issuer,
    })
    const bystander = await loginByPassword(keycloak, client)
    for (const [how, end] of Object.entries(ends)) {
      const tokens = await loginByPassword(keycloak, doomed, { username: 'bob' })
      const { access_token: token } = tokens
      // Just asked about: the longest that it can take.
      expect(await fixture.send(token), how).toEqual({ status: 200 })
      await end(tokens)
      const took = await untilRefused(token)
      process.stderr.write(`${how}: refused after ${(took / 1000).toFixed(1)} s\n`)
      expect(took, how).toBeLessThan(CACHE * 1000 + 250)
      await expect(signatures.verifyAccessToken(token), how).resolves.toMatchObject({
        subject: bob,
      })
      await setEnabled(true)
    }
    expect(await fixture.send(bystander.access_token)).toEqual({ status: 200 })
    const refreshed = await refresh(keycloak, client, bystander)
    expect(await fixture.send(refreshed.access_token)).toEqual({ status: 200 })
  },
)

verifies(
  'REV-01',
  'the offline session of a user who is logged out goes on, until it is deleted itself',
  async () => {
    const offline = await loginByPassword(keycloak, client, { scope: 'offline_access' })
    const { access_token: token } = offline
    await keycloak.admin.logoutUser('alice')
    expect(await fixture.send(token)).toEqual({ status: 200 })
    const sid = String(decodeJwt(token)['sid'])
    await keycloak.admin.deleteSession(sid, { isOffline: true })
    expect(await untilRefused(token)).toBeLessThan(CACHE * 1000 + 250)
    await expect(refresh(keycloak, client, offline)).rejects.toThrow(/invalid_grant/)
  },
)
