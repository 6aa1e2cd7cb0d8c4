/**
 * From the text of a token to what it says: choosing issuer and key, checking the signature, and
 * remembering which bytes were signed, so that a token seen before costs one hash.
 *
 * @module
 */
import { createCacheStore, createShareList, type CacheStore } from '../cache.js'
import { sha256, sha256Sync } from '../digest.js'
import { createKeySet, type KeySet, type KeySetOptions } from '../discovery/key-set.js'
import { quoted, Refusal } from '../errors.js'
import { hintFor } from '../hints.js'
import { parseHttpUrl } from '../http.js'
import {
  judgeAccessToken,
  readAccessToken,
  type AccessTokenFacts,
  type TokenPolicy,
} from './access-token.js'
import { parseJwt } from './jwt.js'
import type { ResourceServerSettings } from './settings.js'

interface TrustedIssuer {
  readonly policy: TokenPolicy
  readonly keys: KeySet
}

/** Judges tokens of the configured issuers. */
export interface TokenJudge {
  /** The verdict on a token whose signature was checked before, at once; `undefined` when it was not. */
  recall(token: string): AccessTokenFacts | Refusal | undefined
  /**
   * The verdict on any token.
   *
   * @throws {AuthorizationServerError} when the keys to judge it by cannot be had
   */
  judge(token: string): Promise<AccessTokenFacts | Refusal>
  /** Seconds until that issuer may be asked again. */
  retryAfter(issuer: string): number
  /** The keys of every issuer, in the configured order. */
  readonly keySets: readonly KeySet[]
  /** How many tokens are remembered. */
  readonly remembered: () => number
}

export function createTokenJudge(
  settings: ResourceServerSettings,
  world: Pick<KeySetOptions, 'now' | 'fetch' | 'emit'>,
): TokenJudge {
  const issuers = new Map<unknown, TrustedIssuer>()
  for (const { policy, source } of settings.issuers) {
    const keys = createKeySet({
      issuer: policy.issuer,
      source,
      algorithms: policy.algorithms,
      allowHttp: settings.allowHttp,
      maxAge: settings.jwksMaxAge,
      staleFor: settings.jwksStaleFor,
      wait: source.type === 'jwks' ? 0 : settings.wait,
      ...world,
    })
    issuers.set(policy.issuer, { policy, keys })
  }

  const remembered: CacheStore<AccessTokenFacts> | undefined =
    settings.rememberedTokens === 0 ? undefined : createCacheStore(settings.rememberedTokens)
  const share = createShareList()
  /** First sights under way, by digest: a burst of one token costs one signature check. */
  const underWay = new Map<string, Promise<AccessTokenFacts | Refusal>>()

  /** What is remembered of a token, while the key that signed it may still be used. */
  function recall(digest: string): AccessTokenFacts | undefined {
    const facts = remembered?.get(digest)
    if (facts === undefined || facts.key.retired) return undefined
    return issuers.get(facts.issuer)?.keys.usable() === true ? facts : undefined
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
    const { pathname } = parseHttpUrl(iss) ?? {}
    // One provider under two host names, most likely.
    const isNamesake = (issuer: string) => new URL(issuer).pathname === pathname
    const twin = known.find(
      (issuer) => iss === `${issuer}/` || (typeof iss === 'string' && issuer === `${iss}/`),
    )
    const reason = `iss ${quoted(iss)} is not ${known.map((issuer) => quoted(issuer)).join(' or ')}`
    const hint =
      twin === undefined
        ? hintFor('ERR_TOKEN_ISSUER_UNTRUSTED', known.find(isNamesake))
        : 'they differ in the last slash: configure the issuer exactly'
    return new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', reason, undefined, hint)
  }

  /** Everything that is done once for a token: parsing, choosing the key, the signature, reading. */
  async function inspect(token: string): Promise<AccessTokenFacts | Refusal> {
    const jwt = parseJwt(token)
    if (jwt instanceof Refusal) return jwt
    // Unverified, `iss` may choose among issuers that we trust already, nothing more.
    const trusted = issuers.get(jwt.claims['iss'])
    if (trusted === undefined) return untrusted(jwt.claims['iss'])
    const { policy, keys } = trusted
    const { issuer } = policy
    if (!policy.algorithms.includes(jwt.algorithm)) {
      return new Refusal(
        'ERR_TOKEN_ALGORITHM',
        `alg ${quoted(jwt.algorithm)} is not allowed`,
        issuer,
      )
    }
    const key = await keys.select({ kid: jwt.kid, alg: jwt.algorithm })
    if (key === 'algorithm') {
      return new Refusal(
        'ERR_TOKEN_ALGORITHM',
        `alg ${quoted(jwt.algorithm)} does not fit the key`,
        issuer,
      )
    }
    if (key === 'ambiguous') {
      return new Refusal('ERR_TOKEN_KEY_UNKNOWN', 'several keys fit, and no kid chooses', issuer)
    }
    if (key === 'unknown') {
      const kid = jwt.kid === undefined ? 'no kid, and no key fits' : `kid ${quoted(jwt.kid, 64)}`
      return new Refusal('ERR_TOKEN_KEY_UNKNOWN', kid, issuer)
    }
    if (!(await key.verify(jwt.algorithm, jwt.signedText, jwt.signature)) || key.retired) {
      return new Refusal('ERR_TOKEN_SIGNATURE', 'the signature is not that of the key', issuer)
    }
    return readAccessToken(jwt, key, policy, share)
  }

  async function judge(token: string): Promise<AccessTokenFacts | Refusal> {
    const digest = await sha256(token)
    const known = recall(digest)
    if (known !== undefined) return verdict(known) ?? known
    let inspection = underWay.get(digest)
    if (inspection === undefined) {
      inspection = inspect(token).finally(() => underWay.delete(digest))
      underWay.set(digest, inspection)
    }
    const facts = await inspection
    if (facts instanceof Refusal) return facts
    const refusal = verdict(facts)
    if (refusal !== undefined) return refusal
    remembered?.set(digest, facts)
    return facts
  }

  return {
    judge,
    recall(token) {
      const facts = sha256Sync === undefined ? undefined : recall(sha256Sync(token))
      return facts === undefined ? undefined : (verdict(facts) ?? facts)
    },
    retryAfter: (issuer) => issuers.get(issuer)?.keys.retryAfter() ?? 1,
    keySets: [...issuers.values()].map(({ keys }) => keys),
    remembered: () => remembered?.size ?? 0,
  }
}
