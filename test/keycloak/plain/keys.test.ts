/** Keycloak's keys change, and Keycloak goes away and comes back, while twenty requests are always under way. */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeProtectedHeader } from 'jose'
import { afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { verifies } from '../../support/verifies.js'
import type { Client } from '../admin.js'
import { Keycloak } from '../keycloak.js'
import { startLoad } from '../../support/load.js'
import { loginByPassword, refresh } from '../mint.js'
import { startFixture, type Fixture } from '../../support/fixture.js'

/** How long keys are believed that come with `no-cache`. */
const MINUTE = 61_000

let keycloak: Keycloak
let fixture: Fixture
let client: Client
/** The gateway's clock is moved instead of waiting. */
let skew = 0

beforeAll(async () => {
  keycloak = await Keycloak.get()
  client = await keycloak.admin.createClient()
})
beforeEach(async () => {
  skew = 0
  fixture = await startFixture(keycloak, { now: () => Date.now() + skew })
})
afterEach(() => fixture.stop())

async function mint(): Promise<string> {
  return (await loginByPassword(keycloak, client)).access_token
}

verifies(
  ['KEY-05', 'CASE-21'],
  'a new key: nobody is refused; the old one taken away: its tokens alone are',
  async () => {
    const { admin } = keycloak
    const old = await admin.activeKey()
    const oldToken = await mint()
    let token = oldToken
    const load = startLoad(fixture, () => token)
    await sleep(1_000)
    await admin.addKey(200)
    token = await mint()
    expect(decodeProtectedHeader(token).kid).not.toBe(old.kid)
    await sleep(1_000)
    // Both are published, and the old one signs no more.
    expect(await fixture.send(oldToken)).toEqual({ status: 200 })

    await admin.setKey(old.provider, { enabled: false })
    // The keys at hand serve until they are looked at again: Keycloak says no-cache, so after a minute.
    expect(await fixture.send(oldToken)).toEqual({ status: 200 })
    skew = MINUTE
    await expect
      .poll(() => fixture.send(oldToken), { timeout: 5_000 })
      .toMatchObject({
        status: 401,
        code: 'ERR_TOKEN_KEY_UNKNOWN',
      })
    token = await mint()
    await sleep(1_000)

    const answers = await load.stop()
    expect(Object.keys(answers)).toEqual(['200'])
    expect(answers['200']).toBeGreaterThan(500)
    await admin.setKey(old.provider, { enabled: true })
  },
)

verifies(
  ['KEY-06', 'CASE-19', 'CASE-24'],
  'stopped and started again: known keys serve on, only a token with an unknown key gets 503',
  async () => {
    const tokens = await loginByPassword(keycloak, client)
    const load = startLoad(fixture, () => tokens.access_token)
    await sleep(1_000)
    // Nobody has shown us a token with this key when Keycloak ends.
    await keycloak.admin.addKey(300)
    const unknown = await mint()

    await keycloak.stop()
    const [atOnce, known] = await Promise.all([
      fixture.send(unknown),
      fixture.send(tokens.access_token),
    ])
    expect(atOnce).toMatchObject({
      status: 503,
      code: expect.stringMatching(/^ERR_(?:DISCOVERY_FAILED|KEYS_UNAVAILABLE)$/),
    })
    expect(known).toEqual({ status: 200 })
    expect(fixture.events.filter(({ type }) => type === 'request.denied')).toEqual([])

    await keycloak.start()
    await expect
      .poll(() => fixture.send(unknown), { timeout: 40_000, interval: 500 })
      .toEqual({
        status: 200,
      })
    expect(Object.keys(await load.stop())).toEqual(['200'])
    // Sessions outlive the restart, so nobody logs in again.
    const { access_token: refreshed } = await refresh(keycloak, client, tokens)
    expect(await fixture.send(refreshed)).toEqual({ status: 200 })
  },
)
