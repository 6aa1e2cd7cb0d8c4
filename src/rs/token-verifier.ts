/**
 * Verifies tokens: chooses issuer and key, checks the signature, and remembers which bytes were
 * signed, so that a token seen before costs one hash.
 *
 * @module
 */
import type { ProviderTime } from '../advice/identity-providers.js'
import { Cache, createShareList } from '../base/cache.js'
import { Flights, type Flight } from '../base/flights.js'
import type { RequestContext } from '../base/runtime.js'
import { withoutNulls, type JsonObject } from '../base/json.js'
import { createSteadyClock } from '../base/steady-clock.js'
import type { createKeySet, KeySet, NotVerified } from '../discovery/key-set.js'
import { quoted, Refusal } from '../errors.js'
import type { Emit } from '../events.js'
import {
  checkAccessToken,
  readAccessToken,
  readIntrospection,
  suspectEnd,
  type AccessTokenFacts,
  type TokenRequirements,
} from '../token/access-token.js'
import { isApiKey } from '../token/api-key.js'
import { findUnusableEntries } from '../token/claim-shapes.js'
import { parseJwt, type ParsedJwt } from '../token/jwt.js'
import type { TokenIntrospector } from '../types.js'
import { ApiKeys, type CheckedApiKeys } from './api-keys.js'
import type { ResourceServerSettings } from './settings.js'
import { TrustedIssuers, type IssuersRuntime, type TrustedIssuer } from './trusted-issuers.js'

type Verdict = AccessTokenFacts | Refusal

/** The first verification of a token, under way. */
interface Inspection extends Flight {
  readonly done: Promise<Verdict>
}

function refuseUnverified(
  reason: NotVerified,
  { kid, algorithm }: ParsedJwt,
  issuer: string,
): Refusal {
  switch (reason) {
    case 'algorithm': {
      const text = `alg ${quoted(algorithm)} does not fit the key`
      return new Refusal('ERR_TOKEN_ALGORITHM', text, issuer)
    }
    case 'ambiguous':
      return new Refusal(
        'ERR_TOKEN_KEY_UNKNOWN',
        'more keys fit than are tried (8): the issuer must give each its own kid',
        issuer,
      )
    case 'unknown': {
      const text = kid === undefined ? 'no kid, and no key fits' : `kid ${quoted(kid, 64)}`
      return new Refusal('ERR_TOKEN_KEY_UNKNOWN', text, issuer)
    }
    case 'failed': {
      const text = 'the runtime failed to check the signature'
      return new Refusal('ERR_TOKEN_SIGNATURE', text, issuer)
    }
    case 'wrong':
      return new Refusal('ERR_TOKEN_SIGNATURE', 'the signature does not match the key', issuer)
  }
}

/** Verifies tokens of the configured issuers. */
export class TokenVerifier {
  readonly #issuers: TrustedIssuers
  readonly #apiKeys: ApiKeys
  readonly #now: () => number
  readonly #steadyNow: () => number
  readonly #remembered: Cache<AccessTokenFacts> | undefined
  readonly #share = createShareList()
  /** By digest: a burst of one token costs one signature check. */
  readonly #inspections: Flights<Inspection>
  readonly #emit: Emit | undefined
  /** Issuers and claims that were told. */
  readonly #told = new Set<string>()

