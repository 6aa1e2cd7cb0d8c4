/** Tokens of every kind that Authelia makes, by real requests. */
import { createHash, randomBytes } from 'node:crypto'
import { authorize, logIn } from '../../examples/authelia/portal.js'
import { CLIENT, GATEWAY } from './configuration.js'
import type { Server } from './server.js'

export interface Tokens {
  readonly access_token: string
  readonly refresh_token?: string
  readonly id_token?: string
}

export interface CodeLogin {
  readonly scope?: string
  /** What MCP clients do not send. Default: the resource of the server. */
  readonly audience?: string | undefined
  /** What they do send, and 4.37.5 ignores. */
  readonly resource?: string
}

const REDIRECT_URI = 'http://127.0.0.1:9/callback'

async function requestTokens(
  { issuer, fetch }: Server,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Tokens> {
  const body = new URLSearchParams(form)
  const answer = await fetch(`${issuer}/api/oidc/token`, { method: 'POST', body, headers })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${form['grant_type']}: ${answer.status} ${text}`)
  return JSON.parse(text) as Tokens
}

/** A person who is logged in: Authelia takes a second for each login, so tests share this. */
export class Session {
  readonly #server: Server
  readonly #cookie: string

  private constructor(server: Server, cookie: string) {
    this.#server = server
    this.#cookie = cookie
  }

  static async open(server: Server): Promise<Session> {
    return new Session(server, await logIn(server.issuer, 'alice', server.fetch))
  }

  /** At the portal. */
  async logOut(): Promise<void> {
    const { issuer, fetch } = this.#server
    const init = { method: 'POST', headers: { cookie: this.#cookie } }
    const answer = await fetch(`${issuer}/api/logout`, init)
    if (!answer.ok) throw new Error(`logout: ${answer.status} ${await answer.text()}`)
    await answer.body?.cancel()
  }

  /** Code and PKCE. */
  async mint({
    scope = 'openid offline_access groups',
    audience = this.#server.resource,
    resource,
  }: CodeLogin = {}): Promise<Tokens> {
    const { issuer, fetch } = this.#server
    const verifier = randomBytes(32).toString('base64url')
    const url = new URL(`${issuer}/api/oidc/authorization`)
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: CLIENT,
      redirect_uri: REDIRECT_URI,
      scope,
      state: randomBytes(16).toString('hex'),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...(audience !== '' && { audience }),
      ...(resource !== undefined && { resource }),
    }).toString()
    const { callback } = await authorize(url, this.#cookie, fetch)
    const code = callback.searchParams.get('code')
    if (code === null) throw new Error(`no code: ${callback.search}`)
    return requestTokens(this.#server, {
      grant_type: 'authorization_code',
      client_id: CLIENT,
      redirect_uri: REDIRECT_URI,
      code,
      code_verifier: verifier,
    })
  }
}

export function refresh(server: Server, { refresh_token: token = '' }: Tokens): Promise<Tokens> {
  const form = { grant_type: 'refresh_token', client_id: CLIENT, refresh_token: token }
  return requestTokens(server, form)
}

/** Our own client, with its id and secret in HTTP Basic. */
export function basic(clientId: string, secret: string): { readonly authorization: string } {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  const pair = `${encode(clientId)}:${encode(secret)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** A client's own token. */
export function clientCredentials(server: Server): Promise<Tokens> {
  const form = { grant_type: 'client_credentials', scope: 'groups', audience: server.resource }
  return requestTokens(server, form, basic(GATEWAY, server.clientSecret))
}

/** As the client that has it. */
export async function revoke({ issuer, fetch }: Server, token: string): Promise<void> {
  const body = new URLSearchParams({ client_id: CLIENT, token })
  const answer = await fetch(`${issuer}/api/oidc/revocation`, { method: 'POST', body })
  if (answer.status !== 200) throw new Error(`revocation: ${answer.status} ${await answer.text()}`)
  await answer.body?.cancel()
}
