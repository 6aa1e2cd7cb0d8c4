/**
 * The public keys of one issuer, kept through rotation, floods and outages.
 *
 * - One fetch serves any number of concurrent requests.
 * - Keys older than `maxAge` are refreshed in the background, and serve for a grace while that goes on.
 * - Past the grace, on a server that was idle, requests wait for the refresh: nobody knows what was withdrawn
 *   meanwhile. If it fails or takes too long, the old keys serve, up to `staleFor` longer.
 * - In an outage that is known the old keys serve at once.
 * - Tokens that the keys at hand cannot verify cause one fetch per cooldown, whatever the flood.
 * - A key that a successful fetch no longer contains dies at once. An answer without one usable key is a fault.
 * - After a fault the next attempt waits, ever longer; requests that need it are told so without a fetch.
 * - Where requests are isolated, none waits for what another began. Each that needs keys fetches them itself, once.
 *   Ages, cooldowns and faults hold for all.
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
  findKey,
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
/** Discovery and keys together. */
const LOAD_TIMEOUT = 5_000
/** Whatever is configured, keys are refreshed once a second at most. */
const SHORTEST_MAX_AGE = 1_000
/** A provider that says `no-cache` (Keycloak does) is asked this often at most. */
const SHORTEST_PROVIDER_MAX_AGE = 60_000
/** How long past their age keys serve while the refresh runs in the background. */
const LONGEST_GRACE = 60_000
/** A healthy provider answers within this time: requests wait so long at least, and in a known outage no longer. */
const MOMENT = 1_000
/** A request that waited for less had only the rest of its time. A few milliseconds pass before a wait begins. */
const MOST_OF_A_MOMENT = 0.9 * MOMENT

export interface KeySetOptions extends KeyReaderOptions {
  readonly algorithms: readonly string[]
  /** Milliseconds. */
  readonly maxAge: number
  readonly staleFor: number
  readonly wait: number
  readonly emit: Emit | undefined
  /** What one request began is no other's ({@link isolatesRequests}). */
  readonly isolated: boolean
}

/** What was signed, by which key according to the client, and the signature. */
interface SignedText extends KeyQuery {
  readonly signedText: string
  readonly signature: BufferSource
}

/**
 * Why a signature counts for nothing: {@link KeyMissing}; `wrong`: it is another's; `failed`: the runtime could not
 * check it.
 */
export type NotVerified = KeyMissing | 'wrong' | 'failed'

/** How an issuer's keys stand at this moment. */
export interface KeySetStatus {
  /** As configured. */
  readonly issuer: string
  /** Keys at hand that can verify signatures. */
  readonly keys: number
  /** Whether they may be used now: not older than `jwksMaxAge` and `jwksStaleFor` together. */
  readonly serving: boolean
  /** Seconds since they were fetched; `undefined` before the first time, and for fixed keys. */
  readonly age: number | undefined
  /** Why the last attempt to fetch them failed; `undefined` after one that did not. */
  readonly fault: AuthorizationServerError | undefined
}

export interface KeySet {
  /**
   * Verifies a signature, with newer keys where those at hand do not verify it: a provider may replace a key under its
   * old name. At most one fetch per cooldown.
   *
   * @param arrival what {@link fetches} was when the token came: keys asked for since then are new enough
   * @returns the key whose signature it is
   * @throws {AuthorizationServerError} `ERR_DISCOVERY_FAILED`, `ERR_KEYS_UNAVAILABLE` when there are no keys to go by
   */
  verify(
    signed: SignedText,
    arrival: number,
    request?: RequestContext,
  ): Promise<SigningKey | NotVerified>
  /**
   * Whether the keys at hand may be used now, at once. Starts a refresh in the background when they are due.
   * Says nothing about tokens: expiry, issuer and audience are judged elsewhere.
   */
  usable(request?: RequestContext): boolean
  /**
   * Waits until the keys at hand may be used, as long as a request may.
   *
   * @throws {AuthorizationServerError} when there are none
   */
  ready(request?: RequestContext): Promise<void>
  /** How many fetches were begun. */
  fetches(): number
  /** Seconds until asking again may help; at least 1. */
  retryAfter(): number
  /**
   * Fetches the keys now, whatever their age and the last fault; joins a fetch under way.
   *
   * @throws {AuthorizationServerError} when that fails; keys at hand stay
   */
  refresh(): Promise<void>
  status(): KeySetStatus
}

/** A fetch under way. */
interface Loading extends Flight {
  readonly done: Promise<void>
  /** A request waited for it as long as a request may: no other does. */
  late: boolean
}

/** The only flight of a key set. */
const LOADING = ''

