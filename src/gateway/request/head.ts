/**
 * The header fields of a request, read once from the raw list: those that decide about it, and
 * those that the upstream may see. `IncomingMessage.headers` would drop some repeated fields and
 * join others.
 *
 * @module
 */
import { join, nominatedBy } from './hop-by-hop.js'

/** All fields together, as counted here: names, values, and four characters between and after them. */
export const MAX_HEADER_BYTES: number = 32 * 1024

/**
 * Everything else from a client stays here: tokens, cookies, addresses, and fields that other
 * servers trust.
 */
const FORWARDED = [
  'content-type',
  'accept',
  'accept-language',
  'user-agent',
  'last-event-id',
  'traceparent',
  'tracestate',
  'baggage',
]

/** Fields that we read or set, besides the forwarded ones. None of them is hop-by-hop. */
const OURS = new Set([
  'host',
  'authorization',
  'origin',
  'access-control-request-headers',
  'access-control-request-method',
  'content-encoding',
  'content-length',
  'transfer-encoding',
  'connection',
  'expect',
  'accept-encoding',
  'x-forwarded-for',
])

type RepeatedField = 'mcp-session-id' | 'last-event-id'

const NONE: readonly RepeatedField[] = []

export interface RequestHead {
  readonly isTooLarge: boolean
  /** How many `Host` fields there are, and the last of them. */
  readonly hosts: number
  readonly host: string
  /** One value, or all of them. */
  readonly authorization: string | readonly string[] | undefined
  /** Several fields are joined and thus match no allowed origin. */
  readonly origin: string | undefined
  readonly requestedHeaders: string | undefined
  readonly contentEncoding: string | undefined
  /** As the parser accepted it; `undefined` when the body is chunked or there is none. */
  readonly contentLength: number | undefined
  readonly hasBody: boolean
  /** Several fields of one of these names are one list (RFC 9110 §5.2). */
  readonly protocolVersion: string | undefined
  readonly sessionId: string | undefined
  readonly accept: string | undefined
  readonly contentType: string | undefined
  /** `X-Forwarded-For`: all fields in one list. */
  readonly forwardedFor: string | undefined
  readonly lastEventId: string | undefined
  /** The repeated field that may occur only once: readers would choose differently. */
  readonly repeated: readonly RepeatedField[]
  /** The name of a field in `Connection` that is not hop-by-hop: we read or set it. */
  readonly nominated: string | undefined
  /** The body has a transfer coding other than chunked, which nobody would decode. */
  readonly isCoded: boolean
  /** Alternating names and values, byte for byte as they arrived. */
  readonly forwarded: string[]
}

/**
 * The first value of a field that goes to the upstream.
 *
 * @param name in lower case
 */
export function forwardedField({ forwarded }: RequestHead, name: string): string | undefined {
  const index = forwarded.findIndex((each, at) => at % 2 === 0 && each.toLowerCase() === name)
  return index < 0 ? undefined : forwarded[index + 1]
}

export type HeadReader = (rawHeaders: readonly string[]) => RequestHead

/**
 * Makes the reader.
 *
 * @param forwardHeaders further names for the upstream
 * @param ownHeaders names that the operator sets, so that no client can
 */
export function createHeadReader(
  forwardHeaders: readonly string[],
  ownHeaders: readonly string[],
): HeadReader {
  const own = new Set(ownHeaders.map((name) => name.toLowerCase()))
  const forwards = new Set(
    [...FORWARDED, ...forwardHeaders.map((name) => name.toLowerCase())].filter(
      (name) => !own.has(name),
    ),
  )

  /** For CGI-like servers `_` equals `-`, so a prefix never admits a name with `_`. */
  function isForwarded(name: string): boolean {
    return forwards.has(name) || (name.startsWith('mcp-') && !name.includes('_') && !own.has(name))
  }

  /** Also as read by servers that treat `_` as `-`. */
  function isOurs(nominated: string): boolean {
    const name = nominated.replaceAll('_', '-')
    return (
      OURS.has(name) ||
      forwards.has(name) ||
      own.has(name) ||
      name.startsWith('mcp-') ||
      name.startsWith('x-gatehouse-')
    )
  }

  return function readHead(rawHeaders) {
    const fields = new Fields()
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const rawName = rawHeaders[i] ?? ''
      const value = rawHeaders[i + 1] ?? ''
      const name = rawName.toLowerCase()
      if (isForwarded(name)) fields.forwarded.push(rawName, value)
      fields.take(name, value)
    }
    fields.nominated = nominatedBy(fields.connection).find(isOurs)
    return fields
  }
}

/** The fields read so far. */
class Fields implements RequestHead {
  hosts = 0
  host = ''
  authorization: string | string[] | undefined
  origin: string | undefined
  requestedHeaders: string | undefined
  contentEncoding: string | undefined
  contentLength: number | undefined
  protocolVersion: string | undefined
  sessionId: string | undefined
  accept: string | undefined
  contentType: string | undefined
  forwardedFor: string | undefined
  lastEventId: string | undefined
  repeated: readonly RepeatedField[] = NONE
  nominated: string | undefined
  isCoded = false
  readonly forwarded: string[] = []
  connection: string | undefined
  #size = 0
  #isChunked = false

  get isTooLarge(): boolean {
    return this.#size > MAX_HEADER_BYTES
  }

  get hasBody(): boolean {
    return this.#isChunked || (this.contentLength ?? 0) > 0
  }

  /** @param name in lower case */
  take(name: string, value: string): void {
    this.#size += name.length + value.length + 4
    switch (name) {
      case 'mcp-protocol-version':
        this.protocolVersion = join(this.protocolVersion, value)
        break
      case 'mcp-session-id':
        this.sessionId = this.#takeOnce(name, this.sessionId, value)
        break
      case 'last-event-id':
        this.lastEventId = this.#takeOnce(name, this.lastEventId, value)
        break
      case 'accept':
        this.accept = join(this.accept, value)
        break
      case 'content-type':
        this.contentType = join(this.contentType, value)
        break
      case 'x-forwarded-for':
        this.forwardedFor = join(this.forwardedFor, value)
        break
      case 'host':
        this.hosts++
        this.host = value
        break
      case 'authorization':
        this.#takeAuthorization(value)
        break
      case 'origin':
        this.origin = join(this.origin, value)
        break
      case 'access-control-request-headers':
        this.requestedHeaders = join(this.requestedHeaders, value)
        break
      case 'content-encoding':
        this.contentEncoding = join(this.contentEncoding, value)
        break
      case 'content-length':
        this.contentLength = Number(value)
        break
      case 'transfer-encoding':
        this.#isChunked = true
        this.isCoded ||= !/^chunked$/i.test(value)
        break
      case 'connection':
        this.connection = join(this.connection, value)
        break
      default:
    }
  }

  /** The value of a field that may occur once. */
  #takeOnce(name: RepeatedField, before: string | undefined, value: string): string {
    if (before !== undefined) this.repeated = this.repeated.concat(name)
    return join(before, value)
  }

  #takeAuthorization(value: string): void {
    const before = this.authorization
    if (before === undefined) this.authorization = value
    else if (typeof before === 'string') this.authorization = [before, value]
    else before.push(value)
  }
}
