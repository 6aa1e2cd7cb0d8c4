/** What the doctor says about servers on loopback, which have public names for it. */
import { createServer, type RequestListener } from 'node:http'
import { CLIENTS, type Client } from '../../src/advice/clients.js'
import { diagnose, type Diagnosis } from '../../src/cli/doctor/diagnosis.js'
import type { Finding } from '../../src/cli/doctor/finding.js'
import { FakeIdp, ISSUER, RESOURCE } from './idp.js'
import { listenForTest } from './listening.js'

/** By origin: a server on loopback, or what answers in its place. */
type Internet = Readonly<Record<string, string | typeof fetch>>

/** A `fetch` that finds public names on this machine. A name that nobody has is not found. */
function createInternet(hosts: Internet): typeof fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const host = hosts[url.origin]
    if (host === undefined) {
      const cause = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
      throw new TypeError('fetch failed', { cause })
    }
    if (typeof host === 'function') return host(url.href, init)
    return fetch(`${host}${url.pathname}${url.search}`, init)
  }
}

/** A server for the length of the test. Returns its origin. */
async function startServer(handler: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listenForTest(createServer(handler))}`
}

/** An answer of a broken server. */
interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** How a server departs from one that is right. Each text is `METHOD path`, and for a request with a token ` with token`. */
export type Replies = Readonly<Record<string, Reply | undefined>>

const PRM = '/.well-known/oauth-protected-resource'

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers':
    'authorization, content-type, mcp-protocol-version, mcp-session-id',
  'access-control-expose-headers': 'WWW-Authenticate, Mcp-Session-Id',
}

/** The challenge of a server that is right. */
export const CHALLENGE = `Bearer resource_metadata="https://mcp.example.com${PRM}/mcp", scope="mcp:tools"`

export const DOCUMENT: Readonly<Record<string, unknown>> = {
  resource: RESOURCE,
  authorization_servers: [ISSUER],
  scopes_supported: ['mcp:tools'],
}

function rightReplies(): Replies {
  const unauthorized = {
    status: 401,
    headers: { ...CORS, 'www-authenticate': CHALLENGE, 'cache-control': 'no-store' },
    body: { error: 'unauthorized' },
  }
  return {
    'POST /mcp': unauthorized,
    'POST /mcp with token': {
      ...unauthorized,
      headers: {
        ...unauthorized.headers,
        'www-authenticate': `${CHALLENGE}, error="invalid_token"`,
      },
    },
    'GET /mcp': unauthorized,
    'OPTIONS /mcp': { status: 204, headers: CORS },
    [`GET ${PRM}/mcp`]: { headers: CORS, body: DOCUMENT },
    [`GET ${PRM}`]: { headers: CORS, body: DOCUMENT },
    [`OPTIONS ${PRM}/mcp`]: { status: 204, headers: CORS },
  }
}

/** A resource server that does everything right, but for what the test says. It keeps what it was asked. */
export async function startResource(
  wrong: Replies = {},
): Promise<{ readonly origin: string; readonly requests: string[] }> {
  const replies = { ...rightReplies(), ...wrong }
  const requests: string[] = []
  const origin = await startServer((request, response) => {
    const { method = '', url = '', headers: fields } = request
    const asked = `${method} ${url}`
    requests.push(asked)
    const withToken =
      fields.authorization === undefined ? undefined : replies[`${asked} with token`]
    const reply = withToken ?? replies[asked] ?? { status: 404, body: 'Not Found' }
    const { status = 200, headers = {}, body = '' } = reply
    const isText = typeof body === 'string'
    response.writeHead(status, {
      'content-type': isText ? 'text/plain' : 'application/json',
      ...headers,
    })
    response.end(isText ? body : JSON.stringify(body))
  })
  return { origin, requests }
}

/** What an identity provider publishes that suits every client. */
const RIGHT_METADATA: Readonly<Record<string, unknown>> = {
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
  registration_endpoint: `${ISSUER}/register`,
  response_types_supported: ['code'],
  grant_types_supported: ['authorization_code', 'refresh_token'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['none'],
  client_id_metadata_document_supported: true,
  authorization_response_iss_parameter_supported: true,
  scopes_supported: ['mcp:tools', 'offline_access'],
}

export async function startProvider(
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<FakeIdp> {
  const idp = await FakeIdp.start()
  const { origin, pathname } = new URL(ISSUER)
  idp.metadataUrl = `${origin}/.well-known/oauth-authorization-server${pathname}`
  idp.metadata = { ...RIGHT_METADATA, ...metadata }
  return idp
}

/** `fetch` of a provider, with CORS as it should be. */
export function openToBrowsers(idp: Pick<FakeIdp, 'fetch'>): typeof fetch {
  return async (input, init) => {
    const isPreflight = init?.method === 'OPTIONS'
    const answer = isPreflight
      ? new Response(null, { status: 204 })
      : await idp.fetch(String(input), init)
    for (const [name, value] of Object.entries(CORS)) answer.headers.set(name, value)
    return answer
  }
}

export interface Look {
  readonly url?: string
  readonly hosts: Internet
  readonly clients?: readonly Client[]
  readonly triesRegistration?: boolean
  readonly patience?: number
  readonly now?: () => number
  /** Where a host is; others are elsewhere. */
  readonly addresses?: Readonly<Record<string, readonly string[]>>
}

export function look({
  url = RESOURCE,
  hosts,
  clients = CLIENTS,
  triesRegistration = false,
  patience = 5_000,
  now = Date.now,
  addresses = {},
}: Look): Promise<Diagnosis> {
  const network = { fetch: createInternet(hosts), now, patience }
  const addressesOf = ({ hostname }: URL) => Promise.resolve(addresses[hostname] ?? [])
  const onStep = () => undefined
  return diagnose(url, { network, addressesOf, clients, triesRegistration, onStep })
}

/** The finding of that id. */
export function found({ findings }: Diagnosis, id: string): Finding {
  const finding = findings.find((each) => each.id === id)
  if (finding === undefined) {
    throw new Error(`no finding ${id} among ${findings.map((each) => each.id).join(', ')}`)
  }
  return finding
}

export function idsOf({ findings }: Diagnosis): readonly string[] {
  return findings.map(({ id }) => id)
}