async function checkSignature(
  key: SigningKey | KeyMissing,
  { algorithm, signedText, signature }: SignedText,
): Promise<'valid' | 'wrong' | 'failed'> {
  if (typeof key === 'string') return 'wrong'
  try {
    const isValid = await key.verify(algorithm, signedText, signature)
    // It may have been withdrawn meanwhile.
    return isValid && !key.retired ? 'valid' : 'wrong'
  } catch {
    // RFC 8725 §3.3: an operation that fails is a signature that is not valid. With this key others do not fail.
    return 'failed'
  }
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
  /** How old the keys are is not known, but old. */
  #isAgeDoubtful = false
  /** Fetches begun, and which of them was the last to succeed: what was published before it began, we know. */
  #fetchesBegun = 0
  #fetchLoaded = 0
  #maxAge: number
  /** When keys were last fetched because a token could not be verified. */
  #doubtedAt = Number.NEGATIVE_INFINITY
  /** Where requests are isolated: one fetches, until then at most, because it may have been cancelled. */
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
    let key = await this.#select(signed, arrival, request)
    let signature = await checkSignature(key, signed)
    if (signature !== 'valid' && key !== 'unknown' && key !== 'ambiguous') {
      // Other material under the old name: Entra and home-made providers rotate so.
      await this.#renew(arrival, request)
      const current = await this.#select(signed, arrival, request)
      if (current !== key) signature = await checkSignature(current, signed)
      key = current
    }
    return typeof key === 'string' || signature === 'valid' ? key : signature
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
    // In the background: nobody waits under load, nor in an outage.
    return this.#isLoading() || this.#availability.isPausing || this.#refreshInBackground(request)
  }

  async ready(request?: RequestContext): Promise<void> {
    if (this.usable(request)) return
    if (!this.#isServing()) return this.#loadPatiently(request)
    try {
      await this.#load(this.#now() + this.#longestWait, request)
    } catch (error) {
      // The old keys serve, as they would have without asking.
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

  /** The operator gave the keys: nobody is asked for them, and they do not grow old. */
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

  /** Whether somebody sees to its end. A failure is an event, and the old keys serve. */
  #refreshInBackground(request: RequestContext | undefined): boolean {
    const waitUntil = request?.waitUntil
    if (this.#options.isolated && waitUntil === undefined) return false
    const work = this.refresh().catch(() => undefined)
    waitUntil?.(work)
    return true
  }

  /** The key for a token, at once if it is at hand. */
  #select(
    query: KeyQuery,
    arrival: number,
    request: RequestContext | undefined,
  ): SigningKey | KeyMissing | Promise<SigningKey | KeyMissing> {
    if (!this.usable(request)) return this.#selectAfterLoading(query, arrival, request)
    const found = findKey(this.#keys, query)
    return found === 'unknown' ? this.#selectAfterLoading(query, arrival, request) : found
  }

  async #selectAfterLoading(
    query: KeyQuery,
    arrival: number,
    request: RequestContext | undefined,
  ): Promise<SigningKey | KeyMissing> {
    await this.ready(request)
    const found = findKey(this.#keys, query)
    if (found !== 'unknown' || this.#isGiven || this.#fetchLoaded > arrival) return found
    if (this.#isCoolingDown()) return found
    await this.#loadPatiently(request)
    this.#doubtedAt = this.#loadedAt
    return findKey(this.#keys, query)
  }

  /**
   * Looks for newer keys because those at hand do not verify a token.
   *
   * @throws {AuthorizationServerError} when that fails and the keys at hand are too old to refuse by
   */
  async #renew(arrival: number, request: RequestContext | undefined): Promise<void> {
    if (this.#isGiven || this.#fetchLoaded > arrival || this.#isCoolingDown()) return
    try {
      await this.#load(this.#now() + this.#longestWait, request)
      this.#doubtedAt = this.#loadedAt
    } catch (error) {
      // Keys that we trust do not verify the token: that is an answer, unless they are old.
      const isOld = this.#now() - this.#loadedAt > this.#maxAge || this.#isAgeDoubtful
      if (isOld || !(error instanceof AuthorizationServerError)) throw error
    }
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
      const { issuer, algorithms } = this.#options
      const imported = await importKeys(issuer, document, algorithms)
      this.#take(imported, number, began, maxAge)
    } catch (cause) {
      const error =
        cause instanceof AuthorizationServerError
          ? cause
          : keysUnavailable(this.#options.issuer, 'the document is not usable')
      const before = this.#availability.fault
      // A fetch that began later was faster: what it learned is newer.
      if (this.#fetchLoaded > number) throw error
      const fault = this.#availability.failedBefore(call, { error, passes: true }, began)
      // Others that began at the same time have told it.
      if (fault !== before) this.#tellFailure(error, fault.retryAt - this.#now())
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
    const { keys, retired } = replaceKeys(this.#keys, imported.keys)
    const { skipped } = imported
    this.#keys = keys
    const { issuer, emit } = this.#options
    emit?.({ type: 'keys.loaded', issuer, usable: keys.length, skipped, retired })
    this.#loadedAt = began
    this.#isAgeDoubtful = false
    this.#fetchLoaded = number
    this.#maxAge =
      providerMaxAge === undefined
        ? this.#ownMaxAge
        : Math.min(this.#ownMaxAge, Math.max(providerMaxAge * 1000, SHORTEST_PROVIDER_MAX_AGE))
    this.#availability.answered()
  }

  #tellFailure({ code, message: reason }: AuthorizationServerError, retryIn: number): void {
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
   * As `refresh`, unless the last fault forbids it, and only for as long as a request may wait: until `deadline`,
   * and once the fault is older than `wait` for a moment.
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

  /** By this request for itself, and in its time: nobody sees to what it leaves. */
  #loadAlone(deadline: number, request: RequestContext | undefined): Promise<void> {
    const work = this.#loadOnce(Math.max(this.#patienceUntil(deadline), MOMENT))
    // Its client may leave, and what it learns is for all.
    request?.waitUntil?.(work.catch(() => undefined))
    return work
  }

  /** As `load`, but waits a young fault out. */
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
