/**
 * The requests that lead to an access token, made by openid-client: authorization code with PKCE
 * (RFC 7636), device (RFC 8628), refresh.
 *
 * @module
 */
import type * as openid from 'openid-client'
import { INTROSPECTION_AUTHENTICATIONS } from '../../introspect/authentication-methods.js'
import { FetchFault, networkReason, readText } from '../../base/http.js'
import { quoted } from '../../errors.js'
import type { AuthorizationServer } from './authorization-server.js'
import { Interrupted, CommandFault, withoutSecrets } from '../command-fault.js'
import type { Network } from './network.js'
import type { Client } from './registration.js'
import type { Resource } from './resource.js'

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Seconds. */
  readonly expiresIn: number | undefined
  /** What was granted, if the server says so. */
  readonly scope: string | undefined
}

/** One login by code, with the values that the answer must fit. */
export interface Attempt {
  readonly url: URL
  readonly state: string
  readonly verifier: string
}

/** Where a person enters which code. */
export interface DeviceLogin {
  readonly verificationUri: string
  readonly userCode: string
  /** Seconds. */
  readonly expiresIn: number
  readonly poll: (signal: AbortSignal) => Promise<Tokens>
}

/** The refresh token is no longer good: only a new login helps. */
export class RefreshRefused extends Error {}

/** What to do about the errors of RFC 6749, RFC 8628 and RFC 8707. */
const HINTS: Readonly<Record<string, string>> = {
  access_denied: 'the person refused, or the identity provider does not let them use this client',
  expired_token: 'the code was not entered in time: start again',
  invalid_client:
    'check --client-id and --client-secret-file; if a registered client is gone, --register registers a new one',
  invalid_grant: 'start again; if it happens again, compare the clocks and the redirect URI',
  invalid_scope:
    '--scope "A B" asks for other scopes; the identity provider must allow this client to ask for them',
  invalid_target:
    'the identity provider does not know the resource: its identifier there must be the one above, byte for byte',
  unauthorized_client: 'at the identity provider, allow this client the grant, and refresh tokens',
}
const OTHERWISE = 'the log of the identity provider says more'

/** The error about a value that a header field cannot carry shows that value. */
const SENDABLE = /^[\x21-\x7e]+$/

/** The library reads an answer to its end, wherever that is. */
async function fetchBounded(
  { fetch, limit }: Network,
  url: string,
  init: RequestInit,
): Promise<Response> {
  const response = await fetch(url, { ...init, signal: limit() })
  const text = await readText(response)
  const { status, headers } = response
  return new Response(text === '' ? undefined : text, { status, headers })
}

/** The authentication of a client with a secret: that of its registration, or the first that the server lists. */
function authenticationOf({ metadata }: AuthorizationServer, { secret, authentication }: Client) {
  if (secret === undefined) return 'none'
  const listed = metadata['token_endpoint_auth_methods_supported']
  const methods: readonly unknown[] = Array.isArray(listed) ? listed : ['client_secret_basic']
  const wanted = [authentication, 'client_secret_basic', 'client_secret_post']
  const known = INTROSPECTION_AUTHENTICATIONS.filter((each) => each.startsWith('client_secret_'))
  const usable = wanted.flatMap((each) => known.find((name) => name === each) ?? [])
  return usable.find((each) => methods.includes(each)) ?? 'client_secret_basic'
}

export class Grants {
  readonly #openid: typeof openid
  readonly #configuration: openid.Configuration
  readonly #server: AuthorizationServer
  readonly #resource: Resource
  readonly #network: Network
  readonly #secrets: (string | undefined)[]

  private constructor(
    library: typeof openid,
    configuration: openid.Configuration,
    server: AuthorizationServer,
    resource: Resource,
    network: Network,
    secret: string | undefined,
  ) {
    this.#openid = library
    this.#configuration = configuration
    this.#server = server
    this.#resource = resource
    this.#network = network
    this.#secrets = [secret]
  }

  static async create(
    server: AuthorizationServer,
    client: Client,
    resource: Resource,
    network: Network,
  ): Promise<Grants> {
    const [library, { createClientAuthentication }] = await Promise.all([
      import('openid-client'),
      import('../../introspect/client-authentication.js'),
    ])
    const { id, secret: clientSecret, idTokenAlgorithm } = client
    const authentication = authenticationOf(server, client)
    const configuration = new library.Configuration(
      server.metadata as openid.ServerMetadata,
      id,
      idTokenAlgorithm === undefined ? {} : { id_token_signed_response_alg: idTokenAlgorithm },
      await createClientAuthentication({ authentication, clientSecret }),
    )
    // Our own limit stops it.
    configuration.timeout = 0
    configuration[library.customFetch] = (url, init) =>
      fetchBounded(network, url, init as RequestInit)
    // The endpoints were checked when they were chosen.
    library.allowInsecureRequests(configuration)
    return new Grants(library, configuration, server, resource, network, clientSecret)
  }

