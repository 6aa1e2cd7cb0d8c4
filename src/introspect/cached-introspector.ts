/**
 * Remembering the authorization server's answers, so that one token costs one call within their time, and a flood
 * of tokens a bounded number.
 *
 * - Calls under way are shared by all requests with the same token.
 * - An answer is kept for a short time and never past the token's `exp`; a refusal more briefly, because some
 *   servers call a good token inactive while their storage fails; a fault not at all.
 * - After a fault the next call waits, ever longer; requests that come meanwhile are told so without one.
 *
 * @module
 */
import { backOff, LONGEST_RETRY, retryAfterSeconds } from '../back-off.js'
import { createCacheStore } from '../cache.js'
import { sha256 } from '../digest.js'
import { AuthorizationServerError } from '../errors.js'
import type { Emit } from '../events.js'
import { deepFreeze, type JsonObject } from '../json.js'
import type { TokenIntrospection, TokenIntrospector } from '../types.js'
import { createSlots } from './slots.js'

export interface CachedIntrospectorOptions {
  readonly issuer: string
  readonly introspect: (token: string) => Promise<JsonObject>
  /** Milliseconds; 0 remembers nothing. */
  readonly cacheFor: number
  /** Calls at once. */
  readonly concurrency: number
  /** Milliseconds for which a request waits out a momentary fault, or for a slot. */
  readonly wait: number
  readonly now: () => number
  readonly emit: Emit | undefined
}

const MAX_GOOD = 10_000
const MAX_REFUSED = 5_000
/** A refusal is believed this long at most. */
const REFUSED_FOR = 5_000
/** What waits for a slot beyond this many is told at once that it is too much. */
const MAX_WAITING = 200
/** Of waiting for a slot, in milliseconds. */
const SHORTEST_WAIT = 1_000
/**
 * A server that is away is asked again so soon, in milliseconds: every user waits for it, and nothing old serves
 * meanwhile, as keys do.
 */
const LONGEST_ABSENCE = 4_000
const REJECTED = 'ERR_INTROSPECTION_CLIENT_REJECTED'

interface Fault {
  readonly error: AuthorizationServerError
  readonly since: number
  readonly attempts: number
  readonly retryAt: number
}

export function createCachedIntrospector(options: CachedIntrospectorOptions): TokenIntrospector {
  const { issuer, cacheFor, now, emit, wait } = options
  const good = createCacheStore<TokenIntrospection>(MAX_GOOD)
  // Apart, so that a flood of refused tokens pushes no good one out.
  const refused = createCacheStore<TokenIntrospection>(MAX_REFUSED)
  const seenGood = createCacheStore<object>(MAX_GOOD)
  const underWay = new Map<string, Promise<TokenIntrospection>>()
  const slots = createSlots(options.concurrency, MAX_WAITING)
  let fault: Fault | undefined
  let isProbing = false

  function recall(digest: string): TokenIntrospection | undefined {
    const known = good.get(digest) ?? refused.get(digest)
    return known !== undefined && known.validUntil > now() ? known : undefined
  }

  function remember(digest: string, claims: JsonObject): TokenIntrospection {
    const at = now()
    const { active: isActive, exp } = claims
    const end = typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY
    // What is over stays so: some servers call a token active long after its end.
    const isGood = isActive === true && end > at
    const keep = isGood ? Math.min(cacheFor, end - at) : Math.min(cacheFor, REFUSED_FOR)
    const answer = Object.freeze({ claims: deepFreeze(claims), validUntil: at + keep })
    if (isGood) seenGood.set(digest, answer)
    if (keep > 0) (isGood ? good : refused).set(digest, answer)
    return answer
  }

  function overloaded(): AuthorizationServerError {
    return new AuthorizationServerError(
      'ERR_INTROSPECTION_UNAVAILABLE',
      issuer,
      'too many introspection calls are waiting',
      1,
    )
  }

  function fail(cause: unknown): AuthorizationServerError {
    const error =
      cause instanceof AuthorizationServerError
        ? cause
        : new AuthorizationServerError(
            'ERR_INTROSPECTION_UNAVAILABLE',
            issuer,
            'the introspector failed',
          )
    const at = now()
    const attempts = (fault?.attempts ?? 0) + 1
    const retryIn = Math.max(
      // Each refusal of our credentials may count against us there, and passes only when somebody acts.
      error.code === REJECTED ? backOff(attempts) : backOff(attempts, LONGEST_ABSENCE),
      Math.min((error.retryAfter ?? 0) * 1000, LONGEST_RETRY),
    )
    fault = { error, attempts, since: fault?.since ?? at, retryAt: at + retryIn }
    emit?.({
      type: 'introspection.failed',
      issuer,
      code: error.code,
      reason: error.message,
      retryIn,
    })
    return error
  }

  /** One call, in a slot of its own, when the last fault allows one. */
  async function call(token: string, digest: string): Promise<TokenIntrospection> {
    const isKnown = seenGood.get(digest) !== undefined
    const release = await slots.acquire(isKnown, Math.max(wait, SHORTEST_WAIT))
    if (release === undefined) throw overloaded()
    // Whoever waited for the slot may find that the server failed in the meantime.
    const probed = fault
    try {
      if (probed !== undefined) {
        if (now() < probed.retryAt || isProbing) throw asFault(probed)
        isProbing = true
      }
      return await ask(token, digest)
    } finally {
      if (probed !== undefined && probed !== fault) isProbing = false
      release()
    }
  }

  async function ask(token: string, digest: string): Promise<TokenIntrospection> {
    let claims: JsonObject
    try {
      claims = await options.introspect(token)
    } catch (error) {
      throw fail(error)
    }
    fault = undefined
    emit?.({ type: 'introspection.answered', issuer, active: claims['active'] === true })
    return remember(digest, claims)
  }

  function asFault({ error, retryAt }: Fault): AuthorizationServerError {
    const retryAfter = retryAfterSeconds(retryAt, now())
    return new AuthorizationServerError(error.code, issuer, error.message, retryAfter)
  }

  /** A fault younger than `wait` is waited out, because clients do not honour Retry-After. */
  async function callPatiently(token: string, digest: string): Promise<TokenIntrospection> {
    for (;;) {
      try {
        return await call(token, digest)
      } catch (error) {
        // What is wrong with our own credentials does not pass in a moment.
        const passes = error instanceof AuthorizationServerError && error.code !== REJECTED
        if (fault === undefined || !passes) throw error
        const pause = Math.max(fault.retryAt - now(), 50)
        if (now() + pause > fault.since + wait) throw asFault(fault)
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }

  return {
    async introspect(token) {
      const digest = await sha256(token)
      const known = recall(digest)
      if (known !== undefined) return known
      let answer = underWay.get(digest)
      if (answer === undefined) {
        answer = callPatiently(token, digest).finally(() => underWay.delete(digest))
        underWay.set(digest, answer)
      }
      return answer
    },
    status: () => ({ issuer, fault: fault?.error }),
  }
}
