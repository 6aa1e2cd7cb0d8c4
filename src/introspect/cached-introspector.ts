/**
 * Caches introspection answers: one token costs one call while its answer is valid, and a flood of
 * tokens costs a bounded number.
 *
 * - Calls under way are shared by all requests with the same token.
 * - An answer is cached for a short time and never past the token's `exp`. A refusal is cached more
 *   briefly, because some servers report a good token as inactive while their storage fails.
 * - After each fault the next call waits longer; requests that arrive meanwhile fail without one.
 *   {@link Availability} decides whether all tokens wait, or only one.
 * - A request waits as long as it would for keys, be it for a slot, an answer, or a fault that may
 *   pass.
 *
 * @module
 */
import type { AnswerStore } from '../base/answer-store.js'
import {
  Availability,
  pauseBefore,
  type Call,
  type Failure,
  type Fault,
} from '../base/availability.js'
import { LONGEST_RETRY, retryAfterSeconds } from '../base/back-off.js'
import { Cache } from '../base/cache.js'
import { withDeadline } from '../base/deadline.js'
import { sha256 } from '../base/digest.js'
import { Flights, type Flight } from '../base/flights.js'
import type { ProviderClock } from '../base/provider-clock.js'
import { createSteadyClock } from '../base/steady-clock.js'
import { AuthorizationServerError, quoted } from '../errors.js'
import type { Emit } from '../events.js'
import { deepFreeze, type JsonObject } from '../base/json.js'
import type { TokenIntrospection, TokenIntrospector } from '../types.js'
import { IntrospectionFailure } from './introspector.js'
import { SharedAnswers } from './shared-answers.js'
import { createLeasedSlots, createSlots, type Slots } from './slots.js'

export interface CachedIntrospectorOptions {
  readonly issuer: string
  /** @throws {IntrospectionFailure} */
  readonly introspect: (token: string) => Promise<JsonObject>
  /** Milliseconds; 0 caches nothing. */
  readonly cacheFor: number
  /** Concurrent calls. */
  readonly concurrency: number
  /**
   * Milliseconds that a request waits for a momentary fault to pass, or for an answer, but then at
   * least a second.
   */
  readonly wait: number
  readonly now: () => number
  readonly emit: Emit | undefined
  /** Requests must not wait for one another's work ({@link isolatesRequests}). */
  readonly isolated: boolean
  /** The store in which processes share their answers. */
  readonly store?: AnswerStore | undefined
  /** Identifies our client at this server. */
  readonly namespace: string
  readonly clock: ProviderClock
}

const MAX_GOOD = 10_000
const MAX_REFUSED = 5_000
const MAX_FAULTY = 5_000
/** The longest time that a refusal is cached. */
const REFUSED_FOR = 5_000
/** When this many calls wait for a slot, further ones fail at once. */
const MAX_WAITING = 200
/**
 * The shortest wait for an answer, in milliseconds, and the interval at which a request checks
 * whether a fault is over.
 */
const SHORTEST_WAIT = 1_000
const LOOK_AGAIN = 50
/**
 * Milliseconds until a server that is down is asked again. Short, because every user waits for it:
 * there are no old answers to use, unlike keys.
 */
const LONGEST_ABSENCE = 4_000
/** As long as most providers' tokens, but never issued by any. */
const CONTROL = 'r7FSZIgFEWlKAg7bSwz1VrvmajvRaBQORedM6EhzCak'

/** A cached answer, by the clock that never runs backwards. */
interface Kept {
  readonly claims: JsonObject
  readonly until: number
}

/** One or several calls for all requests with the same token. */
interface Asking extends Flight {
  readonly done: Promise<TokenIntrospection>
  readonly deadline: number
}

/**
 * Our own credentials were refused: the operator must act, and each refusal may count against us
 * there.
 */
function isRejected({ error }: Failure): boolean {
  return error.code === 'ERR_INTROSPECTION_CLIENT_REJECTED'
}

