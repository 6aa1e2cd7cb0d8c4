/**
 * What one HTTP request gets: our metadata, a preflight's answer, a refusal, or entry. Shared by all
 * hosts; they translate to and from their own request and response types and decide nothing.
 *
 * @module
 */
import { protectedResourceMetadataPaths } from '../discovery/protected-resource.js'
import { ConfigurationError, quoted, type ConfigurationProblem } from '../errors.js'
import { createEmit, whereThrown } from '../events.js'
import { isLoopbackHost } from '../http.js'
import { answerHeaders, errorBody, type Authenticated, type Decision } from './decision.js'
import type { ResourceServerOptions } from './options.js'
import { encodeNonAscii, guardedPaths } from './paths.js'
import { createResourceServer, type ResourceServer } from './resource-server.js'

/** Options of the middleware: those of the resource server, and what concerns HTTP. */
export interface ProtectedResourceOptions extends ResourceServerOptions {
  /**
   * Browser origins that may call the endpoint: one list for CORS and for the `Origin` check. Others get
   * 403. Default: none; any loopback origin when the resource's host is loopback.
   */
  readonly allowOrigins?: readonly string[]
  /**
   * The path at which requests arrive here, when a proxy strips a prefix of the public one.
   * Default: the path of the resource.
   */
  readonly path?: string
  /** Serve the metadata also without the resource's path. Default true; false when several resources share a host. */
  readonly rootMetadata?: boolean
}

/** The parts of an HTTP request that decide. Members may be getters. */
export interface GateRequest {
  readonly method: string
  /** As the router sees it, without the query. */
  readonly path: string
  /** True when the host application mounted the gate at a path of its own: all that arrives is guarded. */
  readonly mounted: boolean
  readonly authorization: string | readonly string[] | undefined
  readonly origin: string | undefined
  /** `Access-Control-Request-Headers`. */
  readonly requestedHeaders: string | undefined
}

/** An answer that is complete. */
export interface GateAnswer {
  readonly outcome: 'answer'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** `undefined`: the request is none of our business. */
export type GateOutcome = Authenticated | GateAnswer | undefined

export interface Gate {
  readonly resourceServer: ResourceServer
  handle(request: GateRequest): GateOutcome | Promise<GateOutcome>
  /** Headers that let an allowed browser origin read an answer; empty for others. */
  corsHeaders(origin: string | undefined): Readonly<Record<string, string>>
}

const METADATA_METHODS = 'GET, HEAD, OPTIONS'
const ENDPOINT_METHODS = 'GET, POST, DELETE, OPTIONS'
/** What a browser may show to the client's script. Without them there is no login and no session. */
const EXPOSED_HEADERS =
  'WWW-Authenticate, Mcp-Session-Id, Mcp-Protocol-Version, Retry-After, X-Request-Id'
const ALLOWED_HEADERS =
  'Authorization, Content-Type, Accept, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID, traceparent, tracestate, baggage'
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})

function answer(status: number, headers: Record<string, string>, body = ''): GateAnswer {
  return { outcome: 'answer', status, headers, body }
}

function serveMetadata(method: string, text: string): GateAnswer {
  const cors = { 'Access-Control-Allow-Origin': '*' }
  if (method === 'GET' || method === 'HEAD') {
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=300', ...cors }
    return answer(200, headers, method === 'HEAD' ? '' : text)
  }
  if (method === 'OPTIONS') {
    return answer(204, {
      Allow: METADATA_METHODS,
      'Access-Control-Allow-Methods': METADATA_METHODS,
      // The wildcard never covers Authorization, which some clients send even here.
      'Access-Control-Allow-Headers': 'Authorization, *',
      'Access-Control-Max-Age': '86400',
      ...cors,
    })
  }
  return answer(
    405,
    { Allow: METADATA_METHODS, 'Content-Type': 'application/json', ...cors },
    errorBody('method_not_allowed', 'The metadata can only be read'),
  )
}

function checkGateOptions(options: ProtectedResourceOptions): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  for (const [index, origin] of (options.allowOrigins ?? []).entries()) {
    if (typeof origin === 'string' && URL.canParse(origin) && new URL(origin).origin === origin)
      continue
    problems.push({
      path: `allowOrigins[${index}]`,
      message: 'is not an origin',
      hint: 'scheme, host and port as a browser sends them: https://app.example.com',
    })
  }
  if (options.path !== undefined && !/^\/[^?#]*$/.test(options.path)) {
    problems.push({ path: 'path', message: 'must begin with / and have no query', hint: '/mcp' })
  }
  return problems
}

