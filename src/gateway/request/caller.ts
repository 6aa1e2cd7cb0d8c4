/**
 * Who is calling, as far as the gateway needs to know: for the MCP server, and for what belongs to one caller only.
 *
 * @module
 */
import { callerKey, principalKey } from '../../rs/caller-key.js'
import type { Authenticated } from '../../rs/decision.js'
import type { ResourceServer } from '../../rs/resource-server.js'
import { identityHeaders } from '../identity.js'

/** A caller of one request. What costs something is made when it is first asked for. */
export interface Caller {
  /** Names and values by turns. */
  readonly identity: readonly string[]
  /**
   * One text for (issuer, subject, client): whose sessions and children are the same. A token that names neither
   * subject nor client is a caller of its own, and its successor another.
   */
  readonly key: string
  /**
   * One text for (issuer, subject), and one for all callers without a subject: who holds at most half of what all share.
   * `undefined` without tokens, where all callers are one.
   */
  readonly principalKey: string | undefined
  /** What its token opens; empty without tokens. */
  readonly resource: string
  /** By which token; `undefined` without tokens. */
  readonly authenticated: Authenticated | undefined
  /**
   * Watches the token while an answer goes on. Why it ended is told to the operator, under the id of the request.
   *
   * @param onEnd called once, when the token would not open anything any more; never where there is none
   * @returns ends the watch
   */
  watch(requestId: string, onEnd: () => void): () => void
}

class TokenCaller implements Caller {
  readonly authenticated: Authenticated
  readonly #resourceServer: ResourceServer
  #key: string | undefined

  constructor(authenticated: Authenticated, resourceServer: ResourceServer) {
    this.authenticated = authenticated
    this.#resourceServer = resourceServer
  }

  get resource(): string {
    return this.#resourceServer.resource
  }

  get identity(): readonly string[] {
    return identityHeaders(this.authenticated.token)
  }

  get key(): string {
    return (this.#key ??= callerKey(this.authenticated))
  }

  get principalKey(): string {
    return principalKey(this.authenticated)
  }

  watch(requestId: string, onEnd: () => void): () => void {
    return this.#resourceServer.watch(this.authenticated, onEnd, { requestId })
  }
}

/** Where no token is asked for, all are one. */
export const ANYBODY: Caller = {
  identity: [],
  key: '',
  principalKey: undefined,
  resource: '',
  authenticated: undefined,
  watch: () => () => undefined,
}

export function callerOf(authenticated: Authenticated, resourceServer: ResourceServer): Caller {
  return new TokenCaller(authenticated, resourceServer)
}
