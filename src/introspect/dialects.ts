/**
 * Providers that answer about a token in their own way instead of that of RFC 7662.
 *
 * @module
 */
import { isJsonObject, type JsonObject } from '../base/json.js'
import {
  INTROSPECTION_AUTHENTICATIONS,
  type IntrospectionAuthentication,
} from './authentication-methods.js'

/** Every dialect, the default first. */
export const INTROSPECTION_DIALECTS = ['rfc7662', 'google', 'github'] as const

export type IntrospectionDialect = (typeof INTROSPECTION_DIALECTS)[number]

/** Our client at the provider. */
interface DialectClient {
  readonly clientId: string
  readonly clientSecret?: string | undefined
}

/** The answer of a provider. */
interface DialectAnswer {
  readonly status: number
  readonly body: JsonObject
}

/** How to ask a provider, and what its answers mean. */
export interface Dialect {
  /** How it wants us to authenticate. */
  readonly authentication: IntrospectionAuthentication
  /** The URL that is asked, unless another one is configured. */
  urlFor(clientId: string): string
  request(token: string, client: DialectClient): RequestInit
  /** Whether the answer says that the token is not active. */
  isInactive(answer: DialectAnswer): boolean
  /**
   * The members of a successful answer, by the names of RFC 7662 §2.2. None of them holds the token.
   *
   * @returns `undefined` for a body that the provider does not send
   */
  toClaims(body: JsonObject): JsonObject | undefined
}

/** Without the members that are `undefined`. */
function defined(claims: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
}

/**
 * Google's `tokeninfo`. Its `aud` is the client that got the token. Numbers come as texts, and
 * nobody has to authenticate.
 */
const GOOGLE: Dialect = {
  authentication: 'none',
  urlFor: () => 'https://oauth2.googleapis.com/tokeninfo',
  request: (token) => ({ method: 'POST', body: new URLSearchParams({ access_token: token }) }),
  isInactive: ({ status, body }) =>
    status === 400 &&
    (body['error'] === 'invalid_token' || body['error_description'] === 'Invalid Value'),
  toClaims({ aud, azp, sub, scope, exp, email, email_verified: isVerified }) {
    const end = typeof exp === 'string' && /^\d+$/.test(exp) ? Number(exp) : exp
    const address = { email, email_verified: isVerified }
    return defined({ active: true, aud, client_id: azp ?? aud, sub, scope, exp: end, ...address })
  },
}

/** `Basic` of RFC 7617 for values of ASCII, as GitHub's ids and secrets are. */
function basic({ clientId, clientSecret = '' }: DialectClient): string {
  return `Basic ${btoa(`${clientId}:${clientSecret}`)}`
}

function objectIn(body: JsonObject, name: string): JsonObject {
  const value = body[name]
  return isJsonObject(value) ? value : {}
}

/** As GitHub writes it. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/

/** Seconds of a time. Anything else stays, and is refused later. */
function secondsOf(time: unknown): unknown {
  if (time === null || time === undefined) return undefined
  const isTime = typeof time === 'string' && TIME.test(time)
  const milliseconds = isTime ? Date.parse(time) : Number.NaN
  return Number.isNaN(milliseconds) ? time : Math.floor(milliseconds / 1000)
}

/**
 * GitHub's "check a token" of an OAuth app. It answers only about tokens of that app, which is
 * their audience. The answer repeats the token, so only single members are taken.
 */
const GITHUB: Dialect = {
  authentication: 'client_secret_basic',
  urlFor: (clientId) => `https://api.github.com/applications/${encodeURIComponent(clientId)}/token`,
  request: (token, client) => ({
    method: 'POST',
    headers: {
      Authorization: basic(client),
      Accept: 'application/vnd.github+json',
      'Content-Type': 'application/json',
      'User-Agent': 'mcp-gatehouse',
    },
    body: JSON.stringify({ access_token: token }),
  }),
  isInactive: ({ status }) => status === 404 || status === 422,
  toClaims(body) {
    const { client_id: client } = objectIn(body, 'app')
    const { id, login: username } = objectIn(body, 'user')
    const { scopes } = body
    const scope = Array.isArray(scopes) ? scopes.join(' ') : undefined
    // A token of the app itself has no person.
    if ((body['user'] ?? undefined) === undefined) return { active: false }
    // Names change hands; the number of an account does not. Without it, the answer is unusable.
    if (!Number.isSafeInteger(id)) return undefined
    const sub = String(id)
    const exp = secondsOf(body['expires_at'])
    return defined({ active: true, aud: client, client_id: client, sub, username, scope, exp })
  },
}

const DIALECTS: Readonly<Record<IntrospectionDialect, Dialect | undefined>> = {
  rfc7662: undefined,
  google: GOOGLE,
  github: GITHUB,
}

/** How we authenticate if nothing else is configured. */
export function authenticationFor(name: IntrospectionDialect): IntrospectionAuthentication {
  return DIALECTS[name]?.authentication ?? INTROSPECTION_AUTHENTICATIONS[0]
}

/** @returns `undefined` for RFC 7662 itself */
export function dialectOf(name: IntrospectionDialect): Dialect | undefined {
  return DIALECTS[name]
}
