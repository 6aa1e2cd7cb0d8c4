/** What the doctor says about a server, from outside: all is right but for one thing. */
import { describe, expect } from 'vitest'
import { clientNamed } from '../../src/advice/clients.js'
import type { Diagnosis } from '../../src/cli/doctor/diagnosis.js'
import {
  CHALLENGE,
  DOCUMENT,
  found,
  idsOf,
  look,
  openToBrowsers,
  startProvider,
  startResource,
  type Replies,
} from '../support/doctor.js'
import { verifies } from '../support/verifies.js'

const PRM = '/.well-known/oauth-protected-resource'
const PAGE = { headers: { 'content-type': 'text/html' }, body: '<!doctype html><h1>App</h1>' }
const NONE = { status: 404 }
const MCP = { body: { jsonrpc: '2.0', id: 1, result: {} } }

/** A document with other members, at both places. */
function documents(members: Readonly<Record<string, unknown>>): Replies {
  const reply = {
    headers: { 'access-control-allow-origin': '*' },
    body: { ...DOCUMENT, ...members },
  }
  return { [`GET ${PRM}/mcp`]: reply, [`GET ${PRM}`]: reply }
}

function unauthorized(headers: Readonly<Record<string, string>>): Replies {
  return { 'POST /mcp': { status: 401, headers: { 'cache-control': 'no-store', ...headers } } }
}

async function lookAt(wrong: Replies, url?: string): Promise<Diagnosis> {
  const { origin } = await startResource(wrong)
  const provider = await startProvider()
  const hosts = {
    'https://mcp.example.com': origin,
    'https://sso.example.com': openToBrowsers(provider),
  }
  return look({ hosts, ...(url !== undefined && { url }) })
}

/** Found with any server: what a token would say cannot be seen. */
const ALWAYS = ['audience-advice']

describe('a server of which all is right', () => {
  verifies(['DOC-01', 'DOC-04'], 'has no finding, and everyone connects', async () => {
    const diagnosis = await lookAt({})
    expect(idsOf(diagnosis)).toEqual(ALWAYS)
    expect(new Set(diagnosis.verdicts.map(({ connects }) => connects))).toEqual(new Set(['yes']))
    expect(diagnosis.verdicts.length).toBeGreaterThan(10)
  })
})

interface Fault {
  readonly name: string
  readonly wrong: Replies
  /** In place of the right URL. */
  readonly url?: string
  readonly id: string
  readonly seen: RegExp
  /** Clients that it stops, and some that it does not. */
  readonly stops: readonly string[]
  readonly spares: readonly string[]
}

const EVERYONE = ['claude', 'chatgpt', 'vscode', 'gemini-cli', 'goose', 'inspector', 'mcp-remote']

