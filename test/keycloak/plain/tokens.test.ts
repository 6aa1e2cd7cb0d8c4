/** Which of the tokens that a real Keycloak makes open the gateway, and how the others are refused. */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { createResourceServer, principalOf } from 'mcp-gatehouse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifies } from '../../support/verifies.js'
import type { Client } from '../admin.js'
import { Keycloak } from '../keycloak.js'
import { clientCredentials, dpopHeaders, loginByPassword, logoutToken, refresh } from '../mint.js'
import { SCOPE, startFixture, type Fixture } from '../../support/fixture.js'

let keycloak: Keycloak
let fixture: Fixture
let client: Client

beforeAll(async () => {
  keycloak = await Keycloak.get()
  fixture = await startFixture(keycloak)
  client = await keycloak.admin.createClient()
})
afterAll(() => fixture.stop())

describe('refused', () => {
  verifies(
    ['AUD-02', 'AUD-05', 'CASE-5'],
    'the token of a client that the audience mapper does not reach, and the log names the mapper',
    async () => {
      const bare = await keycloak.admin.createClient({ defaultClientScopes: ['basic'] })
      const { access_token: token } = await loginByPassword(keycloak, bare)
      expect(decodeJwt(token)).not.toHaveProperty('aud')
      expect(await fixture.send(token)).toEqual({
        status: 401,
        code: 'ERR_TOKEN_AUDIENCE',
        reason: `no aud claim; expected "${fixture.url}"`,
        hint: expect.stringContaining('add an Audience mapper (Included Custom Audience'),
      })
    },
  )

  verifies(
    ['AUD-01', 'AUD-02', 'CASE-2'],
    'a token that is made out to another resource, and one made out to its own prefix',
    async () => {
      for (const audience of [`${fixture.url}/other`, fixture.url.replace('/mcp', '')]) {
        const other = await keycloak.admin.createClient({ defaultClientScopes: ['basic'] })
        await keycloak.admin.request('POST', `/clients/${other.id}/protocol-mappers/models`, {
          name: 'audience',
          protocol: 'openid-connect',
          protocolMapper: 'oidc-audience-mapper',
          config: { 'included.custom.audience': audience, 'access.token.claim': 'true' },
        })
        const { access_token: token } = await loginByPassword(keycloak, other)
        expect(decodeJwt(token).aud).toBe(audience)
        expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_AUDIENCE' })
      }
    },
  )

  verifies(
    ['AUD-02', 'JWT-02', 'CASE-4'],
    'ID, refresh, offline and logout tokens, each for what it is',
    async () => {
      const online = await loginByPassword(keycloak, client, { scope: 'openid' })
      const offline = await loginByPassword(keycloak, client, { scope: 'offline_access' })
      const logout = await logoutToken(keycloak)
      expect(decodeJwt(online.id_token ?? '')['typ']).toBe('ID')
      expect(decodeJwt(online.refresh_token ?? '')['typ']).toBe('Refresh')
      expect(decodeJwt(offline.refresh_token ?? '')['typ']).toBe('Offline')
      expect(decodeProtectedHeader(logout).typ).toBe('logout+jwt')

      expect(await fixture.send(online.id_token ?? '')).toMatchObject({
        status: 401,
        code: 'ERR_TOKEN_TYPE',
        reason: expect.stringMatching(/^not an access token/),
        hint: expect.stringContaining('send the access_token'),
      })
      // Signed with a secret of Keycloak's own (HS512).
      for (const token of [online.refresh_token, offline.refresh_token]) {
        expect(await fixture.send(token ?? '')).toMatchObject({
          status: 401,
          code: 'ERR_TOKEN_ALGORITHM',
        })
      }
      expect(await fixture.send(logout)).toMatchObject({ status: 401, code: 'ERR_TOKEN_TYPE' })
    },
  )

  verifies(['DPP-10'], 'a token bound to its sender (DPoP) under the scheme Bearer', async () => {
    const headers = await dpopHeaders(keycloak)
    const { access_token: token, token_type: type } = await loginByPassword(keycloak, client, {
      headers,
    })
    expect(type).toBe('DPoP')
    expect(await fixture.send(token)).toMatchObject({
      status: 401,
      code: 'ERR_TOKEN_BOUND',
      hint: 'Keycloak: switch off "Require DPoP bound tokens" for this client',
    })
  })

  verifies(
    ['AUD-05', 'CASE-5'],
    'a lightweight token that the mapper leaves out, until "Add to lightweight access token" is on',
    async () => {
      const light = await keycloak.admin.createClient({
        attributes: { 'client.use.lightweight.access.token.enabled': 'true' },
      })
      const scopes = (await keycloak.admin.request('GET', '/client-scopes')) as {
        readonly id: string
        readonly name: string
        readonly protocolMappers?: { readonly id: string; readonly config: object }[]
      }[]
      const scope = scopes.find(({ name }) => name === SCOPE)
      const [mapper] = scope?.protocolMappers ?? []
      const path = `/client-scopes/${scope?.id}/protocol-mappers/models/${mapper?.id}`
      const setSwitch = (value: string) =>
        keycloak.admin.request('PUT', path, {
          ...mapper,
          config: { ...mapper?.config, 'lightweight.claim': value },
        })

      await setSwitch('false')
      const without = await loginByPassword(keycloak, light)
      expect(await fixture.send(without.access_token)).toMatchObject({
        status: 401,
        code: 'ERR_TOKEN_AUDIENCE',
        hint: expect.stringContaining('"Add to lightweight access token"'),
      })

      await setSwitch('true')
      const { access_token: token } = await loginByPassword(keycloak, light)
      const claims = decodeJwt(token)
      expect(claims.aud).toBe(fixture.url)
      expect(claims).not.toHaveProperty('sub')
      expect(await fixture.send(token)).toEqual({ status: 200 })
      // Who it is stays unknown, so the upstream hears of nobody.
      expect(await fixture.call(token)).toEqual({
        issuer: keycloak.issuer,
        clientId: light.clientId,
        scope: SCOPE,
      })
    },
  )
})

