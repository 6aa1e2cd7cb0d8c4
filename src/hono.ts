/**
 * Hono middleware: one line makes an MCP endpoint an OAuth 2.1 protected resource.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from 'hono'
import type { StatusCode } from 'hono/utils/http-status'
import { endOfTurn } from './base/loop-turn.js'
import { HonoGuardRequest } from './hono/guard-request.js'
import type { ResourceServer } from './rs/resource-server.js'
import type { AuthInfo } from './types.js'
import type { GuardAnswer } from './web/answers.js'
import { createGuard, refuseScopes, type Guard, type Passage } from './web/guard.js'
import type { ProtectedResourceOptions } from './web/options.js'
import { Permission } from './web/permission.js'

export type { ProtectedResourceOptions } from './web/options.js'

/**
 * The variables that handlers behind the middleware find in their context:
 * `new Hono<ProtectedResourceEnv>()`.
 */
export interface ProtectedResourceEnv {
  Variables: {
    /**
     * The MCP SDK's `AuthInfo`, under the key that `@hono/mcp` reads. `undefined` on paths that are not guarded. On a
     * route with the middleware on it, the type says that it is there.
     */
    auth?: AuthInfo
  }
}

/**
 * The same on a route with the middleware or {@link requireScopes} on it: nobody arrives without a token. Only a policy
 * with anonymous rules lets such callers in. Then use {@link ProtectedResourceEnv}, also behind the middleware.
 */
export interface GuardedEnv {
  Variables: { auth: AuthInfo }
}

/** State for {@link requireScopes}; a hidden place in the context is cheaper than a WeakMap. */
const SEEN: unique symbol = Symbol('mcp-gatehouse')

/** The guard itself on paths that are not guarded. */
type Seen = Permission | Guard

function inContext(c: Context): Context<{ Variables: { [SEEN]?: Seen } }> {
  return c
}

function toResponse(c: Context, { status, headers, body }: GuardAnswer): Response {
  return c.newResponse(status === 204 ? null : body, status as StatusCode, { ...headers })
}

/** Hono would copy the other response's headers about its body. */
function replaceResponse(c: Context, response: Response): void {
  if (response === c.res) return
  c.res = undefined
  c.res = response
}

/** Set afterwards: earlier values would replace the handler's. */
function finish(c: Context, permission: Permission): Promise<void> | void {
  const finished = permission.finish(c.res)
  if (!(finished instanceof Promise)) return replaceResponse(c, finished)
  return finished.then((response) => replaceResponse(c, response))
}

/** The middleware, and the resource server behind it for other uses. */
export type ProtectedResourceMiddleware = MiddlewareHandler<GuardedEnv> & {
  readonly resourceServer: ResourceServer
}

/**
 * Protects an MCP endpoint: publishes the metadata that clients discover (RFC 9728), guards the
 * path of the resource and everything below it, and answers 401, 403 and 503 with what clients
 * need. All other paths pass unchanged. Mounted at a path (`app.use('/x', …)`) or on a route it
 * guards every request that arrives there. The metadata has its own paths, so only middleware at
 * the root publishes it. Use it in both places, as below: then the route is closed even if its path
 * and that of the resource differ. It checks a request once.
 *
 * An event stream that answers a GET, or `subscriptions/listen` of 2026-07-28, ends with its token;
 * an answer to any other POST is cut `streamGrace` later. A subscription's stream closes without
 * the final result that the gateway sends, so clients see a lost connection. With `sessionKeys` the
 * `Mcp-Session-Id` of your handler is bound to its caller.
 *
 * With a `policy`, and in protocol revision 2026-07-28 and later, the body of a POST is read and
 * authorized first; your handler reads it again. With a policy, lists are filtered in the
 * `Response` that the handler returns, so lists and GET streams have no `c.env.outgoing`, except
 * with `lists: 'full'`.
 *
 * @throws {ConfigurationError} with every problem of the options
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { protectedResource } from 'mcp-gatehouse/hono'
 *
 * const guard = protectedResource({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 *   scopes: ['mcp:tools'],
 * })
 * const app = new Hono()
 * app.use(guard)
 * app.all('/mcp', guard, (c) => c.json({ hello: c.get('auth').clientId }))
 * ```
 */
export function protectedResource(options: ProtectedResourceOptions): ProtectedResourceMiddleware {
  const guard = createGuard(options)
  const { resourceServer } = guard

  function proceedUnguarded(
    c: Context,
    next: () => Promise<void>,
    request: HonoGuardRequest,
  ): Promise<void> {
    const context = inContext(c)
    if (context.get(SEEN) === undefined) context.set(SEEN, guard)
    return next().then(() => {
      // Not where another guard has let it pass.
      if (context.get(SEEN) === guard) guard.noteUnguarded(request, c.res.status)
    })
  }

  function settle(
    c: Context<GuardedEnv>,
    next: () => Promise<void>,
    request: HonoGuardRequest,
    passage: Passage,
  ): Promise<Response | void> {
    if (passage === undefined) return proceedUnguarded(c, next, request)
    if (passage.outcome === 'answer') return Promise.resolve(toResponse(c, passage))
    request.hand(passage)
    // A policy with anonymous rules lets callers in who have none. What stood there before goes.
    c.set('auth', passage.authInfo as AuthInfo)
    inContext(c).set(SEEN, passage)
    return next().then(() => finish(c, passage))
  }

  function handle(c: Context<GuardedEnv>, next: () => Promise<void>): Promise<Response | void> {
    const seen = inContext(c).get(SEEN)
    // It stands before the route and on it.
    if (seen instanceof Permission && seen.isOf(guard)) return next()
    const request = new HonoGuardRequest(c)
    const passage = guard.pass(request)
    return passage instanceof Promise
      ? passage.then((settled) => settle(c, next, request, settled))
      : settle(c, next, request, passage)
  }

  const middleware: MiddlewareHandler<GuardedEnv> = function protectedResource(c, next) {
    return endOfTurn === undefined ? handle(c, next) : endOfTurn().then(() => handle(c, next))
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
export function requireScopes(...scopes: readonly string[]): MiddlewareHandler<GuardedEnv> {
  return function requireScopes(c, next) {
    const request = { origin: c.req.header('origin') }
    const refusal = refuseScopes(inContext(c).get(SEEN), scopes, request)
    return refusal === undefined ? next() : Promise.resolve(toResponse(c, refusal))
  }
}