/** Both kinds of problems are wanted at once, so the resource server's are caught and joined. */
function createCheckedResourceServer(options: ProtectedResourceOptions): ResourceServer {
  const { allowOrigins: _origins, path: _path, rootMetadata: _root, ...rest } = options
  const problems = checkGateOptions(options)
  try {
    const resourceServer = createResourceServer(rest)
    if (problems.length === 0) return resourceServer
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    throw new ConfigurationError([...error.problems, ...problems])
  }
  throw new ConfigurationError(problems)
}

function isAllowedOrigin(options: ProtectedResourceOptions): (origin: string) => boolean {
  const { allowOrigins } = options
  if (allowOrigins !== undefined) {
    const allowed = new Set(allowOrigins)
    return (origin) => allowed.has(origin)
  }
  if (!isLoopbackHost(new URL(options.resource).hostname)) return () => false
  return (origin) => URL.canParse(origin) && isLoopbackHost(new URL(origin).hostname)
}

/** @throws {ConfigurationError} with every problem of the options */
export function createGate(options: ProtectedResourceOptions): Gate {
  const resourceServer = createCheckedResourceServer(options)
  const { metadata, resource } = resourceServer
  const metadataText = JSON.stringify(metadata)
  const [ownPath, rootPath] = protectedResourceMetadataPaths(resource)
  const metadataPaths = new Set(options.rootMetadata === false ? [ownPath] : [ownPath, rootPath])
  const isGuarded = guardedPaths(options.path ?? new URL(resource).pathname)
  const isAllowed = isAllowedOrigin(options)
  const emit = createEmit(options.onEvent)
  const randomUUID = options.randomUUID ?? (() => crypto.randomUUID())

  function corsHeaders(origin: string | undefined): Readonly<Record<string, string>> {
    if (origin === undefined || !isAllowed(origin)) return NO_HEADERS
    // No Allow-Credentials: there are no cookies here (OAuth 2.1 §7.1.3.4).
    return {
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Expose-Headers': EXPOSED_HEADERS,
      Vary: 'Origin',
    }
  }

  /** Answered without a token, because a preflight cannot carry one. */
  function preflight({ origin, requestedHeaders }: GateRequest): GateAnswer {
    const cors = corsHeaders(origin)
    const named =
      requestedHeaders !== undefined && HEADER_NAMES.test(requestedHeaders)
        ? `${ALLOWED_HEADERS}, ${requestedHeaders}`
        : ALLOWED_HEADERS
    return answer(204, {
      Allow: ENDPOINT_METHODS,
      ...(cors !== NO_HEADERS && {
        ...cors,
        'Access-Control-Allow-Methods': ENDPOINT_METHODS,
        // Mcp-Param-* have no fixed names, so what was asked for is allowed by name.
        'Access-Control-Allow-Headers': named,
        'Access-Control-Max-Age': '86400',
        Vary: 'Origin, Access-Control-Request-Headers',
      }),
    })
  }

  function refuseOrigin(origin: string): GateAnswer {
    const requestId = randomUUID()
    emit?.({ type: 'origin.refused', requestId, origin: quoted(origin) })
    const description = 'This origin may not call this server from a browser'
    return answer(403, answerHeaders(requestId), errorBody('origin_not_allowed', description))
  }

  function toOutcome(decision: Decision, origin: string | undefined): GateOutcome {
    if (decision.outcome === 'authenticated') return decision
    // Without CORS headers a browser hides the challenge, and nobody learns where to log in.
    return answer(
      decision.status,
      origin === undefined ? decision.headers : { ...decision.headers, ...corsHeaders(origin) },
      decision.body,
    )
  }

  /** A bug must neither open the gate nor show its stack to a client. */
  function failed(error: unknown, origin: string | undefined): GateAnswer {
    const requestId = randomUUID()
    emit?.({ type: 'request.failed', requestId, where: whereThrown(error) })
    const headers = { ...answerHeaders(requestId), ...corsHeaders(origin) }
    return answer(500, headers, errorBody('server_error', 'Internal error'))
  }

  function handle(request: GateRequest): GateOutcome | Promise<GateOutcome> {
    const { method, path } = request
    if (metadataPaths.has(path) || metadataPaths.has(encodeNonAscii(path)))
      return serveMetadata(method, metadataText)
    if (!isGuarded(path) && !request.mounted) return undefined
    const { origin } = request
    if (origin !== undefined && !isAllowed(origin)) return refuseOrigin(origin)
    if (method === 'OPTIONS') return preflight(request)
    try {
      const decision = resourceServer.authenticate(request)
      if (!(decision instanceof Promise)) return toOutcome(decision, origin)
      return decision.then(
        (settled) => toOutcome(settled, origin),
        (error: unknown) => failed(error, origin),
      )
    } catch (error) {
      return failed(error, origin)
    }
  }

  return { resourceServer, handle, corsHeaders }
}
