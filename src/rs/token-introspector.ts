/**
 * The introspector of one authorization server: its metadata, the calls, and the memory of answers put together.
 *
 * @module
 */
import type { JWK } from 'jose'
import {
  discoverAuthorizationServer,
  isReachableUrl,
  isTrustworthyEndpoint,
} from '../discovery/authorization-server.js'
import { createSteadyClock } from '../base/steady-clock.js'
import {
  AuthorizationServerError,
  ConfigurationError,
  type ConfigurationProblem,
} from '../errors.js'
import { createEmit, type EventListener } from '../events.js'
import { parseHttpUrl } from '../base/http.js'
import { createCachedIntrospector } from '../introspect/cached-introspector.js'
import {
  INTROSPECTION_AUTHENTICATIONS,
  type IntrospectionAuthentication,
} from '../introspect/authentication-methods.js'
import { createIntrospector } from '../introspect/introspector.js'
import { isolatesRequests } from '../base/runtime.js'
import type { Runtime, TokenIntrospector } from '../types.js'

export interface TokenIntrospectorOptions extends Pick<Runtime, 'now' | 'fetch'> {
  /** The issuer, as in the options of the resource server. */
  readonly issuer: string
  /** Our own client at the authorization server. */
  readonly clientId: string
  /** How it proves who it is. Default `client_secret_basic`. */
  readonly authentication?: IntrospectionAuthentication
  readonly clientSecret?: string
  /** For `private_key_jwt`: PEM (PKCS #8) or a JWK. */
  readonly clientKey?: string | JWK
  /** Where the endpoint is, when not where the metadata says. */
  readonly introspectionUrl?: string
  /** Where the metadata is, when not at the well-known places of the issuer. */
  readonly discoveryUrl?: string
  /** Seconds for which an answer is used again. Default 30; 0 asks on every request. */
  readonly cache?: number
  /** Calls at once; half of them at most for tokens that were never found active. Default 20. */
  readonly concurrency?: number
  /** Seconds that a request waits out a momentary fault, and waits for an answer, but then 1 at least. Default 3. */
  readonly wait?: number
  /** Host names that may be reached without TLS. Loopback hosts may always. */
  readonly allowHttp?: readonly string[]
  /** Receives what happens, without tokens. */
  readonly onEvent?: EventListener
}

/** Milliseconds for one call, and no more than a request waits. */
const TIMEOUT = 5_000
const SHORTEST_TIMEOUT = 1_000
/** How long the endpoint found by discovery is believed. */
const DISCOVERY_MAX_AGE = 3_600_000

function problemsOf(options: TokenIntrospectorOptions): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const problem = (path: string, message: string, hint: string) => {
    problems.push({ path, message, hint })
  }
  const { authentication = 'client_secret_basic', allowHttp = [] } = options
  for (const name of ['issuer', 'introspectionUrl', 'discoveryUrl'] as const) {
    const value = options[name]
    if (value === undefined && name !== 'issuer') continue
    const url = parseHttpUrl(value)
    if (url === undefined)
      problem(name, 'must be an absolute https URL', 'copy it from the provider')
    else if (!isReachableUrl(url, allowHttp)) {
      problem(
        name,
        'must be https',
        `or name ${url.hostname} in allowHttp if its network is yours alone`,
      )
    }
  }
  if (typeof options.clientId !== 'string' || options.clientId === '') {
    problem('clientId', 'is missing', 'the client of this resource server at the provider')
  }
  if (!INTROSPECTION_AUTHENTICATIONS.includes(authentication)) {
    const hint = `choose from ${INTROSPECTION_AUTHENTICATIONS.join(', ')}`
    problem('authentication', 'is no method', hint)
  }
  const isSecret = authentication.startsWith('client_secret')
  if (isSecret && (options.clientSecret ?? '') === '') {
    problem('clientSecret', 'is missing', `${authentication} needs it`)
  }
  if (authentication === 'private_key_jwt' && options.clientKey === undefined) {
    problem('clientKey', 'is missing', 'private_key_jwt needs it')
  }
  const numbers = { cache: [30, 0, 300], concurrency: [20, 1, 1000], wait: [3, 0, 60] } as const
  for (const [name, [fallback, min, max]] of Object.entries(numbers)) {
    const value = options[name as keyof typeof numbers] ?? fallback
    if (typeof value === 'number' && value >= min && value <= max) continue
    problem(name, `must be a number from ${min} to ${max}`, `the default is ${fallback}`)
  }
  return problems
}

/**
 * Makes what {@link createResourceServer} takes as `introspector` of an issuer. It contacts nobody before the
 * first token.
 *
 * @throws {ConfigurationError} with every problem of the options
 *
 * @example
 * ```ts
 * import { createResourceServer } from 'mcp-gatehouse'
 * import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
 *
 * const issuer = 'https://auth.example.com'
 * const resourceServer = createResourceServer({
 *   resource: 'https://mcp.example.com/mcp',
 *   authorizationServers: {
 *     issuer,
 *     introspector: createTokenIntrospector({ issuer, clientId: 'mcp-rs', clientSecret: 'from a file' }),
 *   },
 * })
 * ```
 */
export function createTokenIntrospector(options: TokenIntrospectorOptions): TokenIntrospector {
  const problems = problemsOf(options)
  if (problems.length > 0) throw new ConfigurationError(problems)
  const { issuer, introspectionUrl, discoveryUrl, allowHttp = [] } = options
  const now = options.now ?? Date.now
  const wait = (options.wait ?? 3) * 1000
  const fetchFunction = options.fetch ?? ((url, init) => fetch(url, init))
  let discovered: { readonly url: string; readonly at: number } | undefined
  const steadyNow = createSteadyClock(now, () => {
    discovered = undefined
  })

  async function endpoint(signal: AbortSignal): Promise<string> {
    if (introspectionUrl !== undefined) return introspectionUrl
    const at = steadyNow()
    if (discovered !== undefined && at - discovered.at < DISCOVERY_MAX_AGE) return discovered.url
    const metadata = await discoverAuthorizationServer(issuer, {
      discoveryUrl,
      allowHttp,
      fetch: fetchFunction,
      signal,
    })
    const url = metadata['introspection_endpoint']
    if (!isTrustworthyEndpoint(url, issuer, allowHttp)) {
      throw new AuthorizationServerError(
        'ERR_INTROSPECTION_UNAVAILABLE',
        issuer,
        `metadata of ${issuer} names no introspection_endpoint with https: this provider has none, or it must be configured`,
      )
    }
    discovered = { url, at: steadyNow() }
    return url
  }

  return createCachedIntrospector({
    issuer,
    introspect: createIntrospector({
      issuer,
      clientId: options.clientId,
      authentication: options.authentication ?? 'client_secret_basic',
      clientSecret: options.clientSecret,
      clientKey: options.clientKey,
      endpoint,
      fetch: fetchFunction,
      timeout: Math.min(TIMEOUT, Math.max(wait, SHORTEST_TIMEOUT)),
    }),
    cacheFor: (options.cache ?? 30) * 1000,
    concurrency: options.concurrency ?? 20,
    wait,
    now,
    emit: createEmit(options.onEvent),
    isolated: isolatesRequests(),
  })
}
