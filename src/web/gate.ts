/**
 * What one HTTP request gets: our metadata, a preflight's answer, a refusal, or entry. Shared by all
 * hosts; they translate to and from their own request and response types and decide nothing.
 *
 * @module
 */
import { createKeySet } from '../discovery/key-set.js'
import { protectedResourceMetadataPaths } from '../discovery/protected-resource.js'
import { quoted } from '../errors.js'
import { createEmit, whereThrown } from '../events.js'
import type { RequestContext } from '../base/runtime.js'
import { createBoundSessions, type BoundSessions } from './bound-sessions.js'
import { answerHeaders, errorBody, type Authenticated, type Decision } from '../rs/decision.js'
import { isJsonInUtf8, NO_JSON_IN_UTF8 } from './media-type.js'
import { isOpenEnded, type RequestLine } from '../mcp/open-ended.js'
import {
  bringsMessage,
  createOperationGate,
  type OperationGate,
  type OperationsRequest,
} from './operation-gate.js'
import {
  createCheckedResourceServer,
  MAX_JUDGED_BODY,
  type ProtectedResourceOptions,
} from './options.js'
import { createOrigins } from './origins.js'
import { encodeNonAscii, guardedPaths } from './paths.js'
import { createRequestIds } from '../rs/request-id.js'
import type { ResourceServer } from '../rs/resource-server.js'
import { setQuietTimer } from '../rs/token-watch.js'
import { SESSION_NOT_FOUND, unknownSessionReason } from './unknown-session.js'

export { MAX_JUDGED_BODY, type ProtectedResourceOptions } from './options.js'

/** The parts of an HTTP request that decide. Members may be getters. */
export interface GateRequest extends RequestContext {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Where what was sent and what the router goes by differ, the other of them: either may be the guarded one. */
  readonly otherPath?: string | undefined
  /** True when the host application mounted the gate at a path of its own: all that arrives is guarded. */
  readonly mounted: boolean
  readonly authorization: string | readonly string[] | undefined
  readonly origin: string | undefined
  /** `Access-Control-Request-Headers`. */
  readonly requestedHeaders: string | undefined
  /** Names the request in events and answers. Default: made when needed. */
  readonly requestId?: string | undefined
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
  /** What a request gets that met a bug of ours, or a mistake of whoever built the server: 500, and an event. */
  fail(error: unknown, request: FailedRequest, description?: string): GateAnswer
  /** Binds sessions to callers; `undefined` without keys. */
  readonly sessions: BoundSessions | undefined
  /** What a request gets whose session is not its caller's: 404, always the same, and an event without the id. */
  refuseSession(visible: string, request: FailedRequest): GateAnswer
  /** 415 for a POST of the stateless era whose body is not JSON in UTF-8, without a policy too. */
  refuseForm(request: OperationsRequest, contentType: string | undefined): GateAnswer | undefined
  /** Judges what requests ask for, where {@link bringsMessage}; `undefined` without a policy. */
  readonly operations: OperationGate | undefined
  /**
   * Watches the token while a stream of events goes on.
   *
   * @param onEnd called once, when the stream has to end: in the midst of an answer, or as one that has no end
   * @returns ends the watch
   */
  watchStream(request: RequestLine, authenticated: Authenticated, onEnd: OnStreamEnd): () => void
}

/** `cut`: what was sent must not look like all of it. */
export type OnStreamEnd = (how: 'end' | 'cut') => void

const SESSION_HINT = 'all processes need the same sessionKeys; new ones end sessions'

type FailedRequest = Pick<GateRequest, 'origin' | 'requestId'>

const METADATA_METHODS = 'GET, HEAD, OPTIONS'

export function answer(status: number, headers: Record<string, string>, body = ''): GateAnswer {
  return { outcome: 'answer', status, headers, body }
}

