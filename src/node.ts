/**
 * The same as connect-style middleware: for Express and for bare `node:http`.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bringsBody } from './node/body-presence.js'
import { filterAnswer } from './node/filtered-answer.js'
import { fieldsOf, isField, valueIn, type Field } from './node/header-fields.js'
import { bytesBeside, replayedBody } from './node/replayed-body.js'
import { toAuthInfo } from './rs/auth-info.js'
import { SESSION_FIELD, type NamedSession } from './web/bound-sessions.js'
import type { Authenticated } from './rs/decision.js'
import { isStateless } from './mcp/protocol-revision.js'
import { isEventStream } from './web/endable-stream.js'
import {
  createGate,
  refuseMisplacedScopes,
  type Gate,
  type GateAnswer,
  type GateOutcome,
  type GateRequest,
  type ProtectedResourceOptions,
} from './web/gate.js'
import type { RequestLine } from './mcp/open-ended.js'
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

/** A request that was let in: `auth` is where the SDK's first transport looks. */
export interface AuthenticatedRequest extends IncomingMessage {
  auth?: AuthInfo
}

/** What Express adds to a request. */
interface RoutedRequest extends AuthenticatedRequest {
  readonly originalUrl?: string
  readonly baseUrl?: string
  readonly route?: unknown
}

