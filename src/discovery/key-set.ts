/**
 * The public keys of one issuer, kept through rotation, floods and outages.
 *
 * - One fetch serves any number of concurrent requests.
 * - Keys older than `maxAge` are refreshed in the background and stay in use for a grace period.
 * - After the grace period, on a server that was idle, requests wait for the refresh, because keys
 *   may have been withdrawn. If it fails or takes too long, the old keys are used for up to
 *   `staleFor` longer.
 * - In a known outage the old keys are used at once.
 * - Tokens that the keys at hand cannot verify cause one fetch per cooldown, whatever the flood.
 * - A key that a successful fetch no longer contains is retired at once. An answer without any
 *   usable key is a fault.
 * - After each fault the next attempt waits longer; until then, requests that need it fail without
 *   a fetch.
 * - If requests are isolated, none waits for another's work. Each request that needs keys fetches
 *   them itself, once. Ages, cooldowns and faults are shared.
 *
 * @module
 */
import { Availability, pauseBefore } from '../base/availability.js'
import { retryAfterSeconds } from '../base/back-off.js'
import { withDeadline } from '../base/deadline.js'
import { Flights, type Flight } from '../base/flights.js'
import type { RequestContext } from '../base/runtime.js'
import { createSteadyClock } from '../base/steady-clock.js'
import { AuthorizationServerError } from '../errors.js'
import type { Emit } from '../events.js'
import {
  findKeys,
  importKeys,
  replaceKeys,
  type ImportedKeys,
  type KeyMissing,
  type KeyQuery,
} from './key-list.js'
import {
  createKeyReader,
  keysUnavailable,
  type KeyReader,
  type KeyReaderOptions,
} from './key-source.js'
import type { SigningKey } from './signing-key.js'

export type { KeySource } from './key-source.js'

/**
 * How long a flood of tokens that we cannot verify can keep a legitimate new key waiting, and how often it
 * makes us fetch.
 */
const DOUBT_COOLDOWN = 5_000
/** For discovery and keys together. */
const LOAD_TIMEOUT = 5_000
/** Keys are refreshed at most once a second, whatever the settings. */
const SHORTEST_MAX_AGE = 1_000
/** We ask a provider that says `no-cache` (Keycloak does) at most this often. */
const SHORTEST_PROVIDER_MAX_AGE = 60_000
/** How long keys past their age are used while the refresh runs in the background. */
const LONGEST_GRACE = 60_000
/**
 * A healthy provider answers within this time: requests wait at least this long, and in a known
 * outage no longer.
 */
const MOMENT = 1_000
/**
 * A shorter wait only used up the rest of a request's time. A few milliseconds pass before a wait
 * begins.
 */
const MOST_OF_A_MOMENT = 0.9 * MOMENT

export interface KeySetOptions extends KeyReaderOptions {
  readonly algorithms: readonly string[]
  /** Keys that name an issuer must be for this tenant; `undefined`: their `issuer` does not count. */
  readonly tenant: string | undefined
  /** Milliseconds. */
  readonly maxAge: number
  readonly staleFor: number
  readonly wait: number
  readonly emit: Emit | undefined
  /** Whether other resources reach these keys in the same way. */
  readonly isShared: boolean
  /** Requests must not wait for one another's work ({@link isolatesRequests}). */
  readonly isolated: boolean
}

/** The signed text, the key that the client names, and the signature. */
interface SignedText extends KeyQuery {
  readonly signedText: string
  readonly signature: BufferSource
}

/**
 * Why a signature is not valid: {@link KeyMissing}; `wrong`: it does not match the key; `failed`:
 * the runtime could not check it.
 */
export type NotVerified = KeyMissing | 'wrong' | 'failed'

/** The current state of an issuer's keys. */
export interface KeySetStatus {
  /** As configured. */
  readonly issuer: string
  /** Cached keys that can verify signatures. */
  readonly keys: number
  /** Whether they may be used now: not older than `jwksMaxAge` and `jwksStaleFor` together. */
  readonly serving: boolean
  /** Seconds since they were fetched; `undefined` before the first time, and for fixed keys. */
  readonly age: number | undefined
  /** Why the last attempt to fetch them failed; `undefined` after a successful one. */
  readonly fault: AuthorizationServerError | undefined
}

