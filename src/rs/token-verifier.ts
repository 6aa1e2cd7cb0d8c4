/**
 * From the text of a token to what it says: choosing issuer and key, checking the signature, and
 * remembering which bytes were signed, so that a token seen before costs one hash.
 *
 * @module
 */
import { createCacheStore, createShareList, type CacheStore } from '../base/cache.js'
import type { createKeySet, KeyMissing, KeySet, KeySetOptions } from '../discovery/key-set.js'
import type { SigningKey } from '../discovery/signing-key.js'
import type { RequestContext } from '../base/runtime.js'
import { createSteadyClock } from '../base/steady-clock.js'
import { ConfigurationError, quoted, Refusal } from '../errors.js'
import type { TokenIntrospector } from '../types.js'
import { hintForIssuer } from '../advice/hints.js'
import {
  judgeAccessToken,
  readAccessToken,
  readIntrospection,
  type AccessTokenFacts,
} from '../token/access-token.js'
import { parseJwt, type ParsedJwt } from '../token/jwt.js'
import { createIntrospectors } from './introspectors.js'
import type { IssuerSettings } from './issuer-settings.js'
import type { ResourceServerSettings } from './settings.js'

const SHORTEST_OPAQUE = 16

interface TrustedIssuer extends IssuerSettings {
  readonly keys: KeySet
  readonly introspector: TokenIntrospector | undefined
}

/** Judges tokens of the configured issuers. */
export interface TokenJudge {
  /**
   * The verdict on a token whose signature was checked before, at once; `undefined` when it was not, or when
   * the keys must be waited for.
   *
   * @param digest SHA-256 of the token
   */
  recall(digest: string, request?: RequestContext): AccessTokenFacts | Refusal | undefined
  /**
   * The verdict on any token.
   *
   * @param digest SHA-256 of the token, which alone is remembered
   * @throws {AuthorizationServerError} when the keys to judge it by cannot be had
   */
  judge(
    token: string,
    digest: string,
    request?: RequestContext,
  ): Promise<AccessTokenFacts | Refusal>
  /** When the answer about a token is too old to go by, in milliseconds since 1970; `undefined` when nobody was asked. */
  askAgainAt(facts: AccessTokenFacts): number | undefined
  /** Seconds until that issuer may be asked again. */
  retryAfter(issuer: string): number
  /** The keys of every issuer whose tokens may be JWTs, in the configured order. */
  readonly keySets: readonly KeySet[]
  readonly introspectors: readonly TokenIntrospector[]
  /** How many tokens are remembered. */
  readonly remembered: () => number
}

function missing(reason: KeyMissing, { kid, algorithm }: ParsedJwt, issuer: string): Refusal {
  switch (reason) {
    case 'algorithm': {
      const text = `alg ${quoted(algorithm)} does not fit the key`
      return new Refusal('ERR_TOKEN_ALGORITHM', text, issuer)
    }
    case 'ambiguous':
      return new Refusal('ERR_TOKEN_KEY_UNKNOWN', 'several keys fit, and no kid chooses', issuer)
    case 'unknown': {
      const text = kid === undefined ? 'no kid, and no key fits' : `kid ${quoted(kid, 64)}`
      return new Refusal('ERR_TOKEN_KEY_UNKNOWN', text, issuer)
    }
  }
}