  async begin(redirectUri: string, scopes: readonly string[]): Promise<Attempt> {
    this.#server.endpoint('authorization_endpoint')
    const verifier = this.#openid.randomPKCECodeVerifier()
    const state = this.#openid.randomState()
    const url = this.#openid.buildAuthorizationUrl(this.#configuration, {
      redirect_uri: redirectUri,
      code_challenge: await this.#openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      ...this.#wanted(scopes),
      // OpenID Connect Core §11: otherwise no refresh token is issued.
      ...(scopes.includes('offline_access') && { prompt: 'consent' }),
    })
    return { url, state, verifier }
  }

  /** Exchanges the code of the redirect, after it checks `state` and `iss` (RFC 9207). */
  exchange(returned: URL, { state, verifier }: Attempt): Promise<Tokens> {
    this.#server.endpoint('token_endpoint')
    this.#secrets.push(returned.searchParams.get('code') ?? undefined, verifier)
    return this.#tokens(
      this.#openid.authorizationCodeGrant(
        this.#configuration,
        returned,
        { pkceCodeVerifier: verifier, expectedState: state },
        { resource: this.#resource.identifier },
      ),
    )
  }

  /** @throws {RefreshRefused} when only a new login helps */
  async refresh(refreshToken: string): Promise<Tokens> {
    this.#server.endpoint('token_endpoint')
    this.#secrets.push(refreshToken)
    const { identifier: resource } = this.#resource
    const answer = this.#openid.refreshTokenGrant(this.#configuration, refreshToken, { resource })
    return this.#tokens(
      answer.catch((error: unknown) => {
        const isOver =
          error instanceof this.#openid.ResponseBodyError && error.error === 'invalid_grant'
        throw isOver ? new RefreshRefused() : error
      }),
    )
  }

  async beginDevice(scopes: readonly string[]): Promise<DeviceLogin> {
    this.#server.endpoint('device_authorization_endpoint')
    this.#server.endpoint('token_endpoint')
    const { identifier: resource } = this.#resource
    const begun = await this.#openid
      .initiateDeviceAuthorization(this.#configuration, this.#wanted(scopes))
      .catch((error: unknown) => {
        throw this.#faultOf(error)
      })
    this.#secrets.push(begun.device_code)
    return {
      verificationUri: begun.verification_uri,
      userCode: begun.user_code,
      expiresIn: begun.expires_in,
      poll: (signal) =>
        this.#tokens(
          this.#openid.pollDeviceAuthorizationGrant(
            this.#configuration,
            begun,
            { resource },
            { signal },
          ),
        ),
    }
  }

  #wanted(scopes: readonly string[]): Record<string, string> {
    return {
      resource: this.#resource.identifier,
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    }
  }

  async #tokens(answer: Promise<openid.TokenEndpointResponse>): Promise<Tokens> {
    const response = await answer.catch((error: unknown) => {
      throw this.#faultOf(error)
    })
    if (response.token_type.toLowerCase() !== 'bearer') {
      const type = quoted(response.token_type)
      const hint = 'switch off bound tokens (DPoP) for this client at the identity provider'
      throw new CommandFault(`the token endpoint issued a token of type ${type}, not Bearer`, hint)
    }
    if (!SENDABLE.test(response.access_token)) {
      const message = 'the token endpoint gave an access token that no request can carry'
      throw new CommandFault(message, 'a token has visible characters of ASCII, and nothing else')
    }
    return {
      accessToken: response.access_token,
      refreshToken: response.refresh_token,
      expiresIn: response.expires_in,
      scope: response.scope,
    }
  }

  /** The fault in our own words: the errors of the library hold codes and tokens. */
  #faultOf(error: unknown): Error {
    if (error instanceof RefreshRefused || error instanceof CommandFault) return error
    if (this.#network.signal.aborted) return new Interrupted()
    const { AuthorizationResponseError, ResponseBodyError } = this.#openid
    if (error instanceof AuthorizationResponseError) {
      return this.#refused('the identity provider refused the login', error)
    }
    if (error instanceof ResponseBodyError) {
      return this.#refused(`the token endpoint answered ${error.status}`, error)
    }
    if (error instanceof this.#openid.WWWAuthenticateChallengeError) {
      const message = `the token endpoint answered ${error.status}: it does not accept the client`
      return new CommandFault(message, HINTS['invalid_client'] ?? OTHERWISE)
    }
    return this.#strange(error)
  }

  #refused(
    what: string,
    {
      error,
      error_description: description,
    }: Pick<openid.ResponseBodyError, 'error' | 'error_description'>,
  ): CommandFault {
    const said = [error, description].filter((each) => each !== undefined).join(': ')
    const shown = quoted(withoutSecrets(said, this.#secrets), 300)
    const aboutRedirect = /redirect.?uri/i.test(said)
      ? 'the identity provider must allow the redirect URI above; --redirect-port NUMBER fixes its port'
      : undefined
    return new CommandFault(`${what}: ${shown}`, aboutRedirect ?? HINTS[error] ?? OTHERWISE)
  }

  #strange(error: unknown): CommandFault {
    const { issuer } = this.#server
    if (error instanceof this.#openid.ClientError) {
      // Its messages are fixed texts about what the answer lacks.
      const { message } = error.cause instanceof Error ? error.cause : error
      if (error.cause instanceof FetchFault) {
        return new CommandFault(`the token endpoint ${message}`, OTHERWISE)
      }
      const hint = message.includes('"iss"')
        ? 'another server answered, or the identity provider uses two names for itself (RFC 9207)'
        : OTHERWISE
      return new CommandFault(
        `the answer is not valid for ${issuer}: ${quoted(message, 200)}`,
        hint,
      )
    }
    const reason = withoutSecrets(networkReason(error), this.#secrets)
    return new CommandFault(`the token endpoint ${reason}`, OTHERWISE)
  }
}