export interface KeySet {
  /**
   * Verifies a signature, with newer keys if the cached ones do not verify it: a provider may
   * replace a key under its old name. At most one fetch per cooldown.
   *
   * @param arrival the value of {@link fetches} when the token arrived: keys fetched since then are
   * new enough
   * @returns the key that verified the signature
   * @throws {AuthorizationServerError} `ERR_DISCOVERY_FAILED`, `ERR_KEYS_UNAVAILABLE` when there
   * are no usable keys
   */
  verify(
    signed: SignedText,
    arrival: number,
    request?: RequestContext,
  ): Promise<SigningKey | NotVerified>
  /**
   * Whether the cached keys may be used now. Starts a refresh in the background when it is due.
   * Does not concern tokens: expiry, issuer and audience are verified elsewhere.
   */
  usable(request?: RequestContext): boolean
  /**
   * Waits until the cached keys may be used, as long as a request may wait.
   *
   * @throws {AuthorizationServerError} when there are none
   */
  ready(request?: RequestContext): Promise<void>
  /** How many fetches have begun. */
  fetches(): number
  /** Seconds until asking again may help; at least 1. */
  retryAfter(): number
  /**
   * Fetches the keys now, whatever their age and the last fault; joins a fetch under way.
   *
   * @throws {AuthorizationServerError} when that fails; cached keys stay
   */
  refresh(): Promise<void>
  status(): KeySetStatus
}

/** A fetch under way. */
interface Loading extends Flight {
  readonly done: Promise<void>
  /** A request waited its full time for this fetch: no other request does. */
  late: boolean
}

/** The only flight of a key set. */
const LOADING = ''

/** The key among the candidates that made the signature. */
async function checkSignature(
  keys: readonly SigningKey[] | KeyMissing,
  { algorithm, signedText, signature }: SignedText,
): Promise<SigningKey | NotVerified> {
  if (typeof keys === 'string') return keys
  let reason: NotVerified = 'wrong'
  for (const key of keys) {
    try {
      const isValid = await key.verify(algorithm, signedText, signature)
      // The key may have been withdrawn meanwhile.
      if (isValid && !key.retired) return key
    } catch {
      // RFC 8725 §3.3: a failed operation is an invalid signature. Other signatures do not fail
      // with this key.
      reason = 'failed'
    }
  }
  return reason
}

class IssuerKeys implements KeySet {
  readonly #options: KeySetOptions
  readonly #now: () => number
  readonly #readKeys: KeyReader
  readonly #availability: Availability
  readonly #flights: Flights<Loading>
  readonly #ownMaxAge: number
  readonly #longestWait: number
  #keys: readonly SigningKey[] = []
  /** When the last successful fetch began. */
  #loadedAt = Number.NEGATIVE_INFINITY
  /** The keys are old; their exact age is not known. */
  #isAgeDoubtful = false
  /**
   * How many fetches have begun, and which was the last to succeed: we know what was published
   * before it began.
   */
  #fetchesBegun = 0
  #fetchLoaded = 0
  #maxAge: number
  /** When keys were last fetched because a token could not be verified. */
  #doubtedAt = Number.NEGATIVE_INFINITY
  /**
   * If requests are isolated: one request fetches, until this time at most, because it may have
   * been cancelled.
   */
  #loadingUntil = Number.NEGATIVE_INFINITY

