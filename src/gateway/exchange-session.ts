/**
 * The session that a request names, and those that its answer names.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Refused } from './answer.js'
import type { AdmittedRequest } from './backend.js'
import type { Caller } from './caller.js'
import { replaceValue, valuesOf } from './hop-by-hop.js'
import type { SessionIds } from './session-ids.js'

const FIELD = 'mcp-session-id'

/** What is said of a session that is not this caller's. Foreign and unknown look alike. */
function refusalOf(visible: string): Refused {
  const digest = createHash('sha256').update(visible).digest('hex').slice(0, 8)
  return {
    refusal: {
      status: 404,
      code: 'ERR_SESSION_UNKNOWN',
      reason: `no session of this caller at this resource (SHA-256 of the id: ${digest}…)`,
      hint: 'replicas need the same --session-key-file; without one a restart ends sessions',
    },
    error: 'session_not_found',
    description: 'There is no such session',
  }
}

export class ExchangeSession {
  readonly #ids: SessionIds
  readonly #caller: Caller
  /** As the client sees it, and as the server does. */
  readonly #named: { readonly visible: string; readonly id: string | undefined } | undefined

  constructor(ids: SessionIds, { caller, head }: AdmittedRequest) {
    this.#ids = ids
    this.#caller = caller
    const [visible, ...more] = valuesOf(head.forwarded, FIELD)
    if (visible === undefined) return
    this.#named = { visible, id: more.length === 0 ? ids.open(caller, visible) : undefined }
  }

  /** Why the request must not go on; `undefined` without a session, or with one of the caller's. */
  get refused(): Refused | undefined {
    const named = this.#named
    return named === undefined || named.id !== undefined ? undefined : refusalOf(named.visible)
  }

  /** Gives the server its own id back. */
  restore(headers: string[]): void {
    if (this.#named?.id !== undefined) replaceValue(headers, FIELD, this.#named.id)
  }

  /** The server's id as the caller is to see it; `undefined` for what is none. */
  readonly seal = (id: string): string | undefined =>
    // Many servers repeat it in every answer; and the client keeps the id that it has.
    id === this.#named?.id ? this.#named.visible : this.#ids.seal(this.#caller, id)
}
