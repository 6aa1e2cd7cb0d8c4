/**
 * What a token whose signature is valid says, and whether that is acceptable here and now.
 *
 * Reading happens once for each token, judging on every request: only what cannot change may be
 * remembered.
 *
 * @module
 */
import type { ShareList } from '../cache.js'
import type { SigningKey } from '../discovery/signing-key.js'
import { quoted, Refusal } from '../errors.js'
import type { JsonObject } from '../json.js'
import type { VerifiedAccessToken } from '../types.js'
import { decodeClaims, type ParsedJwt } from './jwt.js'
import { parseScopes } from './scopes.js'

/** What kind of JWT it is, told by header and payload alone. */
type TokenKind =
  /** `typ: at+jwt` in the header (RFC 9068 §2.1). */
  | 'at+jwt'
  /** Nothing speaks against an access token. */
  | 'jwt'
  /** Any other text says why it is not an access token. */
  | `not an access token: ${string}`

/**
 * The judged fields of a token: small, frozen, and without the token. This is what the memory holds,
 * so each field costs eight bytes for every token remembered.
 */
export interface AccessTokenFacts {
  readonly key: SigningKey
  readonly algorithm: string
  readonly kind: TokenKind
  readonly issuer: string
  readonly subject: string | undefined
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly audience: readonly string[]
  /** Seconds since 1970. */
  readonly expiresAt: number
  /** The later of `nbf` and `iat`, or 0. */
  readonly validFrom: number
  /** The token is bound to a key of its sender (`cnf`). */
  readonly bound: boolean
}

/** What an issuer's tokens must fulfil at this resource. */
export interface TokenPolicy {
  readonly issuer: string
  readonly audience: ReadonlySet<string>
  readonly algorithms: readonly string[]
  readonly requireType: boolean
  /** Seconds. */
  readonly clockTolerance: number
  readonly scopeClaims: readonly string[]
}

/** Media types compare without case; the prefix may be left out (RFC 7515 §4.1.9). */
const ACCESS_TOKEN_TYPES = new Set(['at+jwt', 'application/at+jwt'])

/** What Keycloak writes into the payload of its access tokens; it says ID, Refresh, Offline or Logout in others. */
const PAYLOAD_TYPES = new Set(['Bearer', 'DPoP'])

/** RFC 9068 first, then what Keycloak and Auth0, Okta, and Entra's first generation write. */
const CLIENT_ID_CLAIMS = ['client_id', 'azp', 'cid', 'appid']

/** Of what is never an access token: an ID token with its code, logout tokens and security events. */
const FOREIGN_CLAIMS = ['c_hash', 'events']
/** Of ID tokens (OpenID Connect Core §2, FAPI 1.0), which some write into access tokens as well. */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 's_hash']

/**
 * Tells access tokens from everything else that the same issuer signs with the same key
 * (RFC 8725 §3.12): by the header's `typ`, and where that says nothing by claims that only others carry.
 */
function tokenKind(type: string | undefined, claims: JsonObject): TokenKind {
  const explicit = type !== undefined && ACCESS_TOKEN_TYPES.has(type)
  if (!explicit && type !== undefined && type !== 'jwt') {
    return `not an access token: typ ${quoted(type)}`
  }
  for (const name of explicit ? FOREIGN_CLAIMS : [...FOREIGN_CLAIMS, ...ID_TOKEN_CLAIMS]) {
    if (claims[name] !== undefined) return `not an access token: it has the claim ${name}`
  }
  if (!explicit && claims['code'] !== undefined && claims['state'] !== undefined) {
    return 'not an access token: an authorization response (it has the claims code and state)'
  }
  const { typ, token_use: use } = claims
  if (typ !== undefined && !PAYLOAD_TYPES.has(typ as string)) {
    return `not an access token: the claim typ is ${quoted(typ)}`
  }
  if (use !== undefined && use !== 'access') {
    return `not an access token: the claim token_use is ${quoted(use)}`
  }
  return explicit ? 'at+jwt' : 'jwt'
}

function isOptionalNumber(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value))
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

function readAudience(aud: unknown): readonly string[] | undefined {
  if (aud === undefined) return []
  const list: unknown = typeof aud === 'string' ? [aud] : aud
  return Array.isArray(list) && list.every((entry) => typeof entry === 'string') ? list : undefined
}

function readScopes(claims: JsonObject, names: readonly string[]): readonly string[] | undefined {
  const scopes = new Set<string>()
  for (const name of names) {
    const value = claims[name]
    if (value === undefined) continue
    const parsed = parseScopes(value)
    if (parsed === undefined) return undefined
    for (const scope of parsed) scopes.add(scope)
  }
  return [...scopes]
}

