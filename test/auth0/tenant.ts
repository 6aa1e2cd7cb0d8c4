/**
 * A replica of an Auth0 tenant, made from documentation (docs-v2 of 2026-08-20), not the product. What a test learns
 * here is what our side does with what is documented there, nothing about Auth0 itself.
 *
 * The pages: Access Token Profiles, Dynamic Client Registration, Register Applications with CIMD, Security Controls for
 * and Troubleshoot Third-Party Applications, Enable Resource Parameter Compatibility Profile.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import { onTestFinished } from 'vitest'
import { jwe } from '../idps/row.js'

export type Dialect =
  'access_token' | 'access_token_authz' | 'rfc9068_profile' | 'rfc9068_profile_authz'

/** An API, which is what Auth0 calls a resource server. */
export interface Api {
  readonly identifier: string
  readonly scopes: readonly string[]
  readonly dialect?: Dialect
  /** RBAC: users get only the scopes that their permissions name. */
  readonly enforcePolicies?: boolean
  readonly allowOfflineAccess?: boolean
  /** Default Permissions for Third-Party Applications; without, they get no token for it. */
  readonly thirdParty?: readonly string[]
}

export interface Settings {
  readonly resourceParameterProfile: 'audience' | 'compatibility'
  readonly issuerInResponses: boolean
  readonly dynamicRegistration: boolean
  /** Advertised; documents are imported by hand all the same. */
  readonly cimd: boolean
  /** The one connection is promoted to the domain level. */
  readonly domainConnection: boolean
  /** What a token looks like that was asked for without an API. */
  readonly withoutApi: 'opaque' | 'encrypted'
  /** What RBAC allows each user. */
  readonly permissions: Readonly<Record<string, readonly string[]>>
}

interface Client {
  readonly id: string
  readonly redirectUris: readonly string[]
  readonly thirdParty: boolean
}

interface Grant {
  readonly client: Client
  readonly user: string
  readonly audience: string | undefined
  readonly scope: readonly string[]
  readonly challenge?: string
}

interface Key {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

/** Security Controls for Third-Party Applications, "/authorize parameter validation". */
const THIRD_PARTY_PARAMETERS = new Set(
  'acr_values audience authorization_details client_id code_challenge code_challenge_method connection correlation_id display dpop_jkt login_hint max_age nonce prompt redirect_uri resource response_type scope state ui_locales'.split(
    ' ',
  ),
)
const OIDC_SCOPES = ['openid', 'profile', 'email']

/** What the user sees, or the client reads. */
class Fault extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, description: string) {
    super(description)
    this.status = status
    this.code = code
  }
}

const made: Promise<Key>[] = []

/** Each tenant takes the same keys in the same order: making one takes longer than most tests. */
function nthKey(index: number): Promise<Key> {
  return (made[index] ??= makeKey())
}

async function makeKey(): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const kid = randomBytes(16).toString('base64url')
  return {
    kid,
    privateKey,
    jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' },
  }
}

export class Tenant {
  readonly settings: Settings
  readonly apis: readonly Api[]
  readonly #clients = new Map<string, Client>()
  readonly #codes = new Map<string, Grant>()
  readonly #refreshTokens = new Map<string, Grant>()
  /** Those that were rotated out, current and next, oldest first. */
  #keys: Key[] = []
  #keysTaken = 0
  #origin = ''
  jwksFetches = 0

  private constructor(apis: readonly Api[], settings: Partial<Settings>) {
    this.apis = apis
    this.settings = {
      resourceParameterProfile: 'compatibility',
      issuerInResponses: true,
      dynamicRegistration: true,
      cimd: false,
      domainConnection: true,
      withoutApi: 'opaque',
      permissions: {},
      ...settings,
    }
  }