const FAULTS: readonly Fault[] = [
  {
    name: 'it answers without a token',
    wrong: { 'POST /mcp': MCP },
    id: 'not-protected',
    seen: /without a token answered 200 with MCP/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'it answers without a token, in an event stream',
    wrong: {
      'POST /mcp': {
        headers: { 'content-type': 'text/event-stream' },
        body: 'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n',
      },
    },
    id: 'not-protected',
    seen: /without a token answered 200 with MCP/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'it answers without a token, in a stream that begins with an event to resume at',
    wrong: {
      'POST /mcp': {
        headers: { 'content-type': 'text/event-stream' },
        body: 'id: 1\ndata: \n\nevent: message\nid: 2\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n',
      },
    },
    id: 'not-protected',
    seen: /without a token answered 200 with MCP/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a stateless server answers without a token',
    wrong: {
      'POST /mcp': { status: 400, body: { jsonrpc: '2.0', id: 1, error: { code: -32_004 } } },
    },
    id: 'not-protected',
    seen: /answered 400 with an MCP error/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a login page answers',
    wrong: { 'POST /mcp': PAGE },
    id: 'login-page',
    seen: /answered 200 with a web page/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'a proxy redirects to another origin',
    wrong: {
      'POST /mcp': {
        status: 308,
        headers: { location: 'https://www.example.com/mcp?state=canary' },
      },
    },
    id: 'redirect',
    seen: /308 to "https:\/\/www\.example\.com\/mcp\?state=\*\*\*"\. That is another origin/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'a slash is added by a redirect that keeps the body',
    wrong: { 'POST /mcp': { status: 307, headers: { location: '/mcp/' } } },
    id: 'redirect',
    seen: /answered 307 to "https:\/\/mcp\.example\.com\/mcp\/"/,
    stops: ['claude', 'chatgpt'],
    spares: ['inspector', 'mcp-remote', 'vscode'],
  },
  {
    name: 'a slash is added by a redirect that loses the body',
    wrong: { 'POST /mcp': { status: 301, headers: { location: '/mcp/' } } },
    id: 'redirect',
    seen: /answered 301/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'a wrong path',
    wrong: {},
    url: 'https://mcp.example.com/mpc',
    id: 'no-endpoint',
    seen: /answered 404\. The metadata of this host name "https:\/\/mcp\.example\.com\/mcp"/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'the Host is refused',
    wrong: {
      'POST /mcp': {
        status: 403,
        body: { error: 'forbidden', error_description: 'Host is not allowed' },
      },
    },
    id: 'host-refused',
    seen: /answered 403/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'a firewall refuses',
    wrong: { 'POST /mcp': { status: 403, ...PAGE } },
    id: 'forbidden',
    seen: /answered 403/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'the server behind the proxy is down',
    wrong: { 'POST /mcp': { status: 502 } },
    id: 'server-fault',
    seen: /answered 502/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'too many requests',
    wrong: { 'POST /mcp': { status: 429 } },
    id: 'too-many-requests',
    seen: /answered 429/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'another server answers',
    wrong: { 'POST /mcp': { status: 200, body: 'hello' } },
    id: 'strange-answer',
    seen: /answered 200 \("text\/plain"\)/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'a server of 2024-11-05',
    wrong: {
      'POST /mcp': { status: 405 },
      'GET /mcp': {
        headers: { 'content-type': 'text/event-stream' },
        body: 'event: endpoint\ndata: /messages?session=1\n\n',
      },
    },
    id: 'old-transport',
    seen: /event: endpoint/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'a proxy removes WWW-Authenticate',
    wrong: unauthorized({}),
    id: 'challenge-missing',
    seen: /401 without WWW-Authenticate/,
    stops: ['claude', 'claude-desktop'],
    spares: ['inspector', 'mcp-remote', 'gemini-cli'],
  },
  {
    name: 'another scheme comes first',
    wrong: unauthorized({ 'www-authenticate': `DPoP algs="ES256", ${CHALLENGE}` }),
    id: 'challenge-order',
    seen: /The first scheme is "dpop"/,
    stops: ['claude'],
    spares: ['gemini-cli'],
  },
  {
    name: 'the challenge names no metadata',
    wrong: unauthorized({ 'www-authenticate': 'Bearer realm="mcp"' }),
    id: 'challenge-without-metadata',
    seen: /no resource_metadata/,
    stops: ['claude'],
    spares: ['inspector'],
  },
  {
    name: 'the challenge names the metadata by a path',
    wrong: unauthorized({ 'www-authenticate': `Bearer resource_metadata="${PRM}/mcp"` }),
    id: 'challenge-url',
    seen: /which is not an absolute URL/,
    stops: ['claude', 'inspector'],
    spares: ['gemini-cli'],
  },
  {
    name: 'the challenge names the metadata by http',
    wrong: unauthorized({ 'www-authenticate': CHALLENGE.replace('https:', 'http:') }),
    id: 'challenge-url',
    seen: /the MCP URL is https:\/\//,
    stops: ['claude', 'inspector'],
    spares: ['gemini-cli'],
  },
  {
    name: 'the challenge names an error',
    wrong: unauthorized({ 'www-authenticate': `${CHALLENGE}, error="invalid_token"` }),
    id: 'challenge-error',
    seen: /error="invalid_token"/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'the 401 may be stored',
    wrong: unauthorized({ 'cache-control': 'max-age=60', 'www-authenticate': CHALLENGE }),
    id: 'answer-cached',
    seen: /no Cache-Control: no-store/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'the challenge names the metadata without quotes',
    wrong: unauthorized({
      'www-authenticate': CHALLENGE.replace(/resource_metadata="([^"]+)"/, 'resource_metadata=$1'),
    }),
    id: 'challenge-url',
    seen: /^resource_metadata=https:\S+\/mcp is not in quotes\.$/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'every token opens it',
    wrong: { 'POST /mcp with token': MCP },
    id: 'any-token-accepted',
    seen: /^POST with a token that nobody issued answered 200\.$/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'it cannot check a token',
    wrong: { 'POST /mcp with token': { status: 503 } },
    id: 'token-unchecked',
    seen: /answered 503/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a proxy removes Authorization',
    wrong: { 'POST /mcp with token': undefined },
    id: 'token-not-seen',
    seen: /answered 401, as without a token, and names no error\.$/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'metadata that may be stored for a week',
    wrong: {
      [`GET ${PRM}/mcp`]: {
        headers: { 'access-control-allow-origin': '*', 'cache-control': 'max-age=604800' },
        body: DOCUMENT,
      },
    },
    id: 'metadata-cached',
    seen: /has max-age=604800: 7 d\.$/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'no metadata at all',
    wrong: { [`GET ${PRM}/mcp`]: NONE, [`GET ${PRM}`]: NONE },
    id: 'metadata-missing',
    seen: /Neither https:\S+\/mcp nor https:\S+ has the document/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'metadata below the MCP URL',
    wrong: {
      [`GET ${PRM}/mcp`]: NONE,
      [`GET ${PRM}`]: NONE,
      [`GET /mcp${PRM}`]: { body: DOCUMENT },
    },
    id: 'metadata-appended',
    seen: /It is at https:\/\/mcp\.example\.com\/mcp\/\.well-known/,
    stops: [],
    spares: [],
  },
  {
    name: 'metadata only at the root',
    wrong: { [`GET ${PRM}/mcp`]: NONE },
    id: 'metadata-not-at-path',
    seen: /oauth-protected-resource\/mcp has no document/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'metadata only below the path',
    wrong: { [`GET ${PRM}`]: NONE },
    id: 'metadata-not-at-root',
    seen: /oauth-protected-resource has no document/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a single-page app at a well-known URL',
    wrong: { [`GET ${PRM}/mcp`]: PAGE },
    id: 'metadata-page',
    seen: /answered 200 with a web page/,
    stops: [],
    spares: [],
  },
  {
    name: 'metadata that ask for a token',
    wrong: { [`GET ${PRM}/mcp`]: { status: 401 } },
    id: 'metadata-guarded',
    seen: /answered 401/,
    stops: [],
    spares: [],
  },
  {
    name: 'metadata that redirect',
    wrong: { [`GET ${PRM}`]: { status: 302, headers: { location: '/login' } } },
    id: 'metadata-redirect',
    seen: /answered 302/,
    stops: [],
    spares: [],
  },
  {
    name: 'metadata that fail',
    wrong: { [`GET ${PRM}`]: { status: 503 } },
    id: 'metadata-fault',
    seen: /answered 503/,
    stops: [],
    spares: [],
  },
  {
    name: 'metadata that are not JSON',
    wrong: { [`GET ${PRM}`]: { body: 'resource=x' } },
    id: 'metadata-not-json',
    seen: /no JSON object/,
    stops: [],
    spares: [],
  },
  {
    name: 'metadata that disagree',
    wrong: { [`GET ${PRM}`]: { body: { ...DOCUMENT, scopes_supported: ['other'] } } },
    id: 'metadata-differ',
    seen: /differ in scopes_supported/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a resource by http',
    wrong: documents({ resource: 'http://mcp.example.com/mcp' }),
    id: 'resource-scheme',
    seen: /resource is "http:\S+"; the URL is "https:/,
    stops: ['vscode', 'gemini-cli', 'inspector', 'mcp-remote'],
    spares: [],
  },
  {
    name: 'a resource at an internal host',
    wrong: documents({ resource: 'https://backend:8000/mcp' }),
    id: 'resource-host',
    seen: /backend:8000/,
    stops: ['vscode', 'gemini-cli', 'inspector', 'mcp-remote'],
    spares: [],
  },
  {
    name: 'a resource that is the origin',
    wrong: documents({ resource: 'https://mcp.example.com' }),
    id: 'resource-origin-only',
    seen: /resource is "https:\/\/mcp\.example\.com"/,
    stops: ['vscode', 'gemini-cli'],
    spares: ['inspector', 'mcp-remote'],
  },
  {
    name: 'a resource with another path',
    wrong: documents({ resource: 'https://mcp.example.com/mc' }),
    id: 'resource-path',
    seen: /example\.com\/mc"/,
    stops: ['vscode', 'gemini-cli', 'inspector', 'mcp-remote'],
    spares: [],
  },
  {
    name: 'a resource with a slash more',
    wrong: documents({ resource: 'https://mcp.example.com/mcp/' }),
    id: 'resource-slash',
    seen: /example\.com\/mcp\/"/,
    stops: ['vscode', 'gemini-cli'],
    spares: [],
  },
  {
    name: 'metadata without a resource',
    wrong: documents({ resource: undefined }),
    id: 'resource-missing',
    seen: /resource is absent/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'metadata without an authorization server',
    wrong: documents({ authorization_servers: [] }),
    id: 'no-authorization-server',
    seen: /absent or empty/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'an authorization server that is not a URL',
    wrong: documents({ authorization_servers: ['keycloak'] }),
    id: 'issuer-not-url',
    seen: /"keycloak"/,
    stops: EVERYONE,
    spares: [],
  },
  {
    name: 'a challenge with a scope of its own',
    wrong: documents({ scopes_supported: ['other'] }),
    id: 'scopes-differ',
    seen: /The challenge names "mcp:tools"/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'metadata without CORS',
    wrong: { [`GET ${PRM}/mcp`]: { body: DOCUMENT } },
    id: 'cors-metadata',
    seen: /no Access-Control-Allow-Origin/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a preflight that is refused',
    wrong: { 'OPTIONS /mcp': { status: 405 } },
    id: 'cors-endpoint',
    seen: /answered 405/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a preflight that allows a wildcard, which is not authorization',
    wrong: {
      'OPTIONS /mcp': {
        headers: { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' },
      },
    },
    id: 'cors-endpoint',
    seen: /does not allow authorization\.$/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a challenge that a browser hides',
    wrong: unauthorized({ 'www-authenticate': CHALLENGE, 'access-control-allow-origin': '*' }),
    id: 'cors-exposed',
    seen: /does not expose www-authenticate, mcp-session-id/,
    stops: [],
    spares: EVERYONE,
  },
  {
    name: 'a GET that fails',
    wrong: { 'GET /mcp': { status: 500 } },
    id: 'get-answer',
    seen: /GET without a token answered 500/,
    stops: [],
    spares: EVERYONE,
  },
]

