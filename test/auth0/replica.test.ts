/**
 * The gateway before an Auth0 tenant: a replica from documentation, not the product. What is shown is what the gateway
 * does with what Auth0 documents, with the settings that the guide names.
 */
import { createHash, randomBytes } from 'node:crypto'
import { registerClient } from '@modelcontextprotocol/sdk/client/auth.js'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createGateway, type GatewayEvent, type GatewayOptions } from 'mcp-gatehouse/gateway'
import { visit } from '../../examples/demo/browser.js'
import { freePort } from '../support/cli.js'
import { startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'
import { STATIC_CLIENT, startTenant, type TenantFile } from './tenant-file.js'
import type { Settings, Tenant } from './tenant.js'

const CALLBACK = 'http://localhost:3118/callback'
const FIRST_PARTY = 'first-party'

interface Tokens {
  readonly access_token: string
  readonly id_token?: string
  readonly refresh_token?: string
}

interface Scene {
  readonly tenant: Tenant
  readonly resource: string
  readonly events: GatewayEvent[]
  /** The status, and the hint of a refusal. */
  send(token: string): Promise<{ readonly status: number; readonly hint: string | undefined }>
  /** A login by code and PKCE, at a third-party client unless another is named. */
  login(asked?: Record<string, string>, user?: string): Promise<Tokens>
}

async function post(tenant: Tenant, form: Record<string, string>): Promise<Response> {
  return fetch(`${tenant.issuer}oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
}

async function setUp(
  edit?: (file: TenantFile) => void,
  options: Partial<GatewayOptions> = {},
  settings: Partial<Settings> = {},
): Promise<Scene> {
  const port = await freePort()
  const resource = `http://127.0.0.1:${port}/mcp`
  const tenant = await startTenant(resource, edit, settings)
  tenant.addClient(FIRST_PARTY, [CALLBACK])
  const upstream = await startUpstream((request, response) => {
    response.end(String(request.headers['x-gatehouse-subject']))
  })
  const events: GatewayEvent[] = []
  const gateway = createGateway({
    port,
    resource,
    upstream,
    authorizationServers: tenant.issuer,
    scopes: ['mcp:tools'],
    onEvent: (event) => events.push(event),
    ...options,
  })
  await gateway.listen()
  onTestFinished(() => gateway.close())
  return {
    tenant,
    resource,
    events,
    async send(token) {
      events.length = 0
      const answer = await fetch(resource, {
        method: 'POST',
        body: '{}',
        headers: { authorization: `Bearer ${token}` },
      })
      await answer.text()
      const denied = events.find((event) => event.type === 'request.denied')
      return { status: answer.status, hint: denied?.hint }
    },
    async login(asked = {}, user = 'alice') {
      const verifier = randomBytes(32).toString('base64url')
      const url = new URL(`${tenant.issuer}authorize`)
      url.search = new URLSearchParams({
        client_id: STATIC_CLIENT,
        redirect_uri: CALLBACK,
        response_type: 'code',
        scope: 'mcp:tools offline_access',
        resource,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...asked,
      }).toString()
      const { callback } = await visit(url, user)
      expect(callback.searchParams.get('iss')).toBe(tenant.issuer)
      const answer = await post(tenant, {
        grant_type: 'authorization_code',
        code: callback.searchParams.get('code') ?? '',
        code_verifier: verifier,
      })
      if (!answer.ok) throw new Error(await answer.text())
      return (await answer.json()) as Tokens
    },
  }
}

describe('tokens', () => {
  for (const [dialect, typ, client] of [
    ['access_token', 'JWT', 'azp'],
    ['access_token_authz', 'JWT', 'azp'],
    ['rfc9068_profile', 'at+jwt', 'client_id'],
    ['rfc9068_profile_authz', 'at+jwt', 'client_id'],
  ] as const) {
    verifies(['JWT-01', 'JWT-05', 'JWT-15'], `dialect ${dialect}: let in`, async () => {
      const isRfc9068 = typ === 'at+jwt'
      const { login, send, tenant } = await setUp(
        ({ resourceServers: [api] }) => (api.token_dialect = dialect),
        { requireType: isRfc9068 },
      )
      const { access_token: token } = await login()
      expect(decodeProtectedHeader(token).typ).toBe(typ)
      expect(decodeJwt(token)).toMatchObject({ iss: tenant.issuer, [client]: STATIC_CLIENT })
      expect('permissions' in decodeJwt(token)).toBe(dialect.endsWith('_authz'))
      expect(await send(token)).toEqual({ status: 200, hint: undefined })
    })
  }

  verifies('AUD-07', 'of a first-party client with openid: aud has /userinfo as well', async () => {
    const { login, send, resource, tenant } = await setUp()
    const tokens = await login({ client_id: FIRST_PARTY, scope: 'openid mcp:tools' })
    expect(decodeJwt(tokens.access_token).aud).toEqual([resource, `${tenant.issuer}userinfo`])
    expect((await send(tokens.access_token)).status).toBe(200)
    // The ID token of the same login is signed by the same key.
    expect((await send(tokens.id_token ?? '')).status).toBe(401)
  })

  for (const [withoutApi, segments] of [
    ['opaque', 1],
    ['encrypted', 5],
  ] as const) {
    verifies(['CASE-7', 'CASE-5'], `no API was asked for: ${withoutApi}, refused`, async () => {
      const { login, send } = await setUp(
        ({ tenant }) => (tenant.resource_parameter_profile = 'audience'),
        {},
        { withoutApi },
      )
      const { access_token: token } = await login()
      expect(token.split('.')).toHaveLength(segments)
      const { status, hint } = await send(token)
      expect(status).toBe(401)
      // The replica has no host name of Auth0: the advice is that for anybody. test/idps has the other.
      expect(hint).toContain(withoutApi === 'opaque' ? 'issue JWT access tokens' : 'no audience')
    })
  }

  verifies('AUD-01', 'audience counts where resource is there as well', async () => {
    const { login, resource } = await setUp()
    await expect(login({ audience: `${resource}2` })).rejects.toThrow('Service not found')
  })

  verifies('AUD-03', 'an API whose identifier has a slash more is another', async () => {
    const { login, send, resource } = await setUp(
      ({ resourceServers: [api], clientGrants: [grant] }) => {
        api.identifier += '/'
        grant.audience += '/'
      },
    )
    await expect(login()).rejects.toThrow('Service not found')
    const { access_token: token } = await login({ resource: `${resource}/` })
    expect((await send(token)).status).toBe(401)
  })

  verifies(
    'JWT-05',
    'the issuer without its slash: the token is refused, and told why',
    async () => {
      const { tenant, login } = await setUp()
      const { access_token: token } = await login()
      const other = await setUp(undefined, { authorizationServers: tenant.issuer.slice(0, -1) })
      expect(await other.send(token)).toMatchObject({
        status: 401,
        hint: expect.stringContaining('last slash') as string,
      })
    },
  )
})

describe('scopes', () => {
  verifies(['SCP-01', 'JWT-15'], 'RBAC: the scope claim has what the user may', async () => {
    const { login, send } = await setUp(undefined, { scopes: ['mcp:admin'] })
    const scope = 'mcp:tools mcp:admin'
    expect(await send((await login({ scope }, 'alice')).access_token)).toMatchObject({
      status: 403,
    })
    expect((await send((await login({ scope }, 'carol')).access_token)).status).toBe(200)
  })

  verifies('JWT-15', 'permissions count only where they are named', async () => {
    const scope = 'mcp:tools'
    const plain = await setUp(undefined, { scopes: ['mcp:admin'] })
    const { access_token: token } = await plain.login({ scope }, 'carol')
    expect(decodeJwt(token)).toMatchObject({ scope, permissions: ['mcp:tools', 'mcp:admin'] })
    const { status, hint } = await plain.send(token)
    expect(status).toBe(403)
    expect(hint).toContain('the token has it in "permissions"')

    const named = await setUp(undefined, {
      scopes: ['mcp:admin'],
      scopeClaims: ['scope', 'permissions'],
    })
    expect((await named.send((await named.login({ scope }, 'carol')).access_token)).status).toBe(
      200,
    )
    expect((await named.send((await named.login({ scope }, 'alice')).access_token)).status).toBe(
      403,
    )
  })

  verifies('SCP-01', 'what the default permissions do not grant is dropped silently', async () => {
    const { login, send } = await setUp(
      ({ clientGrants: [grant] }) => (grant.scope = ['mcp:admin']),
    )
    const { access_token: token } = await login({ scope: 'mcp:tools mcp:admin' }, 'carol')
    const { status, hint } = await send(token)
    expect(status).toBe(403)
    // Told by the client id, tpc_…
    expect(hint).toContain('Default Permissions for Third-Party Applications')
  })
})

describe('keys', () => {
  verifies(
    ['KEY-06', 'CASE-21'],
    'rotated: nobody is refused, and nothing is fetched',
    async () => {
      const { tenant, login, send } = await setUp()
      const { access_token: before } = await login()
      expect((await send(before)).status).toBe(200)
      await tenant.rotate()
      // The next key had been published before it signed.
      const { access_token: after } = await login()
      expect(decodeProtectedHeader(after).kid).not.toBe(decodeProtectedHeader(before).kid)
      expect((await send(after)).status).toBe(200)
      expect((await send(before)).status).toBe(200)
      expect(tenant.jwksFetches).toBe(1)
      await tenant.rotate()
      await tenant.rotate()
      tenant.revokeOldKeys()
      // One that was never seen: fetched once, and from then on the old ones are gone.
      expect((await send((await login()).access_token)).status).toBe(200)
      expect(tenant.jwksFetches).toBe(2)
      expect((await send(before)).status).toBe(401)
    },
  )
})

describe('clients', () => {
  const register = async (tenant: Tenant, method?: string) => {
    const metadata = (await (
      await fetch(`${tenant.issuer}.well-known/oauth-authorization-server`)
    ).json()) as never
    return registerClient(tenant.issuer, {
      metadata,
      clientMetadata: {
        redirect_uris: [CALLBACK],
        ...(method !== undefined && { token_endpoint_auth_method: method }),
      },
    })
  }

  test('that register themselves are third-party, with a secret unless they want none', async () => {
    const { tenant } = await setUp()
    expect(await register(tenant, 'none')).toMatchObject({
      client_id: expect.stringMatching(/^tpc_/) as string,
    })
    expect(await register(tenant)).toMatchObject({
      token_endpoint_auth_method: 'client_secret_post',
      client_secret: expect.any(String) as string,
    })
  })

  test('cannot register while the flag is off', async () => {
    const { tenant } = await setUp(
      ({ tenant: { flags } }) => (flags.enable_dynamic_client_registration = false),
    )
    await expect(register(tenant)).rejects.toThrow('does not support dynamic client registration')
  })

  test('get no token without default permissions, whatever the user may', async () => {
    const { login } = await setUp(({ clientGrants: [grant] }) => (grant.audience = 'another'))
    await expect(login()).rejects.toThrow('unauthorized_client')
    expect((await login({ client_id: FIRST_PARTY })).access_token).toBeDefined()
  })

  for (const [what, asked, edit, complaint] of [
    [
      'whose connection is not promoted',
      {},
      ({ databases: [database] }: TenantFile) => (database.is_domain_connection = false),
      'no connections enabled',
    ],
    ['that send an unsupported parameter', { claims: '{}' }, undefined, 'claims is not supported'],
    ['that do no PKCE', { code_challenge: '' }, undefined, 'PKCE is required'],
    [
      'whose id is a URL that nobody imported, while CIMD is advertised',
      { client_id: 'https://claude.ai/oauth/claude-code-client-metadata' },
      ({ tenant }: TenantFile) => (tenant.client_id_metadata_document_supported = true),
      'Unknown client',
    ],
    [
      'whose callback has another port',
      { redirect_uri: 'http://localhost:3119/callback' },
      undefined,
      'Callback URL mismatch',
    ],
  ] as const) {
    test(`${what} see a page, and are not led back`, async () => {
      const { login } = await setUp(edit as (file: TenantFile) => void)
      await expect(login(asked)).rejects.toThrow(complaint)
    })
  }

  test('refresh: the new token is as good, and the old refresh token is used up', async () => {
    const { login, send, tenant } = await setUp()
    const { refresh_token: refreshToken = '' } = await login()
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
    const refreshed = (await (await post(tenant, form)).json()) as Tokens
    expect((await send(refreshed.access_token)).status).toBe(200)
    expect(refreshed.refresh_token).not.toBe(refreshToken)
    expect((await post(tenant, form)).status).toBe(403)
    // It opens nothing by itself.
    expect((await send(refreshToken)).status).toBe(401)
  })
})
