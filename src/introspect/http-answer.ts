/**
 * Reads the HTTP answer of an introspection endpoint: it either says something about the token or
 * not.
 *
 * @module
 */
import { quoted, type AuthorizationServerErrorCode } from '../errors.js'
import { isJsonObject, type JsonObject } from '../base/json.js'

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly retryAfter: string
  readonly text: string
  /** We authenticated with our own bearer token: `invalid_token` then means that one. */
  readonly byBearer: boolean
}

/** Why it says nothing about the token. */
export interface NoAnswer {
  readonly code: AuthorizationServerErrorCode
  /** What happened. */
  readonly said: string
  /** The consequence, if it happens to every token. */
  readonly meaning?: string
  /** Seconds. */
  readonly retryAfter: number | undefined
  /** Whether it may pass in a moment. */
  readonly passes: boolean
}

/** Codes of RFC 6749 §5.2 that concern our client and not the token. */
const REJECTIONS = new Set(['invalid_client', 'unauthorized_client', 'request_unauthorized'])

/** The client error statuses (RFC 9110 §15.5) that pass by themselves. */
const PASSING = new Set([408, 425, 429])

const SIGNED =
  'answered with a signed JWT (RFC 9701) instead of plain JSON: switch off signed introspection answers for this client (Authelia: introspection_signed_response_alg none)'
const NOT_ACCEPTED = 'the provider does not accept the client id or its credentials'

/** The object in a text; an empty one if it holds none. */
export function parseObject(text: string): JsonObject {
  try {
    const body: unknown = JSON.parse(text)
    return isJsonObject(body) ? body : {}
  } catch {
    return {}
  }
}

/** Seconds of `Retry-After`; the date form is ignored. */
function secondsOf(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}

/**
 * Reads every answer except the body of a 200.
 *
 * @returns `success`: the body must be read; `inactive`: the answer means that
 */
export function readAnswer(answer: HttpAnswer): 'success' | 'inactive' | NoAnswer {
  const { status, contentType, text } = answer
  const no = (said: string, passes = true): NoAnswer => ({
    code: 'ERR_INTROSPECTION_UNAVAILABLE',
    said,
    retryAfter: secondsOf(answer.retryAfter),
    passes,
  })
  if (status === 200) {
    return /^application\/token-introspection\+jwt\b/i.test(contentType) ? no(SIGNED) : 'success'
  }
  const isClientError = status >= 400 && status < 500
  const body = parseObject(text)
  const error = typeof body['error'] === 'string' ? body['error'] : undefined
  // RFC 7662 §2.2: an answer whatever the status (Dex: 401). The body of a server error proves
  // nothing.
  if (isClientError && body['active'] === false) return 'inactive'
  if (status === 400 && error === 'invalid_token' && !answer.byBearer) return 'inactive'
  const said = `answered ${status}${error === undefined ? '' : ` ${quoted(error, 60)}`}`
  if (status === 401 || status === 403 || (status === 400 && REJECTIONS.has(error ?? ''))) {
    return {
      code: 'ERR_INTROSPECTION_CLIENT_REJECTED',
      said,
      meaning: NOT_ACCEPTED,
      retryAfter: undefined,
      passes: false,
    }
  }
  const redirected = status === 0 || (status >= 300 && status < 400)
  if (redirected) return no('answered with a redirect, which is not followed')
  return no(said, !isClientError || PASSING.has(status))
}

/**
 * The limit for a cached answer: real ones have a hundred values, or a few thousand with all groups
 * of a user.
 */
const MOST_VALUES = 10_000
const DEEPEST = 64

/**
 * Whether an answer is small enough to be cached, frozen and shown. An explicit stack: it may be
 * nested deeply.
 */
export function isModest(claims: JsonObject): boolean {
  const pending: { readonly value: unknown; readonly depth: number }[] = [
    { value: claims, depth: 0 },
  ]
  let seen = 0
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, depth } = next
    if (typeof value !== 'object' || value === null) continue
    const members: readonly unknown[] = Object.values(value)
    seen += members.length
    if (seen > MOST_VALUES || depth > DEEPEST) return false
    for (const member of members) pending.push({ value: member, depth: depth + 1 })
  }
  return true
}
