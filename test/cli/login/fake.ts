/**
 * An authorization server and an MCP server in one, which do what the test says: for every way in which a login ends
 * early. Those that are real are oidc-provider and Keycloak.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export const TOKEN = 'access-token-9f8e7d6c'
export const CODE = 'code-1a2b3c4d'
export const REFRESH = 'refresh-token-5a6b7c8d'

type Reply = { readonly status?: number; readonly body: unknown; readonly headers?: object }

export interface FakeOptions {
  /** Members over those of the metadata; `undefined` takes one away. */
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly resourceMetadata?: {
    /** A path is one of this server. */
    readonly resource?: string | undefined
    readonly authorization_servers?: readonly string[]
  }
  /** The answer without a token. */
  readonly knock?: Reply
  /** Parameters over those of the redirect; `undefined` takes one away. */
  readonly redirect?: Readonly<Record<string, string | undefined>>
  readonly register?: Reply
  readonly token?: (parameters: URLSearchParams) => Reply
  readonly device?: Reply
  /** The answer to every message with a token. */
  readonly mcp?: (method: string) => Reply | undefined
}

export interface Fake {
  readonly url: string
  readonly issuer: string
  /** What was asked, in order: method, path, and body. */
  readonly requests: { readonly path: string; readonly body: string; readonly headers: object }[]
}

const RESULTS: Readonly<Record<string, unknown>> = {
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'fake', version: '1' },
  },
  'tools/list': { tools: [{ name: 'echo', description: 'Says it again' }] },
  'tools/call': { content: [{ type: 'text', text: 'hello' }] },
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

function send(response: ServerResponse, { status = 200, body, headers = {} }: Reply): void {
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  response.writeHead(status, { 'content-type': type, ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

function withoutUndefined(members: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

export const tokens = (more: object = {}): Reply => ({
  body: { access_token: TOKEN, token_type: 'Bearer', expires_in: 300, ...more },
})

/** For the length of the test. */
export async function startFake(options: FakeOptions = {}): Promise<Fake> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const url = `${issuer}/mcp`
  const prm = `${issuer}/.well-known/oauth-protected-resource/mcp`
  const requests: Fake['requests'] = []

  function mcp(body: string): Reply {
    const { id, method } = JSON.parse(body) as { id?: number; method: string }
    const own = options.mcp?.(method)
    if (own !== undefined) return own
    if (id === undefined) return { status: 202, body: '' }
    return { body: { jsonrpc: '2.0', id, result: RESULTS[method] } }
  }

  function redirect(search: URLSearchParams): Reply {
    const back = new URL(search.get('redirect_uri') ?? '')
    const answer = { code: CODE, state: search.get('state'), iss: issuer, ...options.redirect }
    for (const [name, value] of Object.entries(withoutUndefined(answer))) {
      back.searchParams.set(name, String(value))
    }
    return { status: 302, body: '', headers: { location: back.href } }
  }

  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    device_authorization_endpoint: `${issuer}/device`,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    ...options.metadata,
  }
  const { resource, ...more } = { resource: url, ...options.resourceMetadata }
  const resourceMetadata = {
    resource: resource?.startsWith('/') === true ? `${issuer}${resource}` : resource,
    authorization_servers: [issuer],
    scopes_supported: ['mcp:tools'],
    ...more,
  }

  const answers: Readonly<Record<string, (body: string, search: URLSearchParams) => Reply>> = {
    '/.well-known/oauth-protected-resource/mcp': () => ({
      body: withoutUndefined(resourceMetadata),
    }),
    '/.well-known/oauth-authorization-server': () => ({ body: withoutUndefined(metadata) }),
    '/register': () => options.register ?? { status: 201, body: { client_id: 'client-1' } },
    '/authorize': (_, search) => redirect(search),
    '/token': (body) => options.token?.(new URLSearchParams(body)) ?? tokens(),
    '/device': () => options.device ?? { status: 404, body: {} },
    '/mcp': (body) => mcp(body),
  }

  server.on('request', (request, response) => {
    void textOf(request).then((body) => {
      const { pathname, searchParams } = new URL(request.url ?? '', issuer)
      requests.push({ path: pathname, body, headers: request.headers })
      if (pathname === '/mcp' && request.headers.authorization === undefined) {
        const challenge = `Bearer resource_metadata="${prm}", scope="mcp:tools"`
        const headers = { 'www-authenticate': challenge }
        return send(response, options.knock ?? { status: 401, body: '', headers })
      }
      send(response, answers[pathname]?.(body, searchParams) ?? { status: 404, body: 'nothing' })
    })
  })
  return { url, issuer, requests }
}
