/**
 * Hono middleware: one line makes an MCP endpoint an OAuth 2.1 protected resource.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { StatusCode } from 'hono/utils/http-status'
import { isJsonObject } from './base/json.js'
import { endOfTurn } from './base/loop-turn.js'
import { toAuthInfo } from './rs/auth-info.js'
import { SESSION_FIELD, type BoundSessions, type NamedSession } from './web/bound-sessions.js'
import type { Authenticated } from './rs/decision.js'
import { endableStream, isEventStream } from './web/endable-stream.js'
import { isStateless } from './mcp/protocol-revision.js'
import {
  createGate,
  refuseMisplacedScopes,
  type Gate,
  type GateAnswer,
  type GateOutcome,
  type GateRequest,
  type OnStreamEnd,
  type ProtectedResourceOptions,
} from './web/gate.js'
import { filterResponse } from './web/filtered-response.js'
import { readLimited } from './web/limited-body.js'
import type { ListFilter } from './policy/list-filter.js'
import {
  bringsMessage,
  type OperationGate,
  type OperationsRequest,
  type Permission,
} from './web/operation-gate.js'
import { addCorsHeaders } from './web/origins.js'
import type { ResourceServer } from './rs/resource-server.js'
import type { AuthInfo } from './types.js'

export type { ProtectedResourceOptions } from './web/gate.js'

/** What handlers behind the middleware find in their context: `new Hono<ProtectedResourceEnv>()`. */
export interface ProtectedResourceEnv {
  Variables: {
    /** The MCP SDK's `AuthInfo`, under the key that `@hono/mcp` reads. */
    auth: AuthInfo
  }
}

/** What {@link requireScopes} needs from the middleware before it. */
interface Entry {
  /** `undefined` on paths that are not guarded. */
  readonly authenticated: Authenticated | undefined
  readonly gate: Gate
}

/** Its place in the context: out of sight, and cheaper than a WeakMap on every request. */
const ENTRY: unique symbol = Symbol('mcp-gatehouse')

function inContext(c: Context): Context<{ Variables: { [ENTRY]?: Entry } }> {
  return c
}

class HonoGateRequest implements GateRequest {
  readonly #c: Context

  constructor(c: Context) {
    this.#c = c
  }

