/**
 * How `login` becomes a client of the authorization server: by the URL of a document (CIMD), or by
 * registration (RFC 7591).
 *
 * @module
 */
import { quoted } from '../../errors.js'
import { networkReason, readText } from '../../base/http.js'
import { parseJsonObject, type JsonObject } from '../../base/json.js'
import type { AuthorizationServer } from './authorization-server.js'
import { CommandFault } from '../command-fault.js'
import type { Network } from './network.js'

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** A client, as the authorization server knows it. */
export interface Client {
  readonly id: string
  readonly secret: string | undefined
  /** How it authenticates, if we registered it; otherwise we choose. */
  readonly authentication: string | undefined
  /** The algorithm of its ID tokens, if the registration set one. */
  readonly idTokenAlgorithm: string | undefined
}

/** What we register. A login by device has no `redirectUri`. */
export interface RegistrationRequest {
  readonly redirectUri: string | undefined
  readonly scopes: readonly string[]
}

function metadataOf({ redirectUri, scopes }: RegistrationRequest): JsonObject {
  const isDevice = redirectUri === undefined
  return {
    client_name: 'mcp-gatehouse login',
    application_type: 'native',
    redirect_uris: isDevice ? [] : [redirectUri],
    grant_types: [isDevice ? DEVICE_GRANT : 'authorization_code', 'refresh_token'],
    response_types: isDevice ? [] : ['code'],
    token_endpoint_auth_method: 'none',
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
  }
}

function textIn(document: JsonObject, name: string): string | undefined {
  const value = document[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function clientOf(document: JsonObject): Client | undefined {
  const id = textIn(document, 'client_id')
  if (id === undefined) return undefined
  return {
    id,
    secret: textIn(document, 'client_secret'),
    authentication: textIn(document, 'token_endpoint_auth_method'),
    idTokenAlgorithm: textIn(document, 'id_token_signed_response_alg'),
  }
}

const CLOSED =
  'register a client there by hand, and use --client-id ID; mcp-gatehouse clients register shows how'

/**
 * Registers a new public client.
 *
 * @throws {CommandFault} when the server does not let us
 */
export async function registerClient(
  server: AuthorizationServer,
  request: RegistrationRequest,
  { fetch, limit }: Network,
): Promise<Client> {
  if (server.metadata['registration_endpoint'] === undefined) {
    throw new CommandFault(`${server.issuer} lets no client register itself`, CLOSED)
  }
  const endpoint = server.endpoint('registration_endpoint')
  let response: Response
  let text: string
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      redirect: 'manual',
      signal: limit(),
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(metadataOf(request)),
    })
    text = await readText(response)
  } catch (error) {
    throw new CommandFault(`registration at ${endpoint} ${networkReason(error)}`, CLOSED)
  }
  const document = parseJsonObject(text) ?? {}
  const client = response.ok ? clientOf(document) : undefined
  if (client !== undefined) return client
  const reason = textIn(document, 'error_description') ?? textIn(document, 'error')
  const said = reason === undefined ? '' : `: ${quoted(reason, 300)}`
  throw new CommandFault(
    response.ok
      ? `registration at ${endpoint} returned no client_id`
      : `registration at ${endpoint} was refused with ${response.status}${said}`,
    CLOSED,
  )
}

/**
 * A client whose id is the URL of its own document (CIMD). The document must list the redirect URI.
 *
 * @throws {CommandFault} when the server does not read such documents
 */
export function clientByDocument(server: AuthorizationServer, url: string): Client {
  if (server.metadata['client_id_metadata_document_supported'] !== true) {
    const hint = 'leave out --client-metadata-url to register a client, or use --client-id ID'
    throw new CommandFault(`${server.issuer} does not say that it reads documents of clients`, hint)
  }
  return { id: url, secret: undefined, authentication: 'none', idTokenAlgorithm: undefined }
}