export type NodeMiddleware = (
  request: AuthenticatedRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** The middleware, and the resource server behind it for other uses. */
export type ProtectedResourceMiddleware = NodeMiddleware & {
  readonly resourceServer: ResourceServer
}

/** What {@link requireScopes} needs from the middleware before it. */
interface Entry {
  /** `undefined` on paths that are not guarded. */
  readonly authenticated: Authenticated | undefined
  readonly gate: Gate
}

/** Its place in the request, where it dies with it: those in a WeakMap grow old. */
const ENTRY: unique symbol = Symbol('mcp-gatehouse')

interface SeenRequest extends AuthenticatedRequest {
  [ENTRY]?: Entry
}

/** The path of the request target; of an absolute one (RFC 9112 §3.2.2) too, which some routers accept. */
function pathOf(target: string): string {
  const start = target.startsWith('/')
    ? 0
    : (/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i.exec(target)?.[0].length ?? 0)
  const end = target.slice(start).search(/[?#]/)
  const path = end < 0 ? target.slice(start) : target.slice(start, start + end)
  return path === '' ? '/' : path
}

function isAuthorization(name: string | undefined): boolean {
  return name?.length === 13 && name.toLowerCase() === 'authorization'
}

class NodeGateRequest implements GateRequest {
  readonly #request: RoutedRequest

  constructor(request: RoutedRequest) {
    this.#request = request
  }

  get method(): string {
    return this.#request.method ?? 'GET'
  }
  get path(): string {
    return pathOf(this.#request.originalUrl ?? this.#request.url ?? '/')
  }
  get otherPath(): string | undefined {
    const { originalUrl, baseUrl = '', url } = this.#request
    if (originalUrl === undefined || url === undefined) return undefined
    const routed = baseUrl + url
    return routed === originalUrl ? undefined : pathOf(routed)
  }
  /** On a route too: somebody named the path by hand, so what arrives is meant. */
  get mounted(): boolean {
    const { baseUrl, route } = this.#request
    return (baseUrl !== undefined && baseUrl !== '') || route !== undefined
  }
  /** All of them: `headers` keeps the first of several `Authorization` fields and drops the others. */
  get authorization(): string | readonly string[] | undefined {
    const { headers, rawHeaders } = this.#request
    const first = headers.authorization
    if (first === undefined) return undefined
    let fields = 0
    for (let i = 0; i < rawHeaders.length; i += 2) if (isAuthorization(rawHeaders[i])) fields++
    if (fields <= 1) return first
    // Not headersDistinct, which HTTP/2 requests do not have.
    return rawHeaders.filter((_, i) => i % 2 === 1 && isAuthorization(rawHeaders[i - 1]))
  }
  get origin(): string | undefined {
    return this.#request.headers.origin
  }
  get requestedHeaders(): string | undefined {
    return this.#request.headers['access-control-request-headers']
  }
}

/** Answered by somebody else while we waited for keys (a time limit), or left by the client. */
function isOver(response: ServerResponse): boolean {
  return response.headersSent || response.writableEnded || response.destroyed
}

function send(
  response: ServerResponse,
  { status, headers, body }: Omit<GateAnswer, 'outcome'>,
): void {
  if (isOver(response)) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}

const NO_SESSION_ID = 'an Mcp-Session-Id that is none'

/** Wherever a handler may look for it. */
function renameSession(request: IncomingMessage, id: string): void {
  const { rawHeaders } = request
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === SESSION_FIELD) rawHeaders[i + 1] = id
  }
  request.headers[SESSION_FIELD] = id
  // HTTP/2 requests do not have them.
  const distinct = request.headersDistinct as NodeJS.Dict<string[]> | undefined
  if (distinct !== undefined) distinct[SESSION_FIELD] = [id]
}

/** The same argument of `writeHead` in the same form, with another id, or without one that is none. */
function replaceSession(argument: unknown, seal: (id: string) => string | undefined): unknown {
  const fields = fieldsOf(argument)
  const isSession = ([name]: Field) => isField(name, SESSION_FIELD)
  if (!fields.some(isSession)) return argument
  const replaced = fields.flatMap((field): Field[] => {
    if (!isSession(field)) return [field]
    const visible = seal(String(field[1]))
    return visible === undefined ? [] : [[field[0], visible]]
  })
  if (!Array.isArray(argument)) return Object.fromEntries(replaced)
  return Array.isArray(argument[0]) ? replaced : replaced.flat()
}

function requestLineOf({ method = 'GET', headers }: IncomingMessage): RequestLine {
  const version = headers['mcp-protocol-version']?.toString()
  return { method, version, rpcMethod: headers['mcp-method']?.toString() }
}

/** All of them: `headers` keeps the first, and others may go by another (HDR-08). */
function contentTypeOf({ rawHeaders }: IncomingMessage): string | undefined {
  const fields = rawHeaders.filter(
    (_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'content-type',
  )
  return fields.length === 0 ? undefined : fields.join()
}

function askedOf({ headers }: IncomingMessage, origin: string | undefined): OperationsRequest {
  return { origin, protocolVersion: headers['mcp-protocol-version']?.toString() }
}

/** Half an answer must not look like a whole one. Its handler may go on writing, as to a client that has left. */
function cut(request: IncomingMessage, response: ServerResponse): void {
  // Before HTTP/1.1 the end of the connection is the end of the answer: only a reset is none.
  if (request.httpVersion < '1.1') response.socket?.resetAndDestroy()
  response.destroy()
}

/** How long the rest of an answer that we ended may take to reach a slow client, in milliseconds. */
const LINGER = 5_000

/** Ends an answer whose handler goes on writing: that must neither throw nor end the process. */
function endNow(response: ServerResponse): void {
  if (response.writableEnded || response.destroyed) return
  response.end()
  const ignore = (args: readonly unknown[]) => {
    const callback = args.find((arg): arg is () => void => typeof arg === 'function')
    if (callback !== undefined) queueMicrotask(callback)
  }
  response.write = (...args: unknown[]) => {
    ignore(args)
    return true
  }
  response.end = (...args: unknown[]) => {
    ignore(args)
    return response
  }
  // Who does not read it must not hold it.
  const timer = setTimeout(() => response.destroy(), LINGER).unref()
  response.once('close', () => clearTimeout(timer))
}

/**
 * Protects an MCP endpoint: publishes the metadata that clients discover (RFC 9728), guards the path of
 * the resource and everything below it, and sets `req.auth` for the SDK's transport. All other paths
 * pass untouched. Mounted at a path (`app.use('/x', …)`) or on a route it guards all that arrives there; but the
 * metadata has paths of its own, so that it is only published by one that is registered at the root.
 *
 * A stream of events that answers a GET, or `subscriptions/listen` of 2026-07-28, ends with its token; an answer to any
 * other POST is cut `streamGrace` later. No body is read here, and the id of a subscription stands nowhere else: its
 * stream closes without the result that the gateway ends it with, which clients take for a connection that was lost.
 * With `sessionKeys` the `Mcp-Session-Id` of your handler belongs to who was given it.
 *
 * @throws {ConfigurationError} with every problem of the options
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { protectedResource, type AuthenticatedRequest } from 'mcp-gatehouse/node'
 *
 * const guard = protectedResource({
 *   resource: 'http://localhost:3000/mcp',
 *   authorizationServers: 'http://localhost:8080/realms/mcp',
 * })
 * createServer((req: AuthenticatedRequest, res) => {
 *   guard(req, res, () => {
 *     // All other paths come here without a token.
 *     if (req.url === '/mcp') res.end(`hello ${req.auth?.clientId}`)
 *     else res.writeHead(404, { 'Content-Type': 'application/json' }).end('{"error":"not_found"}')
 *   })
 * }).listen(3000, 'localhost')
 * ```
 */
export function protectedResource(options: ProtectedResourceOptions): ProtectedResourceMiddleware {
  const gate = createGate(options)

  function settle(
    request: SeenRequest,
    response: ServerResponse,
    next: () => void,
    outcome: GateOutcome,
    origin: string | undefined,
  ): void {
    if (outcome?.outcome === 'answer') return send(response, outcome)
    if (outcome === undefined) {
      request[ENTRY] ??= { authenticated: undefined, gate }
      return next()
    }
    const { operations } = gate
    const { method = 'GET' } = request
    if (operations === undefined) {
      const isOfOldEra = !isStateless(request.headers['mcp-protocol-version']?.toString())
      if (isOfOldEra || method !== 'POST') return enter(request, response, next, outcome, origin)
      const refusal = gate.refuseForm(askedOf(request, origin), contentTypeOf(request))
      if (refusal !== undefined) return send(response, refusal)
      return enter(request, response, next, outcome, origin)
    }
    const asked = askedOf(request, origin)
    if (method !== 'POST' && bringsBody(request)) {
      return send(response, operations.refuseMethod(method, asked))
    }
    // What was lost of a stream of events may be any answer.
    if (method === 'GET') {
      return enter(request, response, next, outcome, origin, operations.filterFor(outcome))
    }
    if (!bringsMessage(method)) return enter(request, response, next, outcome, origin)
    judge(request, operations, outcome, asked)
      .then((judged) => {
        if (isOver(response)) return
        if ('outcome' in judged) send(response, judged)
        else enter(request, response, next, outcome, origin, judged.filter)
      })
      .catch((error: unknown) => send(response, gate.fail(error, { origin })))
      .catch(() => response.destroy())
  }

  /** With a policy: what the request asks for, before anybody else sees it. */
  async function judge(
    request: AuthenticatedRequest,
    operations: OperationGate,
    authenticated: Authenticated,
    asked: OperationsRequest,
  ): Promise<GateAnswer | Permission> {
    const contentEncoding = request.headers['content-encoding']
    const refusal =
      operations.throttle(authenticated, asked) ??
      operations.refuseForm({ contentEncoding, contentType: contentTypeOf(request) }, asked)
    if (refusal !== undefined) return refusal
    const body = await replayedBody(request, operations.maxBody)
    return body === undefined
      ? operations.refuseLength(asked)
      : operations.judge(authenticated, body, asked, bytesBeside(request))
  }

  function enter(
    request: SeenRequest,
    response: ServerResponse,
    next: () => void,
    outcome: Authenticated,
    origin: string | undefined,
    filter?: ListFilter,
  ): void {
    let named: NamedSession | undefined
    const visible = gate.sessions === undefined ? undefined : request.headers[SESSION_FIELD]
    if (visible !== undefined) {
      const id = gate.sessions?.open(outcome, String(visible))
      if (id === undefined) return send(response, gate.refuseSession(String(visible), { origin }))
      named = { visible: String(visible), id }
      renameSession(request, id)
    }
    if (filter !== undefined) {
      filterAnswer(response, filter, (error) => {
        const answer = gate.fail(error, { origin })
        return () => send(response, answer)
      })
    }
    guardAnswer(request, response, outcome, named)
    request.auth = toAuthInfo(outcome.token, outcome.bearer)
    request[ENTRY] = { authenticated: outcome, gate }
    if (origin !== undefined && !isOver(response)) {
      const current = (name: string) => response.getHeader(name)?.toString()
      for (const [name, value] of addCorsHeaders(gate.corsHeaders(origin), current)) {
        response.setHeader(name, value)
      }
    }
    next()
  }

  /** Every answer begins by `writeHead`, whoever calls it. */
  function guardAnswer(
    request: IncomingMessage,
    response: ServerResponse,
    authenticated: Authenticated,
    named: NamedSession | undefined,
  ): void {
    const { sessions } = gate
    const writeHead = response.writeHead as (...rest: unknown[]) => ServerResponse
    /** The handler's id must not be seen by others, who might be let in by it elsewhere. */
    const seal = (id: string): string | undefined => {
      const visible = sessions?.seal(authenticated, id, named)
      if (visible === undefined) gate.fail(new TypeError(NO_SESSION_ID), { origin: undefined })
      return visible
    }
    response.writeHead = (...given: unknown[]) => {
      let args = given
      if (sessions !== undefined) {
        const id = response.getHeader(SESSION_FIELD)
        if (id !== undefined) {
          const visible = seal(String(id))
          if (visible === undefined) response.removeHeader(SESSION_FIELD)
          else response.setHeader(SESSION_FIELD, visible)
        }
        if (valueIn(given, SESSION_FIELD) !== undefined) {
          args = given.map((arg) => replaceSession(arg, seal))
        }
      }
      const result = writeHead.apply(response, args)
      const type = valueIn(args, 'content-type') ?? response.getHeader('content-type')
      if (isEventStream(type?.toString()) && !response.writableEnded && !response.destroyed) {
        const stop = gate.watchStream(requestLineOf(request), authenticated, (how) => {
          if (how === 'end') endNow(response)
          else cut(request, response)
        })
        response.once('close', stop)
      }
      return result
    }
  }

  const middleware: NodeMiddleware = function protectedResource(request, response, next) {
    const gateRequest = new NodeGateRequest(request)
    const outcome = gate.handle(gateRequest)
    if (!(outcome instanceof Promise)) {
      return settle(request, response, next, outcome, gateRequest.origin)
    }
    outcome
      .then((settled) => {
        if (!isOver(response)) settle(request, response, next, settled, gateRequest.origin)
      })
      // What `next` throws has nobody else to catch it here, and would end the process.
      .catch((error: unknown) => send(response, gate.fail(error, gateRequest)))
      .catch(() => response.destroy())
  }
  return Object.assign(middleware, { resourceServer: gate.resourceServer })
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
 * import express from 'express'
 * import { protectedResource, requireScopes } from 'mcp-gatehouse/node'
 *
 * const app = express()
 * app.use(
 *   protectedResource({
 *     resource: 'https://mcp.example.com/mcp',
 *     authorizationServers: 'https://sso.example.com/realms/mcp',
 *   }),
 * )
 * app.delete('/mcp/cache', requireScopes('mcp:admin'), (_req, res) => {
 *   res.json({ done: true })
 * })
 * ```
 */
export function requireScopes(...scopes: readonly string[]): NodeMiddleware {
  return function requireScopes(request: SeenRequest, response, next) {
    const entry = request[ENTRY]
    const { origin } = request.headers
    if (entry?.authenticated === undefined) {
      return send(response, refuseMisplacedScopes(entry?.gate, { origin }))
    }
    const { authenticated, gate } = entry
    const denied = gate.resourceServer.authorize(authenticated.token, scopes)
    if (denied === undefined) return next()
    const headers = { ...denied.headers, ...gate.corsHeaders(origin) }
    send(response, { ...denied, headers })
  }
}
