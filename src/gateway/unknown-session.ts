/**
 * What is said of a session that is not this caller's at this resource: foreign and unknown look alike.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Refused } from './answer.js'

/**
 * @param visible the id, of which a short hash is told to the operator
 * @param hint what could help
 */
export function unknownSession(visible: string, hint: string): Refused {
  const digest = createHash('sha256').update(visible).digest('hex').slice(0, 8)
  return {
    refusal: {
      status: 404,
      code: 'ERR_SESSION_UNKNOWN',
      reason: `no session of this caller at this resource (SHA-256 of the id: ${digest}…)`,
      hint,
    },
    error: 'session_not_found',
    description: 'There is no such session',
  }
}
