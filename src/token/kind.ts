/**
 * Tells access tokens from everything else that the same issuer signs with the same key (RFC 8725
 * §3.12) or reports as active.
 *
 * @module
 */
import { quoted } from '../errors.js'
import type { JsonObject } from '../base/json.js'

/** The kind of a token, from its header, payload or introspection answer alone. */
export type TokenKind =
  /** `typ: at+jwt` in the header (RFC 9068 §2.1). */
  | 'at+jwt'
  /** Nothing contradicts an access token. */
  | 'jwt'
  /** An opaque token whose introspection answer does not contradict an access token. */
  | 'opaque'
  /** Any other text says why it is not an access token. */
  | `not an access token: ${string}`

/** Media types compare without case; the prefix may be left out (RFC 7515 §4.1.9). */
const ACCESS_TOKEN_TYPES = new Set(['at+jwt', 'application/at+jwt'])

/**
 * The value in the payload of Keycloak's access tokens; others have ID, Refresh, Offline or Logout.
 */
const PAYLOAD_TYPES = new Set(['Bearer', 'DPoP'])

/** The value in Cognito's tokens and in Dex's answers. */
const TOKEN_USES = new Set(['access', 'access_token'])

/**
 * Claims in which some JWTs name their type; Simple JWT, for one, writes refresh into refresh
 * tokens.
 */
const TOKEN_TYPE = /^(?:bearer|dpop|access(?:_token)?|(?:at\+)?jwt)$/i

/**
 * Claims that no access token has: of ID tokens issued with a code, logout tokens and security
 * events.
 */
const FOREIGN_CLAIMS = ['c_hash', 'events']
/**
 * Claims of ID tokens (OpenID Connect Core §2, FAPI 1.0) that some issuers write into access tokens
 * as well.
 */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 's_hash']

/**
 * Evidence that both forms share: a claim that only other kinds carry, or one that names another
 * kind.
 */
function foreignClaim(claims: JsonObject, foreign: readonly string[]): string | undefined {
  for (const name of foreign) if (claims[name] !== undefined) return `it has the claim ${name}`
  const { typ, token_use: use } = claims
  if (typ !== undefined && !PAYLOAD_TYPES.has(typ as string)) {
    return `the claim typ is ${quoted(typ)}`
  }
  if (use !== undefined && !TOKEN_USES.has(use as string)) {
    return `the claim token_use is ${quoted(use)}`
  }
  return undefined
}

/** Claims that contradict an access token, unless the operator accepts those of ID tokens. */
function foreignClaims(acceptIdTokenClaims: boolean): readonly string[] {
  return acceptIdTokenClaims ? FOREIGN_CLAIMS : [...FOREIGN_CLAIMS, ...ID_TOKEN_CLAIMS]
}

/**
 * The kind of a JWT: from the header's `typ`, else from its claims.
 *
 * @param acceptIdTokenClaims `nonce`, `at_hash` and `s_hash` say nothing: this issuer writes them into access tokens
 */
export function kindOfJwt(
  type: string | undefined,
  claims: JsonObject,
  acceptIdTokenClaims: boolean,
): TokenKind {
  const explicit = type !== undefined && ACCESS_TOKEN_TYPES.has(type)
  if (!explicit && type !== undefined && type !== 'jwt') {
    return `not an access token: typ ${quoted(type)}`
  }
  const found = foreignClaim(claims, explicit ? FOREIGN_CLAIMS : foreignClaims(acceptIdTokenClaims))
  if (found !== undefined) return `not an access token: ${found}`
  const { token_type: named } = claims
  if (named !== undefined && !(typeof named === 'string' && TOKEN_TYPE.test(named))) {
    return `not an access token: the claim token_type is ${quoted(named)}`
  }
  if (!explicit && claims['code'] !== undefined && claims['state'] !== undefined) {
    return 'not an access token: an authorization response (it has the claims code and state)'
  }
  return explicit ? 'at+jwt' : 'jwt'
}

/**
 * The kind of a token, from its introspection answer: authorization servers report refresh and ID
 * tokens as active too. Only other members show the kind (Keycloak: `typ` and `token_type`; Dex:
 * `token_use`).
 */
export function kindOfAnswer(claims: JsonObject, acceptIdTokenClaims: boolean): TokenKind {
  const found = foreignClaim(claims, foreignClaims(acceptIdTokenClaims))
  if (found !== undefined) return `not an access token: ${found}`
  const { token_type: type } = claims
  if (type === undefined || (typeof type === 'string' && /^(?:bearer|dpop)$/i.test(type))) {
    return 'opaque'
  }
  return `not an access token: token_type is ${quoted(type)}`
}
