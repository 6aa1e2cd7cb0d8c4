/**
 * The refusal when this caller has no such session at this resource. Foreign and unknown sessions
 * look alike.
 *
 * @module
 */
import { SESSION_NOT_FOUND, unknownSessionReason } from '../../web/unknown-session.js'
import type { Refused } from './answer.js'

/**
 * @param visible the id; the operator gets a short hash of it
 * @param hint advice
 */
export function unknownSession(visible: string, hint: string): Refused {
  const { status, error, description } = SESSION_NOT_FOUND
  const reason = unknownSessionReason(visible)
  return { refusal: { status, code: 'ERR_SESSION_UNKNOWN', reason, hint }, error, description }
}
