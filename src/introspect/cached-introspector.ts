/**
 * Remembering the authorization server's answers, so that one token costs one call within their time, and a flood
 * of tokens a bounded number.
 *
 * - Calls under way are shared by all requests with the same token.
 * - An answer is kept for a short time and never past the token's `exp`; a refusal more briefly, because some
 *   servers call a good token inactive while their storage fails.
 * - After a fault the next call waits, ever longer; requests that come meanwhile are told so without one. Whether all
 *   tokens wait or one of them is told by {@link createEndpointHealth}.
 * - A request waits as long as it would for keys, for whatever: a slot, an answer, a fault that may pass.
 *
 * @module
 */
import { retryAfterSeconds } from '../base/back-off.js'
import { createCacheStore } from '../base/cache.js'
import { sha256 } from '../base/digest.js'
import { createSteadyClock } from '../base/steady-clock.js'
import { AuthorizationServerError } from '../errors.js'
import type { Emit } from '../events.js'
import { deepFreeze, type JsonObject } from '../base/json.js'
import type { TokenIntrospection, TokenIntrospector } from '../types.js'
import { createEndpointHealth, nextFault, type Call, type Fault } from './endpoint-health.js'
import { IntrospectionFailure } from './introspector.js'
import { createLeasedSlots, createSlots } from './slots.js'

export interface CachedIntrospectorOptions {
  readonly issuer: string
  /** @throws {IntrospectionFailure} */
  readonly introspect: (token: string) => Promise<JsonObject>
  /** Milliseconds; 0 remembers nothing. */
  readonly cacheFor: number
  /** Calls at once. */
  readonly concurrency: number
  /** Milliseconds for which a request waits out a momentary fault; and for an answer, but then a second at least. */
  readonly wait: number
  readonly now: () => number
  readonly emit: Emit | undefined
  /** What one request began is no other's ({@link isolatesRequests}). */
  readonly isolated: boolean
}

const MAX_GOOD = 10_000
const MAX_REFUSED = 5_000
const MAX_FAULTY = 5_000
/** A refusal is believed this long at most. */
const REFUSED_FOR = 5_000
/** What waits for a slot beyond this many is told at once that it is too much. */
const MAX_WAITING = 200
/** The shortest that a request waits for an answer, in milliseconds, and how often it looks for the end of a fault. */
const SHORTEST_WAIT = 1_000
const LOOK_AGAIN = 50
/** As long as a token of most providers, and none of any. */
const CONTROL = 'r7FSZIgFEWlKAg7bSwz1VrvmajvRaBQORedM6EhzCak'

/** An answer that is kept, by the clock that never runs backwards. */
interface Kept {
  readonly claims: JsonObject
  readonly until: number
}

/** One or several calls for all requests with the same token. */
interface Flight {
  readonly answer: Promise<TokenIntrospection>
  readonly deadline: number
}

