/**
 * The `Authorization` field of a request (RFC 6750 §2.1, RFC 9110 §11.6.2). Tokens in the query or
 * in a form are ignored (OAuth 2.1 §5.1).
 *
 * @module
 */
import { Refusal } from '../errors.js'

/** Access tokens with hundreds of roles stay below this; Node refuses all header fields together beyond 16 KiB. */
export const MAX_TOKEN_LENGTH: number = 16 * 1024

const BEARER = /^bearer(?: +([A-Za-z0-9._~+/-]+=*))?$/i
const BEARER_SCHEME = /^bearer(?:[ ,]|$)/i
/** Many clients write the scheme themselves; people then give them a token with the scheme before it. */
const SCHEME_TWICE = /^bearer +bearer +[^ ]/i
/**
 * Matches where two fields were joined (Fetch writes `, `) or a second `scheme credentials` begins.
 */
const SECOND_FIELD = /, |,[ \t]*[A-Za-z][\w!#$%&'*+.^`|~-]*[ \t]+[^=\s]/
/**
 * The same for schemes whose credentials are lists of parameters: there, a comma alone proves
 * nothing.
 */
const SECOND_CREDENTIALS = /,[ \t]*[A-Za-z][\w!#$%&'*+.^`|~-]*[ \t]+[^=\s]/

function missing(reason: string): Refusal {
  return new Refusal('ERR_CREDENTIALS_MISSING', reason)
}

function multiple(): Refusal {
  return new Refusal('ERR_CREDENTIALS_MULTIPLE', 'more than one credential in one request')
}

function tooLarge(): Refusal {
  return new Refusal('ERR_TOKEN_TOO_LARGE', `token of more than ${MAX_TOKEN_LENGTH} characters`)
}

/**
 * Optional whitespace of RFC 9110 §5.6.3. No regular expression: one anchored at the end would
 * start again at every blank.
 */
function withoutBlanksAround(value: string): string {
  const isBlank = (index: number) => value[index] === ' ' || value[index] === '\t'
  let start = 0
  let end = value.length
  while (start < end && isBlank(start)) start++
  while (start < end && isBlank(end - 1)) end--
  return value.slice(start, end)
}

/** What a request brings to show who is calling. */
export interface Credentials {
  /** How the token is to be used (RFC 6750). */
  readonly scheme: 'bearer'
  readonly token: string
  /** A proof that the caller holds the key of the token. A bearer token needs none. */
  readonly proof: undefined
}

/**
 * The credentials of a request, by its `Authorization` fields.
 *
 * Another scheme counts as no credentials, because our challenge did not offer it (RFC 6750 §3.1).
 * Two credentials are ambiguous and refused.
 */
export function parseCredentials(
  authorization: string | readonly string[] | undefined,
): Credentials | Refusal {
  if (typeof authorization === 'object') {
    if (authorization.length > 1) return multiple()
    return parseCredentials(authorization[0])
  }
  const value = withoutBlanksAround(authorization ?? '')
  if (value === '') return missing('no Authorization field')
  // This check comes before anything that reads the field to its end, because the client chooses
  // its length.
  const isTooLong = value.length > MAX_TOKEN_LENGTH + 64
  // A single well-formed credential needs no search for a second.
  const match = isTooLong ? null : BEARER.exec(value)
  if (match === null) return reasonNotBearer(value, isTooLong)
  const token = match[1]
  if (token === undefined) return new Refusal('ERR_CREDENTIALS_MALFORMED', 'Bearer without a token')
  if (token.length > MAX_TOKEN_LENGTH) return tooLarge()
  return { scheme: 'bearer', token, proof: undefined }
}

function reasonNotBearer(value: string, isTooLong: boolean): Refusal {
  if (!BEARER_SCHEME.test(value)) {
    return !isTooLong && SECOND_CREDENTIALS.test(value)
      ? multiple()
      : missing('the scheme is not Bearer')
  }
  if (isTooLong) return tooLarge()
  if (SECOND_FIELD.test(value)) return multiple()
  if (SCHEME_TWICE.test(value)) {
    const reason = 'it says Bearer twice: the client adds the scheme to the token itself'
    return new Refusal('ERR_CREDENTIALS_MALFORMED', reason)
  }
  return new Refusal('ERR_CREDENTIALS_MALFORMED', 'characters that a bearer token cannot have')
}
