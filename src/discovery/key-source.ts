/**
 * Where the keys of an issuer come from: the operator, a known address, or discovery.
 *
 * @module
 */
import { AuthorizationServerError, quoted } from '../errors.js'
import { FetchFault, fetchDocument, unlessAborted, type FetchedDocument } from '../base/http.js'
import { isJsonObject } from '../base/json.js'
import { findMetadata } from './authorization-server.js'

/** How long the discovered `jwks_uri` is used before discovery is repeated. */
const ADDRESS_MAX_AGE = 3_600_000
/** The same after a repeated discovery failed. */
const ADDRESS_RETRY = 60_000
/** Repeating discovery must not take long while the known address works. */
const LOOK_UP_AGAIN_TIMEOUT = 500
/** After a failure it may take longer, but there must still be time to fetch the keys. */
const LOOK_UP_FAILED_TIMEOUT = 2_500

export type KeySource =
  /** Read again by every {@link KeySet.refresh}; never fetched by itself. */
  | { readonly type: 'jwks'; readonly read: () => unknown }
  | { readonly type: 'jwks_uri'; readonly url: string }
  | { readonly type: 'discovery'; readonly url?: string | undefined }

export interface KeyReaderOptions {
  readonly issuer: string
  /** The issuer that its metadata names, if tokens name another one. */
  readonly authorizationServer: string | undefined
  readonly source: KeySource
  readonly allowHttp: readonly string[]
  readonly now: () => number
  readonly fetch: typeof fetch
}

type KeyDocument = Pick<FetchedDocument, 'document' | 'maxAge'>

/**
 * Reads the document once, or fails when `signal` fires.
 *
 * @throws {AuthorizationServerError} `ERR_DISCOVERY_FAILED`, `ERR_KEYS_UNAVAILABLE`
 */
export type KeyReader = (signal: AbortSignal) => Promise<KeyDocument>

export function keysUnavailable(issuer: string, reason: string): AuthorizationServerError {
  return new AuthorizationServerError(
    'ERR_KEYS_UNAVAILABLE',
    issuer,
    `keys of ${quoted(issuer)}: ${reason}`,
  )
}

async function readGiven(
  issuer: string,
  read: () => unknown,
  signal: AbortSignal,
): Promise<KeyDocument> {
  let document: unknown
  try {
    document = await unlessAborted(Promise.resolve(read()), signal)
  } catch (error) {
    if (error instanceof FetchFault) throw keysUnavailable(issuer, error.message)
    // Not another message: a parser's would quote the document.
    const code = error instanceof Error && 'code' in error ? `: ${String(error.code)}` : ''
    throw keysUnavailable(issuer, `they could not be read${code}`)
  }
  if (!isJsonObject(document)) throw keysUnavailable(issuer, 'what was read is not a JWK Set')
  return { document, maxAge: undefined }
}

export function createKeyReader(options: KeyReaderOptions): KeyReader {
  const { issuer, authorizationServer = issuer, source, now } = options
  let known: { readonly jwksUri: string; lookUpAt: number; hasFailed: boolean } | undefined

  async function address(signal: AbortSignal): Promise<string> {
    if (source.type === 'jwks_uri') return source.url
    if (known !== undefined && now() < known.lookUpAt) return known.jwksUri
    try {
      const { jwks_uri: jwksUri } = await findMetadata(
        authorizationServer,
        {
          accessTokenIssuer: issuer,
          discoveryUrl: source.type === 'discovery' ? source.url : undefined,
          allowHttp: options.allowHttp,
          fetch: options.fetch,
          signal,
          ...(known !== undefined && {
            timeout: known.hasFailed ? LOOK_UP_FAILED_TIMEOUT : LOOK_UP_AGAIN_TIMEOUT,
          }),
        },
        'jwks_uri',
      )
      known = { jwksUri, lookUpAt: now() + ADDRESS_MAX_AGE, hasFailed: false }
    } catch (error) {
      // Repeated discovery found nothing: the address that worked so far is the better guess.
      if (known === undefined) throw error
      known.lookUpAt = now() + ADDRESS_RETRY
    }
    return known.jwksUri
  }

  return async function read(signal) {
    if (source.type === 'jwks') return readGiven(issuer, source.read, signal)
    const url = await address(signal)
    try {
      return await fetchDocument(url, options.fetch, signal)
    } catch (error) {
      // The keys may have moved: repeat discovery next time, and keep this address until then.
      if (known !== undefined) {
        known.lookUpAt = Number.NEGATIVE_INFINITY
        known.hasFailed = true
      }
      if (!(error instanceof FetchFault)) throw error
      throw keysUnavailable(issuer, `${url} ${error.message}`)
    }
  }
}