  constructor(options: KeySetOptions) {
    this.#options = options
    this.#now = createSteadyClock(options.now, () => {
      this.#isAgeDoubtful = true
    })
    this.#readKeys = createKeyReader({ ...options, now: this.#now })
    this.#availability = new Availability({ now: this.#now })
    this.#flights = new Flights(options.isolated)
    this.#ownMaxAge = Math.max(options.maxAge, SHORTEST_MAX_AGE)
    this.#maxAge = this.#ownMaxAge
    this.#longestWait = Math.max(options.wait, MOMENT)
  }

  async verify(
    signed: SignedText,
    arrival: number,
    request?: RequestContext,
  ): Promise<SigningKey | NotVerified> {
    const keys = await this.#select(signed, arrival, request)
    const found = await checkSignature(keys, signed)
    if (typeof found !== 'string' || keys === 'unknown' || keys === 'ambiguous') return found
    // New key material under the old name: Entra and home-made providers rotate this way.
    await this.#renew(arrival, request)
    const current = await this.#select(signed, arrival, request)
    if (typeof current === 'string') return current
    const tried: readonly SigningKey[] = typeof keys === 'string' ? [] : keys
    const untried = current.filter((key) => !tried.includes(key))
    return untried.length === 0 ? found : checkSignature(untried, signed)
  }

  usable(request?: RequestContext): boolean {
    if (this.#isGiven) return this.#keys.length > 0
    const age = this.#now() - this.#loadedAt
    const { staleFor } = this.#options
    if (age <= this.#maxAge && !this.#isAgeDoubtful) return true
    if (age > this.#maxAge + staleFor) return false
    const grace = Math.min(this.#maxAge, LONGEST_GRACE)
    const isInGrace = age <= this.#maxAge + grace && !this.#isAgeDoubtful
    if (!isInGrace && !this.#isLate && this.#availability.recentFault === undefined) return false
    // In the background: no request waits under load or in an outage.
    return this.#isLoading() || this.#availability.isPausing || this.#refreshInBackground(request)
  }

  async ready(request?: RequestContext): Promise<void> {
    if (this.usable(request)) return
    if (!this.#isServing()) return this.#loadPatiently(request)
    try {
      await this.#load(this.#now() + this.#longestWait, request)
    } catch (error) {
      // The old keys stay in use, as they would have without the attempt.
      if (!(error instanceof AuthorizationServerError)) throw error
    }
  }

  fetches(): number {
    return this.#fetchesBegun
  }

  retryAfter(): number {
    return retryAfterSeconds(this.#availability.fault?.retryAt ?? 0, this.#now())
  }

  refresh(): Promise<void> {
    return this.#begin().done
  }

  status(): KeySetStatus {
    const isDated = !this.#isGiven && Number.isFinite(this.#loadedAt)
    return {
      issuer: this.#options.issuer,
      keys: this.#keys.length,
      serving: this.#isServing(),
      age: isDated ? (this.#now() - this.#loadedAt) / 1000 : undefined,
      fault: this.#availability.fault?.error,
    }
  }

  /** The operator configured the keys: they are never fetched and do not age. */
  get #isGiven(): boolean {
    return this.#options.source.type === 'jwks'
  }

  #isServing(): boolean {
    if (this.#isGiven) return this.#keys.length > 0
    return this.#now() - this.#loadedAt <= this.#maxAge + this.#options.staleFor
  }

  get #isLate(): boolean {
    return this.#flights.get(LOADING)?.late === true
  }

  #isLoading(): boolean {
    return this.#options.isolated
      ? this.#now() < this.#loadingUntil
      : this.#flights.get(LOADING) !== undefined
  }

  /**
   * Whether the host keeps the refresh running. A failure is an event, and the old keys stay in
   * use.
   */
  #refreshInBackground(request: RequestContext | undefined): boolean {
    const waitUntil = request?.waitUntil
    if (this.#options.isolated && waitUntil === undefined) return false
    const work = this.refresh().catch(() => undefined)
    waitUntil?.(work)
    return true
  }

  /** The keys for a token, synchronously if they are cached. */
  #select(
    query: KeyQuery,
    arrival: number,
    request: RequestContext | undefined,
  ): readonly SigningKey[] | KeyMissing | Promise<readonly SigningKey[] | KeyMissing> {
    if (!this.usable(request)) return this.#selectAfterLoading(query, arrival, request)
    const found = findKeys(this.#keys, query)
    return found === 'unknown' ? this.#selectAfterLoading(query, arrival, request) : found
  }

  async #selectAfterLoading(
    query: KeyQuery,
    arrival: number,
    request: RequestContext | undefined,
  ): Promise<readonly SigningKey[] | KeyMissing> {
    await this.ready(request)
    const found = findKeys(this.#keys, query)
    if (found !== 'unknown' || this.#isGiven || this.#fetchLoaded > arrival) return found
    if (this.#isCoolingDown()) return found
    await this.#loadPatiently(request)
    this.#doubtedAt = this.#loadedAt
    return findKeys(this.#keys, query)
  }

  /**
   * Looks for newer keys because the cached ones do not verify a token.
   *
   * @throws {AuthorizationServerError} when that fails: the key may have been replaced under its
   * name
   */
  async #renew(arrival: number, request: RequestContext | undefined): Promise<void> {
    if (this.#isGiven || this.#fetchLoaded > arrival || this.#isCoolingDown()) return
    await this.#load(this.#now() + this.#longestWait, request)
    this.#doubtedAt = this.#loadedAt
  }

  #isCoolingDown(): boolean {
    return this.#now() - this.#doubtedAt < DOUBT_COOLDOWN
  }

  /** Joins the fetch under way, or starts one. */
  #begin(): Loading {
    return this.#flights.join(LOADING, () => ({ done: this.#loadOnce(), late: false }))
  }

  async #loadOnce(longest: number = LOAD_TIMEOUT): Promise<void> {
    const began = this.#now()
    const number = ++this.#fetchesBegun
    const call = this.#availability.begin(true)
    this.#loadingUntil = began + longest
    // Not AbortSignal.timeout(): its timer does not keep a process alive that waits for this.
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(new Error('timeout')), longest)
    try {
      const { document, maxAge } = await this.#readKeys(limit.signal)
      const imported = await importKeys(document, this.#options)
      this.#take(imported, number, began, maxAge)
    } catch (cause) {
      const error =
        cause instanceof AuthorizationServerError
          ? cause
          : keysUnavailable(this.#options.issuer, 'the document is not usable')
      const before = this.#availability.fault
      // A later fetch was faster: its result is newer.
      if (this.#fetchLoaded > number) throw error
      const fault = this.#availability.failedBefore(call, { error, passes: true }, began)
      // Others that began at the same time have reported it.
      if (fault !== before) this.#reportFailure(error, fault.retryAt - this.#now())
      throw error
    } finally {
      clearTimeout(timer)
      this.#availability.end(call)
      if (number === this.#fetchesBegun) this.#loadingUntil = Number.NEGATIVE_INFINITY
    }
  }

  /** @param providerMaxAge seconds for which the provider's answer is fresh */
  #take(
    imported: ImportedKeys,
    number: number,
    began: number,
    providerMaxAge: number | undefined,
  ): void {
    // Another request fetched later, and was faster.
    if (this.#fetchLoaded > number) return
    const before = this.#keys.length
    const { keys, retired } = replaceKeys(this.#keys, imported.keys)
    const added = keys.length - (before - retired)
    const { skipped } = imported
    this.#keys = keys
    const { issuer, emit } = this.#options
    emit?.({ type: 'keys.loaded', issuer, usable: keys.length, skipped, added, retired })
    this.#loadedAt = began
    this.#isAgeDoubtful = false
    this.#fetchLoaded = number
    this.#maxAge =
      providerMaxAge === undefined
        ? this.#ownMaxAge
        : Math.min(this.#ownMaxAge, Math.max(providerMaxAge * 1000, SHORTEST_PROVIDER_MAX_AGE))
    this.#availability.answered()
  }

  #reportFailure({ code, message: reason }: AuthorizationServerError, retryIn: number): void {
    const { issuer, emit } = this.#options
    emit?.({ type: 'keys.failed', issuer, code, reason, retryIn, serving: this.#isServing() })
  }

  #tooLate(): AuthorizationServerError {
    return (
      this.#availability.recentFault?.error ??
      keysUnavailable(this.#options.issuer, 'no answer yet')
    )
  }

  /**
   * As `refresh`, unless the last fault forbids it, and only as long as a request may wait: until
   * `deadline`, or for a moment once the fault is older than `wait`.
   */
  async #load(deadline: number, request: RequestContext | undefined): Promise<void> {
    const { fault, isPausing } = this.#availability
    if (fault !== undefined && isPausing && this.#flights.get(LOADING) === undefined) {
      throw fault.error
    }
    if (this.#options.isolated) return this.#loadAlone(deadline, request)
    const current = this.#begin()
    if (current.late) throw this.#tooLate()
    const patience = this.#patienceUntil(deadline)
    await withDeadline(current.done, patience, () => {
      // The rest of a request's time may be less than a healthy provider needs.
      current.late ||= patience >= MOST_OF_A_MOMENT
      return this.#tooLate()
    })
  }

  #patienceUntil(deadline: number): number {
    const known = this.#availability.recentFault
    const now = this.#now()
    return Math.min(
      deadline - now,
      known === undefined
        ? this.#longestWait
        : Math.max(known.since + this.#options.wait - now, MOMENT),
    )
  }

  /** This request fetches for itself and within its time: nothing continues its work afterwards. */
  #loadAlone(deadline: number, request: RequestContext | undefined): Promise<void> {
    const work = this.#loadOnce(Math.max(this.#patienceUntil(deadline), MOMENT))
    // Its client may leave, but the result is for everybody.
    request?.waitUntil?.(work.catch(() => undefined))
    return work
  }

  /** As `load`, but waits while a fault is young. */
  async #loadPatiently(request: RequestContext | undefined): Promise<void> {
    const { isolated, wait } = this.#options
    const deadline = this.#now() + this.#longestWait
    const mayRepeat = !isolated || request?.waitUntil !== undefined
    for (;;) {
      try {
        return await this.#load(deadline, request)
      } catch (error) {
        const { fault } = this.#availability
        if (!mayRepeat || fault === undefined || this.#isLate) throw error
        const pause = pauseBefore(fault, this.#now(), { wait, deadline, least: 1 })
        if (pause === undefined) throw error
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }
}

export function createKeySet(options: KeySetOptions): KeySet {
  return new IssuerKeys(options)
}
