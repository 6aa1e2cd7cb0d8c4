/**
 * For everything that speaks `Request` and `Response`: Workers, Deno, Bun, Next.js route handlers,
 * h3; also the parts for writing your own host.
 *
 * @module
 */
import { endOfTurn } from './base/loop-turn.js'
import type { ResourceServer } from './rs/resource-server.js'
import type { AuthInfo } from './types.js'
import { FetchGuardRequest, type FetchContext } from './web/fetch-request.js'
import { toResponse } from './web/finished-response.js'
import {
  createGuard as createWholeGuard,
  refuseScopes,
  type Guard,
  type Passage,
} from './web/guard.js'
import type { GuardRequest } from './web/guard-request.js'
import type { ProtectedResourceOptions } from './web/options.js'
import type { Permission } from './web/permission.js'

export type { GuardAnswer } from './web/answers.js'
export type { FetchContext } from './web/fetch-request.js'
export type { OnStreamEnd } from './web/finished-response.js'
export type { Passage } from './web/guard.js'
export { HostRequest, type FieldValue, type GuardRequest } from './web/guard-request.js'
export type { ProtectedResourceOptions } from './web/options.js'
export type { Permission } from './web/permission.js'

/** What a handler learns about its request. */
export interface Access {
  /**
   * The MCP SDK's `AuthInfo`; `undefined` on paths that are not guarded, and for callers without a
   * token, whom a policy with anonymous rules lets in.
   */
  readonly auth: AuthInfo | undefined
  /**
   * Requires scopes beyond the base ones.
   *
   * @returns the `Response` to return: 403 with a challenge that names base scopes and these
   * together (RFC 6750 §3.1, MCP step-up), or 500 on a path that is not guarded; `undefined` if the
   * token has all of them
   */
  requireScopes(...scopes: readonly string[]): Response | undefined
}

/**
 * The handler after the guard. It must use the request that it is given: the one that was
 * authorized.
 */
export type Next = (request: Request, access: Access) => Response | Promise<Response>

type Handle = (request: Request, next: Next, context?: FetchContext) => Promise<Response>

/** The guard, and the resource server behind it for other uses. */
export type Protect = Handle & { readonly resourceServer: ResourceServer }

/** Requests that no guard has let pass yet. */
const WATCHED = new WeakSet<Request>()

function accessOf(seen: Permission | Guard, request: GuardRequest): Access {
  return {
    auth: 'authInfo' in seen ? seen.authInfo : undefined,
    requireScopes(...scopes) {
      const refusal = refuseScopes(seen, scopes, { origin: request.origin })
      return refusal && toResponse(refusal, request.method)
    },
  }
}

/**
 * Protects an MCP endpoint: publishes the metadata that clients discover (RFC 9728), guards the path of the resource
 * and everything below it, and answers 401, 403 and 503 with what clients need. Requests for other paths go to `next`
 * as they are, with `auth` undefined.
 *
 * With a `policy`, and in protocol revision 2026-07-28 and later, the body of a POST is read and
 * authorized first, and `next` gets it again. The rules for answers (filtered lists, bound
 * sessions, streams that end with their token) apply to the `Response` that `next` returns. If
 * `next` throws, the promise rejects.
 *
 * @throws {ConfigurationError} with every problem of the options
 *
 * @example
 * ```ts
 * import { protect } from 'mcp-gatehouse/fetch'
 *
 * const guard = protect({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 *   scopes: ['mcp:tools'],
 * })
 *
 * function serve(request: Request, clientId: string | undefined): Response {
 *   if (clientId === undefined) return Response.json({ error: 'not_found' }, { status: 404 })
 *   return Response.json({ hello: clientId, path: new URL(request.url).pathname })
 * }
 *
 * // Workers; Deno.serve and Bun.serve take the same function.
 * export default {
 *   fetch(request: Request, _env: unknown, context: { waitUntil(work: Promise<unknown>): void }) {
 *     return guard(request, (request, { auth }) => serve(request, auth?.clientId), context)
 *   },
 * }
 *
 * // Next.js, in a route.ts: its path was chosen by the framework, so every request is guarded.
 * export const POST = (request: Request) =>
 *   guard(request, (request, { auth }) => serve(request, auth?.clientId), { mounted: true })
 * ```
 */
