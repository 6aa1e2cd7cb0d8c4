/**
 * A throwaway identity provider in this process: oidc-provider with dynamic registration, PKCE, and
 * JWT access tokens for the resources it is told of. Yours is Keycloak, Auth0, Entra, …
 */
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import type { Configuration, Provider } from 'oidc-provider'
import { answerInteraction } from './login.js'
import { listenOn } from './ports.js'

/** A protected resource, as the IdP knows it (RFC 8707). */
interface KnownResource {
  readonly scope: string
  /** Seconds that its access tokens live. Default 300. */
  readonly accessTokenTTL?: number
}

export interface Idp {
  readonly issuer: string
  /** By resource identifier. Change it at any time. */
  readonly resources: Map<string, KnownResource>
  /** It tells of every registration, login and token by events. */
  readonly provider: Provider
  /** A token with the IdP's own key: for the demonstration of what cannot be had by waiting. */
  sign(claims: JWTPayload): Promise<string>
  stop(): Promise<void>
}

const KEY_ID = 'demo-1'

/**
 * oidc-provider tells its operator on stdout and stderr that this is no production setup. The users of
 * the demo are not its operators; everything else still gets through.
 */
async function withoutNotices<T>(body: () => Promise<T>): Promise<T> {
  const { info, warn } = console
  const unlessNotice =
    (print: typeof console.info): typeof console.info =>
    (...data) => {
      if (!/oidc-provider (?:NOTICE|WARNING):/.test(String(data[0]))) print(...data)
    }
  console.info = unlessNotice(info)
  console.warn = unlessNotice(warn)
  try {
    return await body()
  } finally {
    Object.assign(console, { info, warn })
  }
}

async function createProvider(
  issuer: string,
  key: object,
  scopes: readonly string[],
  resources: Idp['resources'],
  configuration: Configuration,
): Promise<Provider> {
  const { Provider, errors } = await import('oidc-provider')
  return new Provider(issuer, {
    jwks: { keys: [key] },
    // Clients register with the scope of the challenge, and only scopes named here can be registered.
    scopes: ['openid', 'offline_access', ...scopes],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    pkce: { required: () => true },
    rotateRefreshToken: true,
    // Clients of MCP do not ask for offline_access, and still want to be spared the next login.
    issueRefreshToken: (_ctx, client) => Promise.resolve(client.grantTypeAllowed('refresh_token')),
    // The inspector runs in a browser.
    clientBasedCORS: () => true,
    cookies: { keys: [crypto.randomUUID()] },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => Promise.resolve([]),
        useGrantedResource: () => Promise.resolve(true),
        getResourceServerInfo: (_ctx, indicator) => {
          const known = resources.get(indicator)
          if (known === undefined) throw new errors.InvalidTarget()
          return {
            scope: known.scope,
            accessTokenTTL: known.accessTokenTTL ?? 300,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          }
        },
      },
    },
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? 300,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 300,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    ...configuration,
  })
}

/**
 * Starts it on the loopback interface.
 *
 * @param scopes those of all resources
 * @param configuration what its operator sets otherwise
 * @param preferred the port to try first; 0: any
 */
export async function startIdp(
  scopes: readonly string[],
  configuration: Configuration = {},
  preferred = 0,
): Promise<Idp> {
  const server = createServer()
  const issuer = `http://127.0.0.1:${await listenOn(server, preferred)}`
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const key = { ...(await exportJWK(privateKey)), kid: KEY_ID, alg: 'ES256', use: 'sig' }
  const resources: Idp['resources'] = new Map()
  const provider = await withoutNotices(() =>
    createProvider(issuer, key, scopes, resources, configuration),
  )
  provider.on('server_error', (_ctx, error) => console.error('identity provider:', error))
  const answer = provider.callback()
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/interaction/') !== true) return void answer(request, response)
    answerInteraction(provider, request, response).catch((error: unknown) => {
      response.statusCode = 400
      response.end(error instanceof Error ? error.message : 'failed')
    })
  })
  return {
    issuer,
    resources,
    provider,
    sign: (claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: KEY_ID, typ: 'at+jwt' })
        .sign(privateKey),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