describe('a server with one fault', () => {
  for (const { name, wrong, url, id, seen, stops, spares } of FAULTS) {
    verifies(['DOC-01', 'DOC-04'], `${name}: ${id}`, async () => {
      const diagnosis = await lookAt(wrong, url)
      const finding = found(diagnosis, id)
      expect(finding.seen).toMatch(seen)
      expect(finding.seen).not.toContain('canary')
      expect(finding.breaks).toEqual(expect.arrayContaining([...stops]))
      expect(finding.breaks.filter((each) => spares.includes(each))).toEqual([])
      const stopped = diagnosis.verdicts.filter(({ connects }) => connects === 'no')
      expect(stopped.map(({ client }) => client)).toEqual(expect.arrayContaining([...stops]))
    })
  }
})

verifies(
  'DOC-01',
  'a host with several resources has the metadata of none at its root',
  async () => {
    const other = { ...DOCUMENT, resource: 'https://mcp.example.com/other' }
    const diagnosis = await lookAt({ [`GET ${PRM}`]: { body: other } })
    expect(found(diagnosis, 'metadata-not-at-root').seen).toMatch(/is about another resource/)
    expect(idsOf(diagnosis)).not.toContain('metadata-differ')
  },
)

verifies('DOC-04', 'of a client whose rule nobody has told it stays unknown', async () => {
  const diagnosis = await lookAt(documents({ resource: 'https://mcp.example.com' }))
  const verdict = (client: string) =>
    diagnosis.verdicts.find((each) => each.client === client)?.connects
  expect(['gemini-cli', 'inspector', 'goose'].map(verdict)).toEqual(['no', 'yes', 'unknown'])
})

