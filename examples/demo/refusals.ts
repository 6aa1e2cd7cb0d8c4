/**
 * Who stays outside, and what they are told: the answer says little, the operator's log says why.
 */
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import type { RequestDenied } from 'mcp-gatehouse'
import type { Idp } from './idp.js'
import type { Report } from './say.js'
import { obtainTokens } from './tokens.js'

/** Of a resource that is not ours. */
export const OTHER_SCOPE = 'calendar:read'

export interface Attempt {
  readonly title: string
  readonly spec: string
  /** Values of the Authorization field; several make several fields. */
  readonly authorization: readonly string[]
  readonly query?: string
  readonly status: number
  /** In the challenge; `undefined` when there must be none. */
  readonly error: string | undefined
  /** In the log. */
  readonly code: RequestDenied['code']
}

/** The same signature under other claims. */
function tamper(token: string, claims: JWTPayload): string {
  const [header, , signature] = token.split('.')
  const payload = Buffer.from(JSON.stringify({ ...decodeJwt(token), ...claims }))
  return `${header}.${payload.toString('base64url')}.${signature}`
}

/** The same header and claims under a key that is not the IdP's. */
async function resign(token: string): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256')
  return new SignJWT(decodeJwt(token))
    .setProtectedHeader({ ...decodeProtectedHeader(token), alg: 'ES256' })
    .sign(privateKey)
}

/** Everything that must not get in. `token` would. */
export async function refusedAttempts(idp: Idp, token: string): Promise<readonly Attempt[]> {
  const other = 'https://calendar.example.com/mcp'
  idp.resources.set(other, { scope: OTHER_SCOPE })
  const elsewhere = await obtainTokens(idp.issuer, {
    resource: other,
    scope: `openid ${OTHER_SCOPE}`,
  })
  const hourAgo = Math.floor(Date.now() / 1000) - 3600
  const expired = await idp.sign({ ...decodeJwt(token), iat: hourAgo - 300, exp: hourAgo })
  const invalid = { status: 401, error: 'invalid_token' }
  const bearer = (text: string | undefined): string[] => [`Bearer ${text}`]
  return [
    {
      title: 'No token at all',
      spec: 'RFC 6750 §3.1: no error is named then',
      authorization: [],
      status: 401,
      error: undefined,
      code: 'ERR_CREDENTIALS_MISSING',
    },
    {
      title: 'A good token of the same provider, but for another server',
      spec: 'RFC 8707, RFC 9068 §4',
      authorization: bearer(elsewhere.access_token),
      ...invalid,
      code: 'ERR_TOKEN_AUDIENCE',
    },
    {
      title: 'A token that expired an hour ago',
      spec: 'RFC 7519 §4.1.4',
      authorization: bearer(expired),
      ...invalid,
      code: 'ERR_TOKEN_EXPIRED',
    },
    {
      title: 'A good token, with the subject changed to "admin" under its signature',
      spec: 'RFC 7515 §5.2',
      authorization: bearer(tamper(token, { sub: 'admin' })),
      ...invalid,
      code: 'ERR_TOKEN_SIGNATURE',
    },
    {
      title: "The same claims, signed with a stranger's key under the provider's key id",
      spec: 'RFC 7515 §5.2',
      authorization: bearer(await resign(token)),
      ...invalid,
      code: 'ERR_TOKEN_SIGNATURE',
    },
    {
      title: 'An ID token of the same provider, which is for clients to read',
      spec: 'RFC 8725 §3.12',
      authorization: bearer(elsewhere.id_token),
      ...invalid,
      code: 'ERR_TOKEN_TYPE',
    },
    {
      title: 'Two credentials in one request',
      spec: 'RFC 6750 §3.1',
      authorization: [...bearer(token), ...bearer(expired)],
      status: 400,
      error: 'invalid_request',
      code: 'ERR_CREDENTIALS_MULTIPLE',
    },
    {
      title: 'The good token in the query, where logs and histories keep it: not looked at',
      spec: 'OAuth 2.1 §5.1',
      authorization: [],
      query: `?access_token=${token}`,
      status: 401,
      error: undefined,
      code: 'ERR_CREDENTIALS_MISSING',
    },
  ]
}

const BODY = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })

/** Without the parts that every challenge has, which the first step shows. */
function errorIn(challenge: string): string {
  return challenge.replace(/^Bearer /, '').replace(/, resource_metadata=.*/, '')
}

/** Tries them. `denials` is what the server logs meanwhile. */
export async function refuse(
  url: string,
  attempts: readonly Attempt[],
  denials: readonly RequestDenied[],
  report: Report,
): Promise<void> {
  for (const { title, spec, authorization, query = '', status, error, code } of attempts) {
    const headers = new Headers({
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    })
    for (const value of authorization) headers.append('authorization', value)
    const response = await fetch(`${url}${query}`, { method: 'POST', headers, body: BODY })
    const challenge = response.headers.get('www-authenticate') ?? ''
    const body = await response.text()
    const requestId = response.headers.get('x-request-id')
    const denial = denials.find((event) => event.requestId === requestId)
    report.step({
      title,
      spec,
      lines: [
        `← ${response.status}  ${error === undefined ? body : errorIn(challenge)}`,
        `  log: ${denial?.code}: ${denial?.reason}`,
      ],
      expect: {
        [`the status ${status}`]: response.status === status,
        [error === undefined ? 'no error in the challenge' : `error="${error}"`]:
          error === undefined
            ? challenge !== '' && !challenge.includes('error=')
            : challenge.includes(`error="${error}"`),
        [`${code} in the log`]: denial?.code === code,
      },
    })
  }
}