  /** @throws {ConfigurationError} when a function that makes an introspector does */
  constructor(
    settings: ResourceServerSettings,
    runtime: IssuersRuntime,
    keySetFor: typeof createKeySet,
  ) {
    this.#issuers = new TrustedIssuers(settings, runtime, keySetFor)
    this.#now = runtime.now
    this.#apiKeys = new ApiKeys(settings.resource, runtime.now, settings.apiKeys)
    this.#remembered =
      settings.rememberedTokens === 0 ? undefined : new Cache(settings.rememberedTokens)
    this.#inspections = new Flights(runtime.isolated)
    this.#emit = runtime.emit
    this.#steadyNow = createSteadyClock(runtime.now, () => {
      // The age of the answers is unknown.
      this.#remembered?.clear()
    })
  }

  /**
   * The verdict on a token whose signature was checked before; `undefined` if it was not, or if the
   * keys are not ready.
   *
   * @param digest SHA-256 of the token
   */
  recall(digest: string, request?: RequestContext): Verdict | undefined {
    const facts = this.#lookUp(digest)
    if (facts === undefined) return undefined
    if (facts.introspection === undefined) {
      if (this.#issuers.get(facts.issuer)?.keys.usable(request) !== true) return undefined
    }
    return this.#validate(facts) ?? facts
  }

  /**
   * The verdict on any token.
   *
   * @param digest SHA-256 of the token, all that is cached of it
   * @throws {AuthorizationServerError} when the keys to verify it are not available
   */
  async verify(token: string, digest: string, request?: RequestContext): Promise<Verdict> {
    // Never introspected, and never read as a JWT.
    if (isApiKey(token)) return this.#apiKeys.judge(token, digest)
    const known = this.#lookUp(digest)
    // Keys fetched from now on are new enough for it.
    const keys =
      known?.introspection === undefined ? this.#issuers.get(known?.issuer)?.keys : undefined
    const arrival = keys?.fetches()
    if (known !== undefined) {
      await keys?.ready(request)
      if (this.#isStanding(known)) return this.#validate(known) ?? known
    }
    const facts = await this.#inspections
      .join(digest, () => ({ done: this.#inspect(token, request, arrival) }))
      .done.catch((error: unknown) => this.#refuseWithdrawn(digest, error))
    if (facts instanceof Refusal) return facts
    const refusal = this.#validate(facts)
    if (refusal !== undefined) return refusal
    if (this.#isStanding(facts)) this.#remembered?.set(digest, facts)
    return facts
  }

  /**
   * Newer keys cannot be fetched, but they would not help a token whose own key was withdrawn.
   *
   * @throws the error, for any other token
   */
  #refuseWithdrawn(digest: string, error: unknown): Refusal {
    const facts = this.#remembered?.get(digest)
    if (facts?.key?.retired !== true) throw error
    return new Refusal('ERR_TOKEN_KEY_UNKNOWN', 'its key was withdrawn', facts.issuer)
  }

  /**
   * When the introspection answer expires, in milliseconds since 1970; `undefined` if there was
   * none.
   */
  askAgainAt({ introspection }: AccessTokenFacts): number | undefined {
    return introspection && this.#now() + introspection.validUntil - this.#steadyNow()
  }

  /** Seconds until that issuer may be asked again. */
  retryAfter(issuer: string): number {
    return this.#issuers.get(issuer)?.keys.retryAfter() ?? 1
  }

  /** How the clock of that issuer differs from our clock, and by how much it may. */
  timeOf(issuer: string | undefined): ProviderTime {
    return this.#issuers.timeOf(issuer)
  }

  /** The keys of every issuer whose tokens may be JWTs, in the configured order. */
  get keySets(): readonly KeySet[] {
    // If every token is introspected, no key is needed.
    return this.#issuers.all.flatMap(({ keys, validation }) =>
      validation === 'introspection' ? [] : [keys],
    )
  }

  get introspectors(): readonly TokenIntrospector[] {
    return this.#issuers.all.flatMap(({ introspector }) => introspector ?? [])
  }

  /** Judges API keys by these from now on. */
  replaceApiKeys(keys: CheckedApiKeys | undefined): void {
    this.#apiKeys.replace(keys)
  }

  /** How many tokens are cached. */
  get remembered(): number {
    return this.#remembered?.size ?? 0
  }

  /**
   * The cached facts of a token, unless its key was retired or its introspection answer expired.
   */
  #lookUp(digest: string): AccessTokenFacts | undefined {
    const facts = this.#remembered?.get(digest)
    if (facts === undefined || !this.#isStanding(facts)) return undefined
    // If the clock was set back, the cache is empty now.
    return facts.introspection === undefined || this.#remembered?.get(digest) === facts
      ? facts
      : undefined
  }

  #isStanding({ key, introspection }: AccessTokenFacts): boolean {
    if (introspection !== undefined) return introspection.validUntil > this.#steadyNow()
    return key?.retired === false
  }

  /** Checks what may change from one request to the next, and is therefore never cached. */
  #validate(facts: AccessTokenFacts): Refusal | undefined {
    const issuer = this.#issuers.get(facts.issuer)
    if (issuer === undefined) return new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', 'unknown issuer')
    return checkAccessToken(facts, issuer.requirements, this.#now() / 1000)
  }

  /** Everything that is done once for a token: parsing, then its signature, or what its issuer says. */
  async #inspect(
    token: string,
    request: RequestContext | undefined,
    arrival: number | undefined,
  ): Promise<Verdict> {
    const jwt = parseJwt(token)
    if (jwt instanceof Refusal) {
      const isOpaque = jwt.code === 'ERR_TOKEN_OPAQUE' || jwt.code === 'ERR_TOKEN_ENCRYPTED'
      const trusted = isOpaque ? this.#issuers.ofOpaque(token) : undefined
      if (trusted !== undefined) return this.#introspect(trusted, token, undefined)
      return isOpaque
        ? new Refusal(jwt.code, `${jwt.reason}, and ${this.#issuers.whyNobodyIsAsked()}`)
        : jwt
    }
    // The unverified `iss` may only choose among trusted issuers. A JWT of another issuer is sent
    // to nobody.
    const trusted = this.#issuers.get(jwt.claims['iss'])
    if (trusted === undefined) return this.#issuers.refuseUntrusted(jwt.claims)
    if (trusted.validation === 'introspection') return this.#introspect(trusted, token, jwt)
    return this.#inspectJwt(jwt, trusted, request, arrival ?? trusted.keys.fetches())
  }

  /** The introspection answer for a token. `jwt` is set if the token is one. */
  async #introspect(
    { introspector, requirements }: TrustedIssuer,
    token: string,
    jwt: ParsedJwt | undefined,
  ): Promise<Verdict> {
    const introspection = await introspector?.introspect(token)
    if (introspection === undefined)
      return new Refusal('ERR_TOKEN_OPAQUE', 'no introspection is configured')
    const { claims, validUntil } = introspection
    const standing = {
      claims: withoutNulls(claims),
      validUntil: this.#steadyNow() + validUntil - this.#now(),
    }
    const facts = readIntrospection(Object.freeze(standing), jwt, requirements, this.#share)
    if (!(facts instanceof Refusal)) this.#tellOddities(facts, standing.claims, requirements)
    return facts
  }

  async #inspectJwt(
    jwt: ParsedJwt,
    { requirements, keys }: TrustedIssuer,
    request: RequestContext | undefined,
    arrival: number,
  ): Promise<Verdict> {
    const { issuer } = requirements
    if (!requirements.algorithms.includes(jwt.algorithm)) {
      const reason = `alg ${quoted(jwt.algorithm)} is not allowed`
      return new Refusal('ERR_TOKEN_ALGORITHM', reason, issuer)
    }
    const key = await keys.verify(jwt, arrival, request)
    if (typeof key === 'string') return refuseUnverified(key, jwt, issuer)
    const facts = readAccessToken(jwt, key, requirements, this.#share)
    if (!(facts instanceof Refusal)) this.#tellOddities(facts, jwt.claims, requirements)
    return facts
  }

  /** Tells what is odd about a token, once for each claim of an issuer. */
  #tellOddities(
    facts: AccessTokenFacts,
    claims: JsonObject,
    { issuer, scopeClaims }: TokenRequirements,
  ): void {
    for (const { claim, entry } of findUnusableEntries(claims, scopeClaims)) {
      if (!this.#isFirst(issuer, claim)) continue
      const reason = `the claim ${quoted(claim)} holds ${quoted(entry)}, which cannot be a scope; such entries are left out`
      this.#emit?.({ type: 'scopes.dropped', issuer, claim, reason })
    }
    const reason = suspectEnd(facts)
    if (reason === undefined || !this.#isFirst(issuer, 'exp')) return
    this.#emit?.({ type: 'claim.suspected', issuer, claim: 'exp', reason })
  }

  /** Whether nothing was told of this claim yet. */
  #isFirst(issuer: string, claim: string): boolean {
    const name = JSON.stringify([issuer, claim])
    const isFirst = !this.#told.has(name)
    this.#told.add(name)
    return isFirst
  }
}