  /** Listens on loopback for the length of the test. */
  static async start(apis: readonly Api[], settings: Partial<Settings> = {}): Promise<Tenant> {
    const tenant = new Tenant(apis, settings)
    tenant.#keys = await Promise.all([tenant.#nextKey(), tenant.#nextKey()])
    const server = createServer((request, response) => {
      void tenant.#answer(request, response)
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    tenant.#origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return tenant
  }

  /** With the slash. */
  get issuer(): string {
    return `${this.#origin}/`
  }

  addClient(id: string, redirectUris: readonly string[], thirdParty = false): void {
    this.#clients.set(id, { id, redirectUris, thirdParty })
  }

  /** The next key becomes the current one; the old one stays until it is revoked. */
  async rotate(): Promise<void> {
    this.#keys.push(await this.#nextKey())
  }

  #nextKey(): Promise<Key> {
    return nthKey(this.#keysTaken++)
  }

  /** Takes away what was rotated out. */
  revokeOldKeys(): void {
    this.#keys = this.#keys.slice(-2)
  }

  #signingKey(): Key {
    return this.#keys.at(-2) as Key
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.#origin)
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const json = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const page = (status: number, body: string) =>
      response.writeHead(status, { 'content-type': 'text/html' }).end(body)
    const isPage = url.pathname === '/authorize'
    try {
      switch (url.pathname) {
        case '/.well-known/openid-configuration':
        case '/.well-known/oauth-authorization-server':
          json(200, this.#metadata())
          break
        case '/.well-known/jwks.json':
          this.jwksFetches++
          json(200, { keys: this.#keys.map(({ jwk }) => jwk) })
          break
        case '/oidc/register':
          json(201, this.#register(JSON.parse(text) as Record<string, unknown>))
          break
        case '/authorize': {
          const grant = this.#check(url.searchParams)
          if (request.method === 'POST') {
            response.writeHead(302, { location: this.#redirect(url, grant, text) }).end()
          } else {
            page(200, '<h1>Log in</h1><form method="post"><input name="username"></form>')
          }
          break
        }
        case '/oauth/token':
          json(200, await this.#token(new URLSearchParams(text)))
          break
        default:
          throw new Fault(404, 'not_found', 'Not Found')
      }
    } catch (error) {
      const { status, code, message } =
        error instanceof Fault ? error : new Fault(500, 'server_error', String(error))
      // open_redirect_protection: errors are shown, and do not lead back to the client.
      if (isPage) page(status, `<h1>${code}</h1><p>${message}</p>`)
      else json(status, { error: code, error_description: message })
    }
  }

  #metadata(): object {
    const { settings, issuer } = this
    return {
      issuer,
      authorization_endpoint: `${issuer}authorize`,
      token_endpoint: `${issuer}oauth/token`,
      userinfo_endpoint: `${issuer}userinfo`,
      jwks_uri: `${issuer}.well-known/jwks.json`,
      revocation_endpoint: `${issuer}oauth/revoke`,
      // No introspection_endpoint: there is none.
      ...(settings.dynamicRegistration && { registration_endpoint: `${issuer}oidc/register` }),
      ...(settings.cimd && { client_id_metadata_document_supported: true }),
      ...(settings.issuerInResponses && { authorization_response_iss_parameter_supported: true }),
      scopes_supported: [...OIDC_SCOPES, 'offline_access'],
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256', 'plain'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    }
  }

  #register(asked: Record<string, unknown>): object {
    if (!this.settings.dynamicRegistration) throw new Fault(404, 'not_found', 'Not Found')
    const id = `tpc_${randomBytes(16).toString('hex')}`
    const redirectUris = asked['redirect_uris'] as string[]
    this.addClient(id, redirectUris, true)
    const method = asked['token_endpoint_auth_method'] ?? 'client_secret_post'
    return {
      client_id: id,
      client_name: asked['client_name'],
      redirect_uris: redirectUris,
      // Filtered down to what such a client may use.
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: method,
      ...(method !== 'none' && { client_secret: randomUUID(), client_secret_expires_at: 0 }),
    }
  }

  /** Whether this request may lead to a login, and what it would grant. */
  #check(asked: URLSearchParams): Omit<Grant, 'user'> {
    const client = this.#clients.get(asked.get('client_id') ?? '')
    if (client === undefined) throw new Fault(403, 'invalid_request', 'Unknown client')
    const redirectUri = asked.get('redirect_uri') ?? ''
    if (!client.redirectUris.includes(redirectUri)) {
      throw new Fault(403, 'invalid_request', 'Callback URL mismatch')
    }
    const challenge = asked.get('code_challenge') ?? ''
    if (client.thirdParty) {
      const odd = [...asked.keys()].find(
        (name) => !THIRD_PARTY_PARAMETERS.has(name) && !name.startsWith('ext-'),
      )
      if (odd !== undefined) throw new Fault(400, 'invalid_request', `${odd} is not supported`)
      if (challenge === '') throw new Fault(400, 'invalid_request', 'PKCE is required')
      if (!this.settings.domainConnection) {
        throw new Fault(400, 'invalid_request', 'no connections enabled for the client')
      }
    }
    if (asked.get('response_type') !== 'code') {
      throw new Fault(400, 'unsupported_response_type', 'use code')
    }
    const isCompatible = this.settings.resourceParameterProfile === 'compatibility'
    // Where both are there, audience counts.
    const audience = asked.get('audience') ?? (isCompatible ? asked.get('resource') : null)
    return {
      client,
      audience: audience ?? undefined,
      scope: (asked.get('scope') ?? '').split(' ').filter(Boolean),
      challenge,
    }
  }

  #redirect({ searchParams }: URL, grant: Omit<Grant, 'user'>, form: string): string {
    const code = randomUUID()
    this.#codes.set(code, { ...grant, user: new URLSearchParams(form).get('username') ?? '' })
    const back = new URL(searchParams.get('redirect_uri') ?? '')
    back.searchParams.set('code', code)
    const state = searchParams.get('state')
    if (state !== null) back.searchParams.set('state', state)
    if (this.settings.issuerInResponses) back.searchParams.set('iss', this.issuer)
    return back.href
  }

  async #token(form: URLSearchParams): Promise<object> {
    const isRefresh = form.get('grant_type') === 'refresh_token'
    const store = isRefresh ? this.#refreshTokens : this.#codes
    const key = form.get(isRefresh ? 'refresh_token' : 'code') ?? ''
    const grant = store.get(key)
    // Used once; refresh tokens of third-party clients are rotated.
    store.delete(key)
    if (grant === undefined) throw new Fault(403, 'invalid_grant', 'Invalid or used')
    const verifier = form.get('code_verifier') ?? ''
    const proof = createHash('sha256').update(verifier).digest('base64url')
    if (!isRefresh && grant.challenge !== '' && proof !== grant.challenge) {
      throw new Fault(403, 'invalid_grant', 'Failed to verify code verifier')
    }
    return this.#mint(grant)
  }

  async #mint(grant: Grant): Promise<object> {
    const { client, user, audience, scope: asked } = grant
    const oidc = client.thirdParty ? [] : asked.filter((scope) => OIDC_SCOPES.includes(scope))
    const isOpenId = oidc.includes('openid')
    const answer = { token_type: 'Bearer', expires_in: 86_400 }
    const idToken = isOpenId && {
      id_token: await this.#sign({ alg: 'RS256', typ: 'JWT' }, { sub: user, aud: client.id }),
    }
    if (audience === undefined) {
      const opaque = randomBytes(24).toString('base64url')
      const token = this.settings.withoutApi === 'opaque' ? opaque : jwe(this.issuer)
      return { ...answer, access_token: token, ...idToken }
    }
    const api = this.apis.find(({ identifier }) => identifier === audience)
    // As people report it; the documentation does not say.
    if (api === undefined) throw new Fault(403, 'access_denied', `Service not found: ${audience}`)
    if (client.thirdParty && api.thirdParty === undefined) {
      throw new Fault(403, 'unauthorized_client', 'no client grant for this API')
    }
    const permissions = this.settings.permissions[user] ?? []
    const granted = asked.filter(
      (scope) =>
        api.scopes.includes(scope) &&
        (!client.thirdParty || api.thirdParty?.includes(scope) === true) &&
        (api.enforcePolicies !== true || permissions.includes(scope)),
    )
    const isOffline = asked.includes('offline_access') && api.allowOfflineAccess === true
    const scope = [...oidc, ...granted, ...(isOffline ? ['offline_access'] : [])].join(' ')
    const { dialect = 'access_token' } = api
    const isRfc9068 = dialect.startsWith('rfc9068_profile')
    const token = await this.#sign(
      { alg: 'RS256', typ: isRfc9068 ? 'at+jwt' : 'JWT' },
      {
        sub: `auth0|${user}`,
        aud: isOpenId ? [audience, `${this.issuer}userinfo`] : audience,
        scope,
        ...(isRfc9068 ? { client_id: client.id, jti: randomUUID() } : { azp: client.id }),
        ...(dialect.endsWith('_authz') && { permissions }),
      },
    )
    const refreshToken = randomUUID()
    if (isOffline) this.#refreshTokens.set(refreshToken, grant)
    return {
      ...answer,
      access_token: token,
      scope,
      ...idToken,
      ...(isOffline && { refresh_token: refreshToken }),
    }
  }

  #sign(header: { alg: string; typ: string }, claims: Record<string, unknown>): Promise<string> {
    const { kid, privateKey } = this.#signingKey()
    return new SignJWT({ iss: this.issuer, ...claims })
      .setProtectedHeader({ ...header, kid })
      .setIssuedAt()
      .setExpirationTime('24h')
      .sign(privateKey)
  }
}