export class CachedIntrospector implements TokenIntrospector {
  readonly #options: CachedIntrospectorOptions
  readonly #good = new Cache<Kept>(MAX_GOOD)
  /** Kept apart, so that a flood of refused tokens evicts no good one. */
  readonly #refused = new Cache<Kept>(MAX_REFUSED)
  readonly #seenGood = new Cache<object>(MAX_GOOD)
  /** Faults of single tokens. */
  readonly #faulty = new Cache<Fault>(MAX_FAULTY)
  readonly #now: () => number
  readonly #availability: Availability
  readonly #flights: Flights<Asking>
  readonly #slots: Slots
  readonly #shared: SharedAnswers | undefined
  /** How often our credentials were replaced. */
  #replaced = 0
  /** Replaced credentials were refused. Each further refusal may count against our client there. */
  #areRefused = false

  constructor(options: CachedIntrospectorOptions) {
    const { concurrency, isolated, store, issuer, emit } = options
    this.#options = options
    const now = createSteadyClock(options.now, () => {
      // Their age is unknown.
      this.#good.clear()
      this.#refused.clear()
    })
    this.#now = now
    this.#availability = new Availability({
      now,
      longestPause: (failure) => (isRejected(failure) ? LONGEST_RETRY : LONGEST_ABSENCE),
      isAlarming: isRejected,
    })
    this.#flights = new Flights(isolated)
    this.#slots = isolated
      ? createLeasedSlots(concurrency, now)
      : createSlots(concurrency, MAX_WAITING)
    this.#shared =
      store &&
      new SharedAnswers({
        ...options,
        store,
        steadyNow: now,
        onFailure: (reason, retryIn) => emit?.({ type: 'store.failed', issuer, reason, retryIn }),
      })
  }

  /** Our credentials were replaced: what the server said about the old ones no longer counts. */
  credentialsReplaced(): void {
    this.#replaced++
    this.#areRefused = false
    this.#faulty.clear()
    this.#availability.forget()
  }

  async introspect(token: string): Promise<TokenIntrospection> {
    const digest = await sha256(token)
    const kept = this.#recall(digest)
    if (kept !== undefined) return this.#handOut(kept)
    return this.#waitFor(this.#flights.join(digest, () => this.#begin(token, digest)))
  }

  status(): ReturnType<NonNullable<TokenIntrospector['status']>> {
    const { issuer, clock } = this.#options
    return { issuer, fault: this.#availability.trouble, clockAhead: clock.ahead }
  }

  #recall(digest: string): Kept | undefined {
    // Read the clock first: if it was set back, the cache is emptied.
    const at = this.#now()
    const kept = this.#good.get(digest) ?? this.#refused.get(digest)
    return kept !== undefined && kept.until > at ? kept : undefined
  }

  /** @param validUntil by the wall clock, if another process got the answer */
  #remember(
    digest: string,
    claims: JsonObject,
    validUntil: number = Number.POSITIVE_INFINITY,
  ): Kept {
    const at = this.#options.now()
    const cacheFor = Math.min(this.#options.cacheFor, validUntil - at)
    const { active: isActive, exp } = claims
    const end = typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY
    // An expired token stays expired: some servers report it as active long after its end.
    const isGood = isActive === true && end > at
    const keep = isGood ? Math.min(cacheFor, end - at) : Math.min(cacheFor, REFUSED_FOR)
    const kept = { claims: deepFreeze(claims), until: this.#now() + keep }
    if (isGood) this.#seenGood.set(digest, this.#availability)
    if (keep > 0) (isGood ? this.#good : this.#refused).set(digest, kept)
    return kept
  }

  /** By the wall clock that processes share. */
  #handOut({ claims, until }: Kept): TokenIntrospection {
    return Object.freeze({ claims, validUntil: this.#options.now() + until - this.#now() })
  }

  #unavailable(reason: string): AuthorizationServerError {
    const { issuer } = this.#options
    return new AuthorizationServerError('ERR_INTROSPECTION_UNAVAILABLE', issuer, reason, 1)
  }

  #asError({ error, retryAt }: Fault): AuthorizationServerError {
    const retryAfter = retryAfterSeconds(retryAt, this.#now())
    const { issuer } = this.#options
    return new AuthorizationServerError(error.code, issuer, error.message, retryAfter)
  }

  #asFailure(cause: unknown): IntrospectionFailure {
    if (cause instanceof IntrospectionFailure) return cause
    const error = this.#unavailable('the introspector failed')
    return new IntrospectionFailure(error, error, { passes: true, wasWritten: true })
  }

  #report(fault: Fault, concerns: 'issuer' | 'token'): Fault {
    const { issuer, emit } = this.#options
    const { code, message: reason } = fault.error
    const retryIn = Math.max(0, fault.retryAt - this.#now())
    emit?.({ type: 'introspection.failed', issuer, code, reason, retryIn, concerns })
    return fault
  }

  /** Asks about a token that belongs to nobody: `undefined` when that was answered. */
  async #askControl(): Promise<IntrospectionFailure | undefined> {
    const { introspect, issuer, emit } = this.#options
    try {
      await introspect(CONTROL)
    } catch (error) {
      return this.#asFailure(error)
    }
    this.#availability.controlAnswered()
    emit?.({ type: 'introspection.answered', issuer, active: false })
    return undefined
  }

  /**
   * Checks whether the constant is answered when tokens are: some providers fail for every unknown
   * token.
   */
  async #checkControl(): Promise<void> {
    const began = this.#now()
    const failure = await this.#askControl()
    if (failure?.wasWritten === true) this.#availability.controlFailed(undefined, began, failure)
  }

  #blameToken(digest: string, failure: IntrospectionFailure, isSure: boolean): Fault {
    const { passes, error, alone } = failure
    const described = { passes, error: isSure ? alone : error }
    const fault = this.#availability.next(described, this.#faulty.get(digest))
    this.#faulty.set(digest, fault)
    return this.#report(fault, 'token')
  }

  /** Credentials were refused that were replaced meanwhile: the new ones may be tried. */
  #isOutdated(failure: Failure, replaced: number): boolean {
    return isRejected(failure) && replaced !== this.#replaced
  }

  #passing({ error }: Failure): Fault {
    return this.#availability.next({ error, passes: true }, undefined)
  }

  /**
   * Decides whose fault a failed call is.
   *
   * @param replaced how often our credentials were replaced before the call
   */
  async #blame(
    call: Call,
    digest: string,
    failure: IntrospectionFailure,
    replaced: number,
  ): Promise<Fault> {
    const availability = this.#availability
    if (this.#isOutdated(failure, replaced)) return this.#passing(failure)
    if (!failure.wasWritten) return this.#report(availability.failedBefore(call, failure), 'issuer')
    const suspect = availability.suspect(call, failure)
    if (typeof suspect === 'object') return this.#report(suspect, 'issuer')
    if (suspect !== 'control') return this.#blameToken(digest, failure, suspect === 'token')
    const began = this.#now()
    const second = await this.#askControl()
    if (this.#isOutdated(second ?? failure, replaced)) return this.#passing(failure)
    if (second === undefined) return this.#blameToken(digest, failure, true)
    const fault = second.wasWritten
      ? availability.controlFailed(call, began, second)
      : availability.failedBefore(call, second)
    return typeof fault === 'object'
      ? this.#report(fault, 'issuer')
      : this.#blameToken(digest, failure, fault === 'token')
  }

  async #ask(token: string, digest: string, isKnown: boolean): Promise<TokenIntrospection | Fault> {
    const { introspect, issuer, emit, isolated } = this.#options
    const call = this.#availability.begin(isKnown)
    const replaced = this.#replaced
    try {
      const claims = await introspect(token)
      if (this.#availability.answered() && !isolated) void this.#checkControl()
      this.#faulty.delete(digest)
      emit?.({ type: 'introspection.answered', issuer, active: claims['active'] === true })
      const answer = this.#handOut(this.#remember(digest, claims))
      // Nothing awaits it, and it does not reject.
      void this.#shared?.set(digest, answer)
      return answer
    } catch (error) {
      const fault = await this.#blame(call, digest, this.#asFailure(error), replaced)
      if (replaced > 0 && fault === this.#availability.fault && isRejected(fault)) {
        this.#holdBack()
      }
      return fault
    } finally {
      this.#availability.end(call)
    }
  }

  /** The new credentials were refused: nobody is asked before they are replaced again. */
  #holdBack(): void {
    if (this.#areRefused) return
    this.#areRefused = true
    const { issuer, emit } = this.#options
    emit?.({
      type: 'introspection.failed',
      issuer,
      code: 'ERR_INTROSPECTION_CLIENT_REJECTED',
      reason: `introspection at ${quoted(issuer)}: the new credentials were refused; they are not tried again before they are replaced, if only by the same ones`,
      retryIn: Number.POSITIVE_INFINITY,
      concerns: 'issuer',
    })
  }

  /** Why a token cannot be introspected now. */
  #obstacle(digest: string, isKnown: boolean): Fault | undefined {
    if (this.#areRefused) return this.#availability.fault
    const own = this.#faulty.get(digest)
    if (own !== undefined && this.#now() < own.retryAt) return own
    return this.#availability.mayCall(isKnown) ? undefined : this.#availability.fault
  }

  /** One call in its own slot, if the last fault allows it. */
  async #attempt(
    token: string,
    digest: string,
    { isKnown, deadline }: { readonly isKnown: boolean; readonly deadline: number },
  ): Promise<TokenIntrospection | Fault> {
    const found = this.#obstacle(digest, isKnown)
    if (found !== undefined) return found
    const release = await this.#slots.acquire(isKnown, Math.max(deadline - this.#now(), 0))
    if (release === undefined) throw this.#unavailable('too many introspection calls are waiting')
    try {
      // The server may have failed while the request waited for the slot.
      return this.#obstacle(digest, isKnown) ?? (await this.#ask(token, digest, isKnown))
    } finally {
      release()
    }
  }

  /** The answer of another process, or a new one. */
  async #find(token: string, digest: string, deadline: number): Promise<TokenIntrospection> {
    const answer = await this.#shared?.get(digest)
    if (answer === undefined) return this.#attemptPatiently(token, digest, deadline)
    return this.#handOut(this.#remember(digest, answer.claims, answer.validUntil))
  }

  /** Waits while a fault is young. */
  async #attemptPatiently(
    token: string,
    digest: string,
    deadline: number,
  ): Promise<TokenIntrospection> {
    const { wait } = this.#options
    const isKnown = this.#seenGood.get(digest) !== undefined
    for (;;) {
      const outcome = await this.#attempt(token, digest, { isKnown, deadline })
      if (!('retryAt' in outcome)) return outcome
      const pause = pauseBefore(outcome, this.#now(), { wait, deadline, least: LOOK_AGAIN })
      // A problem with our own credentials does not pass in a moment.
      if (!outcome.passes || pause === undefined) throw this.#asError(outcome)
      // A token at fault itself is not announced as waiting: strangers would wait with it.
      const isExpected = isKnown && outcome === this.#availability.fault
      if (isExpected) this.#availability.expect(deadline)
      await new Promise((resolve) => setTimeout(resolve, pause))
      if (isExpected) this.#availability.unexpect()
    }
  }

  /** The call goes on even if nobody waits for it any more, and its answer is cached. */
  #waitFor({ done, deadline }: Asking): Promise<TokenIntrospection> {
    return withDeadline(done, deadline - this.#now(), () => {
      const { fault } = this.#availability
      return fault === undefined ? this.#unavailable('no answer yet') : this.#asError(fault)
    })
  }

  #begin(token: string, digest: string): Asking {
    const deadline = this.#now() + Math.max(this.#options.wait, SHORTEST_WAIT)
    const done = this.#find(token, digest, deadline)
    // There may be no waiter left to handle it.
    done.catch(() => undefined)
    return { done, deadline }
  }
}
