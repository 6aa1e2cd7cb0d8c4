/**
 * The answer when this caller has no such session at this resource. Foreign and unknown sessions
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

/** The reason for the operator: it distinguishes ids without showing one. */
export function unknownSessionReason(visible: string): string {
  return `no session of this caller at this resource (SHA-256 of the id: ${shortDigest(visible)}…)`
}
