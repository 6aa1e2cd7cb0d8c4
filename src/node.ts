/**
 * Connect-style middleware: for Express and plain `node:http`.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendAnswer } from './node/answer.js'
import { NodeGuardRequest } from './node/guard-request.js'
import { guardAnswer } from './node/guarded-answer.js'
import type { ResourceServer } from './rs/resource-server.js'
import type { AuthInfo } from './types.js'
import { createGuard, refuseScopes, type Guard, type Passage } from './web/guard.js'
import type { ProtectedResourceOptions } from './web/options.js'
import { Permission } from './web/permission.js'
import { isMcpMessage } from './web/unguarded.js'

export { guardAnswer, NodeGuardRequest }
export type { ProtectedResourceOptions } from './web/options.js'

declare global {
  // Express's requests extend this one, so that `req.auth` compiles in its handlers.
  namespace Express {
    interface Request {
      auth?: AuthInfo
    }
  }
}

/** An admitted request: the SDK's first transport reads `auth`. */
export interface AuthenticatedRequest extends IncomingMessage {
  auth?: AuthInfo
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

/**
 * State for {@link requireScopes}; it is kept in the request and collected with it. WeakMap entries
 * grow old.
 */
const SEEN: unique symbol = Symbol('mcp-gatehouse')

interface SeenRequest extends AuthenticatedRequest {
  /** The guard itself on paths that are not guarded. */
  [SEEN]?: Permission | Guard
}

function proceedUnguarded(
  guard: Guard,
  request: SeenRequest,
  response: ServerResponse,
  next: () => void,
): void {
  request[SEEN] ??= guard
  const shown = new NodeGuardRequest(request, response)
  // One listener, however many guards there are.
  if (request[SEEN] === guard && isMcpMessage(shown)) {
    response.once('finish', () => {
      // Not where another guard has let it pass.
      if (request[SEEN] === guard) guard.noteUnguarded(shown, response.statusCode)
    })
  }
  next()
}

function settle(
  guard: Guard,
  request: SeenRequest,
  response: ServerResponse,
  next: () => void,
  passage: Passage,
): void {
  if (passage === undefined) return proceedUnguarded(guard, request, response, next)
  if (passage.outcome === 'answer') return sendAnswer(response, passage)
  guardAnswer(request, response, passage)
  const { authInfo } = passage
  // A policy with anonymous rules lets callers in who have none. What stood there before goes.
  if (authInfo === undefined) delete request.auth
  else request.auth = authInfo
  request[SEEN] = passage
  next()
}

/**
 * Protects an MCP endpoint: publishes the metadata that clients discover (RFC 9728), guards the
 * path of the resource and everything below it, and sets `req.auth` for the SDK's transport. All
 * other paths pass unchanged. Mounted at a path (`app.use('/x', …)`) or on a route it guards every
 * request that arrives there. The metadata has its own paths, so only middleware at the root
 * publishes it. In Express use it in both places, `app.use(guard)` and `app.all('/mcp', guard, …)`:
 * then the route is closed even if its path and that of the resource differ. It checks a request
 * once.
 *
 * An event stream that answers a GET, or `subscriptions/listen` of 2026-07-28, ends with its token;
 * an answer to any other POST is cut `streamGrace` later. A subscription's stream closes without
 * the final result that the gateway sends, so clients see a lost connection. With `sessionKeys` the
 * `Mcp-Session-Id` of your handler is bound to its caller.
 *
 * With a `policy`, and in protocol revision 2026-07-28 and later, the body of a POST is read and
 * authorized first; your handler, or a body parser, reads the same bytes again.
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
 *     if (req.auth !== undefined) res.end(`hello ${req.auth.clientId}`)
 *     else res.writeHead(404, { 'Content-Type': 'application/json' }).end('{"error":"not_found"}')
 *   })
 * }).listen(3000, 'localhost')
 * ```
 */
export function protectedResource(options: ProtectedResourceOptions): ProtectedResourceMiddleware {
  const guard = createGuard(options)
  const { resourceServer } = guard
  const middleware: NodeMiddleware = function protectedResource(
    request: SeenRequest,
    response,
    next,
  ) {
    const seen = request[SEEN]
    // It stands before the route and on it.
    if (seen instanceof Permission && seen.isOf(guard)) return next()
    const passage = guard.pass(new NodeGuardRequest(request, response))
    if (!(passage instanceof Promise)) return settle(guard, request, response, next, passage)
    passage
      .then((settled) => settle(guard, request, response, next, settled))
      // Nothing else catches an error of `next` here, and it would end the process.
      .catch((error: unknown) => {
        sendAnswer(response, guard.fail(error, { origin: request.headers.origin }))
      })
      .catch(() => response.destroy())
  }
  return Object.assign(middleware, { resourceServer })
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
 * const guard = protectedResource({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 * })
 * const app = express()
 * app.use(guard)
 * app.all('/mcp', guard, (req, res) => {
 *   res.json({ hello: req.auth?.clientId })
 * })
 * app.delete('/mcp/cache', requireScopes('mcp:admin'), (_req, res) => {
 *   res.json({ done: true })
 * })
 * ```
 */
export function requireScopes(...scopes: readonly string[]): NodeMiddleware {
  return function requireScopes(request: SeenRequest, response, next) {
    const refusal = refuseScopes(request[SEEN], scopes, { origin: request.headers.origin })
    if (refusal === undefined) next()
    else sendAnswer(response, refusal)
  }
}
