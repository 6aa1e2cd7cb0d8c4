/**
 * Tokens without an MCP server: a complete code flow for whatever resource and scope is wanted, step by
 * step with the SDK's own functions.
 */
import {
  discoverAuthorizationServerMetadata,
  exchangeAuthorization,
  registerClient,
  startAuthorization,
} from '@modelcontextprotocol/sdk/client/auth.js'
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import { visit } from './browser.js'

const REDIRECT_URI = 'http://127.0.0.1:9/callback'

export interface Wanted {
  readonly resource: string
  readonly scope: string
  readonly user?: string
}

/** Registers a new client and logs in. */
export async function obtainTokens(
  issuer: string,
  { resource, scope, user = 'alice' }: Wanted,
): Promise<OAuthTokens> {
  const metadata = await discoverAuthorizationServerMetadata(issuer)
  if (metadata === undefined) throw new Error(`no metadata at ${issuer}`)
  const clientInformation = await registerClient(issuer, {
    metadata,
    clientMetadata: {
      client_name: 'another client',
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    },
    scope,
  })
  const request = { metadata, clientInformation, resource: new URL(resource) }
  const { authorizationUrl, codeVerifier } = await startAuthorization(issuer, {
    ...request,
    redirectUrl: REDIRECT_URI,
    scope,
  })
  // As clients of OpenID Connect do, to tie the ID token to this login.
  if (scope.split(' ').includes('openid')) {
    authorizationUrl.searchParams.set('nonce', crypto.randomUUID())
  }
  const { callback } = await visit(authorizationUrl, user)
  const authorizationCode = callback.searchParams.get('code')
  if (authorizationCode === null) throw new Error(`no code: ${callback.search}`)
  return exchangeAuthorization(issuer, {
    ...request,
    authorizationCode,
    codeVerifier,
    redirectUri: REDIRECT_URI,
  })
}
