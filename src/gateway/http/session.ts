/**
 * The session of a request, and the session ids in its answer.
 *
 * @module
 */
import type { Refused } from '../request/answer.js'
import type { AdmittedRequest } from '../request/backend.js'
import type { Caller } from '../request/caller.js'
import { replaceValue } from '../request/hop-by-hop.js'
import type { SessionIds } from '../../web/session-ids.js'
import { unknownSession } from '../request/unknown-session.js'

const FIELD = 'mcp-session-id'

const HINT = 'replicas need the same --session-key-file; without one a restart ends sessions'

export class ForwardingSession {
  readonly #ids: SessionIds
  readonly #caller: Caller
  /** The id as the client sees it, and as the server does. */
  readonly #named: { readonly visible: string; readonly id: string | undefined } | undefined

  constructor(ids: SessionIds, { caller, head }: AdmittedRequest) {
    this.#ids = ids
    this.#caller = caller
    const { sessionId: visible } = head
    // Several fields make a list, which is not a session id.
    if (visible !== undefined) this.#named = { visible, id: ids.open(caller, visible) }
  }

  /** Why the request must not go on; `undefined` without a session, or if it is the caller's. */
  get refused(): Refused | undefined {
    const named = this.#named
    return named === undefined || named.id !== undefined
      ? undefined
      : unknownSession(named.visible, HINT)
  }

  /** Gives the server its own id back. */
  restore(headers: string[]): void {
    if (this.#named?.id !== undefined) replaceValue(headers, FIELD, this.#named.id)
  }

  /** The server's id as its caller sees it; `undefined` if invalid. */
  readonly seal = (id: string): string | undefined =>
    // Many servers repeat it in every answer. The client keeps the id that it has.
    id === this.#named?.id ? this.#named.visible : this.#ids.seal(this.#caller, id)
}
