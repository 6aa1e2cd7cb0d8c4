/** Tokens of every kind that Keycloak makes, by real requests. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { exchangeAuthorization, startAuthorization } from '@modelcontextprotocol/sdk/client/auth.js'
import type { AuthorizationServerMetadata } from '@modelcontextprotocol/sdk/shared/auth.js'
import { visit } from '../../examples/demo/browser.js'
import type { Client } from './admin.js'
import type { Keycloak } from './keycloak.js'

export interface Tokens {
  readonly access_token: string
  readonly refresh_token?: string | undefined
  readonly id_token?: string | undefined
  readonly token_type: string
  readonly scope?: string | undefined
}

type Identity = Pick<Client, 'clientId' | 'secret'>

/** A request of the token endpoint that must succeed. */
async function requestTokens(
  { protocol }: Pick<Keycloak, 'protocol'>,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Tokens> {
  const body = new URLSearchParams(form)
  const answer = await fetch(`${protocol}/token`, { method: 'POST', body, headers })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${form['grant_type']}: ${answer.status} ${text}`)
  return JSON.parse(text) as Tokens
}

function identify({ clientId, secret }: Identity): Record<string, string> {
  return { client_id: clientId, ...(secret !== undefined && { client_secret: secret }) }
}

export interface PasswordLogin {
  readonly username?: string
  readonly scope?: string
  readonly resource?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Without a browser: the client needs `directAccessGrantsEnabled`. Every user's password is the name. */
export function loginByPassword(
  keycloak: Pick<Keycloak, 'protocol'>,
  client: Client,
  { username = 'alice', scope, resource, headers }: PasswordLogin = {},
): Promise<Tokens> {
  const form = {
    grant_type: 'password',
    ...identify(client),
    username,
    password: username,
    ...(scope !== undefined && { scope }),
    ...(resource !== undefined && { resource }),
  }
  return requestTokens(keycloak, form, headers)
}

export interface CodeLogin {
  readonly clientId: string
  readonly redirectUri?: string
  readonly username?: string
  readonly scope?: string
  /** Sent with both requests, as clients of MCP do. */
  readonly resource?: string
}

/** Code and PKCE through the login page. */
export async function loginByCode(
  { issuer }: Pick<Keycloak, 'issuer'>,
  {
    clientId,
    redirectUri = 'http://127.0.0.1:9/callback',
    username = 'alice',
    scope,
    resource,
  }: CodeLogin,
): Promise<Tokens> {
  const discovery = await fetch(`${issuer}/.well-known/openid-configuration`)
  const metadata = (await discovery.json()) as AuthorizationServerMetadata
  const request = {
    metadata,
    clientInformation: { client_id: clientId },
    ...(resource !== undefined && { resource: new URL(resource) }),
  }
  const { authorizationUrl, codeVerifier } = await startAuthorization(issuer, {
    ...request,
    redirectUrl: redirectUri,
    ...(scope !== undefined && { scope }),
  })
  const { callback } = await visit(authorizationUrl, username)
  const authorizationCode = callback.searchParams.get('code')
  if (authorizationCode === null) throw new Error(`no code: ${callback.search}`)
  return exchangeAuthorization(issuer, { ...request, authorizationCode, codeVerifier, redirectUri })
}

/** A client's own token: it needs `serviceAccountsEnabled`, and not to be public. */
export function clientCredentials(
  keycloak: Pick<Keycloak, 'protocol'>,
  client: Client,
  scope?: string,
): Promise<Tokens> {
  const form = { grant_type: 'client_credentials', ...identify(client) }
  return requestTokens(keycloak, { ...form, ...(scope !== undefined && { scope }) })
}

export function refresh(
  keycloak: Pick<Keycloak, 'protocol'>,
  client: Identity,
  { refresh_token: token = '' }: Tokens,
): Promise<Tokens> {
  const form = { grant_type: 'refresh_token', refresh_token: token, ...identify(client) }
  return requestTokens(keycloak, form)
}

/** What binds the token of a token request to a key (RFC 9449). */
export async function dpopHeaders({
  protocol,
}: Pick<Keycloak, 'protocol'>): Promise<Readonly<Record<string, string>>> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const proof = await new SignJWT({
    htm: 'POST',
    htu: `${protocol}/token`,
    jti: crypto.randomUUID(),
  })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: await exportJWK(publicKey) })
    .setIssuedAt()
    .sign(privateKey)
  return { dpop: proof }
}

/** The token that Keycloak sends to a client when a user of it is logged out. */
export async function logoutToken(keycloak: Keycloak): Promise<string> {
  let receive: (token: string) => void = () => undefined
  const received = new Promise<string>((resolve) => (receive = resolve))
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk) => (text += String(chunk)))
    request.on('end', () => {
      receive(new URLSearchParams(text).get('logout_token') ?? '')
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/logout`
    const client = await keycloak.admin.createClient({
      attributes: { 'backchannel.logout.url': url, 'backchannel.logout.session.required': 'true' },
    })
    await loginByPassword(keycloak, client)
    await keycloak.admin.logoutUser('alice')
    return await received
  } finally {
    server.close()
    server.closeAllConnections()
  }
}
