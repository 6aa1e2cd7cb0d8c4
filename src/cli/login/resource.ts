/**
 * Finds out which issuer an MCP server trusts, from the challenge of its 401 and its metadata (RFC 9728).
 *
 * @module
 */
import { isTrustworthyEndpoint } from '../../discovery/authorization-server.js'
import {
  protectedResourceMetadataPaths,
  protectedResourceMetadataUrl,
} from '../../discovery/protected-resource.js'
import { quoted } from '../../errors.js'
import { FetchFault, fetchDocument, networkReason } from '../../base/http.js'
import type { JsonObject } from '../../base/json.js'
import { STATEFUL_VERSIONS } from '../../mcp/protocol-revision.js'
import { readChallenge, type Challenge } from './challenge.js'
import { CommandFault } from '../command-fault.js'
import { listIn } from '../list-in.js'
import type { Network } from './network.js'

export interface Resource {
  /** The MCP endpoint, as it was given. */
  readonly url: string
  /** The resource identifier that it publishes. */
  readonly identifier: string
  readonly issuer: string
  /** What it asks clients to request. */
  readonly scopes: readonly string[]
}

const DOCTOR = 'mcp-gatehouse doctor URL says what clients need there'

/** The first message of a client, without a token. */
const KNOCK = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: STATEFUL_VERSIONS[0],
    capabilities: {},
    clientInfo: { name: 'mcp-gatehouse', version: '0' },
  },
})

const POST: RequestInit = {
  method: 'POST',
  headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
  body: KNOCK,
}
/** A server with tools for everybody answers the first message, but opens no stream. */
const GET: RequestInit = { headers: { accept: 'text/event-stream' } }

async function ask(url: string, init: RequestInit, { fetch, limit }: Network): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, { ...init, redirect: 'manual', signal: limit() })
  } catch (error) {
    const hint = 'is the server running, and is this the URL that clients use?'
    throw new CommandFault(`${url} ${networkReason(error)}`, hint)
  }
  await response.body?.cancel()
  return response
}

async function knock(url: string, network: Network): Promise<Challenge> {
  const response = await ask(url, POST, network)
  const other = response.ok ? await ask(url, GET, network) : undefined
  const { status, headers } = other?.status === 401 ? other : response
  if (status === 401) {
    const challenge = readChallenge(headers.get('www-authenticate'))
    if (challenge !== undefined) return challenge
    throw new CommandFault(`${url} answered 401 without a Bearer challenge`, DOCTOR)
  }
  if (status >= 300 && status < 400) {
    const hint = `use the URL that it leads to: clients lose the token on a redirect`
    throw new CommandFault(`${url} answered ${status}, a redirect, which is not followed`, hint)
  }
  if (response.ok) {
    const hint = 'it is not protected: nobody has to log in, and everybody may call it'
    throw new CommandFault(`${url} answers without a token`, hint)
  }
  const hint = status === 404 || status === 405 ? 'is this the exact endpoint?' : DOCTOR
  throw new CommandFault(`${url} answered ${status} to a request without a token, not 401`, hint)
}

/** If the challenge names no URL, both well-known URLs are tried, as clients do. */
function metadataUrls(url: string, { resourceMetadata }: Challenge): readonly string[] {
  if (resourceMetadata === undefined) {
    const root = new URL(protectedResourceMetadataPaths(url)[1], url).href
    return [protectedResourceMetadataUrl(url), root]
  }
  if (isTrustworthyEndpoint(resourceMetadata, url, {})) return [resourceMetadata]
  const named = quoted(resourceMetadata)
  throw new CommandFault(`the challenge names the metadata ${named}, not an https URL`, DOCTOR)
}

async function readMetadata(
  urls: readonly string[],
  { fetch, limit }: Network,
): Promise<JsonObject> {
  const reasons: string[] = []
  for (const url of urls) {
    try {
      return (await fetchDocument(url, fetch, limit())).document
    } catch (error) {
      if (!(error instanceof FetchFault)) throw error
      reasons.push(`${quoted(url, 300).slice(1, -1)} ${error.message}`)
    }
  }
  throw new CommandFault(`no metadata of the resource: ${reasons.join('; ')}`, DOCTOR)
}

/** Identifiers are shown to people, so nothing in them may act on a terminal. */
const VISIBLE = /^[!-~]+$/

/** Whether a client may use this identifier for that URL: same origin, and a path that leads to it. */
function covers(identifier: string, url: string): boolean {
  if (!VISIBLE.test(identifier) || !URL.canParse(identifier)) return false
  const [own, other] = [new URL(identifier), new URL(url)]
  const path = own.pathname.endsWith('/') ? own.pathname : `${own.pathname}/`
  return own.origin === other.origin && `${other.pathname}/`.startsWith(path)
}

/**
 * Asks the server without a token, and reads its metadata.
 *
 * @throws {CommandFault}
 */
export async function discoverResource(url: string, network: Network): Promise<Resource> {
  const challenge = await knock(url, network)
  const document = await readMetadata(metadataUrls(url, challenge), network)
  const { resource: identifier } = document
  if (typeof identifier !== 'string' || !covers(identifier, url)) {
    throw new CommandFault(
      `the metadata is about ${quoted(identifier)}, not about ${url}`,
      '--resource of the gateway must be the URL that clients use; give the same URL here',
    )
  }
  const [issuer] = listIn(document, 'authorization_servers') ?? []
  if (issuer === undefined || !VISIBLE.test(issuer)) {
    throw new CommandFault('the metadata names no authorization server', DOCTOR)
  }
  // A server elsewhere must not lead us to what runs on this machine.
  if (!isTrustworthyEndpoint(issuer, url, {})) {
    const named = quoted(issuer)
    const message = `the metadata names the authorization server ${named}, which is not an https URL`
    throw new CommandFault(message, DOCTOR)
  }
  const scopes =
    challenge.scope === undefined
      ? (listIn(document, 'scopes_supported') ?? [])
      : challenge.scope.split(' ').filter(Boolean)
  return { url, identifier, issuer, scopes }
}