  get method(): string {
    return this.#c.req.method
  }
  get path(): string {
    return this.#c.req.path
  }
  /** What was sent, where the application routes by something else (`getPath`) or by the decoded path. */
  get otherPath(): string | undefined {
    const { url } = this.#c.req
    const start = url.indexOf('/', url.indexOf('//') + 2)
    const path = start < 0 ? '/' : url.slice(start).replace(/[?#].*$/s, '')
    return path === this.#c.req.path ? undefined : path
  }
  get mounted(): boolean {
    const path = routePath(this.#c)
    return path !== '*' && path !== '/*'
  }
  get authorization(): string | undefined {
    return this.#c.req.header('authorization')
  }
  get origin(): string | undefined {
    return this.#c.req.header('origin')
  }
  get requestedHeaders(): string | undefined {
    return this.#c.req.header('access-control-request-headers')
  }
  get waitUntil(): ((work: Promise<unknown>) => void) | undefined {
    return waitUntilOf(this.#c)
  }
}

/** Of Workers; Hono throws where the host has none. */
function waitUntilOf(c: Context): ((work: Promise<unknown>) => void) | undefined {
  try {
    const context = c.executionCtx
    return (work) => context.waitUntil(work)
  } catch {
    return undefined
  }
}

const NO_SESSION_ID = 'an Mcp-Session-Id that is none'

/** The same request with the handler's own id of its session. */
function withSession(request: Request, id: string): Request {
  const headers = new Headers(request.headers)
  headers.set(SESSION_FIELD, id)
  if (!request.bodyUsed) return new Request(request, { headers })
  // Hono has what was read before.
  const { url, method, signal } = request
  return new Request(url, { method, headers, signal })
}

/**
 * On Node a handler may write to the socket itself, past everything that is filtered: then it must find none. Its
 * request fails, and nothing is shown.
 */
function hideSocket(c: Context): void {
  const env: unknown = c.env
  if (isJsonObject(env) && 'outgoing' in env) c.env = { ...env, outgoing: undefined }
}

/**
 * Whether a body came. On Node every request that may have one seems to, and of those that may not it is gone, so that
 * only the request below can tell.
 */
function bringsBody(c: Context): boolean {
  const { env } = c as { readonly env: unknown }
  const below: unknown = isJsonObject(env) ? env['incoming'] : undefined
  if (c.req.header('transfer-encoding') !== undefined) return true
  if (Number(c.req.header('content-length') ?? 0) !== 0) return true
  if (!isJsonObject(below)) return c.req.raw.body !== null
  const { stream } = below
  return isJsonObject(stream) && stream['endAfterHeaders'] === false
}

/** The same request with a body that was read. */
function withBody(request: Request, body: Uint8Array): Request {
  return new Request(request, { method: request.method, body: body as BodyInit })
}

function toResponse(c: Context, { status, headers, body }: GateAnswer): Response {
  return c.newResponse(status === 204 ? null : body, status as StatusCode, { ...headers })
}

/** The middleware, and the resource server behind it for other uses. */
export type ProtectedResourceMiddleware = MiddlewareHandler<ProtectedResourceEnv> & {
  readonly resourceServer: ResourceServer
}

/**
 * Protects an MCP endpoint: publishes the metadata that clients discover (RFC 9728), guards the path of
 * the resource and everything below it, and answers 401, 403 and 503 with what clients need. All other
 * paths pass untouched. Mounted at a path (`app.use('/x', …)`) or on a route it guards all that arrives there; but
 * the metadata has paths of its own, so that it is only published by one that is registered at the root.
 *
 * A stream of events that answers a GET, or `subscriptions/listen` of 2026-07-28, ends with its token; an answer to any
 * other POST is cut `streamGrace` later. No body is read here, and the id of a subscription stands nowhere else: its
 * stream closes without the result that the gateway ends it with, which clients take for a connection that was lost.
 * With `sessionKeys` the `Mcp-Session-Id` of your handler belongs to who was given it.
 *
 * With a `policy` the body of a POST is read and judged first; your handler reads it again. Lists are filtered in the
 * `Response` that it returns, so that for a list and for a GET stream there is no `c.env.outgoing`; with
 * `lists: 'full'` there is.
 *
 * @throws {ConfigurationError} with every problem of the options
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { protectedResource, type ProtectedResourceEnv } from 'mcp-gatehouse/hono'
 *
 * const app = new Hono<ProtectedResourceEnv>()
 * app.use(
 *   protectedResource({
 *     resource: 'https://mcp.example.com/mcp',
 *     authorizationServers: 'https://sso.example.com/realms/mcp',
 *     scopes: ['mcp:tools'],
 *   }),
 * )
 * app.all('/mcp', (c) => c.json({ hello: c.get('auth').clientId }))
 * ```
 */
export function protectedResource(options: ProtectedResourceOptions): ProtectedResourceMiddleware {
  const gate = createGate(options)

  /** With a policy: what the request asks for, before anybody else sees it. */
  async function judge(
    c: Context<ProtectedResourceEnv>,
    operations: OperationGate,
    authenticated: Authenticated,
    request: OperationsRequest,
  ): Promise<GateAnswer | Permission> {
    const refusal =
      operations.throttle(authenticated, request) ??
      operations.refuseForm(
        {
          contentEncoding: c.req.header('content-encoding'),
          contentType: c.req.header('content-type'),
        },
        request,
      )
    if (refusal !== undefined) return refusal
    try {
      const { raw } = c.req
      // What a middleware before us has read, Hono still has.
      const isRead = raw.bodyUsed
      const body = isRead
        ? new Uint8Array(await c.req.arrayBuffer())
        : await readLimited(raw.body, operations.maxBody)
      if (body === undefined || body.length > operations.maxBody) {
        return operations.refuseLength(request)
      }
      // The handler reads the bytes that were judged.
      if (!isRead) c.req.raw = withBody(raw, body)
      return operations.judge(authenticated, body, request)
    } catch (error) {
      return gate.fail(error, request)
    }
  }

  /** Judges, goes on, and filters what comes back. */
  async function enterJudged(
    c: Context<ProtectedResourceEnv>,
    next: () => Promise<void>,
    operations: OperationGate,
    authenticated: Authenticated,
    request: OperationsRequest,
  ): Promise<Response | void> {
    const { origin } = request
    const { method } = c.req
    if (method !== 'POST' && bringsBody(c)) {
      return toResponse(c, operations.refuseMethod(method, request))
    }
    // What was lost of a stream of events may be any answer.
    if (method === 'GET') {
      return enter(c, next, authenticated, origin, operations.filterFor(authenticated))
    }
    if (!bringsMessage(method)) return enter(c, next, authenticated, origin)
    const judged = await judge(c, operations, authenticated, request)
    if ('outcome' in judged) return toResponse(c, judged)
    return enter(c, next, authenticated, origin, judged.filter)
  }

  /** What cannot be filtered is not shown. */
  async function filterLists(
    c: Context<ProtectedResourceEnv>,
    filter: ListFilter,
    origin: string | undefined,
  ): Promise<void> {
    const tell = (error: unknown) => gate.fail(error, { origin })
    let filtered: Response
    try {
      filtered = await filterResponse(c.res, filter, tell)
    } catch (error) {
      const { status, headers, body } = tell(error)
      filtered = new Response(body, { status, headers })
    }
    // Hono would take over what the other one said of its body.
    c.res = undefined
    c.res = filtered
  }

  function enter(
    c: Context<ProtectedResourceEnv>,
    next: () => Promise<void>,
    authenticated: Authenticated,
    origin: string | undefined,
    filter?: ListFilter,
  ): Promise<Response | void> {
    if (filter !== undefined) hideSocket(c)
    const { sessions } = gate
    let named: NamedSession | undefined
    if (sessions !== undefined) {
      const visible = c.req.header(SESSION_FIELD)
      if (visible !== undefined) {
        const id = sessions.open(authenticated, visible)
        if (id === undefined) {
          return Promise.resolve(toResponse(c, gate.refuseSession(visible, { origin })))
        }
        named = { visible, id }
        c.req.raw = withSession(c.req.raw, id)
      }
    }
    c.set('auth', toAuthInfo(authenticated.token, authenticated.bearer))
    inContext(c).set(ENTRY, { authenticated, gate })
    // Afterwards: what is set before would take the place of what the handler sets.
    return next().then(() => {
      if (sessions !== undefined) sealSession(c, sessions, authenticated, named)
      if (origin !== undefined) {
        const current = (name: string) => c.res.headers.get(name) ?? undefined
        for (const [name, value] of addCorsHeaders(gate.corsHeaders(origin), current)) {
          c.header(name, value)
        }
      }
      if (filter === undefined) return limitStream(c, authenticated)
      return filterLists(c, filter, origin).then(() => limitStream(c, authenticated))
    })
  }

  /** The handler's id must not be seen by others, who might be let in by it elsewhere. */
  function sealSession(
    c: Context,
    sessions: BoundSessions,
    authenticated: Authenticated,
    named: NamedSession | undefined,
  ): void {
    const id = c.res.headers.get(SESSION_FIELD)
    if (id === null) return
    const visible = sessions.seal(authenticated, id, named)
    if (visible === undefined) gate.fail(new TypeError(NO_SESSION_ID), { origin: undefined })
    c.header(SESSION_FIELD, visible)
  }

  function limitStream(c: Context, authenticated: Authenticated): void {
    const { body } = c.res
    if (body === null || !isEventStream(c.res.headers.get('content-type') ?? '')) return
    const request = {
      method: c.req.method,
      version: c.req.header('mcp-protocol-version'),
      rpcMethod: c.req.header('mcp-method'),
    }
    const watch = (onEnd: OnStreamEnd) => gate.watchStream(request, authenticated, onEnd)
    c.res = new Response(endableStream(body, watch), c.res)
  }

  function settle(
    c: Context<ProtectedResourceEnv>,
    next: () => Promise<void>,
    outcome: GateOutcome,
    request: GateRequest,
  ): Promise<Response | void> {
    if (outcome === undefined) {
      const context = inContext(c)
      if (context.get(ENTRY) === undefined) context.set(ENTRY, { authenticated: undefined, gate })
      return next()
    }
    if (outcome.outcome === 'answer') return Promise.resolve(toResponse(c, outcome))
    const { operations } = gate
    const { method, origin } = request
    const protocolVersion = c.req.header('mcp-protocol-version')
    if (operations !== undefined) {
      return enterJudged(c, next, operations, outcome, { origin, protocolVersion })
    }
    if (method === 'POST' && isStateless(protocolVersion)) {
      const asked = { origin, protocolVersion }
      const refusal = gate.refuseForm(asked, c.req.header('content-type'))
      if (refusal !== undefined) return Promise.resolve(toResponse(c, refusal))
    }
    return enter(c, next, outcome, origin)
  }

  function handle(
    c: Context<ProtectedResourceEnv>,
    next: () => Promise<void>,
  ): Promise<Response | void> {
    const request = new HonoGateRequest(c)
    const outcome = gate.handle(request)
    if (!(outcome instanceof Promise)) return settle(c, next, outcome, request)
    return outcome.then((settled) => settle(c, next, settled, request))
  }

  const middleware: MiddlewareHandler<ProtectedResourceEnv> = function protectedResource(c, next) {
    return endOfTurn === undefined ? handle(c, next) : endOfTurn().then(() => handle(c, next))
  }
  return Object.assign(middleware, {
    resourceServer: gate.resourceServer,
  })
}

/**
 * Asks for scopes beyond the base ones, on single routes. Refuses with 403 and a challenge that names
 * base scopes and these together (RFC 6750 §3.1, MCP step-up).
 *
 * A request that did not come through {@link protectedResource}, on a path that it guards, gets 500: a mistake in
 * the order of middleware must not open the route.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { protectedResource, requireScopes } from 'mcp-gatehouse/hono'
 *
 * const app = new Hono()
 * app.use(
 *   protectedResource({
 *     resource: 'https://mcp.example.com/mcp',
 *     authorizationServers: 'https://sso.example.com/realms/mcp',
 *   }),
 * )
 * app.delete('/mcp/cache', requireScopes('mcp:admin'), (c) => c.json({ done: true }))
 * ```
 */
export function requireScopes(...scopes: readonly string[]): MiddlewareHandler {
  return function requireScopes(c, next) {
    const entry = inContext(c).get(ENTRY)
    const origin = c.req.header('origin')
    if (entry?.authenticated === undefined) {
      return Promise.resolve(toResponse(c, refuseMisplacedScopes(entry?.gate, { origin })))
    }
    const { authenticated, gate } = entry
    const denied = gate.resourceServer.authorize(authenticated.token, scopes)
    if (denied === undefined) return next()
    const headers = { ...denied.headers, ...gate.corsHeaders(origin) }
    return Promise.resolve(c.newResponse(denied.body, denied.status, headers))
  }
}