export function createCachedIntrospector(options: CachedIntrospectorOptions): TokenIntrospector {
  const { issuer, cacheFor, emit, wait, isolated } = options
  const good = createCacheStore<Kept>(MAX_GOOD)
  // Apart, so that a flood of refused tokens pushes no good one out.
  const refused = createCacheStore<Kept>(MAX_REFUSED)
  const seenGood = createCacheStore<object>(MAX_GOOD)
  /** Faults of single tokens. */
  const faulty = createCacheStore<Fault>(MAX_FAULTY)
  const now = createSteadyClock(options.now, () => {
    // How old they are nobody knows.
    good.clear()
    refused.clear()
  })
  const health = createEndpointHealth(now)
  const underWay = new Map<string, Flight>()
  const slots = isolated
    ? createLeasedSlots(options.concurrency, now)
    : createSlots(options.concurrency, MAX_WAITING)
  const longestWait = Math.max(wait, SHORTEST_WAIT)

  function recall(digest: string): Kept | undefined {
    // The clock first: when it was set back, nothing is remembered.
    const at = now()
    const kept = good.get(digest) ?? refused.get(digest)
    return kept !== undefined && kept.until > at ? kept : undefined
  }

  function remember(digest: string, claims: JsonObject): Kept {
    const at = options.now()
    const { active: isActive, exp } = claims
    const end = typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY
    // What is over stays so: some servers call a token active long after its end.
    const isGood = isActive === true && end > at
    const keep = isGood ? Math.min(cacheFor, end - at) : Math.min(cacheFor, REFUSED_FOR)
    const kept = { claims: deepFreeze(claims), until: now() + keep }
    if (isGood) seenGood.set(digest, health)
    if (keep > 0) (isGood ? good : refused).set(digest, kept)
    return kept
  }

  /** By the clock of the others. */
  function handOut({ claims, until }: Kept): TokenIntrospection {
    return Object.freeze({ claims, validUntil: options.now() + until - now() })
  }

  function unavailable(reason: string): AuthorizationServerError {
    return new AuthorizationServerError('ERR_INTROSPECTION_UNAVAILABLE', issuer, reason, 1)
  }

  function asError({ error, retryAt }: Fault): AuthorizationServerError {
    const retryAfter = retryAfterSeconds(retryAt, now())
    return new AuthorizationServerError(error.code, issuer, error.message, retryAfter)
  }

  function asFailure(cause: unknown): IntrospectionFailure {
    if (cause instanceof IntrospectionFailure) return cause
    const error = unavailable('the introspector failed')
    return new IntrospectionFailure(error, error, { passes: true, wasWritten: true })
  }

  function tell(fault: Fault, concerns: 'issuer' | 'token'): Fault {
    const { code, message: reason } = fault.error
    const retryIn = Math.max(0, fault.retryAt - now())
    emit?.({ type: 'introspection.failed', issuer, code, reason, retryIn, concerns })
    return fault
  }

  /** Asks about a token of nobody's: `undefined` when that was answered. */
  async function askControl(): Promise<IntrospectionFailure | undefined> {
    try {
      await options.introspect(CONTROL)
    } catch (error) {
      return asFailure(error)
    }
    health.controlAnswered()
    emit?.({ type: 'introspection.answered', issuer, active: false })
    return undefined
  }

  /** Whether the constant is answered where tokens are: some providers fail for whatever they do not know. */
  async function judgeControl(): Promise<void> {
    const began = now()
    const failure = await askControl()
    if (failure?.wasWritten === true) health.controlFailed(undefined, began, failure)
  }

  function blameToken(digest: string, failure: IntrospectionFailure, isSure: boolean): Fault {
    const { passes, error, alone } = failure
    const described = { passes, error: isSure ? alone : error }
    const fault = nextFault(described, faulty.get(digest), now())
    faulty.set(digest, fault)
    return tell(fault, 'token')
  }

  /** Whose fault it is that a call failed. */
  async function blame(call: Call, digest: string, failure: IntrospectionFailure): Promise<Fault> {
    if (!failure.wasWritten) return tell(health.failedBefore(call, failure), 'issuer')
    const suspect = health.suspect(call, failure)
    if (typeof suspect === 'object') return tell(suspect, 'issuer')
    if (suspect !== 'control') return blameToken(digest, failure, suspect === 'token')
    const began = now()
    const second = await askControl()
    if (second === undefined) return blameToken(digest, failure, true)
    const fault = second.wasWritten
      ? health.controlFailed(call, began, second)
      : health.failedBefore(call, second)
    return typeof fault === 'object'
      ? tell(fault, 'issuer')
      : blameToken(digest, failure, fault === 'token')
  }

  async function ask(
    token: string,
    digest: string,
    isKnown: boolean,
  ): Promise<TokenIntrospection | Fault> {
    const call = health.begin(isKnown)
    try {
      const claims = await options.introspect(token)
      if (health.answered() && !isolated) void judgeControl()
      faulty.delete(digest)
      emit?.({ type: 'introspection.answered', issuer, active: claims['active'] === true })
      return handOut(remember(digest, claims))
    } catch (error) {
      return await blame(call, digest, asFailure(error))
    } finally {
      health.end(call)
    }
  }

  /** What keeps a token from being asked about now. */
  function obstacle(digest: string, isKnown: boolean): Fault | undefined {
    const own = faulty.get(digest)
    if (own !== undefined && now() < own.retryAt) return own
    return health.mayCall(isKnown) ? undefined : health.fault()
  }

  /** One call, in a slot of its own, when the last fault allows one. */
  async function attempt(
    token: string,
    digest: string,
    { isKnown, deadline }: { readonly isKnown: boolean; readonly deadline: number },
  ): Promise<TokenIntrospection | Fault> {
    const found = obstacle(digest, isKnown)
    if (found !== undefined) return found
    const release = await slots.acquire(isKnown, Math.max(deadline - now(), 0))
    if (release === undefined) throw unavailable('too many introspection calls are waiting')
    try {
      // Whoever waited for the slot may find that the server failed in the meantime.
      return obstacle(digest, isKnown) ?? (await ask(token, digest, isKnown))
    } finally {
      release()
    }
  }

  /** A fault younger than `wait` is waited out, because clients do not honour Retry-After. */
  async function attemptPatiently(
    token: string,
    digest: string,
    deadline: number,
  ): Promise<TokenIntrospection> {
    const isKnown = seenGood.get(digest) !== undefined
    for (;;) {
      const outcome = await attempt(token, digest, { isKnown, deadline })
      if (!('retryAt' in outcome)) return outcome
      const pause = Math.max(outcome.retryAt - now(), LOOK_AGAIN)
      const end = Math.min(outcome.since + wait, deadline)
      // What is wrong with our own credentials does not pass in a moment.
      if (!outcome.passes || now() + pause > end) throw asError(outcome)
      // What waits for itself alone is not expected: strangers would wait with it.
      const isExpected = isKnown && outcome === health.fault()
      if (isExpected) health.expect(deadline)
      await new Promise((resolve) => setTimeout(resolve, pause))
      if (isExpected) health.unexpect()
    }
  }

  /** The call goes on when nobody waits for it any more, and its answer is remembered. */
  async function waitFor({ answer, deadline }: Flight): Promise<TokenIntrospection> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const fault = health.fault()
        reject(fault === undefined ? unavailable('no answer yet') : asError(fault))
      }, deadline - now())
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }

  function begin(token: string, digest: string): Flight {
    const deadline = now() + longestWait
    const answer = attemptPatiently(token, digest, deadline).finally(() => underWay.delete(digest))
    // Nobody may be left to hear of it.
    answer.catch(() => undefined)
    const flight = { answer, deadline }
    if (!isolated) underWay.set(digest, flight)
    return flight
  }

  return {
    async introspect(token) {
      const digest = await sha256(token)
      const kept = recall(digest)
      if (kept !== undefined) return handOut(kept)
      return waitFor(underWay.get(digest) ?? begin(token, digest))
    },
    status: () => ({ issuer, fault: health.trouble() }),
  }
}
