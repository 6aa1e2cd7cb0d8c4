/**
 * Errors, by who is at fault. The class decides the HTTP status: the client's fault is 400, 401 or
 * 403, the identity provider's is 503, the operator's stops the start. The `code` is stable and
 * meant for programs; the message may change. Neither ever holds a token.
 *
 * @module
 */
import type { JsonObject } from './base/json.js'

/** Codes of {@link BearerTokenError}: the request's credentials or its token were refused. */
export type BearerTokenErrorCode =
  | 'ERR_CREDENTIALS_MISSING'
  | 'ERR_CREDENTIALS_MULTIPLE'
  | 'ERR_CREDENTIALS_MALFORMED'
  | 'ERR_TOKEN_TOO_LARGE'
  | 'ERR_TOKEN_OPAQUE'
  | 'ERR_TOKEN_ENCRYPTED'
  | 'ERR_TOKEN_MALFORMED'
  | 'ERR_TOKEN_TYPE'
  | 'ERR_TOKEN_ALGORITHM'
  | 'ERR_TOKEN_ISSUER_UNTRUSTED'
  | 'ERR_TOKEN_KEY_UNKNOWN'
  | 'ERR_TOKEN_SIGNATURE'
  | 'ERR_TOKEN_CLAIM'
  | 'ERR_TOKEN_AUDIENCE'
  | 'ERR_TOKEN_EXPIRED'
  | 'ERR_TOKEN_NOT_YET_VALID'
  | 'ERR_TOKEN_BOUND'
  | 'ERR_TOKEN_INACTIVE'
  | 'ERR_KEY_UNKNOWN'
  | 'ERR_KEY_MALFORMED'
  | 'ERR_SCOPE_INSUFFICIENT'
  | 'ERR_OPERATION_DENIED'

/** Codes of {@link AuthorizationServerError}: we could not decide, and it is not the client's fault. */
export type AuthorizationServerErrorCode =
  | 'ERR_DISCOVERY_FAILED'
  | 'ERR_KEYS_UNAVAILABLE'
  | 'ERR_INTROSPECTION_UNAVAILABLE'
  | 'ERR_INTROSPECTION_CLIENT_REJECTED'
  | 'ERR_METADATA_UNFIT'

/**
 * Codes for faults of an upstream or of its credentials; over HTTP 502, for `ERR_UPSTREAM_TIMEOUT`
 * 504, for `ERR_UPSTREAM_CREDENTIALS_UNAVAILABLE` 503.
 */
export type UpstreamErrorCode =
  | 'ERR_UPSTREAM_UNREACHABLE'
  | 'ERR_UPSTREAM_TIMEOUT'
  | 'ERR_UPSTREAM_UNAUTHORIZED'
  | 'ERR_UPSTREAM_REDIRECT'
  | 'ERR_UPSTREAM_INVALID'
  | 'ERR_UPSTREAM_CREDENTIALS'
  | 'ERR_UPSTREAM_CREDENTIALS_UNAVAILABLE'

/** Codes for requests to a gateway that were refused for a reason other than their token. */
export type RequestRefusedCode =
  | 'ERR_HOST_FOREIGN'
  | 'ERR_REQUEST_MALFORMED'
  | 'ERR_HEADERS_TOO_LARGE'
  | 'ERR_REQUEST_TIMEOUT'
  | 'ERR_BODY_TOO_LARGE'
  | 'ERR_BODY_ENCODED'
  | 'ERR_BODY_UNREADABLE'
  | 'ERR_HEADER_MISMATCH'
  | 'ERR_SESSION_UNKNOWN'
  | 'ERR_METHOD_NOT_ALLOWED'
  | 'ERR_CHILDREN_TOO_MANY'
  | 'ERR_CHILD_BUSY'
  | 'ERR_VERSION_UNSUPPORTED'
  | 'ERR_REQUESTS_TOO_MANY'

/** Codes that log, metrics and audit give to events which have no member for one. */
type EventCode =
  | 'ERR_ORIGIN_FOREIGN'
  | 'ERR_PATH_UNSERVED'
  | 'ERR_REFUSALS_TOO_MANY'
  | 'ERR_LIMIT_REACHED'
  | 'ERR_INTERNAL'
  | 'ERR_CLIENT_LEFT'

/** Why a request was not answered as its client wished: every code in log, metrics and audit. */
export type RequestCode =
  | BearerTokenErrorCode
  | AuthorizationServerErrorCode
  | UpstreamErrorCode
  | RequestRefusedCode
  | EventCode

const BRAND = Symbol.for('mcp-gatehouse.error')

/**
 * Makes `instanceof` work even if an application has this package twice: otherwise an error handler
 * would miss errors of the other copy's classes.
 */
function brand(errorClass: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, BRAND, { value: name })
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // Derived classes keep the usual behaviour.
      if (this !== errorClass) return Function.prototype[Symbol.hasInstance].call(this, value)
      return value instanceof Error && (value as { readonly [BRAND]?: unknown })[BRAND] === name
    },
  })
}

