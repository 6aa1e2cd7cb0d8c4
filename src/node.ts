/**
 * The same as connect-style middleware: for Express and for bare `node:http`.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { toAuthInfo } from './rs/auth-info.js'
import type { Authenticated } from './rs/decision.js'
import {
  createGate,
  refuseMisplacedScopes,
  type Gate,
  type GateAnswer,
  type GateOutcome,
  type GateRequest,
  type ProtectedResourceOptions,
} from './rs/gate.js'
import { addCorsHeaders } from './rs/origins.js'
import type { ResourceServer } from './rs/resource-server.js'
import type { AuthInfo } from './types.js'

export type { ProtectedResourceOptions } from './rs/gate.js'

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

const entries = new WeakMap<IncomingMessage, Entry>()

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

/**
 * Protects an MCP endpoint: publishes the metadata that clients discover (RFC 9728), guards the path of
 * the resource and everything below it, and sets `req.auth` for the SDK's transport. All other paths
 * pass untouched. Mounted at a path (`app.use('/x', …)`) or on a route it guards all that arrives there; but the
 * metadata has paths of its own, so that it is only published by one that is registered at the root.
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
    request: AuthenticatedRequest,
    response: ServerResponse,
    next: () => void,
    outcome: GateOutcome,
    origin: string | undefined,
  ): void {
    if (outcome?.outcome === 'answer') return send(response, outcome)
    if (outcome === undefined) {
      if (!entries.has(request)) entries.set(request, { authenticated: undefined, gate })
      return next()
    }
    request.auth = toAuthInfo(outcome.token, outcome.bearer)
    entries.set(request, { authenticated: outcome, gate })
    if (origin !== undefined && !isOver(response)) {
      const current = (name: string) => response.getHeader(name)?.toString()
      for (const [name, value] of addCorsHeaders(gate.corsHeaders(origin), current)) {
        response.setHeader(name, value)
      }
    }
    next()
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
  return function requireScopes(request, response, next) {
    const entry = entries.get(request)
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
