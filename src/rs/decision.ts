/**
 * The kernel's decision about a request, as data that any HTTP host can send.
 *
 * @module
 */
import type { AuthorizationServerErrorCode, BearerTokenErrorCode } from '../errors.js'
import type { VerifiedAccessToken } from '../types.js'
import { formatChallenge, type Challenge } from './challenge.js'

/** Let the request in. */
export interface Authenticated {
  readonly outcome: 'authenticated'
  readonly token: VerifiedAccessToken
  /** The token itself, for `toAuthInfo`. Never log it, never forward it. */
  readonly bearer: string
}

/** Send this instead; the request goes no further. `headers` and `body` are complete. */
export interface Denied {
  readonly outcome: 'denied'
  readonly status: 400 | 401 | 403
  readonly code: BearerTokenErrorCode
  readonly requestId: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * No decision is possible. Send this: 503 without a challenge, so that nobody logs in again for
 * nothing.
 */
export interface Unavailable {
  readonly outcome: 'unavailable'
  readonly status: 503
  readonly code: AuthorizationServerErrorCode
  readonly requestId: string
  /** Seconds. */
  readonly retryAfter: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type Decision = Authenticated | Denied | Unavailable

interface Wording {
  readonly status: Denied['status']
  readonly error: Challenge['error']
  /** In the body; RFC 6750 §3.1 allows no error in the header when no credentials were sent. */
  readonly bodyError: string
  readonly description: string
}

const MISSING: Wording = {
  status: 401,
  error: undefined,
  bodyError: 'unauthorized',
  description: 'An access token is required',
}
const MULTIPLE: Wording = {
  status: 400,
  error: 'invalid_request',
  bodyError: 'invalid_request',
  description: 'The request must carry exactly one credential',
}
const EXPIRED: Wording = {
  status: 401,
  error: 'invalid_token',
  bodyError: 'invalid_token',
  description: 'The access token has expired',
}
/** One text for all other faults: a difference would help only attackers who forge tokens. */
const INVALID: Wording = {
  status: 401,
  error: 'invalid_token',
  bodyError: 'invalid_token',
  description: 'The access token is not valid here',
}
const INSUFFICIENT: Wording = {
  status: 403,
  error: 'insufficient_scope',
  bodyError: 'insufficient_scope',
  description: 'The access token lacks a scope that this request needs',
}
/**
 * Clients log in again for `insufficient_scope`; they must not when no scope would help (SCP-07).
 */
const FORBIDDEN: Wording = {
  status: 403,
  error: undefined,
  bodyError: 'access_denied',
  description: 'This caller may not do this',
}

function wordingOf(code: BearerTokenErrorCode): Wording {
  switch (code) {
    case 'ERR_CREDENTIALS_MISSING':
      return MISSING
    case 'ERR_CREDENTIALS_MULTIPLE':
      return MULTIPLE
    case 'ERR_TOKEN_EXPIRED':
      return EXPIRED
    case 'ERR_SCOPE_INSUFFICIENT':
      return INSUFFICIENT
    case 'ERR_OPERATION_DENIED':
      return FORBIDDEN
    default:
      return INVALID
  }
}

/** Headers of every answer that we write ourselves. */
export function answerHeaders(requestId: string): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Request-Id': requestId,
  }
}

export function errorBody(error: string, description: string): string {
  return JSON.stringify({ error, error_description: description })
}

/** How many characters of a request id people read out. They are its last, because some ids begin with the time. */
const REFERENCE = 8

/** A description by which a user and the operator find the same request. */
export function withReference(description: string, requestId: string): string {
  return `${description} (ref ${requestId.slice(-REFERENCE)})`
}

/** A client without credentials has no user to tell, and a 400 is only about the client. */
function descriptionOf(wording: Wording, requestId: string): string {
  const { status, description } = wording
  const isTold = status !== 400 && wording !== MISSING
  return isTold ? withReference(description, requestId) : description
}

/**
 * SDK v1 stops asking for more scopes when two challenges in a row are byte-equal, so the reference
 * of a 403 stands in the body alone.
 */
function challengedWith(wording: Wording, description: string): string {
  return wording === INSUFFICIENT ? wording.description : description
}

/** @param scope the scopes that a new login should ask for */
export function deny(
  code: BearerTokenErrorCode,
  requestId: string,
  resourceMetadata: string,
  scope: readonly string[],
): Denied {
  const wording = wordingOf(code)
  const { status, error, bodyError } = wording
  const description = descriptionOf(wording, requestId)
  const headers = answerHeaders(requestId)
  const body = errorBody(bodyError, description)
  if (wording === FORBIDDEN) return { outcome: 'denied', status, code, requestId, headers, body }
  const challenge = formatChallenge({
    ...(error !== undefined && { error, errorDescription: challengedWith(wording, description) }),
    resourceMetadata,
    scope,
  })
  return {
    outcome: 'denied',
    status,
    code,
    requestId,
    headers: { ...headers, 'WWW-Authenticate': challenge },
    body,
  }
}

export function unavailable(
  code: AuthorizationServerErrorCode,
  requestId: string,
  retryAfter: number,
): Unavailable {
  return {
    outcome: 'unavailable',
    status: 503,
    code,
    requestId,
    retryAfter,
    headers: { ...answerHeaders(requestId), 'Retry-After': String(retryAfter) },
    body: errorBody('temporarily_unavailable', 'The access token cannot be checked at the moment'),
  }
}
