/**
 * Which header fields of the upstream's answer reach the client.
 *
 * @module
 */
import { isContentCoded } from '../../web/content-coding.js'
import { isEventStream } from '../../web/media-type.js'
import { join, withoutNominated } from '../request/hop-by-hop.js'

const DROPPED = new Set([
  // For one connection only (RFC 9110 §7.6.1).
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  // We set these ourselves.
  'www-authenticate',
  'x-request-id',
  // Cookies and other ways to bypass us.
  'set-cookie',
  'set-cookie2',
  'alt-svc',
  // They affect more than this answer: a page, or everything that the browser stores for our
  // origin.
  'refresh',
  'clear-site-data',
  'strict-transport-security',
  'public-key-pins',
  'public-key-pins-report-only',
  'expect-ct',
  'report-to',
  'reporting-endpoints',
  'nel',
  'accept-ch',
  'origin-agent-cluster',
  'service-worker-allowed',
  'set-login',
  'speculation-rules',
  // A challenge under another name (RFC 8053 §3).
  'optional-www-authenticate',
  'authentication-control',
  'authentication-info',
  // Shared caches prefer these to Cache-Control (RFC 9213).
  'surrogate-control',
])

/** @param name in lower case, and `_` as `-`: some readers take them for the same */
function isDropped(name: string): boolean {
  return (
    DROPPED.has(name) ||
    name.startsWith('access-control-') ||
    name.startsWith('x-gatehouse-') ||
    name.endsWith('-cache-control')
  )
}

/** Answers to one caller must not be kept for another (RFC 9111 §3.5). */
function privately(cacheControl: string | undefined): string {
  // Quoted text may look like a directive; such fields are not parsed.
  if (cacheControl === undefined || cacheControl.includes('"')) return 'no-store'
  const directives = cacheControl
    .split(',')
    .map((directive) => directive.trim())
    .filter((directive) => directive !== '' && !/^(?:public$|s-maxage\b)/i.test(directive))
  if (directives.some((directive) => /^(?:private|no-store)$/i.test(directive))) {
    return directives.join(', ')
  }
  return ['private', ...directives].join(', ')
}

/** The answer's header fields for the client, and the facts that we need from them. */
export interface AnswerHead {
  /** Alternating names and values. */
  readonly headers: string[]
  /** `Content-Type`. */
  readonly contentType: string | undefined
  readonly isEventStream: boolean
  /** The body has a content coding (RFC 9110 §8.4). */
  readonly isEncoded: boolean
  /** The body has a length, so it cannot end early. */
  readonly hasLength: boolean
  /** What is wrong with the session id in the answer. */
  readonly sessionFault: string | undefined
  /** The body still has a transfer coding: nobody could read it. */
  readonly isCoded: boolean
}

/**
 * @param raw alternating names and values, as the upstream sent them
 * @param seal turns a session id into the one that its caller sees; `undefined` without tokens,
 * when all answers are for one caller
 */
export function readAnswerHead(
  raw: readonly Buffer[],
  seal: ((id: string) => string | undefined) | undefined,
): AnswerHead {
  const isPrivate = seal !== undefined
  const received: string[] = []
  let cacheControl: string | undefined
  let connection: string | undefined
  let contentType: string | undefined
  let isEncoded = false
  let isUnbuffered = false
  let isCoded = false
  let hasLength = false
  let sessions = 0
  let sessionFault: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const rawName = raw[i]?.toString('latin1') ?? ''
    const value = raw[i + 1]?.toString('latin1') ?? ''
    const name = rawName.toLowerCase()
    if (name === 'connection') connection = join(connection, value)
    if (name === 'transfer-encoding') isCoded ||= !/^chunked$/i.test(value)
    if (isDropped(name.replaceAll('_', '-'))) continue
    if (name === 'cache-control' && isPrivate) {
      cacheControl = join(cacheControl, value)
      continue
    }
    if (name === 'mcp-session-id' && isPrivate) {
      // A server may say that it has no sessions.
      if (value === '') continue
      const visible = seal(value)
      if (++sessions > 1) sessionFault = 'its answer has several Mcp-Session-Id fields'
      else if (visible === undefined) sessionFault = 'its Mcp-Session-Id is not visible ASCII'
      else received.push(rawName, visible)
      continue
    }
    if (name === 'content-length') hasLength = true
    if (name === 'content-type') contentType = value
    if (name === 'content-encoding') isEncoded ||= isContentCoded(value)
    if (name === 'x-accel-buffering') isUnbuffered = true
    received.push(rawName, value)
  }
  const headers = withoutNominated(received, connection)
  if (isPrivate) headers.push('Cache-Control', privately(cacheControl))
  const isStream = isEventStream(contentType)
  // A buffering proxy in front of us would make a stream useless.
  if (isStream && !isUnbuffered) headers.push('X-Accel-Buffering', 'no')
  return {
    headers,
    contentType,
    isEventStream: isStream,
    isEncoded,
    isCoded,
    hasLength,
    sessionFault,
  }
}

/** The first value of a field. */
export function valueOf(raw: readonly Buffer[], wanted: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toString('latin1').toLowerCase() === wanted) return raw[i + 1]?.toString('latin1')
  }
  return undefined
}

/** The reason phrases that Node accepts; it throws for others (RFC 9112 §4). */
const PHRASE = /^[\t\x20-\x7e\x80-\xff]*$/

/** The reason phrase, or none. */
export function phraseOf(text: string): string {
  return PHRASE.test(text) ? text : ''
}
