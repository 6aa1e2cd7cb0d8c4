/** Dex goes away, and comes back with other keys, for it keeps them in its memory. */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, expect } from 'vitest'
import { startFixture, type Fixture } from '../support/fixture.js'
import { verifies } from '../support/verifies.js'
import { Dex, SETTINGS } from './dex.js'

let dex: Dex
let fixture: Fixture

beforeEach(async () => {
  dex = await Dex.start()
})
afterEach(async () => {
  await fixture.stop()
  await dex.stop()
})

async function mint(): Promise<string> {
  return (await dex.login()).access_token
}

/** Right in everything, but signed with a key that nobody has. */
function withUnknownKey(token: string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const header = { ...decodeProtectedHeader(token), kid: 'nobody' }
  return `${encode(header)}.${encode(decodeJwt(token))}.${token.split('.')[2]}`
}

verifies(
  ['KEY-06', 'CASE-19', 'CASE-24'],
  'stopped: the keys at hand serve on, also for tokens not seen before; an unknown key is a 503',
  async () => {
    fixture = await startFixture(dex, { ...SETTINGS, wait: 0 })
    const seen = await mint()
    const unseen = await mint()
    expect(await fixture.send(seen)).toEqual({ status: 200 })
    await dex.stop()
    expect(await fixture.send(seen)).toEqual({ status: 200 })
    expect(await fixture.send(unseen)).toEqual({ status: 200 })
    expect(await fixture.send(withUnknownKey(seen))).toMatchObject({
      status: 503,
      code: 'ERR_KEYS_UNAVAILABLE',
    })
  },
)

verifies(
  ['KEY-06', 'CASE-24'],
  'stopped before the gateway starts: 503, until it is back',
  async () => {
    const token = await mint()
    await dex.stop()
    fixture = await startFixture(dex, { ...SETTINGS, wait: 0 })
    expect(await fixture.send(token)).toMatchObject({ status: 503, code: 'ERR_DISCOVERY_FAILED' })
    await dex.start()
    const other = await mint()
    await expect.poll(() => fixture.send(other), { timeout: 10_000 }).toEqual({ status: 200 })
  },
)

verifies(
  ['KEY-05', 'JWT-10', 'CASE-16', 'CASE-21'],
  'started again: new keys are found by the first token that names one; then those of before are refused',
  async () => {
    fixture = await startFixture(dex, { ...SETTINGS, wait: 0 })
    const old = await mint()
    expect(await fixture.send(old)).toEqual({ status: 200 })
    await dex.stop()
    await dex.start()
    // Dex says max-age=600, and nothing has made us look again.
    expect(await fixture.send(old)).toEqual({ status: 200 })

    const token = await mint()
    expect(decodeProtectedHeader(token).kid).not.toBe(decodeProtectedHeader(old).kid)
    expect(await fixture.send(token)).toEqual({ status: 200 })
    const unknown = { status: 401, code: 'ERR_TOKEN_KEY_UNKNOWN' }
    expect(await fixture.send(old)).toMatchObject(unknown)
    expect(await fixture.send(withUnknownKey(token))).toMatchObject(unknown)
    expect(await fixture.send(token)).toEqual({ status: 200 })
  },
)

verifies(
  ['INT-02', 'INT-04', 'CASE-24'],
  'introspection: 503 while it is stopped, but for what it said a moment ago; started again it knows no token of before',
  async () => {
    let skew = 0
    fixture = await startFixture(dex, {
      ...dex.introspection(),
      wait: 0,
      now: () => Date.now() + skew,
    })
    const seen = await mint()
    const unseen = await mint()
    expect(await fixture.send(seen)).toEqual({ status: 200 })
    await dex.stop()
    expect(await fixture.send(seen)).toEqual({ status: 200 })
    const unavailable = { status: 503, code: 'ERR_INTROSPECTION_UNAVAILABLE' }
    expect(await fixture.send(unseen)).toMatchObject(unavailable)
    skew = 31_000
    expect(await fixture.send(seen)).toMatchObject(unavailable)

    await dex.start()
    const token = await mint()
    await expect.poll(() => fixture.send(token), { timeout: 10_000 }).toEqual({ status: 200 })
    for (const old of [seen, unseen]) {
      expect(await fixture.send(old)).toMatchObject({ status: 401, code: 'ERR_TOKEN_INACTIVE' })
    }
  },
)