verifies('DOC-03', 'a session that an open server begins is ended', async () => {
  const opened = { ...MCP, headers: { 'mcp-session-id': 'session-1' } }
  const { origin, requests } = await startResource({ 'POST /mcp': opened })
  await look({ hosts: { 'https://mcp.example.com': origin } })
  const count = (method: string) => requests.filter((each) => each === `${method} /mcp`).length
  expect(count('DELETE')).toBe(count('POST'))
  expect(count('POST')).toBeGreaterThan(0)
})

verifies('DOC-03', 'a session that a wrong token begins is ended with that token', async () => {
  const sent: (readonly [method: string, authorization: string])[] = []
  const { origin } = await startResource()
  const open: typeof fetch = (input, init) => {
    const authorization = new Headers(init?.headers).get('authorization')
    if (authorization === null) return fetch(`${origin}${new URL(String(input)).pathname}`, init)
    sent.push([init?.method ?? 'GET', authorization])
    const headers = { 'mcp-session-id': 'session-1' }
    return Promise.resolve(Response.json(MCP.body, { headers }))
  }
  const diagnosis = await look({ hosts: { 'https://mcp.example.com': open } })
  const token = sent[0]?.[1] ?? ''
  expect(token).toMatch(/^Bearer doctor-[0-9a-f-]{36}$/)
  expect(sent).toEqual([
    ['POST', token],
    ['DELETE', token],
  ])
  expect(idsOf(diagnosis)).toContain('any-token-accepted')
  expect(JSON.stringify(diagnosis)).not.toContain(token.slice(7))
})

