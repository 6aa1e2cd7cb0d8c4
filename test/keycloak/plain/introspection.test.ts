/** Who may ask a real Keycloak about a token, and what becomes of what it answers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK, exportPKCS8, generateKeyPair, decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startCli, writeTemporary } from '../../support/cli.js'
import { verifies } from '../../support/verifies.js'
import type { Client } from '../admin.js'
import type { IntrospectionSpec } from '../../support/introspection.js'
import { introspection } from '../introspection.js'
import { Keycloak } from '../keycloak.js'
import { clientCredentials, dpopHeaders, loginByPassword, logoutToken, refresh } from '../mint.js'
import { SCOPE, startFixture, type Fixture } from '../../support/fixture.js'

const HINT = 'Keycloak: since 26.6.2 a token is also not active if its aud lacks the client'

let keycloak: Keycloak
let client: Client
let fixture: Fixture

beforeAll(async () => {
  keycloak = await Keycloak.get()
  client = await keycloak.admin.createClient()
})
afterEach(() => fixture.stop())

async function stand(spec?: IntrospectionSpec): Promise<() => number> {
  const { options, calls } = await introspection(keycloak, spec)
  fixture = await startFixture(keycloak, options)
  return calls
}

async function mint(): Promise<string> {
  return (await loginByPassword(keycloak, client)).access_token
}

describe('our own client, which is named like the resource', () => {
  let server: Client
  /** As the realm of the guide has it. */
  let original: object

  beforeAll(async () => {
    server = await keycloak.admin.findClient(keycloak.resource)
    original = (await keycloak.admin.request('GET', `/clients/${server.id}`)) as object
  })
  afterAll(() => keycloak.admin.request('PUT', `/clients/${server.id}`, original))

  async function registerKey(jwk: object): Promise<void> {
    await keycloak.admin.updateClient(server, {
      clientAuthenticatorType: 'client-jwt',
      attributes: { 'use.jwks.string': 'true', 'jwks.string': JSON.stringify({ keys: [jwk] }) },
    })
  }

  verifies(
    ['INT-01', 'INT-03'],
    'by its secret, form-encoded in Basic or in the form: Keycloak answers in JSON',
    async () => {
      for (const authentication of ['client_secret_basic', 'client_secret_post'] as const) {
        const calls = await stand({ authentication })
        const token = await mint()
        expect(await fixture.send(token), authentication).toEqual({ status: 200 })
        expect(await fixture.call(token)).toEqual({
          issuer: keycloak.issuer,
          subject: decodeJwt(token).sub,
          clientId: client.clientId,
          scope: SCOPE,
        })
        expect(calls()).toBe(1)
        await fixture.stop()
      }
    },
  )

  verifies(
    'INT-01',
    'by nothing: Keycloak takes no confidential client so, and no public one',
    async () => {
      for (const [clientId, status] of [
        [keycloak.resource, 401],
        [client.clientId, 403],
      ] as const) {
        await stand({ authentication: 'none', clientId })
        expect(await fixture.send(await mint())).toMatchObject({
          status: 503,
          code: 'ERR_INTROSPECTION_CLIENT_REJECTED',
          reason: expect.stringContaining(`answered ${status} `),
        })
        await fixture.stop()
      }
    },
  )

  verifies('INT-01', 'by a key, of each kind that Keycloak takes, as JWK and as PEM', async () => {
    const forms = [
      ['RS256', 'jwk'],
      ['RS256', 'pem'],
      ['ES256', 'pem'],
      ['EdDSA', 'pem'],
      // Of an RSA key in a PEM nobody can tell that PS256 is meant.
      ['PS256', 'jwk'],
    ] as const
    for (const [alg, form] of forms) {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
      const kid = crypto.randomUUID()
      await registerKey({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' })
      const clientKey =
        form === 'pem'
          ? await exportPKCS8(privateKey)
          : { ...(await exportJWK(privateKey)), kid, alg }
      await stand({ authentication: 'private_key_jwt', clientKey })
      expect(await fixture.send(await mint()), `${alg} ${form}`).toEqual({ status: 200 })
      // An assertion serves once: each call needs another.
      expect(await fixture.send(await mint()), `${alg} ${form}`).toEqual({ status: 200 })
      await fixture.stop()
    }
  })

  verifies('INT-01', 'by a key, from the command line; another key is our fault: 503', async () => {
    await stand()
    const { port } = new URL(keycloak.resource)
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    await registerKey({ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' })
    const other = await generateKeyPair('ES256', { extractable: true })
    const answers: number[] = []
    await fixture.gateway.close()
    for (const key of [privateKey, other.privateKey]) {
      const cli = startCli([
        ...['--auth', 'oauth', '--oauth-issuer', keycloak.issuer, '--resource', keycloak.resource],
        ...['--port', port, '--upstream', fixture.upstream, '--oauth-validation', 'introspection'],
        ...[
          '--oauth-client-id',
          keycloak.resource,
          '--oauth-introspection-auth',
          'private_key_jwt',
        ],
        ...['--oauth-client-key-file', writeTemporary('key.pem', await exportPKCS8(key))],
      ])
      await cli.listening()
      answers.push((await fixture.post(await mint())).status)
      cli.process.kill('SIGTERM')
      expect(await cli.exited).toBe(0)
      expect(cli.stderr()).not.toContain('PRIVATE KEY')
    }
    expect(answers).toEqual([200, 503])
  })

  verifies(
    ['INT-02', 'CASE-24', 'CASE-26'],
    'a secret that Keycloak does not know any more: 503, readiness says why, and it is over when it is known again',
    async () => {
      await keycloak.admin.request('PUT', `/clients/${server.id}`, original)
      await stand()
      const known = await mint()
      expect(await fixture.send(known)).toEqual({ status: 200 })
      await keycloak.admin.updateClient(server, { secret: 'another' })

      const unknown = await mint()
      const answer = await fixture.post(unknown)
      expect(answer.status).toBe(503)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      expect(answer.headers.has('www-authenticate')).toBe(false)
      const reason = `introspection at "${keycloak.issuer}": answered 401 "invalid_client": the provider does not accept the client id or its credentials`
      expect(await fixture.send(unknown)).toEqual({
        status: 503,
        code: 'ERR_INTROSPECTION_CLIENT_REJECTED',
        reason,
      })
      const { ready, checks } = await fixture.gateway.readiness()
      expect(ready).toBe(false)
      expect(checks).toContainEqual({
        name: 'introspection',
        subject: keycloak.issuer,
        ok: false,
        reason,
      })
      // What was asked before is served on.
      expect(await fixture.send(known)).toEqual({ status: 200 })

      await keycloak.admin.request('PUT', `/clients/${server.id}`, original)
      await expect
        .poll(() => fixture.send(unknown), { timeout: 5_000, interval: 200 })
        .toEqual({ status: 200 })
      expect(await fixture.gateway.readiness()).toMatchObject({ ready: true })
      expect(fixture.events.filter(({ type }) => type === 'request.denied')).toEqual([])
    },
  )
})

describe('strangers', () => {
  /** The same with other signatures. */
  function forge(token: string | undefined, count: number): readonly string[] {
    return Array.from({ length: count }, (_, i) => {
      return `${token?.slice(0, -20)}${String(i).padStart(4, 'A')}${token?.slice(-16)}`
    })
  }

  verifies(
    ['ATK-16', 'CASE-26'],
    'with a wrong secret every token is 503, and Keycloak is asked twice for each pause',
    async () => {
      const calls = await stand({ clientSecret: 'wrong' })
      const tokens = [await mint(), await mint()]
      const answers = []
      for (const each of [...forge(tokens[0], 8), ...tokens]) answers.push(await fixture.send(each))
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 503, code: 'ERR_INTROSPECTION_CLIENT_REJECTED' })
      }
      // Half a second, one, two: these requests take less than that.
      expect(calls()).toBeLessThanOrEqual(6)
    },
  )

  verifies('ATK-16', 'tokens that Keycloak does not know leave those of users alone', async () => {
    await stand()
    const users = [await mint(), await mint()]
    const sent = Promise.all(forge(users[0], 20).map((each) => fixture.send(each)))
    for (const user of users) expect(await fixture.send(user)).toEqual({ status: 200 })
    for (const { status } of await sent) expect(status).toBe(401)
  })
})

