/**
 * Reads the claims of a token whose signature is valid, and decides whether it is acceptable now.
 *
 * A token is read once and verified on every request: only what cannot change may be remembered.
 *
 * @module
 */
import type { ShareList } from '../base/cache.js'
import type { SigningKey } from '../discovery/signing-key.js'
import { quoted, Refusal } from '../errors.js'
import { deepFreeze, type JsonObject } from '../base/json.js'
import type { TokenIntrospection, VerifiedAccessToken } from '../types.js'
import {
  isOptionalNumber,
  isOptionalText,
  readAudience,
  readClientId,
  readScopes,
  readUser,
} from './claim-shapes.js'
import { decodeClaims, type ParsedJwt } from './jwt.js'
import { findUnmetClaim, type RequiredClaims } from './required-claims.js'
import { kindOfAnswer, kindOfJwt, type TokenKind } from './kind.js'

/**
 * The verified fields of a token: small, frozen, without the token. The cache holds these, so each
 * field costs eight bytes for every token remembered.
 */
export interface AccessTokenFacts {
  /** The key that signed it; `undefined` when the token was introspected. */
  readonly key: SigningKey | undefined
  readonly algorithm: string | undefined
  readonly kind: TokenKind
  readonly issuer: string
  readonly subject: string | undefined
  /** The person, for people to read; never compared. */
  readonly user: string | undefined
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly audience: readonly string[]
  /** Seconds since 1970; only an introspection answer may omit it. */
  readonly expiresAt: number | undefined
  /** The later of `nbf` and `iat`, or 0. */
  readonly validFrom: number
  /** The token is bound to a key of its sender (`cnf`). */
  readonly bound: boolean
  /**
   * The introspection answer, if there was one; its validity uses a clock that never runs
   * backwards.
   */
  readonly introspection: TokenIntrospection | undefined
}

/** In seconds the years 5138 to 3 million, in milliseconds 1973 to 5138. */
const MILLISECONDS = [1e11, 1e14] as const
const IN_MILLISECONDS = ', which looks like milliseconds: RFC 7519 counts seconds'

function isInMilliseconds(time: number): boolean {
  return time > MILLISECONDS[0] && time < MILLISECONDS[1]
}

/** Why the end of an acceptable token is probably a mistake of its issuer; `undefined` for others. */
export function suspectEnd({ expiresAt = 0 }: AccessTokenFacts): string | undefined {
  if (!isInMilliseconds(expiresAt)) return undefined
  return `exp is ${expiresAt}${IN_MILLISECONDS}, so such a token never ends`
}

/** What this resource requires of an issuer's tokens. */
export interface TokenRequirements {
  readonly issuer: string
  readonly audience: ReadonlySet<string>
  readonly algorithms: readonly string[]
  readonly requireType: boolean
  /** Seconds. */
  readonly clockTolerance: number
  /** Names, or dotted paths. */
  readonly scopeClaims: readonly string[]
  /** Which claims name the person, for people to read. */
  readonly userClaims: readonly string[]
  /**
   * Entries that a token may have besides an accepted audience; `undefined`: any. Other services that a
   * token names accept it, too, and they see it.
   */
  readonly alsoAudience: ReadonlySet<string> | undefined
  /** Which claim is compared with the audience. */
  readonly audienceClaim: 'aud' | 'client_id' | 'azp'
  /** `nonce`, `at_hash` and `s_hash` do not make it an ID token. */
  readonly acceptIdTokenClaims: boolean
  readonly requiredClaims: RequiredClaims
}

/** The source of the facts: where tokens and introspection answers differ. */
type Origin = Pick<AccessTokenFacts, 'key' | 'algorithm' | 'kind' | 'introspection'> & {
  /** The claims of an introspected token that is a JWT: its times and its binding hold as well. */
  readonly own?: JsonObject | undefined
}

/** When a token is valid; `undefined` if a time is not a number (RFC 7519 §4.1.4 to §4.1.6). */
function readTimes({ exp, nbf, iat }: JsonObject) {
  if (!isOptionalNumber(exp) || !isOptionalNumber(nbf) || !isOptionalNumber(iat)) return undefined
  return { end: exp ?? Number.POSITIVE_INFINITY, start: Math.max(nbf ?? 0, iat ?? 0) }
}

/**
 * Whether a token is bound to its sender: by a key (RFC 7800 §3.1), or by its type alone (RFC 9449
 * §6.2).
 */
