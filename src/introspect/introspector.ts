/**
 * Introspects one token at the authorization server (RFC 7662) with openid-client.
 *
 * @module
 */
import { AuthorizationServerError, quoted } from '../errors.js'
import {
  FetchFault,
  isBeforeWriting,
  networkReason,
  readText,
  unlessAborted,
} from '../base/http.js'
import type { JsonObject } from '../base/json.js'
import { isModest, parseObject, readAnswer, type NoAnswer } from './http-answer.js'
import type { ClientCredentials } from './client-authentication.js'
import type { Dialect } from './dialects.js'

export interface IntrospectorOptions extends ClientCredentials {
  readonly issuer: string
  readonly clientId: string
  /** Returns the introspection endpoint. Called before every call, so it may use discovery. */
  readonly endpoint: (signal: AbortSignal) => Promise<string>
  readonly fetch: typeof fetch
  /** `undefined`: RFC 7662. */
  readonly dialect: Dialect | undefined
  /** Milliseconds for one call. */
  readonly timeout: number
}

/** The error of a failed call, kept apart from openid-client's wrapping. */
class IntrospectionFault extends Error {
  readonly no: NoAnswer
  readonly wasWritten: boolean

  constructor(no: NoAnswer, wasWritten = true) {
    super(no.said)
    this.no = no
    this.wasWritten = wasWritten
  }
}

function unavailable(said: string, wasWritten = true): IntrospectionFault {
  const code = 'ERR_INTROSPECTION_UNAVAILABLE'
  return new IntrospectionFault({ code, said, retryAfter: undefined, passes: true }, wasWritten)
}

/** Why there is no answer about a token. */
export class IntrospectionFailure extends Error {
  /** It happens to every token. */
  readonly error: AuthorizationServerError
  /** It happens to this token, while others are answered. */
  readonly alone: AuthorizationServerError
  /** Whether it may pass in a moment. */
  readonly passes: boolean
  /** Whether the endpoint may have seen the token: only then can the token be at fault. */
  readonly wasWritten: boolean

  constructor(
    error: AuthorizationServerError,
    alone: AuthorizationServerError,
    { passes, wasWritten }: Pick<IntrospectionFailure, 'passes' | 'wasWritten'>,
  ) {
    super(error.message)
    this.error = error
    this.alone = alone
    this.passes = passes
    this.wasWritten = wasWritten
  }
}

const BEARER = /^bearer /i

/** Finds our own error inside openid-client's wrapping. */
function innermost(error: unknown): IntrospectionFault | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof IntrospectionFault) return cause
  }
  return undefined
}

/** What openid-client needs, loaded by the first introspected token: most servers never see one. */
async function load(credentials: ClientCredentials) {
  const [client, { createClientAuthentication }] = await Promise.all([
    import('openid-client'),
    import('./client-authentication.js'),
  ])
  return { client, credentials, authentication: await createClientAuthentication(credentials) }
}

export class Introspector {
  readonly #options: IntrospectorOptions
  #credentials: ClientCredentials
  /** Not its promise: that of another request may never settle. */
  #loaded: Awaited<ReturnType<typeof load>> | undefined

  constructor(options: IntrospectorOptions) {
    this.#options = options
    this.#credentials = options
  }

  /** Uses them from the next call on. */
  replaceCredentials(credentials: ClientCredentials): void {
    this.#credentials = credentials
  }

