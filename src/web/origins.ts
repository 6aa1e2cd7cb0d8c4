/**
 * Browser origins: one list for CORS and for the `Origin` check.
 *
 * @module
 */
import { isLoopbackHost, parseHttpUrl } from '../base/http.js'

type Headers = Readonly<Record<string, string>>

export const ENDPOINT_METHODS = 'GET, POST, DELETE, OPTIONS'
/** Header fields that a browser may show to the client's script. Login and sessions need them. */
const EXPOSED_HEADERS =
  'WWW-Authenticate, Mcp-Session-Id, Mcp-Protocol-Version, Retry-After, X-Request-Id'
const ALLOWED_HEADERS =
  'Authorization, Content-Type, Accept, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID, traceparent, tracestate, baggage'
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/
const NO_HEADERS: Headers = Object.freeze({})

export interface Origins {
  isAllowed(origin: string): boolean
  /** Headers that let an allowed origin read an answer; empty for others. */
  corsHeaders(origin: string | undefined): Headers
  /** Headers of the answer to a preflight for the MCP endpoint. */
  preflightHeaders(
    origin: string | undefined,
    requestedHeaders: string | undefined,
  ): Record<string, string>
}

const listed = (list: string) => list.split(',').map((name) => name.trim())

/**
 * CORS headers for an answer that already has headers. Lists are extended, because the handler may
 * already set its own `Access-Control-Expose-Headers` and `Vary`.
 */
export function addCorsHeaders(
  cors: Headers,
  current: (name: string) => string | undefined,
): readonly (readonly [name: string, value: string])[] {
  return Object.entries(cors).map(([name, value]) => {
    const present = name === 'Access-Control-Allow-Origin' ? undefined : current(name)
    if (present === undefined || present === '') return [name, value]
    const known = new Set(listed(present.toLowerCase()))
    const added = listed(value).filter((entry) => !known.has(entry.toLowerCase()))
    return [name, known.has('*') ? present : [present, ...added].join(', ')]
  })
}

/** Scheme, host and port as extensions, desktop apps and mobile apps send them (RFC 6454 §6.1). */
const APP_ORIGIN =
  /^([a-z][a-z\d+.-]*):\/\/(?:[a-z\d](?:[a-z\d._-]*[a-z\d])?|\[[a-f\d:.]+\])(?::[1-9]\d{0,4})?$/
/** Schemes of documents that anybody can make. */
const ANYBODYS_SCHEMES: ReadonlySet<string> = new Set(
  'file about data blob filesystem content javascript intent view-source'.split(' '),
)

/** Whether a browser or an app can send this text as `Origin`, and it identifies one of them. */
export function isOrigin(text: unknown): text is string {
  // The URL standard allows a wildcard in a host; it would match nothing.
  if (typeof text !== 'string' || text.includes('*') || !URL.canParse(text)) return false
  const { origin } = new URL(text)
  // A scheme that the URL standard does not know has no origin there.
  if (origin !== 'null') return origin === text
  const scheme = APP_ORIGIN.exec(text)?.[1]
  return scheme !== undefined && !ANYBODYS_SCHEMES.has(scheme)
}

/** Whether every app of a framework has this origin: Capacitor, Ionic, Tauri. */
export function isSharedOrigin(origin: string): boolean {
  return /^(?:(?!https?:)[^:]+:\/\/localhost|https?:\/\/tauri\.localhost)$/.test(origin)
}

/** Without a list: any loopback origin when the resource's host is loopback, else none. */
function allowedBy(
  allowOrigins: readonly string[] | undefined,
  resource: string,
): (origin: string) => boolean {
  if (allowOrigins !== undefined) {
    const allowed = new Set(allowOrigins)
    return (origin) => allowed.has(origin)
  }
  if (!isLoopbackHost(new URL(resource).hostname)) return () => false
  return (origin) => {
    const url = parseHttpUrl(origin)
    return url !== undefined && url.origin === origin && isLoopbackHost(url.hostname)
  }
}

export function createOrigins(
  allowOrigins: readonly string[] | undefined,
  resource: string,
): Origins {
  const isAllowed = allowedBy(allowOrigins, resource)

  function corsHeaders(origin: string | undefined): Headers {
    if (origin === undefined || !isAllowed(origin)) return NO_HEADERS
    // No Allow-Credentials: there are no cookies here (OAuth 2.1 §7.1.3.4).
    return {
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Expose-Headers': EXPOSED_HEADERS,
      Vary: 'Origin',
    }
  }

  return {
    isAllowed,
    corsHeaders,
    preflightHeaders(origin, requestedHeaders) {
      const cors = corsHeaders(origin)
      if (cors === NO_HEADERS) return { Allow: ENDPOINT_METHODS }
      const named =
        requestedHeaders !== undefined && HEADER_NAMES.test(requestedHeaders)
          ? `${ALLOWED_HEADERS}, ${requestedHeaders}`
          : ALLOWED_HEADERS
      return {
        Allow: ENDPOINT_METHODS,
        ...cors,
        'Access-Control-Allow-Methods': ENDPOINT_METHODS,
        // Mcp-Param-* have no fixed names, so the requested names are allowed.
        'Access-Control-Allow-Headers': named,
        'Access-Control-Max-Age': '86400',
        Vary: 'Origin, Access-Control-Request-Headers',
      }
    },
  }
}
