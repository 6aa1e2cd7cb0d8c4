/**
 * Requests that are answered by their origin, before the token is read, whether tokens are checked
 * or not.
 *
 * @module
 */
import { quoted } from '../errors.js'
import type { OriginRefused } from '../events.js'
import { answerHeaders, errorBody, withReference } from '../rs/decision.js'
import { answer, type Answers, type AnsweredRequest, type GuardAnswer } from './answers.js'
import type { Origins } from './origins.js'

/** The event of an origin that is not allowed. */
export function originRefused(requestId: string, origin: string): OriginRefused {
  const hint = 'to allow it: --allow-origin'
  return { type: 'origin.refused', requestId, origin: quoted(origin), hint }
}

/** The parts of a request that say where a browser sent it from. */
export interface BrowserRequest extends AnsweredRequest {
  readonly method: string
  /** `Access-Control-Request-Headers`. */
  readonly requestedHeaders: string | undefined
}

/**
 * 403 for an origin that is not allowed (the `Origin` check of MCP's Streamable HTTP), and the answer
 * to a preflight, which cannot carry a token.
 */
export function answerByOrigin(
  origins: Origins,
  request: BrowserRequest,
  answers: Pick<Answers, 'emit' | 'idOf'>,
): GuardAnswer | undefined {
  const { origin } = request
  if (origin !== undefined && !origins.isAllowed(origin)) {
    const requestId = answers.idOf(request)
    answers.emit?.(originRefused(requestId, origin))
    const text = 'This origin may not call this server from a browser'
    const description = withReference(text, requestId)
    return answer(403, answerHeaders(requestId), errorBody('origin_not_allowed', description))
  }
  if (request.method !== 'OPTIONS') return undefined
  return answer(204, origins.preflightHeaders(origin, request.requestedHeaders))
}
