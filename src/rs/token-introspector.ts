/**
 * The introspector of one authorization server: it combines metadata, calls and the cache of
 * answers.
 *
 * @module
 */
import { settingsOf } from '../base/option-checker.js'
import { isolatesRequests } from '../base/runtime.js'
import { createSteadyClock } from '../base/steady-clock.js'
import { findMetadata } from '../discovery/authorization-server.js'
import { emitterFor } from './log-events.js'
import { CachedIntrospector } from '../introspect/cached-introspector.js'
import { dialectOf } from '../introspect/dialects.js'
import { Introspector } from '../introspect/introspector.js'
import { ConfigurationError } from '../errors.js'
import { KEY_FORMS } from '../introspect/private-key.js'
import type { ClientCredentials } from '../introspect/client-authentication.js'
import { ProviderClock } from '../base/provider-clock.js'
import type { TokenIntrospector } from '../types.js'
import { checkTokenIntrospector, type TokenIntrospectorOptions } from './introspector-settings.js'

/** Milliseconds for one call: no longer than a request waits. */
const TIMEOUT = 5_000
const SHORTEST_TIMEOUT = 1_000
/** How long the discovered endpoint is used. */
const DISCOVERY_MAX_AGE = 3_600_000

/** An introspector that uses a client of our own, whose credentials can be replaced. */
export interface ClientIntrospector extends TokenIntrospector {
  /**
   * Uses other credentials from the next call on, for example after their file has changed. What is
   * left out stays. If the server refuses the new ones, they are not tried again before this is
   * called again, if only with the same ones: some servers lock a client after several refusals.
   *
   * @throws {ConfigurationError} if they cannot be used; then the old ones stay
   */
  replaceCredentials(
    credentials: Pick<TokenIntrospectorOptions, 'clientSecret' | 'clientKey'>,
  ): Promise<void>
}

/** @throws {ConfigurationError} */
async function checkedCredentials(options: TokenIntrospectorOptions): Promise<ClientCredentials> {
  const checked = settingsOf(checkTokenIntrospector(options))
  const { authentication, clientSecret, clientKey, clientKeyId } = checked
  const credentials = { authentication, clientSecret, clientKey, clientKeyId }
  const { credentialsFault } = await import('../introspect/client-authentication.js')
  const message = await credentialsFault(credentials)
  if (message === undefined) return credentials
  const hint = KEY_FORMS
  throw new ConfigurationError([{ path: 'clientKey', message, hint }])
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
export function createTokenIntrospector(options: TokenIntrospectorOptions): ClientIntrospector {
  const settings = settingsOf(checkTokenIntrospector(options))
  const { issuer, introspectionUrl, discoveryUrl, allowHttp, wait } = settings
  const dialect = dialectOf(settings.dialect)
  const fixedUrl = introspectionUrl ?? dialect?.urlFor(settings.clientId)
  const now = options.now ?? Date.now
  const fetchFunction = options.fetch ?? ((url, init) => fetch(url, init))
  let discovered: { readonly url: string; readonly at: number } | undefined
  const steadyNow = createSteadyClock(now, () => {
    discovered = undefined
  })

  const timeout = Math.min(TIMEOUT, Math.max(wait, SHORTEST_TIMEOUT))

  async function endpoint(signal: AbortSignal): Promise<string> {
    if (fixedUrl !== undefined) return fixedUrl
    const at = steadyNow()
    if (discovered !== undefined && at - discovered.at < DISCOVERY_MAX_AGE) return discovered.url
    const options = { discoveryUrl, allowHttp, fetch: fetchFunction, signal, timeout }
    const { introspection_endpoint: url } = await findMetadata(
      issuer,
      options,
      'introspection_endpoint',
    )
    discovered = { url, at: steadyNow() }
    return url
  }

  const clock = new ProviderClock(now)
  let given = options
  const introspector = new Introspector({
    ...settings,
    dialect,
    endpoint,
    fetch: clock.observe(fetchFunction),
    timeout,
  })
  const cached = new CachedIntrospector({
    issuer,
    clock,
    introspect: (token) => introspector.introspect(token),
    cacheFor: settings.cacheFor,
    concurrency: settings.concurrency,
    wait,
    now,
    emit: emitterFor(options.onEvent),
    isolated: isolatesRequests(),
    store: settings.store,
    namespace: JSON.stringify([issuer, introspectionUrl, settings.clientId]),
  })
  return {
    introspect: (token) => cached.introspect(token),
    status: () => cached.status(),
    ...(dialect !== undefined && { opensProvider: true }),
    async replaceCredentials(credentials) {
      const replaced = { ...given, ...credentials }
      introspector.replaceCredentials(await checkedCredentials(replaced))
      given = replaced
      cached.credentialsReplaced()
    },
  }
}