function isBound({ cnf, token_type: type }: JsonObject): boolean {
  return cnf !== undefined || (typeof type === 'string' && /^dpop$/i.test(type))
}

/** The first of the times that is not a number. */
function wrongTimeOf(claims: JsonObject): string | undefined {
  return ['exp', 'nbf', 'iat'].find(
    (name) => claims[name] !== undefined && !Number.isFinite(claims[name]),
  )
}

/** A claim of the wrong type refuses the token; absent claims are checked later. */
function readClaims(
  claims: JsonObject,
  requirements: TokenRequirements,
  share: ShareList,
  { key, algorithm, kind, introspection, own }: Origin,
): AccessTokenFacts | Refusal {
  const { issuer, audienceClaim } = requirements
  const refuse = (reason: string, claim: string | undefined, about?: 'left out') =>
    new Refusal('ERR_TOKEN_CLAIM', reason, issuer, { claim, about })
  const { sub } = claims
  const times = readTimes(claims)
  const ownTimes = own === undefined ? times : readTimes(own)
  if (times === undefined || ownTimes === undefined) {
    const wrong = times === undefined ? claims : (own ?? claims)
    return refuse('exp, nbf or iat is not a number', wrongTimeOf(wrong))
  }
  const end = Math.min(times.end, ownTimes.end)
  if (!isOptionalText(sub)) return refuse('sub is not a string', 'sub')
  const audience = readAudience(claims[audienceClaim])
  if (audience === undefined) {
    return refuse(`${audienceClaim} is neither a string nor a list of strings`, audienceClaim)
  }
  const scopes = readScopes(claims, requirements.scopeClaims)
  if (scopes === undefined) {
    const [only, ...others] = requirements.scopeClaims
    const reason = `${requirements.scopeClaims.join(' or ')} holds something that is not a scope`
    return refuse(reason, others.length === 0 ? only : undefined)
  }
  const unmet = findUnmetClaim(claims, requirements.requiredClaims)
  if (unmet !== undefined) return refuse(unmet.reason, unmet.claim, unmet.about)
  const clientId = readClientId(claims)
  // One literal: an object built by spreading takes twice the memory, for every token remembered.
  return Object.freeze({
    key,
    algorithm,
    kind,
    issuer,
    subject: sub === '' ? undefined : sub,
    user: readUser(claims, requirements.userClaims) ?? readUser(own, requirements.userClaims),
    clientId: clientId === undefined ? undefined : share([clientId])[0],
    scopes: share(scopes),
    audience: share(audience),
    expiresAt: Number.isFinite(end) ? end : undefined,
    validFrom: Math.max(times.start, ownTimes.start),
    bound: isBound(claims) || (own !== undefined && isBound(own)),
    introspection,
  })
}

/**
 * Reads a token whose signature is valid. A token without `exp` would never expire (RFC 9068 §2.2)
 * and is refused.
 *
 * @param key the key that verified it; `undefined` only to explain a token, never to trust it
 */
export function readAccessToken(
  jwt: ParsedJwt,
  key: SigningKey | undefined,
  requirements: TokenRequirements,
  share: ShareList,
): AccessTokenFacts | Refusal {
  const { claims } = jwt
  if (claims['exp'] === undefined) {
    return new Refusal('ERR_TOKEN_CLAIM', 'no exp claim', requirements.issuer, { claim: 'exp' })
  }
  return readClaims(claims, requirements, share, {
    key,
    algorithm: jwt.algorithm,
    kind: kindOfJwt(jwt.type, claims, requirements.acceptIdTokenClaims),
    introspection: undefined,
  })
}

/**
 * Reads an introspection answer (RFC 7662 §2.2). `active` is not enough: audience, times and kind
 * are verified as for a JWT.
 *
 * @param jwt the token itself, if it is a JWT: its kind, times and binding hold as well; audience
 * and scopes come from the answer alone, because lightweight tokens have none
 */
