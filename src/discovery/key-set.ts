/**
 * The public keys of one issuer, kept through rotation, floods and outages.
 *
 * - One fetch serves any number of concurrent requests.
 * - Keys older than `maxAge` are refreshed in the background; through an outage they serve up to `staleFor` longer.
 * - A `kid` that we do not know causes one fetch per cooldown, whatever the flood.
 * - A key that a successful fetch no longer contains dies at once. An answer without one usable key is a fault.
 * - After a fault the next attempt waits, ever longer; requests that need it are told so without a fetch.
 *
 * @module
 */
import { AuthorizationServerError, quoted } from '../errors.js'
import type { Emit } from '../events.js'
import { FetchFault, fetchDocument, type FetchedDocument } from '../http.js'
import { isJsonObject, type JsonObject } from '../json.js'
import {
  discoverAuthorizationServer,
  type AuthorizationServerMetadata,
} from './authorization-server.js'
import { createSigningKey, type SigningKey } from './signing-key.js'

/** How long an unknown `kid` can keep a legitimate new key waiting, and how often a flood of them makes us fetch. */
const UNKNOWN_KID_COOLDOWN = 5_000
/** Discovery and keys together. */
const LOAD_TIMEOUT = 5_000
const FIRST_RETRY = 500
const LONGEST_RETRY = 30_000
/** A provider that says `no-cache` (Keycloak does) is asked this often at most. */
const SHORTEST_MAX_AGE = 60_000
/** How long a request waits for a provider that is known to be in trouble. */
const MOMENT = 1_000
/** How long the `jwks_uri` found by discovery is believed before it is looked up again. */
const DISCOVERY_MAX_AGE = 3_600_000
/** Real key sets have fewer than ten. */
const MAX_KEYS = 100

/** Where the keys come from. */
export type KeySource =
  /** Asked anew by every {@link KeySet.refresh}; never contacted by itself. */
  | { readonly type: 'jwks'; readonly read: () => unknown }
  | { readonly type: 'jwks_uri'; readonly url: string }
  | { readonly type: 'discovery'; readonly url?: string | undefined }

export interface KeySetOptions {
  readonly issuer: string
  readonly source: KeySource
  readonly algorithms: readonly string[]
  readonly allowHttp: readonly string[]
  /** Milliseconds. */
  readonly maxAge: number
  readonly staleFor: number
  readonly wait: number
  readonly now: () => number
  readonly fetch: typeof fetch
  readonly emit: Emit | undefined
}

/** What the token's header asks for. Both members are the client's words. */
interface KeyQuery {
  readonly kid: string | undefined
  readonly alg: string
}

/** Why no key was found: certain, because the set was fetched recently enough. */
type KeyMissing = 'unknown' | 'ambiguous' | 'algorithm'

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
   * Whether the keys at hand may be used now. Starts a refresh in the background when they are due.
   * Says nothing about tokens: expiry, issuer and audience are the verifier's.
   */
  usable(): boolean
  /**
   * The key for a token, at once if it is at hand.
   *
   * @throws {AuthorizationServerError} `ERR_DISCOVERY_FAILED`, `ERR_KEYS_UNAVAILABLE`
   */
  select(query: KeyQuery): SigningKey | KeyMissing | Promise<SigningKey | KeyMissing>
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

async function within(limit: number, work: Promise<void>, error: Error): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(error), limit)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

