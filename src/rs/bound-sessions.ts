/**
 * Sessions of the handler behind a middleware, bound to who was given them.
 *
 * @module
 */
import { createSessionIds } from './session-ids.js'
import { callerKey } from './caller-key.js'
import type { Authenticated } from './decision.js'

/** The field that carries them (MCP 2025-03-26 to 2025-11-25, "Session Management"). */
export const SESSION_FIELD = 'mcp-session-id'

/** The sessions that one request may name, and its answer. */
export interface BoundSession {
  /** The handler's own id of the session that the request names; `undefined` when it names none. */
  readonly id: string | undefined
  /** The handler's id as the caller is to see it; `undefined` for what is none. */
  seal(id: string): string | undefined
}

export interface BoundSessions {
  /** @returns `undefined` for a session that is not this caller's at this resource */
  enter(authenticated: Authenticated, visible: string | undefined): BoundSession | undefined
}

/** @param keys at least one: the first signs, all verify */
export function createBoundSessions(keys: readonly string[], resource: string): BoundSessions {
  const ids = createSessionIds(keys)
  return {
    enter(authenticated, visible) {
      const owner = () => ({ resource, key: callerKey(authenticated) })
      if (visible === undefined) return { id: undefined, seal: (id) => ids.seal(owner(), id) }
      const own = ids.open(owner(), visible)
      if (own === undefined) return undefined
      // Many servers repeat it in every answer; and the client keeps the id that it has.
      return { id: own, seal: (id) => (id === own ? visible : ids.seal(owner(), id)) }
    },
  }
}