export function readIntrospection(
  introspection: TokenIntrospection,
  jwt: ParsedJwt | undefined,
  requirements: TokenRequirements,
  share: ShareList,
): AccessTokenFacts | Refusal {
  const { claims } = introspection
  const { issuer, acceptIdTokenClaims } = requirements
  // RFC 7662 §2.2: a boolean. Other truthy values do not count.
  if (claims['active'] !== true) {
    const reason = 'the authorization server says that it is not active'
    return new Refusal('ERR_TOKEN_INACTIVE', reason, issuer, { claim: 'active' })
  }
  const { iss } = claims
  if (iss !== undefined && iss !== issuer) {
    const reason = `the answer is about a token of iss ${quoted(iss)}`
    return new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', reason, issuer, { claim: 'iss' })
  }
  const foreign = jwt && checkOwnAudience(jwt, requirements)
  if (foreign !== undefined) return foreign
  const kind = kindOfAnswer(claims, acceptIdTokenClaims)
  return readClaims(claims, requirements, share, {
    key: undefined,
    algorithm: undefined,
    kind:
      kind === 'opaque' && jwt !== undefined
        ? kindOfJwt(jwt.type, jwt.claims, acceptIdTokenClaims)
        : kind,
    introspection,
    own: jwt?.claims,
  })
}

/** An answer may leave out the audiences that do not concern us (RFC 9701 §5). The token names all. */
function checkOwnAudience(
  { claims }: ParsedJwt,
  requirements: TokenRequirements,
): Refusal | undefined {
  const { alsoAudience, audienceClaim: claim, issuer } = requirements
  if (alsoAudience === undefined) return undefined
  const audience = readAudience(claims[claim])
  if (audience !== undefined) return checkSoleAudience({ audience }, requirements)
  const reason = `${claim} of the token is neither a string nor a list of strings`
  return new Refusal('ERR_TOKEN_CLAIM', reason, issuer, { claim })
}

function slashOf(
  { audience }: AccessTokenFacts,
  { audience: expected }: TokenRequirements,
): 'last slash of the audience' | undefined {
  const isTwin = (entry: string) =>
    expected.has(`${entry}/`) || (entry.endsWith('/') && expected.has(entry.slice(0, -1)))
  return audience.some(isTwin) ? 'last slash of the audience' : undefined
}