  /**
   * Asks. Nothing is remembered here.
   *
   * @throws {IntrospectionFailure} with `ERR_INTROSPECTION_UNAVAILABLE`,
   *   `ERR_INTROSPECTION_CLIENT_REJECTED` or `ERR_DISCOVERY_FAILED`; never with the token in it
   */
  async introspect(token: string): Promise<JsonObject> {
    const { timeout, endpoint, dialect } = this.#options
    // Not AbortSignal.timeout(): its timer does not keep a process alive that waits for this.
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(new Error('timeout')), timeout)
    try {
      const url = await endpoint(limit.signal)
      const claims =
        dialect === undefined
          ? await this.#ask(token, url, limit.signal)
          : await this.#askInDialect(dialect, token, url, limit.signal)
      if (!isModest(claims)) throw unavailable('answered with more than any real answer has')
      return claims
    } catch (error) {
      throw this.#failureOf(error)
    } finally {
      clearTimeout(timer)
    }
  }

  async #load(): Promise<Awaited<ReturnType<typeof load>>> {
    const credentials = this.#credentials
    const loaded = this.#loaded
    if (loaded?.credentials === credentials) return loaded
    return (this.#loaded = await load(credentials))
  }

  async #ask(token: string, endpoint: string, signal: AbortSignal): Promise<JsonObject> {
    const { issuer, clientId } = this.#options
    const { client, authentication } = await this.#load()
    const metadata = { issuer, introspection_endpoint: endpoint }
    const configuration = new client.Configuration(metadata, clientId, undefined, authentication)
    // Our own signal stops it.
    configuration.timeout = 0
    configuration[client.customFetch] = (url, init) => this.#fetch(url, init as RequestInit, signal)
    // The choice of the endpoint has already decided whether plain HTTP is allowed.
    client.allowInsecureRequests(configuration)
    return client.tokenIntrospection(configuration, token, { token_type_hint: 'access_token' })
  }

  async #askInDialect(
    dialect: Dialect,
    token: string,
    url: string,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const { clientId } = this.#options
    const { clientSecret } = this.#credentials
    const asked = dialect.request(token, { clientId, clientSecret })
    const { response, text } = await this.#receive(url, { ...asked, redirect: 'manual' }, signal)
    const { status, headers } = response
    const body = parseObject(text)
    if (dialect.isInactive({ status, body })) return { active: false }
    const retryAfter = headers.get('retry-after') ?? ''
    const read = readAnswer({ status, contentType: '', retryAfter, text, byBearer: true })
    const claims = read === 'success' ? dialect.toClaims(body) : undefined
    if (claims !== undefined) return claims
    if (typeof read === 'object') throw new IntrospectionFault(read)
    throw unavailable('answered as no provider of this dialect does')
  }

  /** The answer that openid-client gets: one that it understands. */
  async #fetch(url: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const { response, text } = await this.#receive(url, init, signal)
    const contentType = response.headers.get('content-type') ?? ''
    const read = readAnswer({
      status: response.status,
      contentType,
      retryAfter: response.headers.get('retry-after') ?? '',
      text,
      byBearer: BEARER.test(new Headers(init.headers).get('authorization') ?? ''),
    })
    if (read === 'inactive') return Response.json({ active: false })
    if (read !== 'success') throw new IntrospectionFault(read)
    return new Response(text, { headers: { 'content-type': contentType } })
  }

  async #receive(
    url: string,
    init: RequestInit,
    signal: AbortSignal,
  ): Promise<{ readonly response: Response; readonly text: string }> {
    try {
      const answer = this.#options.fetch(url, { ...init, signal })
      const response = await unlessAborted(answer, signal)
      return { response, text: await unlessAborted(readText(response), signal) }
    } catch (error) {
      if (error instanceof FetchFault) throw unavailable(error.message)
      if (signal.aborted) throw unavailable('did not answer in time')
      throw unavailable(networkReason(error), !isBeforeWriting(error))
    }
  }

  #failureOf(error: unknown): IntrospectionFailure {
    // A failure to find the endpoint has nothing to do with the token.
    if (error instanceof AuthorizationServerError) {
      return new IntrospectionFailure(error, error, { passes: true, wasWritten: false })
    }
    // Errors of openid-client can hold the request, and so the token.
    const fault = innermost(error)
    if (fault !== undefined) return this.#failure(fault)
    if (error instanceof TypeError && /private key/.test(error.message)) {
      return this.#failure(unavailable(`the client key ${error.message}`, false))
    }
    return this.#failure(
      unavailable('answered with something that is not an introspection response (RFC 7662 §2.2)'),
    )
  }

  #failure({ no, wasWritten }: IntrospectionFault): IntrospectionFailure {
    const { issuer } = this.#options
    const { code, said, meaning, retryAfter, passes } = no
    const message = `introspection at ${quoted(issuer)}: ${said}`
    const general = meaning === undefined ? message : `${message}: ${meaning}`
    const single = `${message}, for this token only`
    return new IntrospectionFailure(
      new AuthorizationServerError(code, issuer, general, retryAfter),
      new AuthorizationServerError('ERR_INTROSPECTION_UNAVAILABLE', issuer, single, retryAfter),
      { passes, wasWritten },
    )
  }
}
