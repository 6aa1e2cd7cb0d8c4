/**
 * The `Authorization` field of a request (RFC 6750 §2.1, RFC 9110 §11.6.2). Tokens in the query or in a
 * form are not looked at (OAuth 2.1 §5.1).
 *
 * @module
 */
import { Refusal } from '../errors.js'

/** Access tokens with hundreds of roles stay below this; Node refuses all header fields together beyond 16 KiB. */
export const MAX_TOKEN_LENGTH: number = 16 * 1024

const BEARER = /^bearer(?: +([A-Za-z0-9._~+/-]+=*))?$/i
const BEARER_SCHEME = /^bearer(?:[ ,]|$)/i
/** Where two fields were joined (Fetch writes `, `), or a second `scheme credentials` begins. */
const SECOND_FIELD = /, |,[ \t]*[A-Za-z][\w!#$%&'*+.^`|~-]*[ \t]+[^=\s]/
/** The same for schemes whose credentials are lists of parameters: a comma alone says nothing there. */
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

/** Optional whitespace of RFC 9110 §5.6.3. By hand: a pattern for the end starts anew at every blank inside. */
function withoutBlanksAround(value: string): string {
  const isBlank = (index: number) => value[index] === ' ' || value[index] === '\t'
  let start = 0
  let end = value.length
  while (start < end && isBlank(start)) start++
  while (start < end && isBlank(end - 1)) end--
  return value.slice(start, end)
}

/**
 * The bearer token of a request, by its `Authorization` fields.
 *
 * Another scheme counts as no credentials, because it is none that we asked for (RFC 6750 §3.1); two
 * credentials are an ambiguity that we do not resolve.
 */
export function parseBearer(
  authorization: string | readonly string[] | undefined,
): string | Refusal {
  if (typeof authorization === 'object') {
    if (authorization.length > 1) return multiple()
    return parseBearer(authorization[0])
  }
  const value = withoutBlanksAround(authorization ?? '')
  if (value === '') return missing('no Authorization field')
  // Before anything that reads it to the end: how much that costs is the client's wish.
  const isTooLong = value.length > MAX_TOKEN_LENGTH + 64
  // What is one credential from end to end needs no look for a second.
  const match = isTooLong ? null : BEARER.exec(value)
  if (match === null) return reasonNotBearer(value, isTooLong)
  const token = match[1]
  if (token === undefined) return new Refusal('ERR_CREDENTIALS_MALFORMED', 'Bearer without a token')
  if (token.length > MAX_TOKEN_LENGTH) return tooLarge()
  return token
}

function reasonNotBearer(value: string, isTooLong: boolean): Refusal {
  if (!BEARER_SCHEME.test(value)) {
    return !isTooLong && SECOND_CREDENTIALS.test(value)
      ? multiple()
      : missing('the scheme is not Bearer')
  }
  if (isTooLong) return tooLarge()
  if (SECOND_FIELD.test(value)) return multiple()
  return new Refusal('ERR_CREDENTIALS_MALFORMED', 'characters that a bearer token cannot have')
}
