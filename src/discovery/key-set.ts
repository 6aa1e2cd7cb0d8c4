/**
 * The public keys of one issuer, kept through rotation, floods and outages.
 *
 * - One fetch serves any number of concurrent requests.
 * - Keys older than `maxAge` are refreshed in the background, and serve for a grace while that goes on.
 * - Past the grace, on a server that was idle, requests wait for the refresh: nobody knows what was withdrawn
 *   meanwhile. Where it fails or takes too long, the old keys serve, up to `staleFor` longer.
 * - In an outage that is known they serve at once.
 * - Tokens that the keys at hand cannot verify cause one fetch per cooldown, whatever the flood.
 * - A key that a successful fetch no longer contains dies at once. An answer without one usable key is a fault.
 * - After a fault the next attempt waits, ever longer; requests that need it are told so without a fetch.
 * - Where requests are isolated none waits for what another began: each that needs keys fetches them itself, once, and
 *   ages, cooldowns and faults hold for all.
 *
 * @module
 */
import { backOff, retryAfterSeconds } from '../base/back-off.js'
import { AuthorizationServerError } from '../errors.js'
import type { Emit } from '../events.js'
import type { JsonObject } from '../base/json.js'
import { createKeyReader, keysUnavailable, type KeyReaderOptions } from './key-source.js'
import type { RequestContext } from '../base/runtime.js'
import { createSigningKey, type SigningKey } from './signing-key.js'
import { createSteadyClock } from '../base/steady-clock.js'

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
/** How long after the next attempt was due a fault still tells something about the provider. */
const FAULT_MAX_AGE = 60_000
/** A healthy provider answers in so much: the shortest that requests wait, and all that is known to be in trouble gets. */
const MOMENT = 1_000
/** Who waited for less had only the rest of their time. A few milliseconds pass before a wait of a moment begins. */
const MOST_OF_A_MOMENT = 0.9 * MOMENT
/** Real key sets have fewer than ten. */
const MAX_KEYS = 100

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

/** What the token's header asks for. Both members are the client's words. */
interface KeyQuery {
  readonly kid: string | undefined
  readonly alg: string
}

/** Why no key was found: certain, because the set was fetched recently enough. */
export type KeyMissing = 'unknown' | 'ambiguous' | 'algorithm'

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
   * Whether the keys at hand may be used now, at once. Starts a refresh in the background when they are due.
   * Says nothing about tokens: expiry, issuer and audience are the verifier's.
   */
  usable(request?: RequestContext): boolean
  /**
   * Waits until the keys at hand may be used, as long as a request may.
   *
   * @throws {AuthorizationServerError} when there are none
   */
  ready(request?: RequestContext): Promise<void>
  /**
   * The key for a token, at once if it is at hand.
   *
   * @param arrival what {@link fetches} was when the token came: keys asked for since then are new enough
   * @throws {AuthorizationServerError} `ERR_DISCOVERY_FAILED`, `ERR_KEYS_UNAVAILABLE`
   */
  select(
    query: KeyQuery,
    arrival: number,
    request?: RequestContext,
  ): SigningKey | KeyMissing | Promise<SigningKey | KeyMissing>
  /**
   * Looks for newer keys because those at hand do not verify a token: a provider may replace a key under its
   * old name. At most one fetch per cooldown.
   *
   * @param arrival as above
   * @throws {AuthorizationServerError} when that fails and the keys at hand are too old to refuse by
   */
  renew(arrival: number, request?: RequestContext): Promise<void>
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

interface Fault {
  readonly error: AuthorizationServerError
  readonly since: number
  readonly attempts: number
  readonly retryAt: number
}

interface Loading {
  readonly done: Promise<void>
  /** Somebody waited for it as long as a request may: nobody else does. */
  late: boolean
}

