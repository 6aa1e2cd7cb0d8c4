/**
 * Reads a JSON document from an identity provider safely: no redirects, TLS, and limits on size and
 * time.
 *
 * @module
 */
import { concatBytes } from './bytes.js'
import { isJsonObject, withoutNulls, type JsonObject } from './json.js'

/** Why a document could not be fetched. `status` is set when a server answered. */
export class FetchFault extends Error {
  override readonly name = 'FetchFault'
  readonly status: number | undefined
  /** False when there was no connection to the host. */
  readonly wasReached: boolean

  constructor(reason: string, status?: number, wasReached = true) {
    super(reason)
    this.status = status
    this.wasReached = wasReached
  }
}

export interface FetchedDocument {
  readonly document: JsonObject
  /** As they were sent. */
  readonly bytes: Uint8Array
  /** `max-age` of the answer's `Cache-Control` in seconds; 0 for `no-store` and `no-cache`. */
  readonly maxAge: number | undefined
}

/** Metadata and key sets of real providers are below 100 KiB. */
const MAX_DOCUMENT_BYTES = 1024 * 1024

/** IPv4 loopback, IPv6 loopback, and the names that RFC 6761 §6.3 reserves for them. `host` as in `URL.hostname`. */
export function isLoopbackHost(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
  )
}

/** Parses an absolute http(s) URL; `undefined` for anything else. */
export function parseHttpUrl(text: unknown): URL | undefined {
  if (typeof text !== 'string' || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined
}

/** Documentation writes `{tenantid}` or `<tenant>` in URLs, and people write `*`. */
export function hasPlaceholder(url: string): boolean {
  return /[{}*<>]|%7b|%7d/i.test(url)
}

function cacheMaxAge(header: string | null): number | undefined {
  if (header === null) return undefined
  if (/(?:^|,)\s*no-(?:store|cache)\b/i.test(header)) return 0
  const seconds = /(?:^|,)\s*max-age=(\d{1,9})\b/i.exec(header)?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}

/** @throws {FetchFault} when the body is too long */
async function readBytes(response: Response): Promise<Uint8Array> {
  const reader = response.body?.getReader()
  if (reader === undefined) return new Uint8Array()
  const pieces: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concatBytes(pieces)
    size += value.byteLength
    if (size > MAX_DOCUMENT_BYTES) {
      await reader.cancel()
      throw new FetchFault(`answered with more than ${MAX_DOCUMENT_BYTES} bytes`, response.status)
    }
    pieces.push(value)
  }
}

/**
 * The body of an answer as text.
 *
 * @throws {FetchFault} when it is too long
 */
export async function readText(response: Response): Promise<string> {
  return new TextDecoder().decode(await readBytes(response))
}

/** How Node says that the answer to a TLS handshake is not TLS. */
const NO_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/
const NO_TLS_TEXT = /wrong version number|packet length too long|http request/

/** Users of a company CA meet these on the first day. */
const UNKNOWN_CA = /^(?:UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY)|SELF_SIGNED|DEPTH_ZERO_SELF_SIGNED)/

/**
 * The innermost cause says ECONNREFUSED or names the certificate's fault; the outer error says only
 * "fetch failed".
 */
export function networkReason(error: unknown): string {
  let cause = error
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  if (!(cause instanceof Error)) return 'could not be reached'
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
  if (isPlainHttp(cause))
    return `could not be reached (${PLAIN_HTTP}; write http, or the port that speaks TLS)`
  const reason = cause.message === '' ? code : `${code}: ${cause.message.slice(0, 120)}`
  const advice = UNKNOWN_CA.test(code) ? '; add your own CA with --ca-file' : ''
  return `could not be reached (${reason}${advice})`
}

export const PLAIN_HTTP = 'the port speaks http, and the URL says https'

/** Whether a TLS handshake met something else, most often a port that speaks plain HTTP. */
export function isPlainHttp(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : ''
  return NO_TLS.test(code) || (code === 'EPROTO' && NO_TLS_TEXT.test(error.message))
}

/** Network, DNS and TLS errors: there was no connection to write to. */
const NO_CONNECTION =
  /^(?:E(?:CONNREFUSED|NOTFOUND|HOSTUNREACH|HOSTDOWN|NETUNREACH|NETDOWN|ADDRNOTAVAIL|PROTO|AI_\w+)|ERR_SSL_\w+|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|UNABLE_TO_\w+|(?:DEPTH_ZERO_)?SELF_SIGNED_\w+|ERR_TLS_CERT_\w+)$/
const CONNECTING = new Set(['connect', 'getaddrinfo'])

/**
 * Whether a request failed before any of it was written, so that its contents cannot be the reason.
 * `false` if the runtime does not say.
 */
export function isBeforeWriting(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && NO_CONNECTION.test(String(cause.code))) return true
    if ('syscall' in cause && CONNECTING.has(String(cause.syscall))) return true
  }
  return false
}

/** As `work`, but rejects when `signal` fires: not every function that takes a signal listens to it. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop)
  }
}

async function request(
  url: string,
  fetchFunction: typeof fetch,
  signal: AbortSignal,
): Promise<{ readonly response: Response; readonly bytes: FetchedDocument['bytes'] }> {
  const response = await fetchFunction(url, {
    headers: { accept: 'application/json, application/jwk-set+json;q=0.9' },
    redirect: 'manual',
    signal,
  })
  if (response.status === 200) return { response, bytes: await readBytes(response) }
  await response.body?.cancel()
  // Runtimes that hide redirects show status 0.
  const redirected = response.status === 0 || (response.status >= 300 && response.status < 400)
  throw new FetchFault(
    redirected
      ? 'answered with a redirect, which is not followed: configure the address that it points to'
      : `answered ${response.status}`,
    response.status,
  )
}

/**
 * GETs a JSON object. A member that is `null` is absent.
 *
 * @throws {FetchFault} unless a 200 with one JSON object of sane size arrives before `signal` fires
 */
export async function fetchDocument(
  url: string,
  fetchFunction: typeof fetch,
  signal: AbortSignal,
): Promise<FetchedDocument> {
  let response: Response
  let bytes: FetchedDocument['bytes']
  try {
    ;({ response, bytes } = await unlessAborted(request(url, fetchFunction, signal), signal))
  } catch (error) {
    if (error instanceof FetchFault) throw error
    if (signal.aborted) throw new FetchFault('did not answer in time')
    throw new FetchFault(networkReason(error), undefined, !isBeforeWriting(error))
  }
  let document: unknown
  try {
    document = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    const type = (response.headers.get('content-type') ?? 'no content type').slice(0, 60)
    throw new FetchFault(`answered with something that is not JSON (${type})`, 200)
  }
  if (!isJsonObject(document)) throw new FetchFault('answered with JSON that is not an object', 200)
  return {
    document: withoutNulls(document),
    bytes,
    maxAge: cacheMaxAge(response.headers.get('cache-control')),
  }
}