describe('another client that asks', () => {
  verifies(
    ['INT-03', 'AUD-05'],
    'is not in aud: Keycloak calls every token inactive, and the log says what to look at',
    async () => {
      const other = await keycloak.admin.createClient({ publicClient: false })
      await stand({ clientId: other.clientId, clientSecret: other.secret ?? '' })
      expect(await fixture.send(await mint())).toEqual({
        status: 401,
        code: 'ERR_TOKEN_INACTIVE',
        reason: 'the authorization server says that it is not active',
        hint: expect.stringContaining(HINT),
      })
    },
  )

  verifies(
    ['INT-03', 'AUD-02', 'CASE-27'],
    'gets an answer where Keycloak is told not to look at aud: then we do',
    async () => {
      const other = await keycloak.admin.createClient({
        publicClient: false,
        attributes: { 'allow.token.introspection.without.audience.check': 'true' },
      })
      await stand({ clientId: other.clientId, clientSecret: other.secret ?? '' })
      expect(await fixture.send(await mint())).toEqual({ status: 200 })
      const bare = await keycloak.admin.createClient({ defaultClientScopes: ['basic'] })
      const { access_token: token } = await loginByPassword(keycloak, bare)
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_AUDIENCE' })
    },
  )
})

describe('other tokens than access tokens', () => {
  async function otherTokens(): Promise<Readonly<Record<string, string>>> {
    const online = await loginByPassword(keycloak, client, { scope: 'openid' })
    const offline = await loginByPassword(keycloak, client, { scope: 'offline_access' })
    return {
      ID: online.id_token ?? '',
      Refresh: online.refresh_token ?? '',
      Offline: offline.refresh_token ?? '',
    }
  }

  verifies(
    ['JWT-02', 'INT-03', 'CASE-4'],
    'ID, refresh, offline and logout tokens: not made out to us, so not active',
    async () => {
      await stand()
      const logout = await logoutToken(keycloak)
      for (const token of [logout, ...Object.values(await otherTokens())]) {
        expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_INACTIVE' })
      }
    },
  )

  verifies(
    ['JWT-02', 'INT-03', 'CASE-4'],
    'where Keycloak is told not to look at aud it calls them active, with our audience: refused for what they are',
    async () => {
      const other = await keycloak.admin.createClient({
        publicClient: false,
        attributes: { 'allow.token.introspection.without.audience.check': 'true' },
      })
      await stand({ clientId: other.clientId, clientSecret: other.secret ?? '' })
      for (const [type, token] of Object.entries(await otherTokens())) {
        expect(await fixture.send(token)).toMatchObject({
          status: 401,
          code: 'ERR_TOKEN_TYPE',
          reason: `not an access token: the claim typ is "${type}"`,
        })
      }
      expect(fixture.events).toContainEqual(
        expect.objectContaining({ type: 'introspection.answered', active: true }),
      )
      // A logout token belongs to no session.
      expect(await fixture.send(await logoutToken(keycloak))).toMatchObject({
        status: 401,
        code: 'ERR_TOKEN_INACTIVE',
      })
    },
  )

  verifies(
    ['JWT-02', 'INT-03', 'CASE-4'],
    'an ID token that the audience mapper reaches ("Add to ID token"): active, and refused',
    async () => {
      const loose = await keycloak.admin.createClient()
      await keycloak.admin.request('POST', `/clients/${loose.id}/protocol-mappers/models`, {
        name: 'audience',
        protocol: 'openid-connect',
        protocolMapper: 'oidc-audience-mapper',
        config: { 'included.custom.audience': keycloak.resource, 'id.token.claim': 'true' },
      })
      await stand()
      const { id_token: token = '' } = await loginByPassword(keycloak, loose, { scope: 'openid' })
      expect(decodeJwt(token).aud).toContain(keycloak.resource)
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_TYPE' })
    },
  )

  verifies(['INT-06', 'DPP-10'], 'a token bound to its sender (DPoP) under Bearer', async () => {
    await stand()
    const headers = await dpopHeaders(keycloak)
    const { access_token: token } = await loginByPassword(keycloak, client, { headers })
    expect(await fixture.send(token)).toMatchObject({
      status: 401,
      code: 'ERR_TOKEN_BOUND',
      hint: 'Keycloak: switch off "Require DPoP bound tokens" for this client',
    })
  })
})

