/**
 * MCP messages that reach a handler without a guard, because the paths of resource and route differ.
 *
 * @module
 */
import type { GuardRequest } from './guard-request.js'
import { looksLikeJson } from './media-type.js'

/** These answers serve nobody: there is no route, or it has a guard of its own. */
const SERVES_NOBODY: ReadonlySet<number> = new Set([401, 403, 404, 405, 503])

export function servesSomebody(status: number): boolean {
  return !SERVES_NOBODY.has(status)
}

/**
 * Whether a request looks like a JSON-RPC message of MCP, without a look at its body: clients accept both forms of an
 * answer, or name their session or protocol revision.
 */
export function isMcpMessage(request: GuardRequest): boolean {
  if (request.method !== 'POST') return false
  if (!looksLikeJson(request.contentType ?? '')) return false
  return (
    request.protocolVersion !== undefined ||
    request.sessionId !== undefined ||
    /\btext\/event-stream\b/i.test(request.accept ?? '')
  )
}