export function createTokenJudge(
  settings: ResourceServerSettings,
  world: Pick<KeySetOptions, 'now' | 'fetch' | 'emit' | 'isolated'>,
  keySetFor: typeof createKeySet,
): TokenJudge {
  const issuers = new Map<unknown, TrustedIssuer>()
  const { now, fetch, emit } = world
  const { introspectors, problems } = createIntrospectors(settings, {
    now,
    fetch,
    onEvent: (event) => emit?.(event),
  })
  if (problems.length > 0) throw new ConfigurationError(problems)
  for (const [index, each] of settings.issuers.entries()) {
    const { policy, source } = each
    const keys = keySetFor({
      issuer: policy.issuer,
      source,
      algorithms: policy.algorithms,
      allowHttp: settings.allowHttp,
      maxAge: settings.jwksMaxAge,
      staleFor: settings.jwksStaleFor,
      wait: source.type === 'jwks' ? 0 : settings.wait,
      ...world,
    })
    issuers.set(policy.issuer, {
      ...each,
      keys,
      // Where only JWTs count, nobody is asked.
      introspector: each.validation === 'jwt' ? undefined : introspectors[index],
    })
  }

  const remembered: CacheStore<AccessTokenFacts> | undefined =
    settings.rememberedTokens === 0 ? undefined : createCacheStore(settings.rememberedTokens)
  const share = createShareList()
  /** First sights under way, by digest: a burst of one token costs one signature check. */
  const underWay = new Map<string, Promise<AccessTokenFacts | Refusal>>()

  const steadyNow = createSteadyClock(world.now, () => {
    // How old the answers are nobody knows.
    remembered?.clear()
  })

  /** What is remembered of a token, unless the key that signed it is gone, or the answer about it is old. */
  function lookUp(digest: string): AccessTokenFacts | undefined {
    const facts = remembered?.get(digest)
    if (facts === undefined || !isStanding(facts)) return undefined
    // A clock that was found to be set back has emptied the memory.
    return facts.introspection === undefined || remembered?.get(digest) === facts
      ? facts
      : undefined
  }

  function isStanding({ key, introspection }: AccessTokenFacts): boolean {
    if (introspection !== undefined) return introspection.validUntil > steadyNow()
    return key?.retired === false
  }

  /** What may change from one request to the next, and so is never remembered. */
  function verdict(facts: AccessTokenFacts): Refusal | undefined {
    const issuer = issuers.get(facts.issuer)
    if (issuer === undefined) return new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', 'unknown issuer')
    return judgeAccessToken(facts, issuer.policy, world.now() / 1000)
  }

  function untrusted(iss: unknown): Refusal {
    if (iss === undefined) return new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', 'no iss claim')
    const known = [...issuers.values()].map(({ policy }) => policy.issuer)
    const reason = `iss ${quoted(iss)} is not ${known.map((issuer) => quoted(issuer)).join(' or ')}`
    const hint = hintForIssuer(iss, known)
    return new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', reason, undefined, hint)
  }

  async function checkSignature(
    key: SigningKey | KeyMissing,
    jwt: ParsedJwt,
  ): Promise<'valid' | 'wrong' | 'failed'> {
    if (typeof key === 'string') return 'wrong'
    try {
      const isValid = await key.verify(jwt.algorithm, jwt.signedText, jwt.signature)
      // It may have been withdrawn meanwhile.
      return isValid && !key.retired ? 'valid' : 'wrong'
    } catch {
      // RFC 8725 §3.3: an operation that fails is a signature that is not valid. With this key others do not fail.
      return 'failed'
    }
  }

  /** The one issuer that an opaque token may be shown to. */
  function issuerOfOpaque(token: string): TrustedIssuer | undefined {
    // Fewer characters cannot be a secret (RFC 6749 §10.10): not worth a call.
    if (token.length < SHORTEST_OPAQUE) return undefined
    return [...issuers.values()].find(
      ({ introspector, tokenPrefix }) =>
        introspector !== undefined && (tokenPrefix === undefined || token.startsWith(tokenPrefix)),
    )
  }

  function whyNobodyIsAsked(): string {
    return [...issuers.values()].some(({ introspector }) => introspector !== undefined)
      ? 'too short to ask about, or without the prefix of the tokens that are asked about'
      : 'no introspection is configured'
  }

  /** What the authorization server says of it. `jwt` when it is one. */
  async function ask(
    { introspector, policy }: TrustedIssuer,
    token: string,
    jwt: ParsedJwt | undefined,
  ): Promise<AccessTokenFacts | Refusal> {
    const introspection = await introspector?.introspect(token)
    if (introspection === undefined) return new Refusal('ERR_TOKEN_OPAQUE', 'nobody to ask')
    const { claims, validUntil } = introspection
    const standing = { claims, validUntil: steadyNow() + validUntil - world.now() }
    return readIntrospection(Object.freeze(standing), jwt, policy, share)
  }

  /** Everything that is done once for a token: parsing, then its signature, or what its issuer says. */
  async function inspect(
    token: string,
    request: RequestContext | undefined,
    arrival: number | undefined,
  ): Promise<AccessTokenFacts | Refusal> {
    const jwt = parseJwt(token)
    if (jwt instanceof Refusal) {
      const isOpaque = jwt.code === 'ERR_TOKEN_OPAQUE' || jwt.code === 'ERR_TOKEN_ENCRYPTED'
      const trusted = isOpaque ? issuerOfOpaque(token) : undefined
      if (trusted !== undefined) return ask(trusted, token, undefined)
      return isOpaque ? new Refusal(jwt.code, `${jwt.reason}, and ${whyNobodyIsAsked()}`) : jwt
    }
    // Unverified, `iss` may choose among issuers that we trust already, nothing more. A JWT of another issuer is
    // shown to nobody.
    const trusted = issuers.get(jwt.claims['iss'])
    if (trusted === undefined) return untrusted(jwt.claims['iss'])
    if (trusted.validation === 'introspection') return ask(trusted, token, jwt)
    return inspectJwt(jwt, trusted, request, arrival ?? trusted.keys.fetches())
  }

  async function inspectJwt(
    jwt: ParsedJwt,
    { policy, keys }: TrustedIssuer,
    request: RequestContext | undefined,
    arrival: number,
  ): Promise<AccessTokenFacts | Refusal> {
    const { issuer } = policy
    if (!policy.algorithms.includes(jwt.algorithm)) {
      return new Refusal(
        'ERR_TOKEN_ALGORITHM',
        `alg ${quoted(jwt.algorithm)} is not allowed`,
        issuer,
      )
    }
    const query = { kid: jwt.kid, alg: jwt.algorithm }
    let key = await keys.select(query, arrival, request)
    let signature = await checkSignature(key, jwt)
    if (signature !== 'valid' && key !== 'unknown' && key !== 'ambiguous') {
      // Other material under the old name: Entra and home-made providers rotate so.
      await keys.renew(arrival, request)
      const current = await keys.select(query, arrival, request)
      if (current !== key) signature = await checkSignature(current, jwt)
      key = current
    }
    if (typeof key === 'string') return missing(key, jwt, issuer)
    if (signature !== 'valid') {
      const reason =
        signature === 'failed'
          ? 'the runtime failed to check the signature'
          : 'the signature is not that of the key'
      return new Refusal('ERR_TOKEN_SIGNATURE', reason, issuer)
    }
    return readAccessToken(jwt, key, policy, share)
  }

  /** {@link inspect}, once for all who bring the same token at the same time. */
  async function inspectAlone(
    token: string,
    digest: string,
    request: RequestContext | undefined,
    arrival: number | undefined,
  ): Promise<AccessTokenFacts | Refusal> {
    try {
      return await inspect(token, request, arrival)
    } finally {
      underWay.delete(digest)
    }
  }

  async function inspectTogether(
    token: string,
    digest: string,
    request: RequestContext | undefined,
    arrival: number | undefined,
  ): Promise<AccessTokenFacts | Refusal> {
    if (world.isolated) return inspect(token, request, arrival)
    let inspection = underWay.get(digest)
    if (inspection === undefined) {
      inspection = inspectAlone(token, digest, request, arrival)
      underWay.set(digest, inspection)
    }
    return inspection
  }

  async function judge(
    token: string,
    digest: string,
    request?: RequestContext,
  ): Promise<AccessTokenFacts | Refusal> {
    const known = lookUp(digest)
    // Keys that are fetched from here on are new enough for it.
    const keys = known?.introspection === undefined ? issuers.get(known?.issuer)?.keys : undefined
    const arrival = keys?.fetches()
    if (known !== undefined) {
      await keys?.ready(request)
      if (isStanding(known)) return verdict(known) ?? known
    }
    const facts = await inspectTogether(token, digest, request, arrival)
    if (facts instanceof Refusal) return facts
    const refusal = verdict(facts)
    if (refusal !== undefined) return refusal
    if (isStanding(facts)) remembered?.set(digest, facts)
    return facts
  }

  return {
    judge,
    recall(digest, request) {
      const facts = lookUp(digest)
      if (facts === undefined) return undefined
      const isAsked = facts.introspection !== undefined
      if (!isAsked && issuers.get(facts.issuer)?.keys.usable(request) !== true) return undefined
      return verdict(facts) ?? facts
    },
    askAgainAt: ({ introspection }) =>
      introspection && world.now() + introspection.validUntil - steadyNow(),
    retryAfter: (issuer) => issuers.get(issuer)?.keys.retryAfter() ?? 1,
    // Where every token is asked about, no key is ever needed.
    keySets: [...issuers.values()].flatMap(({ keys, validation }) =>
      validation === 'introspection' ? [] : [keys],
    ),
    introspectors: [...issuers.values()].flatMap(({ introspector }) => introspector ?? []),
    remembered: () => remembered?.size ?? 0,
  }
}
