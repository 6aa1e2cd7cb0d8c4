/** What a real Dex answers about its tokens, and to whom: to anyone, and of refresh tokens that they are active. */
import { decodeJwt } from 'jose'
import type { TokenIntrospectorOptions } from 'mcp-gatehouse/introspect'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { startFixture, type Fixture } from '../support/fixture.js'
import { verifies } from '../support/verifies.js'
import { CLIENT, Dex } from './dex.js'

let dex: Dex
let fixture: Fixture

beforeAll(async () => {
  dex = await Dex.start()
})
afterAll(() => dex.stop())
afterEach(() => fixture.stop())

async function stand(given?: Partial<TokenIntrospectorOptions>): Promise<void> {
  fixture = await startFixture(dex, dex.introspection(given))
}

/** What Dex said so far, in order. */
function answers(): boolean[] {
  return fixture.events.flatMap((event) =>
    event.type === 'introspection.answered' ? [event.active] : [],
  )
}

describe('access tokens', () => {
  verifies(['INT-01', 'INT-03', 'INT-04'], 'let in, and asked about once', async () => {
    await stand()
    const { access_token: token } = await dex.login()
    const caller = { issuer: dex.issuer, subject: decodeJwt(token).sub, clientId: CLIENT }
    expect(await fixture.call(token)).toEqual(caller)
    expect(await fixture.call(token)).toEqual(caller)
    expect(answers()).toEqual([true])
  })

  verifies(
    ['INT-03', 'JWT-02', 'CASE-4'],
    'what the token itself looks like counts here, too: refused without the setting',
    async () => {
      fixture = await startFixture(dex, { ...dex.introspection(), acceptIdTokenClaims: false })
      const { access_token: token } = await dex.login()
      expect(await fixture.send(token)).toMatchObject({
        status: 401,
        code: 'ERR_TOKEN_TYPE',
        reason: 'not an access token: it has the claim at_hash',
        hint: expect.stringContaining('--oauth-accept-id-token-claims'),
      })
      expect(answers()).toEqual([true])
    },
  )

  verifies(
    ['INT-03', 'AUD-02', 'CASE-5'],
    'Dex calls one active that is made out to its client alone: refused by us',
    async () => {
      await stand()
      const { access_token: token } = await dex.login({ scope: '' })
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_AUDIENCE' })
      expect(answers()).toEqual([true])
    },
  )

  verifies(
    ['INT-03', 'SCP-01'],
    'its answers have no scopes either: a required one is a 403',
    async () => {
      fixture = await startFixture(dex, { ...dex.introspection(), scopes: 'mcp:tools' })
      const { access_token: token } = await dex.login()
      expect(await fixture.send(token)).toMatchObject({
        status: 403,
        code: 'ERR_SCOPE_INSUFFICIENT',
        hint: 'Dex: its tokens have no scopes: leave out --oauth-scopes',
      })
    },
  )

  verifies(
    ['INT-03', 'CASE-29'],
    'with another signature, and something that is none: not active',
    async () => {
      await stand()
      const { access_token: token } = await dex.login()
      const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(342)}`
      for (const bad of [forged, 'not-a-token-of-anybody']) {
        expect(await fixture.send(bad)).toMatchObject({ status: 401, code: 'ERR_TOKEN_INACTIVE' })
      }
      expect(answers()).toEqual([false, false])
    },
  )
})

describe('other tokens than access tokens', () => {
  verifies(
    ['INT-03', 'JWT-02', 'CASE-4'],
    'a refresh token is active, and refused for what Dex says it is used for',
    async () => {
      await stand()
      const { refresh_token: token = '' } = await dex.login()
      expect(await fixture.send(token)).toEqual({
        status: 401,
        code: 'ERR_TOKEN_TYPE',
        reason: 'not an access token: the claim token_use is "refresh_token"',
        hint: 'Dex: send the access_token of the token response, not id_token or refresh_token',
      })
      expect(answers()).toEqual([true])
    },
  )

  verifies(
    ['INT-03', 'JWT-02', 'CASE-4'],
    'Dex calls every ID token an access token: that of a login is refused by its own claims, a refreshed one let in',
    async () => {
      await stand()
      const tokens = await dex.login()
      expect(await fixture.send(tokens.id_token ?? '')).toMatchObject({
        status: 401,
        code: 'ERR_TOKEN_TYPE',
        reason: 'not an access token: it has the claim c_hash',
      })
      const { id_token: token = '' } = await dex.refresh(tokens)
      expect(await fixture.send(token)).toEqual({ status: 200 })
      expect(answers()).toEqual([true, true])
    },
  )
})

describe('who asks', () => {
  verifies(
    ['INT-01', 'INT-02'],
    'Dex looks at no credentials: with wrong ones, and with none, it answers the same, and ours are never found wrong',
    async () => {
      const { access_token: token } = await dex.login()
      for (const given of [
        { clientSecret: 'wrong' },
        { clientId: 'nobody' },
        { clientId: 'nobody', authentication: 'none' },
      ] as const) {
        await stand(given)
        expect(await fixture.send(token)).toEqual({ status: 200 })
        expect(await fixture.send('not-a-token-of-anybody')).toMatchObject({ status: 401 })
        expect(await fixture.gateway.readiness()).toMatchObject({ ready: true })
        await fixture.stop()
      }
    },
  )
})
