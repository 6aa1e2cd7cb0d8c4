/** `toOAuthTokenVerifier` in the gates that the SDK brings itself, both generations. */
import { getRequestListener } from '@hono/node-server'
import {
  OAuthError,
  OAuthErrorCode,
  requireBearerAuth as requireBearerAuthV2,
} from '@modelcontextprotocol/server'
import * as errorsV1 from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth as requireBearerAuthV1 } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import express from 'express'
import {
  createResourceServer,
  toOAuthTokenVerifier,
  type ResourceServer,
  type ResourceServerOptions,
} from 'mcp-gatehouse'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { OTHER_SCOPE } from '../../examples/demo/refusals.js'
import { obtainTokens } from '../../examples/demo/tokens.js'
import { FakeIntrospection } from '../introspect/server.js'
import { ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { listen, SCOPE, type Running } from './support.js'

let idp: Idp
const running: Running[] = []

beforeAll(async () => {
  idp = await startIdp([SCOPE, OTHER_SCOPE])
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()))
})
afterAll(() => idp.stop())

/** The SDK's gate of the first generation; what it lets in is answered with its `AuthInfo`. */
function startV1(make: (resource: string) => ResourceServer): Promise<Running> {
  return listen((resource) => {
    const resourceServer = make(resource)
    const app = express()
    app.use(
      requireBearerAuthV1({
        verifier: toOAuthTokenVerifier(resourceServer, errorsV1),
        resourceMetadataUrl: resourceServer.metadataUrl,
        expectedResource: new URL(resource),
      }),
    )
    app.all('/mcp', (req, res) => void res.json({ ...req.auth, token: undefined }))
    return app
  })
}

/** The same of the second, which works on web-standard requests. */
function startV2(make: (resource: string) => ResourceServer): Promise<Running> {
  return listen((resource) => {
    const resourceServer = make(resource)
    const gate = requireBearerAuthV2({
      verifier: toOAuthTokenVerifier(resourceServer, { OAuthError, OAuthErrorCode }),
      resourceMetadataUrl: resourceServer.metadataUrl,
      expectedResource: new URL(resource),
    })
    return getRequestListener(async (request) => {
      const auth = await gate(request)
      return auth instanceof Response ? auth : Response.json({ ...auth, token: undefined })
    })
  })
}

describe.each([
  ['v1', startV1],
  ['v2', startV2],
] as const)('in requireBearerAuth of %s', (_, startGate) => {
  async function start(options: Partial<ResourceServerOptions> = {}): Promise<string> {
    const server = await startGate((resource) =>
      createResourceServer({ resource, authorizationServers: idp.issuer, ...options }),
    )
    running.push(server)
    idp.resources.set(server.url, { scope: SCOPE })
    return server.url
  }

  function get(url: string, token: string): Promise<Response> {
    return fetch(url, { headers: { authorization: `Bearer ${token}` } })
  }

  verifies(
    ['JWT-05', 'JWT-06', 'AUD-01'],
    'a good token passes, with the resource that the gate expects',
    async () => {
      const url = await start({ scopes: SCOPE })
      const { access_token } = await obtainTokens(idp.issuer, { resource: url, scope: SCOPE })
      const response = await get(url, access_token)
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({
        resource: url,
        scopes: [SCOPE],
        extra: { issuer: idp.issuer, subject: 'alice', audience: [url] },
      })
    },
  )

  verifies(
    ['AUD-01', 'AUD-02', 'CHL-06', 'CASE-2'],
    "a token for another resource gets the gate's 401, which does not say why",
    async () => {
      const url = await start({ scopes: SCOPE })
      const other = 'https://calendar.example.com/mcp'
      idp.resources.set(other, { scope: SCOPE })
      const { access_token } = await obtainTokens(idp.issuer, { resource: other, scope: SCOPE })
      const response = await get(url, access_token)
      expect(response.status).toBe(401)
      expect(await response.json()).toEqual({
        error: 'invalid_token',
        error_description: 'The access token is not valid here',
      })
      const challenge = response.headers.get('www-authenticate')
      expect(challenge).toContain('error="invalid_token"')
      expect(challenge).toContain('resource_metadata="')
    },
  )

  verifies(['CHL-07', 'SCP-01'], "a token without a base scope gets the gate's 403", async () => {
    const url = await start({ scopes: [SCOPE, OTHER_SCOPE] })
    const { access_token } = await obtainTokens(idp.issuer, { resource: url, scope: SCOPE })
    const response = await get(url, access_token)
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ error: 'insufficient_scope' })
    expect(response.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
  })

  verifies(
    'FLD-05',
    'an introspected token without an end passes, and ends with its answer',
    async () => {
      const server = new FakeIntrospection()
      const end = Math.floor(Date.now() / 1000) + 900
      const url = await start({
        authorizationServers: {
          issuer: ISSUER,
          validation: 'introspection',
          introspector: createTokenIntrospector({
            issuer: ISSUER,
            clientId: 'rs',
            clientSecret: 'secret',
            cache: 300,
            fetch: server.fetch,
          }),
        },
      })
      const until = async (token: string, claims: object) => {
        server.answer = () => server.active({ aud: url, ...claims })
        const response = await get(url, token)
        expect(response.status).toBe(200)
        return ((await response.json()) as { expiresAt: number }).expiresAt - Date.now() / 1000
      }
      expect(
        await until('endless-token-of-40-characters-xxxxxxxxx', { exp: undefined }),
      ).toBeGreaterThan(290)
      expect(
        await until('endless-token-of-40-characters-xxxxxxxxx', { exp: undefined }),
      ).toBeLessThanOrEqual(301)
      // Its own end counts, before and after that of its answer.
      expect(
        await until('long-token-of-40-characters-xxxxxxxxxxxxx', { exp: end }),
      ).toBeGreaterThan(890)
      expect(
        await until('short-token-of-40-characters-xxxxxxxxxxxx', { exp: end - 860 }),
      ).toBeLessThanOrEqual(41)
      server.answer = () => server.active({ aud: url, exp: end - 1000 })
      expect((await get(url, 'over-token-of-40-characters-xxxxxxxxxxxxx')).status).toBe(401)
    },
  )

  verifies(
    ['KEY-06'],
    'while the identity provider is down the gate can only answer 500, and still no challenge',
    async () => {
      const mortal = await startIdp([SCOPE])
      const url = await start({ authorizationServers: mortal.issuer, wait: 0 })
      mortal.resources.set(url, { scope: SCOPE })
      const { access_token } = await obtainTokens(mortal.issuer, { resource: url, scope: SCOPE })
      await mortal.stop()
      const response = await get(url, access_token)
      expect(response.status).toBe(500)
      expect(response.headers.get('www-authenticate')).toBeNull()
      expect(await response.json()).toMatchObject({ error: 'server_error' })
    },
  )
})
