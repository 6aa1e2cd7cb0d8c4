/**
 * Asking the authorization server about one token: RFC 7662, over openid-client.
 *
 * @module
 */
import { AuthorizationServerError, quoted, type AuthorizationServerErrorCode } from '../errors.js'
import { FetchFault, networkReason, readText, unlessAborted } from '../http.js'
import { isJsonObject, type JsonObject } from '../json.js'
import type { ClientCredentials } from './client-authentication.js'

export interface IntrospectorOptions extends ClientCredentials {
  readonly issuer: string
  readonly clientId: string
  /** The introspection endpoint; asked for before every call, so it may look it up. */
  readonly endpoint: (signal: AbortSignal) => Promise<string>
  readonly fetch: typeof fetch
  /** Milliseconds for one call. */
  readonly timeout: number
}

/** What a call can fail with, kept apart from what openid-client makes of it. */
class IntrospectionFault extends Error {
  readonly code: AuthorizationServerErrorCode
  readonly retryAfter: number | undefined

  constructor(code: AuthorizationServerErrorCode, reason: string, retryAfter?: number) {
    super(reason)
    this.code = code
    this.retryAfter = retryAfter
  }
}

/** Codes of RFC 6749 §5.2 that are about us and not about the token. */
const REJECTIONS = new Set(['invalid_client', 'unauthorized_client', 'request_unauthorized'])

/** Seconds of `Retry-After`; as a date it is not worth a parser. */
function retryAfterOf(response: Response): number | undefined {
  const text = response.headers.get('retry-after') ?? ''
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}

function errorOf(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return isJsonObject(body) && typeof body['error'] === 'string' ? body['error'] : undefined
  } catch {
    return undefined
  }
}

/** Everything but 200 with JSON is a fault: ours when our credentials are refused, else the server's. */
function faultOf(response: Response, text: string): IntrospectionFault | undefined {
  const { status } = response
  const type = response.headers.get('content-type') ?? ''
  if (status === 200) {
    if (!/^application\/token-introspection\+jwt\b/i.test(type)) return undefined
    return new IntrospectionFault(
      'ERR_INTROSPECTION_UNAVAILABLE',
      'answered a signed JWT (RFC 9701), and plain JSON was asked for: let the provider sign no introspection answers for this client (Authelia: introspection_signed_response_alg none)',
    )
  }
  const error = errorOf(text)
  const said = error === undefined ? '' : ` ${quoted(error, 60)}`
  if (status === 401 || status === 403 || (status === 400 && REJECTIONS.has(error ?? ''))) {
    return new IntrospectionFault(
      'ERR_INTROSPECTION_CLIENT_REJECTED',
      `answered ${status}${said}: the client id or its credentials are not accepted there`,
    )
  }
  const redirected = status === 0 || (status >= 300 && status < 400)
  return new IntrospectionFault(
    'ERR_INTROSPECTION_UNAVAILABLE',
    redirected ? 'answered a redirect, which is not followed' : `answered ${status}${said}`,
    retryAfterOf(response),
  )
}

/** Finds our own fault below what openid-client wrapped around it. */
function innermost(error: unknown): IntrospectionFault | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof IntrospectionFault) return cause
  }
  return undefined
}

/**
 * Makes a function that asks. Nothing is remembered here.
 *
 * @returns a function that throws {AuthorizationServerError} `ERR_INTROSPECTION_UNAVAILABLE`,
 *   `ERR_INTROSPECTION_CLIENT_REJECTED` or `ERR_DISCOVERY_FAILED`; never with the token in it
 */
export function createIntrospector(
  options: IntrospectorOptions,
): (token: string) => Promise<JsonObject> {
  const { issuer, clientId, timeout } = options

  function failure({ code, message, retryAfter }: IntrospectionFault): AuthorizationServerError {
    const reason = `introspection at ${quoted(issuer)}: ${message}`
    return new AuthorizationServerError(code, issuer, reason, retryAfter)
  }

  async function guardedFetch(url: string, init: RequestInit): Promise<Response> {
    let response: Response
    let text: string
    try {
      const signal = init.signal ?? new AbortController().signal
      response = await unlessAborted(options.fetch(url, init), signal)
      text = await unlessAborted(readText(response), signal)
    } catch (error) {
      if (error instanceof FetchFault) {
        throw new IntrospectionFault('ERR_INTROSPECTION_UNAVAILABLE', error.message)
      }
      const reason = init.signal?.aborted === true ? 'did not answer in time' : networkReason(error)
      throw new IntrospectionFault('ERR_INTROSPECTION_UNAVAILABLE', reason)
    }
    const fault = faultOf(response, text)
    if (fault !== undefined) throw fault
    return new Response(text, {
      headers: { 'content-type': response.headers.get('content-type') ?? '' },
    })
  }

  /** Loaded by the first token that is asked about: most servers never see one. */
  async function load() {
    const [client, { createClientAuthentication }] = await Promise.all([
      import('openid-client'),
      import('./client-authentication.js'),
    ])
    return { client, authentication: await createClientAuthentication(options) }
  }
  let loading: ReturnType<typeof load> | undefined

  return async function introspect(token) {
    const signal = AbortSignal.timeout(timeout)
    const endpoint = await options.endpoint(signal)
    try {
      loading ??= load()
      const { client, authentication } = await loading
      const metadata = { issuer, introspection_endpoint: endpoint }
      const configuration = new client.Configuration(metadata, clientId, undefined, authentication)
      configuration.timeout = timeout / 1000
      configuration[client.customFetch] = (url, init) => guardedFetch(url, init as RequestInit)
      // Whether plain HTTP may be used there was decided where the endpoint was chosen.
      client.allowInsecureRequests(configuration)
      return await client.tokenIntrospection(configuration, token, {
        token_type_hint: 'access_token',
      })
    } catch (error) {
      // Whatever openid-client throws can hold the request, and so the token.
      const fault = innermost(error)
      throw failure(
        fault ??
          new IntrospectionFault(
            'ERR_INTROSPECTION_UNAVAILABLE',
            error instanceof TypeError && /private key/.test(error.message)
              ? `the client key ${error.message}`
              : 'answered something that is no introspection answer (RFC 7662 §2.2)',
          ),
      )
    }
  }
}
