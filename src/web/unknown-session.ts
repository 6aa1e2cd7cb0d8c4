/**
 * The answer for a session that is not this caller's at this resource: foreign and unknown sessions
 * look alike.
 *
 * @module
 */
import { shortDigest } from '../base/digest.js'

export const SESSION_NOT_FOUND = {
  status: 404,
  error: 'session_not_found',
  description: 'There is no such session',
} as const

/** For the operator, who can tell ids apart by it without seeing one. */
export function unknownSessionReason(visible: string): string {
  return `no session of this caller at this resource (SHA-256 of the id: ${shortDigest(visible)}…)`
}