/** Short: a token may list thousands. */
function describeAudience(audience: readonly string[], claim: string): string {
  if (audience.length === 0) return `no ${claim} claim`
  const shown = audience.slice(0, 5).map((entry) => quoted(entry))
  const more = audience.length - shown.length
  return `${claim} ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** One rule about a token that its issuer vouches for. */
export interface AccessTokenRule {
  /** For people. */
  readonly name: string
  /**
   * @param at seconds since 1970
   * @returns the reason to refuse the token, or `undefined`
   */
  readonly check: (
    facts: AccessTokenFacts,
    requirements: TokenRequirements,
    at: number,
  ) => Refusal | undefined
}

const checkIssuer: AccessTokenRule['check'] = (facts, { issuer }) =>
  facts.issuer === issuer
    ? undefined
    : new Refusal('ERR_TOKEN_ISSUER_UNTRUSTED', 'the key belongs to another issuer', issuer)

const checkAlgorithm: AccessTokenRule['check'] = (facts, requirements) => {
  if (facts.algorithm !== undefined && !requirements.algorithms.includes(facts.algorithm)) {
    const reason = `algorithm ${quoted(facts.algorithm)}`
    return new Refusal('ERR_TOKEN_ALGORITHM', reason, requirements.issuer)
  }
  return undefined
}

const checkKind: AccessTokenRule['check'] = ({ kind }, requirements) => {
  const { issuer } = requirements
  // An opaque token has no header that could say so.
  if (kind !== 'at+jwt' && kind !== 'opaque' && (kind !== 'jwt' || requirements.requireType)) {
    if (kind !== 'jwt') return new Refusal('ERR_TOKEN_TYPE', kind, issuer)
    const reason = 'typ is not at+jwt, which is required here'
    return new Refusal('ERR_TOKEN_TYPE', reason, issuer, { about: 'at+jwt required' })
  }
  return undefined
}

const checkAudience: AccessTokenRule['check'] = (facts, requirements) => {
  if (!facts.audience.some((entry) => requirements.audience.has(entry))) {
    const expected = [...requirements.audience].map((entry) => quoted(entry)).join(' or ')
    const reason = `${describeAudience(facts.audience, requirements.audienceClaim)}; expected ${expected}`
    const claim = requirements.audienceClaim
    const about = claim === 'aud' ? slashOf(facts, requirements) : 'client as audience'
    return new Refusal('ERR_TOKEN_AUDIENCE', reason, requirements.issuer, { claim, about })
  }
  return checkSoleAudience(facts, requirements)
}

function checkSoleAudience(
  { audience }: Pick<AccessTokenFacts, 'audience'>,
  { alsoAudience, audience: accepted, audienceClaim: claim, issuer }: TokenRequirements,
): Refusal | undefined {
  if (alsoAudience === undefined) return undefined
  const foreign = audience.filter((entry) => !accepted.has(entry) && !alsoAudience.has(entry))
  if (foreign.length === 0) return undefined
  const reason = `it is for others, too: ${describeAudience(foreign, claim)}`
  return new Refusal('ERR_TOKEN_AUDIENCE', reason, issuer, { claim, about: 'sole audience' })
}

const checkBinding: AccessTokenRule['check'] = (facts, { issuer }) => {
  if (facts.bound) {
    const reason = 'bound to its sender (cnf), sent as a bearer token'
    return new Refusal('ERR_TOKEN_BOUND', reason, issuer, { claim: 'cnf' })
  }
  return undefined
}

const checkStart: AccessTokenRule['check'] = (facts, requirements, at) => {
  if (facts.validFrom > at + requirements.clockTolerance) {
    const ahead = Math.ceil(facts.validFrom - at)
    return new Refusal(
      'ERR_TOKEN_NOT_YET_VALID',
      `nbf or iat is ${ahead} s ahead of our clock${isInMilliseconds(facts.validFrom) ? IN_MILLISECONDS : ''}`,
      requirements.issuer,
    )
  }
  return undefined
}

const checkEnd: AccessTokenRule['check'] = (facts, requirements, at) => {
  if (facts.expiresAt !== undefined && facts.expiresAt <= at - requirements.clockTolerance) {
    const ago = Math.floor(at - facts.expiresAt)
    const { issuer } = requirements
    return new Refusal('ERR_TOKEN_EXPIRED', `expired ${ago} s ago`, issuer, { claim: 'exp' })
  }
  return undefined
}

/**
 * The rules of {@link checkAccessToken}, one by one, to explain a token. In their order: only a token
 * that is otherwise valid is called expired.
 */
export const ACCESS_TOKEN_RULES: readonly AccessTokenRule[] = [
  { name: 'issuer', check: checkIssuer },
  { name: 'algorithm', check: checkAlgorithm },
  { name: 'kind', check: checkKind },
  { name: 'audience', check: checkAudience },
  { name: 'binding', check: checkBinding },
  { name: 'start', check: checkStart },
  { name: 'expiry', check: checkEnd },
]

/**
 * Verifies a token that its issuer vouches for, by every rule.
 *
 * @param at seconds since 1970
 * @returns the first reason to refuse it, or `undefined`
 */
export function checkAccessToken(
  facts: AccessTokenFacts,
  requirements: TokenRequirements,
  at: number,
): Refusal | undefined {
  // One call after the other: a loop over the list takes three times as long, on every request.
  return (
    checkIssuer(facts, requirements, at) ??
    checkAlgorithm(facts, requirements, at) ??
    checkKind(facts, requirements, at) ??
    checkAudience(facts, requirements, at) ??
    checkBinding(facts, requirements, at) ??
    checkStart(facts, requirements, at) ??
    checkEnd(facts, requirements, at)
  )
}

class AccessToken implements VerifiedAccessToken {
  readonly issuer: string
  readonly subject: string | undefined
  readonly user: string | undefined
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly audience: readonly string[]
  readonly expiresAt: number | undefined
  /** Private, so that logging the object does not log the token. */
  readonly #bearer: string
  #claims: JsonObject | undefined

  constructor(facts: AccessTokenFacts, bearer: string) {
    this.issuer = facts.issuer
    this.subject = facts.subject
    this.user = facts.user
    this.clientId = facts.clientId
    this.scopes = facts.scopes
    this.audience = facts.audience
    this.expiresAt = facts.expiresAt
    this.#bearer = bearer
    this.#claims = facts.introspection?.claims
    Object.freeze(this)
  }

  get claims(): JsonObject {
    return (this.#claims ??= deepFreeze(decodeClaims(this.#bearer)))
  }
}

/** What the rest of the program sees of an admitted token. */
export function toVerifiedAccessToken(
  facts: AccessTokenFacts,
  bearer: string,
): VerifiedAccessToken {
  return new AccessToken(facts, bearer)
}