verifies('DOC-03', 'a server that needs no token gets none', async () => {
  const seen: (string | null)[] = []
  const open: typeof fetch = (_input, init) => {
    seen.push(new Headers(init?.headers).get('authorization'))
    return Promise.resolve(Response.json(MCP.body))
  }
  await look({ hosts: { 'https://mcp.example.com': open } })
  expect(new Set(seen)).toEqual(new Set([null]))
})

verifies('DOC-01', 'a server that names the error in the body alone sees tokens', async () => {
  const headers = { 'www-authenticate': CHALLENGE, 'cache-control': 'no-store' }
  const told = { status: 401, headers, body: { error: 'invalid_token' } }
  const diagnosis = await lookAt({ 'POST /mcp with token': told })
  expect(idsOf(diagnosis)).not.toContain('token-not-seen')
})

verifies('DOC-01', 'metadata that are asked for again each time are in order', async () => {
  const headers = {
    'access-control-allow-origin': '*',
    'cache-control': 'max-age=604800, no-cache',
  }
  const diagnosis = await lookAt({ [`GET ${PRM}/mcp`]: { headers, body: DOCUMENT } })
  expect(idsOf(diagnosis)).toEqual(ALWAYS)
})

verifies('DOC-06', 'a server that hangs costs the patience for one answer', async () => {
  const started: string[] = []
  const hang: typeof fetch = (input, init) => {
    started.push(String(input))
    return new Promise((_, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error))
    })
  }
  const hosts = { 'https://mcp.example.com': hang }
  const diagnosis = await look({ hosts, patience: 50, clients: [clientNamed('inspector')!] })
  expect(idsOf(diagnosis)).toEqual(['too-slow'])
  expect(diagnosis.isReached).toBe(false)
  expect(found(diagnosis, 'too-slow').seen).toMatch(/did not answer within 0\.05 s/)
  // Nothing waited for another, and nothing was asked after them.
  expect(started.length).toBe(9)
})

/** A stream of events, each with the milliseconds before it. It never ends. */
function streaming(events: readonly (readonly [after: number, event: string])[]): typeof fetch {
  return (_input, init) => {
    const body = new ReadableStream({
      async start(controller) {
        for (const [after, event] of events) {
          await new Promise((resolve) => setTimeout(resolve, after))
          controller.enqueue(new TextEncoder().encode(event))
        }
        init?.signal?.addEventListener('abort', () => controller.error(init.signal?.reason))
      },
    })
    const headers = { 'content-type': 'text/event-stream' }
    return Promise.resolve(new Response(body, { headers }))
  }
}

const RPC = 'data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'

verifies('DOC-01', 'a server that answers later than its stream begins is open, too', async () => {
  const late = streaming([
    [0, 'id: 1\ndata: \n\n'],
    [1_300, RPC],
  ])
  const diagnosis = await look({ hosts: { 'https://mcp.example.com': late } })
  expect(idsOf(diagnosis)).toContain('not-protected')
})

verifies('DOC-06', 'a stream that never answers is told of as too slow', async () => {
  const silent = streaming([[0, 'id: 1\ndata: \n\n']])
  const diagnosis = await look({ hosts: { 'https://mcp.example.com': silent }, patience: 100 })
  expect(idsOf(diagnosis)).toEqual(['too-slow'])
})

verifies('DOC-01', 'a clock that differs is told by how much', async () => {
  const wrong = (date: number) => {
    const headers = { date: new Date(date).toUTCString(), 'www-authenticate': CHALLENGE }
    return { 'POST /mcp': { status: 401, headers } }
  }
  const late = await lookAt(wrong(Date.now() - 120_000))
  expect(found(late, 'clock-differs').seen).toMatch(/^Its clock is 1[12]\d s behind ours\.$/)
  const near = await lookAt(wrong(Date.now() + 20_000))
  expect(idsOf(near)).not.toContain('clock-differs')
})