/** The `Origin` check of MCP's Streamable HTTP: 403 before the token is looked at. */
export function refuseOrigin(requestId: string): GateAnswer {
  const description = 'This origin may not call this server from a browser'
  return answer(403, answerHeaders(requestId), errorBody('origin_not_allowed', description))
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

/** A mistake in the order of middleware must not open a route, and whoever made it must be able to see it. */
export function refuseMisplacedScopes(gate: Gate | undefined, request: FailedRequest): GateAnswer {
  const description = 'requireScopes() needs protectedResource() before it, on the same path'
  if (gate !== undefined) return gate.fail(new TypeError(description), request, description)
  return serverError(request.requestId ?? crypto.randomUUID(), description)
}

function serverError(requestId: string, description: string, cors = {}): GateAnswer {
  const headers = { ...answerHeaders(requestId), ...cors }
  return answer(500, headers, errorBody('server_error', description))
}

/**
 * @param keySetFor where keys come from, when several gates share them
 * @throws {ConfigurationError} with every problem of the options
 */
export function createGate(
  options: ProtectedResourceOptions,
  keySetFor: typeof createKeySet = createKeySet,
): Gate {
  const resourceServer = createCheckedResourceServer(options, keySetFor)
  const { metadata, resource } = resourceServer
  const metadataText = JSON.stringify(metadata)
  const [ownPath, rootPath] = protectedResourceMetadataPaths(resource)
  const metadataPaths = new Set(options.rootMetadata === false ? [ownPath] : [ownPath, rootPath])
  const endpoint = options.path ?? new URL(resource).pathname
  const isGuarded = guardedPaths(endpoint)
  const origins = createOrigins(options.allowOrigins, resource)
  const { corsHeaders } = origins
  const emit = createEmit(options.onEvent)
  const nextRequestId = createRequestIds(options.randomUUID)

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
  function fail(
    error: unknown,
    request: FailedRequest,
    description = 'Internal error',
  ): GateAnswer {
    const { origin, requestId = nextRequestId() } = request
    emit?.({ type: 'request.failed', requestId, where: whereThrown(error) })
    return serverError(requestId, description, corsHeaders(origin))
  }

  function judge(request: GateRequest): GateOutcome | Promise<GateOutcome> {
    const { method, path } = request
    // Most requests are for the endpoint as it is written, and need none of this.
    if (path !== endpoint) {
      if (metadataPaths.has(path) || metadataPaths.has(encodeNonAscii(path)))
        return serveMetadata(method, metadataText)
      if (!isGuarded(path) && !request.mounted && !isGuarded(request.otherPath)) return undefined
    }
    const { origin } = request
    if (origin !== undefined && !origins.isAllowed(origin)) {
      const requestId = request.requestId ?? nextRequestId()
      emit?.({ type: 'origin.refused', requestId, origin: quoted(origin) })
      return refuseOrigin(requestId)
    }
    // Answered without a token, because a preflight cannot carry one.
    if (method === 'OPTIONS') {
      return answer(204, origins.preflightHeaders(origin, request.requestedHeaders))
    }
    // With a policy one challenge names base scopes and those of the operation (SCP-02), which the body says.
    const isJudgedLater = resourceServer.hasPolicy && bringsMessage(method)
    const decision = resourceServer.authenticate(request, isJudgedLater ? 'later' : 'now')
    if (!(decision instanceof Promise)) return toOutcome(decision, origin)
    return decision.then(
      (settled) => toOutcome(settled, origin),
      (error: unknown) => fail(error, request),
    )
  }

  function handle(request: GateRequest): GateOutcome | Promise<GateOutcome> {
    try {
      return judge(request)
    } catch (error) {
      return fail(error, request)
    }
  }

  const sessions =
    options.sessionKeys === undefined
      ? undefined
      : createBoundSessions(options.sessionKeys, resource)

  function refuseSession(visible: string, request: FailedRequest): GateAnswer {
    const { origin, requestId = nextRequestId() } = request
    const { status, error, description } = SESSION_NOT_FOUND
    const reason = unknownSessionReason(visible)
    emit?.({ type: 'session.refused', requestId, reason, hint: SESSION_HINT })
    const headers = { ...answerHeaders(requestId), ...corsHeaders(origin) }
    return answer(status, headers, errorBody(error, description))
  }

  function refuseForm(
    request: OperationsRequest,
    contentType: string | undefined,
  ): GateAnswer | undefined {
    if (isJsonInUtf8(contentType)) return undefined
    const { origin, requestId = nextRequestId() } = request
    emit?.({ type: 'operation.unreadable', requestId, reason: NO_JSON_IN_UTF8 })
    const headers = { ...answerHeaders(requestId), ...corsHeaders(origin) }
    return answer(415, headers, errorBody('unsupported_media_type', NO_JSON_IN_UTF8))
  }

  const operations = resourceServer.hasPolicy
    ? createOperationGate({
        resourceServer,
        now: options.now ?? Date.now,
        emit,
        nextRequestId,
        corsHeaders,
        maxBody: options.maxBody ?? MAX_JUDGED_BODY,
      })
    : undefined

  const grace = (options.streamGrace ?? 300) * 1000

  function watchStream(request: RequestLine, authenticated: Authenticated, onEnd: OnStreamEnd) {
    let clear: () => void
    clear = resourceServer.watch(authenticated, () => {
      // What would go on for ever ends; what was asked for with a good token had its time.
      if (isOpenEnded(request)) onEnd('end')
      else clear = setQuietTimer(() => onEnd('cut'), grace)
    })
    return () => clear()
  }

  return {
    resourceServer,
    handle,
    corsHeaders,
    fail,
    sessions,
    refuseSession,
    refuseForm,
    operations,
    watchStream,
  }
}