export function createKeySet(options: KeySetOptions): KeySet {
  const { issuer, source, now, emit } = options
  let keys: readonly SigningKey[] = []
  /** When the last successful fetch began. */
  let loadedAt = Number.NEGATIVE_INFINITY
  /** Fetches begun, and which of them was the last to succeed: what was published before it began, we know. */
  let fetchesBegun = 0
  let fetchLoaded = 0
  let maxAge = options.maxAge
  let unknownKidFetchedAt = Number.NEGATIVE_INFINITY
  let loading: Promise<void> | undefined
  let discovered: { readonly jwksUri: string; readonly at: number } | undefined
  let fault:
    | { readonly error: AuthorizationServerError; since: number; attempts: number; retryAt: number }
    | undefined

  function isServing(): boolean {
    if (source.type === 'jwks') return keys.length > 0
    return now() - loadedAt <= maxAge + options.staleFor
  }

  function usable(): boolean {
    if (!isServing()) return false
    if (source.type === 'jwks' || now() - loadedAt <= maxAge) return true
    // In the background: whoever has a known key never waits. A failure is an event, and the old keys serve.
    if (loading === undefined && !backingOff()) load().catch(() => undefined)
    return true
  }

  function backingOff(): boolean {
    return fault !== undefined && now() < fault.retryAt
  }

  async function jwksUri(signal: AbortSignal): Promise<string> {
    if (source.type === 'jwks_uri') return source.url
    if (discovered !== undefined && now() - discovered.at < DISCOVERY_MAX_AGE)
      return discovered.jwksUri
    let metadata: AuthorizationServerMetadata
    try {
      metadata = await discoverAuthorizationServer(issuer, {
        discoveryUrl: source.type === 'discovery' ? source.url : undefined,
        allowHttp: options.allowHttp,
        fetch: options.fetch,
        signal,
      })
    } catch (error) {
      // Looking up again found nothing: the address that worked so far is the better guess.
      if (discovered !== undefined) return discovered.jwksUri
      throw error
    }
    if (metadata.jwks_uri === undefined) {
      throw new AuthorizationServerError(
        'ERR_DISCOVERY_FAILED',
        issuer,
        `metadata of ${quoted(issuer)} has no jwks_uri`,
      )
    }
    discovered = { jwksUri: metadata.jwks_uri, at: now() }
    return discovered.jwksUri
  }

  async function fetchKeys(): Promise<FetchedDocument> {
    if (source.type === 'jwks') {
      return { document: await readKeys(source.read), maxAge: undefined }
    }
    const signal = AbortSignal.timeout(LOAD_TIMEOUT)
    const url = await jwksUri(signal)
    try {
      return await fetchDocument(url, options.fetch, signal)
    } catch (error) {
      // The keys may have moved: look their address up again next time.
      discovered = undefined
      if (!(error instanceof FetchFault)) throw error
      throw unavailable(`${url} ${error.message}`)
    }
  }

  async function readKeys(read: () => unknown): Promise<JsonObject> {
    let document: unknown
    try {
      document = await read()
    } catch (error) {
      // Not the message: a parser's would quote the document.
      const code = error instanceof Error && 'code' in error ? `: ${String(error.code)}` : ''
      throw unavailable(`they could not be read${code}`)
    }
    if (!isJsonObject(document)) throw unavailable('what was read is not a JWK Set')
    return document
  }

  function unavailable(reason: string): AuthorizationServerError {
    return new AuthorizationServerError(
      'ERR_KEYS_UNAVAILABLE',
      issuer,
      `keys of ${quoted(issuer)}: ${reason}`,
    )
  }

  async function importKeys(document: FetchedDocument['document']): Promise<void> {
    const members = document['keys']
    if (!Array.isArray(members)) throw unavailable('the document has no list of keys')
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
      throw unavailable(`no usable key among ${members.length} (${skipped.slice(0, 5).join('; ')})`)
    }
    let retired = 0
    for (const key of keys) {
      if (fresh.has(key.identity)) continue
      key.retired = true
      retired++
    }
    keys = [...fresh.values()]
    emit?.({ type: 'keys.loaded', issuer, usable: keys.length, skipped, retired })
  }

  async function loadOnce(): Promise<void> {
    const began = now()
    const number = ++fetchesBegun
    try {
      const { document, maxAge: providerMaxAge } = await fetchKeys()
      await importKeys(document)
      loadedAt = began
      fetchLoaded = number
      maxAge =
        providerMaxAge === undefined
          ? options.maxAge
          : Math.min(options.maxAge, Math.max(providerMaxAge * 1000, SHORTEST_MAX_AGE))
      fault = undefined
    } catch (cause) {
      const error =
        cause instanceof AuthorizationServerError
          ? cause
          : unavailable('the document is not usable')
      const attempts = (fault?.attempts ?? 0) + 1
      const retryIn = Math.min(FIRST_RETRY * 2 ** (attempts - 1), LONGEST_RETRY)
      fault = { error, attempts, since: fault?.since ?? began, retryAt: now() + retryIn }
      const serving = isServing()
      emit?.({
        type: 'keys.failed',
        issuer,
        code: error.code,
        reason: error.message,
        retryIn,
        serving,
      })
      throw error
    }
  }

  /** Joins the fetch under way, or starts one. */
  function refresh(): Promise<void> {
    loading ??= loadOnce().finally(() => {
      loading = undefined
    })
    return loading
  }

  /** As `refresh`, unless the last fault forbids it. */
  function load(): Promise<void> {
    if (loading === undefined && fault !== undefined && backingOff()) {
      return Promise.reject(fault.error)
    }
    return refresh()
  }

  /**
   * As `load`, but a fault younger than `wait` is waited out, because clients do not honour Retry-After.
   * Once it is older nobody waits for a provider that hangs: a healthy one answers in a moment.
   */
  async function loadPatiently(): Promise<void> {
    for (;;) {
      const known = fault
      try {
        if (known === undefined || now() - known.since <= options.wait) return await load()
        return await within(MOMENT, load(), known.error)
      } catch (error) {
        if (fault === undefined) throw error
        const pause = Math.max(fault.retryAt - now(), 1)
        if (now() + pause > fault.since + options.wait) throw error
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
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

  async function selectAfterLoading(query: KeyQuery): Promise<SigningKey | KeyMissing> {
    const begunBefore = fetchesBegun
    if (!usable()) await loadPatiently()
    const found = find(query)
    if (found !== 'unknown' || source.type === 'jwks' || fetchLoaded > begunBefore) return found
    if (now() - unknownKidFetchedAt < UNKNOWN_KID_COOLDOWN) return found
    await loadPatiently()
    unknownKidFetchedAt = loadedAt
    return find(query)
  }

  return {
    usable,
    select(query) {
      if (!usable()) return selectAfterLoading(query)
      const found = find(query)
      return found === 'unknown' ? selectAfterLoading(query) : found
    },
    retryAfter() {
      return Math.max(1, Math.ceil(((fault?.retryAt ?? 0) - now()) / 1000))
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