describe('access tokens', () => {
  verifies(
    ['INT-03', 'CASE-12'],
    'a lightweight one says nothing of its user, and Keycloak’s answer everything',
    async () => {
      await stand()
      const light = await keycloak.admin.createClient({
        attributes: { 'client.use.lightweight.access.token.enabled': 'true' },
      })
      const { access_token: token } = await loginByPassword(keycloak, light)
      expect(decodeJwt(token)).not.toHaveProperty('sub')
      expect(await fixture.call(token)).toEqual({
        issuer: keycloak.issuer,
        subject: await keycloak.admin.findUser('alice'),
        clientId: light.clientId,
        scope: SCOPE,
      })
    },
  )

  verifies(
    ['INT-03', 'JWT-04', 'TOK-07'],
    'in every algorithm; with auto Keycloak is not asked about any of them',
    async () => {
      const tokens: string[] = []
      for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256']) {
        const other = await keycloak.admin.createClient({
          attributes: { 'access.token.signed.response.alg': algorithm },
        })
        const { access_token: token } = await loginByPassword(keycloak, other)
        expect(decodeProtectedHeader(token).alg).toBe(algorithm)
        tokens.push(token)
      }
      const asked = await stand()
      for (const token of tokens) expect(await fixture.send(token)).toEqual({ status: 200 })
      expect(asked()).toBe(tokens.length)
      await fixture.stop()

      const calls = await stand({ validation: 'auto' })
      const symmetric = tokens.pop() ?? ''
      await fixture.gateway.refreshKeys()
      for (const token of tokens) expect(await fixture.send(token)).toEqual({ status: 200 })
      expect(await fixture.send(symmetric)).toMatchObject({ code: 'ERR_TOKEN_ALGORITHM' })
      expect(calls()).toBe(0)
    },
  )

  verifies(['INT-03', 'JWT-13'], 'a client’s own, and one from an offline session', async () => {
    await stand()
    const service = await keycloak.admin.createClient({
      publicClient: false,
      serviceAccountsEnabled: true,
    })
    const { access_token: own } = await clientCredentials(keycloak, service)
    expect(await fixture.call(own)).toMatchObject({ clientId: service.clientId })
    const offline = await loginByPassword(keycloak, client, { scope: 'offline_access' })
    const { access_token: later } = await refresh(keycloak, client, offline)
    expect(await fixture.send(later)).toEqual({ status: 200 })
  })

  verifies('INT-03', 'scopes are those of the answer, and too few of them a 403', async () => {
    const { options } = await introspection(keycloak)
    fixture = await startFixture(keycloak, { ...options, scopes: [SCOPE, 'mcp:admin'] })
    expect(await fixture.send(await mint())).toMatchObject({
      status: 403,
      code: 'ERR_SCOPE_INSUFFICIENT',
    })
  })

  verifies(
    ['JWT-07', 'INT-03'],
    'one that has expired, and one with another signature: not active',
    async () => {
      await stand()
      const hasty = await keycloak.admin.createClient({
        attributes: { 'access.token.lifespan': '1' },
      })
      const { access_token: short } = await loginByPassword(keycloak, hasty)
      await sleep(2_000)
      const token = await mint()
      const [header, payload, signature = ''] = token.split('.')
      const other = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
      for (const refused of [short, `${header}.${payload}.${other}`]) {
        expect(await fixture.send(refused)).toMatchObject({
          status: 401,
          code: 'ERR_TOKEN_INACTIVE',
        })
      }
      // Asked about for itself: the answer about its twin is not its own.
      expect(await fixture.send(token)).toEqual({ status: 200 })
    },
  )
})

test('Keycloak signs no introspection answers (RFC 9701); with Accept: application/jwt it adds the token', async () => {
  await stand()
  const server = await keycloak.admin.findClient(keycloak.resource)
  const attribute = 'client.introspection.response.allow.jwt.claim.enabled'
  await keycloak.admin.updateClient(server, { attributes: { [attribute]: 'true' } })
  const ask = async (accept: string) => {
    const answer = await fetch(`${keycloak.protocol}/token/introspect`, {
      method: 'POST',
      headers: { accept },
      body: new URLSearchParams({
        token: await mint(),
        client_id: server.clientId,
        client_secret: server.secret ?? '',
      }),
    })
    expect(answer.headers.get('content-type')).toBe('application/json')
    return Object.keys((await answer.json()) as object)
  }
  expect(await ask('application/token-introspection+jwt')).not.toContain('jwt')
  expect(await ask('application/jwt')).toContain('jwt')
  // What we ask with.
  expect(await ask('application/json')).not.toContain('jwt')
  expect(await fixture.send(await mint())).toEqual({ status: 200 })
  await keycloak.admin.updateClient(server, { attributes: { [attribute]: 'false' } })
})
