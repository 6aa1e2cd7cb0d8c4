/**
 * A host for Fastify 5: the whole of it. It shows the guard each request, sends the answer that it gets, or goes on.
 * Handlers find the caller in `request.auth`, and may write to `reply.raw` as the MCP SDK's first transport does.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AuthInfo } from 'mcp-gatehouse'
import {
  createGuard,
  type GuardAnswer,
  type Permission,
  type ProtectedResourceOptions,
} from 'mcp-gatehouse/fetch'
import { guardAnswer, NodeGuardRequest } from 'mcp-gatehouse/node'

declare module 'fastify' {
  interface FastifyRequest {
    auth?: AuthInfo
    permission?: Permission
  }
}

function send(reply: FastifyReply, { status, headers, body }: GuardAnswer): FastifyReply {
  // Bytes: to a text Fastify would add a charset.
  return reply.code(status).headers(headers).send(Buffer.from(body))
}

/** Call it on the root, so that the metadata is published; in a plugin with a prefix all routes are guarded. */
export function protectResource(app: FastifyInstance, options: ProtectedResourceOptions): void {
  const guard = createGuard(options)
  const isMounted = app.prefix !== ''
  app.decorateRequest('auth')
  app.decorateRequest('permission')
  app.addHook('onRequest', async (request, reply) => {
    const passage = await guard.pass(new NodeGuardRequest(request.raw, reply.raw, isMounted))
    if (passage === undefined) return
    if (passage.outcome === 'answer') return send(reply, passage)
    guardAnswer(request.raw, reply.raw, passage)
    request.permission = passage
    // Callers without a token come here if a policy has anonymous rules.
    if (passage.authInfo === undefined) delete request.auth
    else request.auth = passage.authInfo
  })
}

/** A `preHandler` that asks for scopes beyond the base ones. */
export function requireScopes(...scopes: string[]) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.permission === undefined) throw new Error('protectResource() is missing here')
    const refusal = request.permission.requireScopes(scopes)
    if (refusal !== undefined) return send(reply, refusal)
  }
}
