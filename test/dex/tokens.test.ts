/** Which of the tokens that a real Dex makes open the gateway, and how the others are refused. */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { startFixture, type Fixture } from '../support/fixture.js'
import { startCli } from '../support/cli.js'
import { verifies } from '../support/verifies.js'
import { audienceScope, CLIENT, Dex, SETTINGS } from './dex.js'

let dex: Dex
let fixture: Fixture

beforeAll(async () => {
  dex = await Dex.start()
})
afterAll(() => dex.stop())
afterEach(() => fixture.stop())

async function stand(options: Partial<GatewayOptions> = {}): Promise<void> {
  fixture = await startFixture(dex, { ...SETTINGS, ...options })
}

async function mint(scope?: string): Promise<string> {
  return (await dex.login({ ...(scope !== undefined && { scope }) })).access_token
}

describe('the resource is a client, and the token is made out to it', () => {
  verifies(
    ['AUD-01', 'AUD-07', 'JWT-06', 'CASE-3', 'KEY-02'],
    'let in; the upstream learns user and client, and of no scope',
    async () => {
      await stand()
      const token = await mint()
      const claims = decodeJwt(token)
      expect(claims.aud).toEqual([dex.resource, CLIENT])
      expect(claims).not.toHaveProperty('scope')
      expect(decodeProtectedHeader(token)).not.toHaveProperty('typ')
      expect(await fixture.call(token)).toEqual({
        issuer: dex.issuer,
        subject: claims.sub,
        clientId: CLIENT,
      })
    },
  )

  verifies(
    ['JWT-02', 'CASE-4'],
    'it looks like an ID token: refused unless that is allowed, and the log names the setting',
    async () => {
      await stand({ acceptIdTokenClaims: false })
      expect(await fixture.send(await mint())).toEqual({
        status: 401,
        code: 'ERR_TOKEN_TYPE',
        reason: 'not an access token: it has the claim at_hash',
        hint: 'Dex: its access tokens look like ID tokens: --oauth-accept-id-token-claims accepts both',
      })
    },
  )

  verifies(['JWT-02', 'CASE-4'], 'by the flag, from the command line', async () => {
    await stand()
    await fixture.gateway.close()
    const token = await mint()
    const answers: number[] = []
    for (const flags of [[], ['--oauth-accept-id-token-claims']]) {
      const cli = startCli([
        ...['--auth', 'oauth', '--oauth-issuer', dex.issuer, '--resource', dex.resource],
        ...['--port', new URL(dex.resource).port, '--upstream', fixture.upstream, ...flags],
      ])
      await cli.listening()
      answers.push((await fixture.post(token)).status)
      cli.process.kill('SIGTERM')
      expect(await cli.exited).toBe(0)
    }
    expect(answers).toEqual([401, 200])
  })

  verifies(
    ['JWT-15', 'SCP-01', 'CHL-07'],
    'a scope that is required: nobody has it, for Dex knows no scopes of yours',
    async () => {
      await stand({ scopes: 'mcp:tools' })
      expect(await fixture.send(await mint())).toEqual({
        status: 403,
        code: 'ERR_SCOPE_INSUFFICIENT',
        reason: expect.stringContaining('mcp:tools'),
        hint: 'Dex: its tokens have no scopes: leave out --oauth-scopes',
      })
      await expect(mint('mcp:tools')).rejects.toThrow(/no code: .*invalid_scope/)
    },
  )

  verifies('JWT-07', 'expired', async () => {
    let skew = 0
    await stand({ now: () => Date.now() + skew })
    const token = await mint()
    expect(await fixture.send(token)).toEqual({ status: 200 })
    skew = 6 * 60_000
    expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_EXPIRED' })
  })
})

describe('not made out to the resource', () => {
  verifies(
    ['AUD-02', 'AUD-05', 'CASE-5', 'CASE-6'],
    'Dex ignores resource: without the scope aud is the client, and the log says what to ask for',
    async () => {
      await stand()
      const { access_token: token } = await dex.login({ scope: '', resource: dex.resource })
      expect(decodeJwt(token).aud).toBe(CLIENT)
      expect(await fixture.send(token)).toEqual({
        status: 401,
        code: 'ERR_TOKEN_AUDIENCE',
        reason: `aud "${CLIENT}"; expected "${dex.resource}"`,
        hint: expect.stringContaining('Dex: make a client whose id is the resource URL'),
      })
      await fixture.stop()

      await stand({ audience: CLIENT })
      // Only the audience scope makes Dex name the client that logged in.
      expect(await fixture.call(token)).not.toHaveProperty('clientId')
    },
  )

  verifies(
    ['AUD-02', 'CASE-2'],
    'for the sibling, by a client that may log in to both',
    async () => {
      await stand()
      const token = await mint(audienceScope(dex.sibling))
      expect(decodeJwt(token).aud).toEqual([dex.sibling, CLIENT])
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_AUDIENCE' })
    },
  )

  verifies('AUD-05', 'Dex makes none for a client that is not a trusted peer', async () => {
    await stand()
    await expect(dex.login({ clientId: 'stranger' })).rejects.toThrow(/no code: .*invalid_scope/)
  })
})

describe('other tokens than access tokens', () => {
  verifies(
    ['JWT-02', 'CASE-4'],
    'the ID token of a login names its code, and is refused',
    async () => {
      await stand()
      const { id_token: token = '' } = await dex.login()
      expect(decodeJwt(token).aud).toEqual([dex.resource, CLIENT])
      expect(await fixture.send(token)).toEqual({
        status: 401,
        code: 'ERR_TOKEN_TYPE',
        reason: 'not an access token: it has the claim c_hash',
        hint: 'Dex: send the access_token of the token response, not id_token or refresh_token',
      })
    },
  )

  verifies(
    ['JWT-02', 'CASE-4'],
    'the limit: a refreshed ID token has nothing that an access token has not, and is let in',
    async () => {
      await stand()
      const { access_token: access, id_token: id = '' } = await dex.refresh(await dex.login())
      expect(id).not.toBe(access)
      expect(Object.keys(decodeJwt(id))).toEqual(Object.keys(decodeJwt(access)))
      expect(decodeProtectedHeader(id)).toEqual(decodeProtectedHeader(access))
      expect(await fixture.send(access)).toEqual({ status: 200 })
      expect(await fixture.send(id)).toEqual({ status: 200 })
    },
  )

  verifies(['JWT-02', 'CASE-4'], 'a refresh token is no JWT', async () => {
    await stand()
    const { refresh_token: token = '' } = await dex.login()
    expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_OPAQUE' })
  })
})