describe('accepted', () => {
  verifies(
    ['AUD-01', 'JWT-06', 'JWT-12', 'JWT-15'],
    'the token of a client with the realm’s default scopes; the upstream learns who it is',
    async () => {
      const { access_token: token } = await loginByPassword(keycloak, client)
      const claims = decodeJwt(token)
      expect(await fixture.call(token)).toEqual({
        issuer: keycloak.issuer,
        subject: claims.sub,
        clientId: client.clientId,
        scope: SCOPE,
      })
    },
  )

  verifies(['AUD-07', 'CASE-3'], 'one whose aud has account beside the resource', async () => {
    const both = await keycloak.admin.createClient()
    await keycloak.admin.request('POST', `/clients/${both.id}/protocol-mappers/models`, {
      name: 'account',
      protocol: 'openid-connect',
      protocolMapper: 'oidc-audience-mapper',
      config: { 'included.client.audience': 'account', 'access.token.claim': 'true' },
    })
    const { access_token: token } = await loginByPassword(keycloak, both)
    expect([decodeJwt(token).aud].flat().sort()).toEqual(['account', fixture.url])
    expect(await fixture.send(token)).toEqual({ status: 200 })
  })

  verifies(
    ['JWT-03', 'JWT-04'],
    'tokens in every algorithm that a client can be set to, except with a shared secret',
    async () => {
      for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES512', 'EdDSA']) {
        const other = await keycloak.admin.createClient({
          attributes: { 'access.token.signed.response.alg': algorithm },
        })
        const { access_token: token } = await loginByPassword(keycloak, other)
        expect(decodeProtectedHeader(token).alg).toBe(algorithm)
        // A new key each time, and unknown ones are looked for once in five seconds.
        await fixture.gateway.refreshKeys()
        expect(await fixture.send(token), algorithm).toEqual({ status: 200 })
      }
      const symmetric = await keycloak.admin.createClient({
        attributes: { 'access.token.signed.response.alg': 'HS256' },
      })
      const { access_token: token } = await loginByPassword(keycloak, symmetric)
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_ALGORITHM' })
    },
  )

  verifies(['JWT-01'], 'one with the header typ of RFC 9068', async () => {
    const modern = await keycloak.admin.createClient({
      attributes: { 'access.token.header.type.rfc9068': 'true' },
    })
    const { access_token: token } = await loginByPassword(keycloak, modern)
    expect(decodeProtectedHeader(token).typ).toBe('at+jwt')
    expect(await fixture.send(token)).toEqual({ status: 200 })
  })

  verifies(
    ['JWT-13', 'JWT-14'],
    'a client’s own token: Keycloak gives each client a user, who is the principal and no other',
    async () => {
      const service = await keycloak.admin.createClient({
        publicClient: false,
        standardFlowEnabled: false,
        serviceAccountsEnabled: true,
      })
      const { access_token: token } = await clientCredentials(keycloak, service)
      const claims = decodeJwt(token)
      expect(claims['client_id']).toBe(service.clientId)
      expect(claims).not.toHaveProperty('sid')
      expect(await fixture.call(token)).toEqual({
        issuer: keycloak.issuer,
        subject: claims.sub,
        clientId: service.clientId,
        scope: SCOPE,
      })
      const resourceServer = createResourceServer({
        resource: keycloak.resource,
        authorizationServers: keycloak.issuer,
      })
      expect(principalOf(await resourceServer.verifyAccessToken(token))).toMatchObject({
        type: 'user',
        id: claims.sub,
      })
    },
  )

  test('a refreshed one, and one from an offline session', async () => {
    const online = await loginByPassword(keycloak, client)
    const refreshed = await refresh(keycloak, client, online)
    expect(refreshed.access_token).not.toBe(online.access_token)
    expect(await fixture.send(refreshed.access_token)).toEqual({ status: 200 })

    const offline = await loginByPassword(keycloak, client, { scope: 'offline_access' })
    const later = await refresh(keycloak, client, offline)
    expect(await fixture.send(later.access_token)).toEqual({ status: 200 })
  })

  test('checked by its signature alone, until exp: logout and disabled clients are not seen', async () => {
    const doomed = await keycloak.admin.createClient()
    const first = await loginByPassword(keycloak, doomed, { username: 'bob' })
    const second = await loginByPassword(keycloak, doomed, { username: 'bob' })
    await keycloak.admin.deleteSession(String(decodeJwt(first.access_token)['sid']))
    await keycloak.admin.logoutUser('bob')
    await keycloak.admin.disableClient(doomed)
    await expect(refresh(keycloak, doomed, second)).rejects.toThrow(/invalid/)
    for (const { access_token: token } of [first, second]) {
      expect(await fixture.send(token)).toEqual({ status: 200 })
    }
  })
})