export function createKeySet(options: KeySetOptions): KeySet {
  const { issuer, source, emit, isolated } = options
  /** How old the keys are is not known, but old. */
  let isAgeDoubtful = false
  const now = createSteadyClock(options.now, () => {
    isAgeDoubtful = true
  })
  const readKeys = createKeyReader({ ...options, now })
  const ownMaxAge = Math.max(options.maxAge, SHORTEST_MAX_AGE)
  const longestWait = Math.max(options.wait, MOMENT)
  let keys: readonly SigningKey[] = []
  /** When the last successful fetch began. */
  let loadedAt = Number.NEGATIVE_INFINITY
  /** Fetches begun, and which of them was the last to succeed: what was published before it began, we know. */
  let fetchesBegun = 0
  let fetchLoaded = 0
  let maxAge = ownMaxAge
  /** When keys were last fetched because a token could not be verified. */
  let doubtedAt = Number.NEGATIVE_INFINITY
  let loading: Loading | undefined
  /** Where requests are isolated: one fetches, until then at most, because it may have been cancelled. */
  let loadingUntil = Number.NEGATIVE_INFINITY
  let fault: Fault | undefined

  function isServing(): boolean {
    if (source.type === 'jwks') return keys.length > 0
    return now() - loadedAt <= maxAge + options.staleFor
  }

  /** The last fault, unless it is old: a server that was idle knows nothing of its provider. */
  function knownFault(): Fault | undefined {
    return fault !== undefined && now() <= fault.retryAt + FAULT_MAX_AGE ? fault : undefined
  }

  function backingOff(): boolean {
    return fault !== undefined && now() < fault.retryAt
  }

  function isLoading(): boolean {
    return isolated ? now() < loadingUntil : loading !== undefined
  }

  /** Whether somebody sees to its end. A failure is an event, and the old keys serve. */
  function refreshInBackground(request: RequestContext | undefined): boolean {
    const waitUntil = request?.waitUntil
    if (isolated && waitUntil === undefined) return false
    const work = refresh().catch(() => undefined)
    waitUntil?.(work)
    return true
  }

  function usable(request?: RequestContext): boolean {
    if (source.type === 'jwks') return keys.length > 0
    const age = now() - loadedAt
    if (age <= maxAge && !isAgeDoubtful) return true
    if (age > maxAge + options.staleFor) return false
    const isInGrace = age <= maxAge + Math.min(maxAge, LONGEST_GRACE) && !isAgeDoubtful
    if (!isInGrace && loading?.late !== true && knownFault() === undefined) return false
    // In the background: nobody waits under load, nor in an outage.
    return isLoading() || backingOff() || refreshInBackground(request)
  }

  async function importKeys(document: JsonObject, fetched: number): Promise<void> {
    const members = document['keys']
    if (!Array.isArray(members)) throw keysUnavailable(issuer, 'the document has no list of keys')
    const current = new Map(keys.map((key) => [key.identity, key]))
    const fresh = new Map<string, SigningKey>()
    const skipped: string[] = members.length > MAX_KEYS ? [`all beyond the first ${MAX_KEYS}`] : []
    for (const member of members.slice(0, MAX_KEYS) as unknown[]) {
      const key = await createSigningKey(member, options.algorithms)
      if (typeof key === 'string') skipped.push(key)
      // A key that stays keeps its object, so what was remembered by it stays remembered.
      else fresh.set(key.identity, current.get(key.identity) ?? key)
    }
    if (fresh.size === 0) {
      throw keysUnavailable(
        issuer,
        `no usable key among ${members.length} (${skipped.slice(0, 5).join('; ')})`,
      )
    }
    // Another request fetched later, and was faster.
    if (fetchLoaded > fetched) return
    let retired = 0
    for (const key of keys) {
      if (fresh.has(key.identity)) continue
      key.retired = true
      retired++
    }
    keys = [...fresh.values()]
    emit?.({ type: 'keys.loaded', issuer, usable: keys.length, skipped, retired })
  }

  async function loadOnce(longest: number = LOAD_TIMEOUT): Promise<void> {
    const began = now()
    const number = ++fetchesBegun
    const faultBefore = fault
    loadingUntil = began + longest
    // Not AbortSignal.timeout(): its timer does not keep a process alive that waits for this.
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(new Error('timeout')), longest)
    try {
      const { document, maxAge: providerMaxAge } = await readKeys(limit.signal)
      await importKeys(document, number)
      if (fetchLoaded > number) return
      loadedAt = began
      isAgeDoubtful = false
      fetchLoaded = number
      maxAge =
        providerMaxAge === undefined
          ? ownMaxAge
          : Math.min(ownMaxAge, Math.max(providerMaxAge * 1000, SHORTEST_PROVIDER_MAX_AGE))
      fault = undefined
    } catch (cause) {
      const error =
        cause instanceof AuthorizationServerError
          ? cause
          : keysUnavailable(issuer, 'the document is not usable')
      // Others that began at the same time have told it, or know better.
      if (fetchLoaded > number || (fault !== undefined && fault !== faultBefore)) throw error
      const known = knownFault()
      const attempts = (known?.attempts ?? 0) + 1
      const retryIn = backOff(attempts)
      fault = { error, attempts, since: known?.since ?? began, retryAt: now() + retryIn }
      const { code, message: reason } = error
      emit?.({ type: 'keys.failed', issuer, code, reason, retryIn, serving: isServing() })
      throw error
    } finally {
      clearTimeout(timer)
      if (number === fetchesBegun) loadingUntil = Number.NEGATIVE_INFINITY
    }
  }

  /** Joins the fetch under way, or starts one. */
  function begin(): Loading {
    if (isolated) return { done: loadOnce(), late: false }
    loading ??= {
      done: loadOnce().finally(() => {
        loading = undefined
      }),
      late: false,
    }
    return loading
  }

  function refresh(): Promise<void> {
    return begin().done
  }

  function tooLate(): AuthorizationServerError {
    return knownFault()?.error ?? keysUnavailable(issuer, 'no answer yet')
  }

  /**
   * As `refresh`, unless the last fault forbids it, and only for as long as a request may wait: until `deadline`,
   * and once the fault is older than `wait` for a moment.
   */
  async function load(deadline: number, request: RequestContext | undefined): Promise<void> {
    if (loading === undefined && fault !== undefined && backingOff()) throw fault.error
    if (isolated) return loadAlone(deadline, request)
    const current = begin()
    if (current.late) throw tooLate()
    const patience = patienceUntil(deadline)
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // The rest of somebody's time may be less than a healthy provider needs.
        current.late ||= patience >= MOST_OF_A_MOMENT
        reject(tooLate())
      }, patience)
    })
    try {
      await Promise.race([current.done, late])
    } finally {
      clearTimeout(timer)
    }
  }

  function patienceUntil(deadline: number): number {
    const known = knownFault()
    return Math.min(
      deadline - now(),
      known === undefined ? longestWait : Math.max(known.since + options.wait - now(), MOMENT),
    )
  }

  /** By this request for itself, and in its time: nobody sees to what it leaves. */
  function loadAlone(deadline: number, request: RequestContext | undefined): Promise<void> {
    const work = loadOnce(Math.max(patienceUntil(deadline), MOMENT))
    // Its client may leave, and what it learns is for all.
    request?.waitUntil?.(work.catch(() => undefined))
    return work
  }

  /** As `load`, but a fault younger than `wait` is waited out, because clients do not honour Retry-After. */
  async function loadPatiently(request: RequestContext | undefined): Promise<void> {
    const deadline = now() + longestWait
    const mayRepeat = !isolated || request?.waitUntil !== undefined
    for (;;) {
      try {
        return await load(deadline, request)
      } catch (error) {
        if (!mayRepeat || fault === undefined || loading?.late === true) throw error
        const pause = Math.max(fault.retryAt - now(), 1)
        if (now() + pause > Math.min(fault.since + options.wait, deadline)) throw error
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }

  async function ready(request?: RequestContext): Promise<void> {
    if (usable(request)) return
    if (!isServing()) return loadPatiently(request)
    try {
      await load(now() + longestWait, request)
    } catch (error) {
      // The old keys serve, as they would have without asking.
      if (!(error instanceof AuthorizationServerError)) throw error
    }
  }

  async function renew(arrival: number, request?: RequestContext): Promise<void> {
    if (source.type === 'jwks' || fetchLoaded > arrival) return
    if (now() - doubtedAt < DOUBT_COOLDOWN) return
    try {
      await load(now() + longestWait, request)
      doubtedAt = loadedAt
    } catch (error) {
      // Keys that we trust do not verify the token: that is an answer, unless they are old.
      const isOld = now() - loadedAt > maxAge || isAgeDoubtful
      if (isOld || !(error instanceof AuthorizationServerError)) throw error
    }
  }

  function find({ kid, alg }: KeyQuery): SigningKey | KeyMissing {
    let found: SigningKey | undefined
    let named = false
    for (const key of keys) {
      if (kid !== undefined && key.kid !== kid) continue
      named = true
      if (!key.fits(alg)) continue
      // Several keys fit a token that names none (or a kid given twice): choosing would be guessing.
      if (found !== undefined) return 'ambiguous'
      found = key
    }
    return found ?? (named && kid !== undefined ? 'algorithm' : 'unknown')
  }

  async function selectAfterLoading(
    query: KeyQuery,
    arrival: number,
    request: RequestContext | undefined,
  ): Promise<SigningKey | KeyMissing> {
    await ready(request)
    const found = find(query)
    if (found !== 'unknown' || source.type === 'jwks' || fetchLoaded > arrival) return found
    if (now() - doubtedAt < DOUBT_COOLDOWN) return found
    await loadPatiently(request)
    doubtedAt = loadedAt
    return find(query)
  }

  return {
    usable,
    ready,
    select(query, arrival, request) {
      if (!usable(request)) return selectAfterLoading(query, arrival, request)
      const found = find(query)
      return found === 'unknown' ? selectAfterLoading(query, arrival, request) : found
    },
    renew,
    fetches: () => fetchesBegun,
    retryAfter() {
      return retryAfterSeconds(fault?.retryAt ?? 0, now())
    },
    refresh,
    status() {
      const isDated = source.type !== 'jwks' && Number.isFinite(loadedAt)
      return {
        issuer,
        keys: keys.length,
        serving: isServing(),
        age: isDated ? (now() - loadedAt) / 1000 : undefined,
        fault: fault?.error,
      }
    },
  }
}
