/**
 * Binds the sessions of the handler behind a middleware to their caller.
 *
 * @module
 */
import { createSessionIds } from './session-ids.js'
import { callerKey } from '../rs/caller-key.js'
import type { Authenticated } from '../rs/decision.js'

/** The header field of the session id (MCP 2025-03-26 to 2025-11-25, "Session Management"). */
export const SESSION_FIELD = 'mcp-session-id'

/** The session of a request: the id that its client sees, and the handler's own id. */
export interface NamedSession {
  readonly visible: string
  readonly id: string
}

export interface BoundSessions {
  /**
   * @returns the handler's own id; `undefined` if this caller has no such session at this resource
   */
  open(authenticated: Authenticated, visible: string): string | undefined
  /** The handler's id as its caller sees it; `undefined` for an invalid id. */
  seal(authenticated: Authenticated, id: string, named?: NamedSession): string | undefined
}

/** @param keys at least one: the first signs, all verify */
export function createBoundSessions(keys: readonly string[], resource: string): BoundSessions {
  const ids = createSessionIds(keys)
  return {
    open(authenticated, visible) {
      return ids.open({ resource, key: callerKey(authenticated) }, visible)
    },
    seal(authenticated, id, named) {
      // Many servers repeat it in every answer, so the client keeps the id that it has.
      if (id === named?.id) return named.visible
      return ids.seal({ resource, key: callerKey(authenticated) }, id)
    },
  }
}
