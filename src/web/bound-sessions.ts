/**
 * Binds the sessions of the handler behind a middleware to their caller.
 *
 * @module
 */
import { createSessionIds } from './session-ids.js'
import { ownerKey, type Visitor } from '../rs/anonymous.js'

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
  open(visitor: Visitor, visible: string): string | undefined
  /** The handler's id as its caller sees it; `undefined` for an invalid id. */
  seal(visitor: Visitor, id: string, named?: NamedSession): string | undefined
}

/** @param keys at least one: the first signs, all verify */
export function createBoundSessions(keys: readonly string[], resource: string): BoundSessions {
  const ids = createSessionIds(keys)
  return {
    open(visitor, visible) {
      return ids.open({ resource, key: ownerKey(visitor) }, visible)
    },
    seal(visitor, id, named) {
      // Many servers repeat it in every answer, so the client keeps the id that it has.
      if (id === named?.id) return named.visible
      return ids.seal({ resource, key: ownerKey(visitor) }, id)
    },
  }
}
