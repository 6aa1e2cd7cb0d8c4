/**
 * What a server shows to a client without a token, or with a token that nobody issued. Nothing stays
 * there: the doctor ends each session that an open server begins.
 *
 * @module
 */
import { protectedResourceMetadataPaths } from '../../discovery/protected-resource.js'
import type { JsonObject } from '../../base/json.js'
import { parseHttpUrl } from '../../base/http.js'
import { readChallenge, type Challenge } from './challenge.js'
import { exchange, isAnswer, jsonOf, type Exchange, type Network } from './exchange.js'

export interface ResourceView {
  /** As it was typed. */
  readonly url: string
  /** POST `initialize` without a token; of a server with a public part, the call that needs one. */
  readonly initialize: Exchange
  /** It answers `initialize` without a token, and refuses the call of a tool. */
  readonly hasPublicPart: boolean
  readonly challenge: Challenge | undefined
  /** The same with a token that nobody issued. Absent if the server needs no token. */
  readonly wrongToken: Exchange | undefined
  /** GET without a token. */
  readonly get: Exchange
  readonly metadata: Readonly<Record<'path' | 'root' | 'below', Exchange>> & {
    /** Absent if the 401 names no usable URL. */
    readonly challenge: Exchange | undefined
  }
  readonly browser: BrowserView
}

/** The same for a page in a browser. */
interface BrowserView {
  readonly preflight: Exchange
  readonly metadataPreflight: Exchange
  readonly metadata: Exchange
  readonly initialize: Exchange
}

/** MCP Inspector 1, whose requests a browser sends. */
export const BROWSER_ORIGIN = 'http://localhost:6274'

const VERSION = '2025-11-25'
const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: VERSION,
    capabilities: {},
    clientInfo: { name: 'mcp-gatehouse doctor', version: '1' },
  },
})

/** No server has this tool. */
const CALL = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'mcp-gatehouse-doctor', arguments: {} },
})

function post(body: string, headers: Readonly<Record<string, string>> = {}): RequestInit {
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body,
  }
}

function initialize(headers: Readonly<Record<string, string>> = {}): RequestInit {
  return post(INITIALIZE, headers)
}

function preflight(method: string, headers: string): RequestInit {
  return {
    method: 'OPTIONS',
    headers: {
      origin: BROWSER_ORIGIN,
      'access-control-request-method': method,
      'access-control-request-headers': headers,
    },
  }
}

const METADATA: RequestInit = {
  headers: { accept: 'application/json', 'mcp-protocol-version': VERSION },
}

/** An open server may have begun a session for us. */
async function endSession(
  network: Network,
  url: string,
  opened: Exchange,
  credentials: Readonly<Record<string, string>> = {},
): Promise<void> {
  const session = isAnswer(opened) ? opened.headers.get('mcp-session-id') : null
  if (session === null) return
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': VERSION, ...credentials }
  await exchange(network, url, { method: 'DELETE', headers })
}

async function viewInBrowser(network: Network, url: string, path: string): Promise<BrowserView> {
  const origin = { origin: BROWSER_ORIGIN }
  const fields = 'authorization, content-type, mcp-protocol-version, mcp-session-id'
  const [endpoint, metadataPreflight, metadata, opened] = await Promise.all([
    exchange(network, url, preflight('POST', fields)),
    exchange(network, path, preflight('GET', 'mcp-protocol-version')),
    exchange(network, path, { headers: { ...origin, accept: 'application/json' } }),
    exchange(network, url, initialize(origin)),
  ])
  await endSession(network, url, opened)
  return { preflight: endpoint, metadataPreflight, metadata, initialize: opened }
}

/** The 401 of a server that answers `initialize` to everybody, but not everything. */
async function findProtectedPart(
  network: Network,
  url: string,
  opened: Exchange,
): Promise<Exchange | undefined> {
  if (!isAnswer(opened) || opened.status >= 300) return undefined
  const answer = await exchange(network, url, post(CALL))
  if (isAnswer(answer) && answer.status === 401) return answer
  await endSession(network, url, answer)
  return undefined
}

/** Only if the server needs a token: an open server takes any request. */
async function tryWrongToken(
  network: Network,
  url: string,
  opened: Exchange,
): Promise<Exchange | undefined> {
  if (!isAnswer(opened) || opened.status !== 401) return undefined
  const credentials = { authorization: `Bearer doctor-${crypto.randomUUID()}` }
  const answer = await exchange(network, url, initialize(credentials))
  await endSession(network, url, answer, credentials)
  return answer
}

/** The challenge of an answer. `undefined`: it has none. */
export function readChallengeOf(answer: Exchange | undefined): Challenge | undefined {
  const field = isAnswer(answer) ? answer.headers.get('www-authenticate') : null
  return field === null ? undefined : readChallenge(field)
}

/**
 * Looks at a server from outside. All requests that need no earlier answer run together. Each takes
 * at most the network's patience.
 */
export async function viewResource(network: Network, url: string): Promise<ResourceView> {
  const { origin, pathname } = new URL(url)
  const [atPath, atRoot] = protectedResourceMetadataPaths(url)
  const below = `${origin}${pathname.replace(/\/$/, '')}/.well-known/oauth-protected-resource`
  const [opened, get, path, root, appended, browser] = await Promise.all([
    exchange(network, url, initialize()),
    exchange(network, url, { headers: { accept: 'text/event-stream' } }),
    exchange(network, `${origin}${atPath}`, METADATA),
    exchange(network, `${origin}${atRoot}`, METADATA),
    exchange(network, below, METADATA),
    viewInBrowser(network, url, `${origin}${atPath}`),
  ])
  await endSession(network, url, opened)
  const closed = await findProtectedPart(network, url, opened)
  const refused = closed ?? opened
  const challenge = readChallengeOf(refused)
  const named = parseHttpUrl(challenge?.resourceMetadata)?.href
  const known = [path, root].find((each) => each.url === named)
  const [wrongToken, elsewhere] = await Promise.all([
    tryWrongToken(network, url, refused),
    known === undefined && named !== undefined ? exchange(network, named, METADATA) : known,
  ])
  return {
    url,
    initialize: refused,
    hasPublicPart: closed !== undefined,
    challenge,
    wrongToken,
    get,
    metadata: { path, root, below: appended, challenge: elsewhere },
    browser,
  }
}

/** In the order in which most clients look. */
const FORMS = ['challenge', 'path', 'root'] as const

/** The document that clients use, if there is one. */
export function metadataOf({ metadata }: ResourceView): JsonObject | undefined {
  for (const form of FORMS) {
    const answer = metadata[form]
    const document = isAnswer(answer) && answer.status === 200 ? jsonOf(answer) : undefined
    if (document !== undefined) return document
  }
  return undefined
}