export function protect(options: ProtectedResourceOptions): Protect {
  const guard = createWholeGuard(options)
  const { resourceServer } = guard

  async function proceedUnguarded(
    request: Request,
    next: Next,
    shown: GuardRequest,
  ): Promise<Response> {
    WATCHED.add(request)
    const response = await next(request, accessOf(guard, shown))
    // Another guard has let it pass, or tells of it.
    if (WATCHED.delete(request)) guard.noteUnguarded(shown, response.status)
    return response
  }

  const handle: Handle = async function protect(request, next, context = {}) {
    if (endOfTurn !== undefined) await endOfTurn()
    const shown = new FetchGuardRequest(request, context)
    const outcome = guard.pass(shown)
    const passage = outcome instanceof Promise ? await outcome : outcome
    if (passage === undefined) return proceedUnguarded(request, next, shown)
    WATCHED.delete(request)
    if (passage.outcome === 'answer') return toResponse(passage, request.method)
    return passage.finish(await next(shown.forHandler(passage), accessOf(passage, shown)))
  }
  return Object.assign(handle, { resourceServer })
}

/** Guards one resource in any host. Make it once and use it for every request. */
export interface RequestGuard {
  readonly resourceServer: ResourceServer
  /**
   * Decides about a request: path, origin, token, then its operations, then its session. It neither
   * throws nor rejects: an unexpected error is a 500. Answers synchronously for a token whose
   * signature was checked before, if no body has to be read.
   *
   * @returns an answer to send; `undefined` for a path that is not guarded, where the handler sees
   * the request unchanged; or a {@link Permission}. Then the host must do three things: give the
   * handler `body` if there is one, and `sessionId` in place of `Mcp-Session-Id` if there is one,
   * and pass its answer through `finish()`
   */
  pass(request: GuardRequest): Passage | Promise<Passage>
  /**
   * Call it when a request that is not guarded has been answered, unless another guard has let it pass: it emits
   * `request.unguarded` if it was an MCP message, which no handler should answer without a token.
   *
   * @param status of the answer
   */
  noteUnguarded(request: GuardRequest, status: number): void
}

/**
 * The guard alone, for your own host: pass it the request, then send the answer that you get, or go
 * on. For a framework over `node:http` use `NodeGuardRequest` and `guardAnswer` of
 * `mcp-gatehouse/node`; `examples/fastify` is one.
 *
 * @throws {ConfigurationError} with every problem of the options
 *
 * @example
 * ```ts
 * import { createGuard, HostRequest } from 'mcp-gatehouse/fetch'
 *
 * interface Call {
 *   readonly method: string
 *   readonly path: string
 *   readonly fields: Map<string, string>
 *   readonly body: Uint8Array
 * }
 *
 * class CallRequest extends HostRequest {
 *   readonly #call: Call
 *
 *   constructor(call: Call) {
 *     super()
 *     this.#call = call
 *   }
 *   get method() {
 *     return this.#call.method
 *   }
 *   get path() {
 *     return this.#call.path
 *   }
 *   header(name: string) {
 *     return this.#call.fields.get(name)
 *   }
 *   bringsBody() {
 *     return this.#call.body.length > 0
 *   }
 *   readBody(limit: number) {
 *     const { body } = this.#call
 *     return Promise.resolve(body.length > limit ? undefined : body)
 *   }
 * }
 *
 * const guard = createGuard({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 * })
 *
 * async function serve(call: Call, handler: (call: Call, subject?: string) => Response) {
 *   const passage = await guard.pass(new CallRequest(call))
 *   if (passage === undefined) return handler(call)
 *   if (passage.outcome === 'answer') {
 *     const { status, headers, body } = passage
 *     return new Response(body === '' ? null : body, { status, headers })
 *   }
 *   if (passage.sessionId !== undefined) call.fields.set('mcp-session-id', passage.sessionId)
 *   return passage.finish(handler(call, passage.token?.subject))
 * }
 * ```
 */
export function createGuard(options: ProtectedResourceOptions): RequestGuard {
  return createWholeGuard(options)
}