/**
 * A request was refused because of what the client sent. Thrown by
 * {@link ResourceServer.verifyAccessToken}; over HTTP it becomes 400, 401 or 403 (RFC 6750 §3.1).
 *
 * `message` is the exact reason and is meant for logs: never send it to the client.
 */
export class BearerTokenError extends Error {
  static {
    brand(this, 'BearerTokenError')
  }

  override readonly name = 'BearerTokenError'
  readonly code: BearerTokenErrorCode
  /** The claim that was not acceptable: `aud`, `exp`; `undefined` if it is not a single claim. */
  readonly claim: string | undefined

  constructor(code: BearerTokenErrorCode, reason: string, claim?: string) {
    super(reason)
    this.code = code
    this.claim = claim
  }
}

/**
 * The authorization server could not be asked: unreachable, slow, broken, or its documents are not
 * usable. Over HTTP this is 503 with `Retry-After` and no challenge, because a 401 would make every
 * client discard a valid token and log in again.
 */
export class AuthorizationServerError extends Error {
  static {
    brand(this, 'AuthorizationServerError')
  }

  override readonly name = 'AuthorizationServerError'
  readonly code: AuthorizationServerErrorCode
  /** The issuer that was asked, as configured. */
  readonly issuer: string
  /** Seconds until a retry may help, if known. */
  readonly retryAfter: number | undefined

  constructor(
    code: AuthorizationServerErrorCode,
    issuer: string,
    reason: string,
    retryAfter?: number,
  ) {
    super(reason)
    this.code = code
    this.issuer = issuer
    this.retryAfter = retryAfter
  }
}

/** One thing that is wrong with the configuration, and what to do about it. */
export interface ConfigurationProblem {
  /** Where: an option path (`authorizationServers[1].issuer`), a flag or an environment name. */
  readonly path: string
  /** What is wrong. */
  readonly message: string
  /** What to write instead. */
  readonly hint: string
}

/** A problem of something shared is found at each of its users, but reported once. */
export function withoutRepeats(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return [...new Map(problems.map((each) => [`${each.path}: ${each.message}`, each])).values()]
}

/** The configuration is wrong. All problems are listed at once; the object was not made. */
export class ConfigurationError extends Error {
  static {
    brand(this, 'ConfigurationError')
  }

  override readonly name = 'ConfigurationError'
  readonly code = 'ERR_CONFIGURATION'
  readonly problems: readonly ConfigurationProblem[]

  constructor(problems: readonly ConfigurationProblem[]) {
    super(
      problems.map(({ path, message, hint }) => `${path}: ${message} (${hint})`).join('\n') ||
        'invalid configuration',
    )
    this.problems = Object.freeze([...problems])
  }
}

/**
 * A refusal inside the kernel: data, not an exception, because a refusal is a normal answer, and a
 * stack trace for each bad token would make a flood expensive.
 */
export class Refusal {
  readonly code: BearerTokenErrorCode
  readonly reason: string
  /** The configured issuer that the token named, once one was selected. */
  readonly issuer: string | undefined
  /** A cause that needs its own advice, or the unconfigured issuer that the token names. */
  readonly about:
    | 'at+jwt required'
    | 'client as audience'
    | 'last slash of the audience'
    | 'sole audience'
    | 'left out'
    | { readonly iss: unknown; readonly sub?: unknown }
    | undefined
  /** The claim that is not acceptable, if it is a single one. */
  readonly claim: string | undefined

  constructor(
    code: BearerTokenErrorCode,
    reason: string,
    issuer?: string,
    { about, claim }: Partial<Pick<Refusal, 'about' | 'claim'>> = {},
  ) {
    this.code = code
    this.reason = reason
    this.issuer = issuer
    this.about = about
    this.claim = claim
  }
}

/**
 * JSON cut at about `room` characters: a client's value may be deep and long. Each level writes a
 * character, so `room` also bounds the depth.
 */
function shortJson(value: unknown, room: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, Math.max(room, 0) + 1))
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? typeof value
  const isList = Array.isArray(value)
  let text = isList ? '[' : '{'
  for (const name in value) {
    if (text.length > room) return text
    if (text.length > 1) text += ','
    if (!isList) text += `${JSON.stringify(name.slice(0, room + 1))}:`
    text += shortJson((value as JsonObject)[name], room - text.length)
  }
  return text + (isList ? ']' : '}')
}

/**
 * Makes text that a client or an identity provider chose fit for one log line: printable ASCII, short,
 * in quotes. For short facts such as an issuer or a `kid`, never for a token.
 */
export function quoted(value: unknown, limit = 120): string {
  const text = typeof value === 'string' ? value : shortJson(value, limit)
  const printable = text.slice(0, limit).replace(/[^\x20-\x7e]|["\\]/g, '?')
  return `"${printable}${text.length > limit ? '…' : ''}"`
}