function readClientId(claims: JsonObject): string | undefined {
  for (const name of CLIENT_ID_CLAIMS) {
    const value = claims[name]
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}

/**
 * Reads a token whose signature was found valid. Claims of the wrong type refuse the token; absent ones
 * are judged later, except for `exp`, without which a token would never end (RFC 9068 §2.2).
 */
export function readAccessToken(
  jwt: ParsedJwt,
  key: SigningKey,
  policy: TokenPolicy,
  share: ShareList,
): AccessTokenFacts | Refusal {
  const { claims } = jwt
  const { issuer } = policy
  const claim = (reason: string) => new Refusal('ERR_TOKEN_CLAIM', reason, issuer)
  const { exp, nbf, iat, sub } = claims
  if (exp === undefined) return claim('no exp claim')
  if (!isOptionalNumber(exp) || !isOptionalNumber(nbf) || !isOptionalNumber(iat)) {
    return claim('exp, nbf or iat is not a number')
  }
  if (!isOptionalText(sub)) return claim('sub is not a text')
  const audience = readAudience(claims['aud'])
  if (audience === undefined) return claim('aud is neither a text nor a list of texts')
  const scopes = readScopes(claims, policy.scopeClaims)
  if (scopes === undefined) {
    return claim(`${policy.scopeClaims.join(' or ')} holds something that is not a scope`)
  }
  const clientId = readClientId(claims)
  return Object.freeze({
    key,
    algorithm: jwt.algorithm,
    kind: tokenKind(jwt.type, claims),
    issuer,
    subject: sub === '' ? undefined : sub,
    clientId: clientId === undefined ? undefined : share([clientId])[0],
    scopes: share(scopes),
    audience: share(audience),
    expiresAt: exp,
    validFrom: Math.max(nbf ?? 0, iat ?? 0),
    bound: claims['cnf'] !== undefined,
  })
}

/** Short: a token may list thousands. */
function describeAudience(audience: readonly string[]): string {
  if (audience.length === 0) return 'no aud claim'
  const shown = audience.slice(0, 5).map((entry) => quoted(entry))
  const more = audience.length - shown.length
  return `aud ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/**
 * Judges a token whose signature is known to be valid: kind, audience, times, binding, in this order, so
 * that only a token which is right in everything else is called expired.
 *
 * @param at seconds since 1970
 * @returns the reason to refuse it, or `undefined`
 */
export function judgeAccessToken(
  facts: AccessTokenFacts,
  policy: TokenPolicy,
  at: number,
): Refusal | undefined {
  const { issuer } = policy
  if (facts.issuer !== issuer) {
    return new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', 'the key belongs to another issuer', issuer)
  }
  if (!policy.algorithms.includes(facts.algorithm)) {
    return new Refusal('ERR_TOKEN_ALGORITHM', `algorithm ${quoted(facts.algorithm)}`, issuer)
  }
  if (facts.kind !== 'at+jwt' && (facts.kind !== 'jwt' || policy.requireType)) {
    const reason = facts.kind === 'jwt' ? 'typ is not at+jwt, which is required here' : facts.kind
    return new Refusal('ERR_TOKEN_TYPE', reason, issuer)
  }
  if (!facts.audience.some((entry) => policy.audience.has(entry))) {
    const expected = [...policy.audience].map((entry) => quoted(entry)).join(' or ')
    const reason = `${describeAudience(facts.audience)}; expected ${expected}`
    return new Refusal('ERR_TOKEN_AUDIENCE', reason, issuer)
  }
  if (facts.bound) {
    return new Refusal(
      'ERR_TOKEN_BOUND',
      'bound to its sender (cnf), sent as a bearer token',
      issuer,
    )
  }
  if (facts.validFrom > at + policy.clockTolerance) {
    const ahead = Math.ceil(facts.validFrom - at)
    return new Refusal(
      'ERR_TOKEN_NOT_YET_VALID',
      `nbf or iat is ${ahead} s ahead of our clock`,
      issuer,
    )
  }
  if (facts.expiresAt <= at - policy.clockTolerance) {
    const ago = Math.floor(at - facts.expiresAt)
    return new Refusal('ERR_TOKEN_EXPIRED', `expired ${ago} s ago`, issuer)
  }
  return undefined
}

class AccessToken implements VerifiedAccessToken {
  readonly issuer: string
  readonly subject: string | undefined
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly audience: readonly string[]
  readonly expiresAt: number
  /** Private, so that no log that prints the object prints the token. */
  readonly #bearer: string
  #claims: JsonObject | undefined

  constructor(facts: AccessTokenFacts, bearer: string) {
    this.issuer = facts.issuer
    this.subject = facts.subject
    this.clientId = facts.clientId
    this.scopes = facts.scopes
    this.audience = facts.audience
    this.expiresAt = facts.expiresAt
    this.#bearer = bearer
    Object.freeze(this)
  }

  get claims(): JsonObject {
    return (this.#claims ??= deepFreeze(decodeClaims(this.#bearer)))
  }
}

function deepFreeze<T>(value: T): T {
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next !== 'object' || next === null) continue
    Object.freeze(next)
    pending.push(...Object.values(next))
  }
  return value
}

/** What the rest of the program gets to see of a token that was let in. */
export function toVerifiedAccessToken(
  facts: AccessTokenFacts,
  bearer: string,
): VerifiedAccessToken {
  return new AccessToken(facts, bearer)
}
