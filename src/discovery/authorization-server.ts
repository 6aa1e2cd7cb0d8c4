/**
 * Metadata of the authorization server: RFC 8414 and OpenID Connect Discovery, in the forms that
 * the MCP authorization specification requires.
 *
 * @module
 */
import { AuthorizationServerError, quoted } from '../errors.js'
import { FetchFault, fetchDocument, isLoopbackHost, parseHttpUrl } from '../base/http.js'
import type { JsonObject } from '../base/json.js'

/** The members that we read, along with everything else that the server published. */
export interface AuthorizationServerMetadata extends JsonObject {
  readonly issuer: string
  readonly jwks_uri?: string
}

export interface DiscoverAuthorizationServerOptions {
  /**
   * Read this URL in place of the well-known ones; the document must still name the issuer exactly.
   */
  readonly discoveryUrl?: string | undefined
  /** Host names that may be reached without TLS. Loopback hosts always may. */
  readonly allowHttp?: readonly string[] | undefined
  readonly fetch?: typeof fetch | undefined
  /** Milliseconds for all attempts together. Default 5000. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Whether the operator's own URL may be used: TLS, or a host where plain HTTP is tolerated. */
export function isReachableUrl(url: URL, allowHttp: readonly string[] = []): boolean {
  return (
    url.protocol === 'https:' || isLoopbackHost(url.hostname) || allowHttp.includes(url.hostname)
  )
}

/**
 * The well-known URLs of an issuer in the order to try: three with a path, two without (RFC 8414
 * §3.1, OpenID Connect Discovery §4, MCP authorization).
 */
export function authorizationServerMetadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const urls = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ]
  if (path !== '') urls.push(`${origin}${path}/.well-known/openid-configuration`)
  return urls
}

/**
 * A URL that a metadata document names. The document may not lower the transport: plain HTTP only
 * where the operator allowed that host, or between loopback hosts.
 */
export function isTrustworthyEndpoint(
  value: unknown,
  issuer: string,
  allowHttp: readonly string[] = [],
): value is string {
  const url = parseHttpUrl(value)
  if (url === undefined || url.username !== '' || url.password !== '') return false
  if (url.protocol === 'https:' || allowHttp.includes(url.hostname)) return true
  return isLoopbackHost(url.hostname) && isLoopbackHost(new URL(issuer).hostname)
}

/**
 * Finds and checks the metadata of an issuer.
 *
 * The document must contain the issuer byte for byte (RFC 8414 §3.3); a document of another issuer is
 * not used, whatever else it says. Nothing is cached here.
 *
 * @throws {AuthorizationServerError} `ERR_DISCOVERY_FAILED`, with what every URL answered
 *
 * @example
 * ```ts
 * import { discoverAuthorizationServer } from 'mcp-gatehouse'
 *
 * const metadata = await discoverAuthorizationServer('https://sso.example.com/realms/mcp')
 * console.log(metadata.jwks_uri)
 * ```
 */
export function discoverAuthorizationServer(
  issuer: string,
  options: DiscoverAuthorizationServerOptions = {},
): Promise<AuthorizationServerMetadata> {
  return findMetadata(issuer, options)
}

/**
 * The same for a caller that needs one member: a document without it is skipped, because some
 * providers publish less in one form than in the other.
 */
export function findMetadata(
  issuer: string,
  options: DiscoverAuthorizationServerOptions,
  needed: 'jwks_uri',
): Promise<AuthorizationServerMetadata & { readonly jwks_uri: string }>
export function findMetadata(
  issuer: string,
  options: DiscoverAuthorizationServerOptions,
): Promise<AuthorizationServerMetadata>
export async function findMetadata(
  issuer: string,
  options: DiscoverAuthorizationServerOptions,
  needed?: 'jwks_uri',
): Promise<AuthorizationServerMetadata> {
  const { allowHttp, discoveryUrl, timeout = 5000 } = options
  const fail = (reason: string) =>
    new AuthorizationServerError(
      'ERR_DISCOVERY_FAILED',
      issuer,
      `discovery of ${quoted(issuer)}: ${reason}`,
    )
  const issuerUrl = parseHttpUrl(issuer)
  if (issuerUrl === undefined || !isReachableUrl(issuerUrl, allowHttp)) {
    throw fail('the issuer must be an https URL')
  }
  const startUrl = discoveryUrl === undefined ? issuerUrl : parseHttpUrl(discoveryUrl)
  if (startUrl === undefined || !isReachableUrl(startUrl, allowHttp)) {
    throw fail('discoveryUrl must be an https URL')
  }
  const deadline = AbortSignal.timeout(timeout)
  const signal =
    options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
  const attempts: string[] = []
  const urls = discoveryUrl === undefined ? authorizationServerMetadataUrls(issuer) : [discoveryUrl]
  for (const url of urls) {
    try {
      const { document } = await fetchDocument(url, options.fetch ?? fetch, signal)
      if (document['issuer'] !== issuer) {
        attempts.push(
          `${url} names the issuer ${quoted(document['issuer'])}, not the configured one`,
        )
        continue
      }
      const jwksUri = document['jwks_uri']
      if (jwksUri !== undefined && !isTrustworthyEndpoint(jwksUri, issuer, allowHttp)) {
        throw fail(`${url} names the jwks_uri ${quoted(jwksUri)}, which is not an https URL`)
      }
      if (needed !== undefined && document[needed] === undefined) {
        attempts.push(`${url} has no ${needed}`)
        continue
      }
      return document as AuthorizationServerMetadata
    } catch (error) {
      if (!(error instanceof FetchFault)) throw error
      attempts.push(`${url} ${error.message}`)
      // No answer at all: the other forms are on the same host, so trying them would only wait
      // again.
      if (error.status === undefined) break
    }
  }
  throw fail(attempts.join('; '))
}
