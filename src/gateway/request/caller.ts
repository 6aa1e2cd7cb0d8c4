/**
 * The caller, as the gateway needs it: for the MCP server, and for everything that belongs to one
 * caller.
 *
 * @module
 */
import { ANONYMOUS_KEY, countedKey, type Anonymous, type Visitor } from '../../rs/anonymous.js'
import { callerKey, principalKey } from '../../rs/caller-key.js'
import type { Authenticated } from '../../rs/decision.js'
import type { ResourceServer } from '../../rs/resource-server.js'
import type { Guard } from '../../web/guard.js'
import type { ForwardedClaims } from '../forwarded-claims.js'
import { identityHeaders } from '../identity.js'
import type { CountedCaller } from './admission.js'

/** The caller of one request. Costly members are made on first use. */
export interface Caller {
  /** Alternating names and values. */
  readonly identity: readonly string[]
  /**
   * One key for (issuer, subject, client), the owner of sessions and children. A token that names
   * neither subject nor client is its own caller, and its successor is another.
   */
  readonly key: string
  /**
   * One key for (issuer, subject), one for all callers without a subject, and one for each address
   * without a token. Each may hold at most half of what all share. `undefined` without tokens, when all callers are one.
   */
  readonly principalKey: string | undefined
  /** The resource that was called; empty without tokens. */
  readonly resource: string
  /** Its token; `undefined` for a caller without one, and without tokens. */
  readonly authenticated: Authenticated | undefined
  /** The caller as the guard let them in; `undefined` without tokens, when there is no guard. */
  readonly visitor: Visitor | undefined
  /** Whose requests under way count together; `undefined` without tokens, when all callers are one. */
  readonly countedAs: CountedCaller | undefined
  /**
   * Watches the token while an answer continues. A report with the id of the request says why it
   * ended.
   *
   * @param onEnd called once, when the token would be refused, or when the time of a caller without
   * one is over; never without tokens
   * @returns ends the watch
   */
  watch(requestId: string, onEnd: () => void): () => void
}

class TokenCaller implements Caller {
  readonly authenticated: Authenticated
  readonly #resourceServer: ResourceServer
  readonly #claims: ForwardedClaims | undefined
  #key: string | undefined

  constructor(
    authenticated: Authenticated,
    resourceServer: ResourceServer,
    claims: ForwardedClaims | undefined,
  ) {
    this.authenticated = authenticated
    this.#resourceServer = resourceServer
    this.#claims = claims
  }

  get resource(): string {
    return this.#resourceServer.resource
  }

  get identity(): readonly string[] {
    const { token } = this.authenticated
    const who = identityHeaders(token)
    return this.#claims === undefined ? who : [...who, ...this.#claims.headersFor(token)]
  }

  get visitor(): Authenticated {
    return this.authenticated
  }

  get countedAs(): CountedCaller {
    return this.authenticated.token
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

/** Without tokens, all callers are one. */
export const ANYBODY: Caller = {
  identity: [],
  key: '',
  principalKey: undefined,
  resource: '',
  authenticated: undefined,
  visitor: undefined,
  countedAs: undefined,
  watch: () => () => undefined,
}

/** A caller without a token, whom a policy with anonymous rules lets in. They have no name. */
export class AnonymousCaller implements Caller {
  readonly identity: readonly string[] = []
  /** Their sessions and children belong to nobody in particular. */
  readonly key: string = ANONYMOUS_KEY
  readonly principalKey: string
  readonly authenticated = undefined
  readonly visitor: Anonymous
  /** Together they take no more places than one user, so that users have the others. */
  readonly countedAs: CountedCaller
  readonly #guard: Guard

  constructor(visitor: Anonymous, guard: Guard) {
    this.visitor = visitor
    this.#guard = guard
    this.principalKey = countedKey(visitor)
    // No issuer is called so: an issuer is a URL.
    this.countedAs = { issuer: ANONYMOUS_KEY, subject: visitor.address, isAddress: true }
  }

  get resource(): string {
    return this.#guard.resourceServer.resource
  }

  watch(_requestId: string, onEnd: () => void): () => void {
    return this.#guard.watchAnonymous(onEnd)
  }
}

/** @param claims that the upstream gets besides; `undefined`: none */
export function callerOf(
  authenticated: Authenticated,
  resourceServer: ResourceServer,
  claims: ForwardedClaims | undefined,
): Caller {
  return new TokenCaller(authenticated, resourceServer, claims)
}
