/**
 * Metadata of the authorization server: RFC 8414 and OpenID Connect Discovery, in the forms that
 * the MCP authorization specification requires.
 *
 * @module
 */
import { AuthorizationServerError, quoted, type AuthorizationServerErrorCode } from '../errors.js'
import { firstOf } from '../base/first-of.js'
import {
  FetchFault,
  fetchDocument,
  isLoopbackHost,
  parseHttpUrl,
  type FetchedDocument,
} from '../base/http.js'
import type { JsonObject } from '../base/json.js'

/** The members that we read, along with everything else that the server published. */
export interface AuthorizationServerMetadata extends JsonObject {
  readonly issuer: string
  readonly jwks_uri?: string
  readonly introspection_endpoint?: string
}

export interface DiscoverAuthorizationServerOptions {
  /**
   * Read this URL in place of the well-known ones; the document must still name the issuer exactly.
   */
  readonly discoveryUrl?: string | undefined
  /**
   * The `iss` of its access tokens. A document that names another one (`access_token_issuer`, AD FS)
   * is not used. Default: not compared.
   */
  readonly accessTokenIssuer?: string | undefined
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
 * where the operator allowed that host, at the origin of their own `discoveryUrl`, or between
 * loopback hosts.
 */
export function isTrustworthyEndpoint(
  value: unknown,
  issuer: string,
  {
    allowHttp = [],
    discoveryUrl,
  }: Pick<DiscoverAuthorizationServerOptions, 'allowHttp' | 'discoveryUrl'>,
): value is string {
  const url = parseHttpUrl(value)
  if (url === undefined || url.username !== '' || url.password !== '') return false
  if (discoveryUrl !== undefined && url.origin === new URL(discoveryUrl).origin) return true
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

/** Addresses that a document names and that we send requests to. */
const ENDPOINTS = ['jwks_uri', 'introspection_endpoint'] as const
type Endpoint = (typeof ENDPOINTS)[number]

/** Milliseconds until we also try the next form, when one does not answer. */
const PATIENCE = 1_000

/** A document that was read but cannot be used. `isOurs`: it belongs to the issuer. */
class UnusableDocument extends Error {
  readonly isOurs: boolean

  constructor(reason: string, isOurs: boolean) {
    super(reason)
    this.isOurs = isOurs
  }
}

/** What a caller needs of a document of the issuer. */
export interface DocumentUse {
  /** Why the document cannot be used; `undefined`: it can. */
  readonly faultOf: (fetched: FetchedDocument) => string | undefined
  /** The code of the error when all forms failed, and some of them only by what they say. */
  readonly codeOf: (unusable: readonly UnusableDocument[]) => AuthorizationServerErrorCode
}

/** @throws {FetchFault | UnusableDocument} */
async function readForm(
  url: string,
  issuer: string,
  options: DiscoverAuthorizationServerOptions & { readonly signal: AbortSignal },
  use: DocumentUse,
): Promise<FetchedDocument> {
  const fetched = await fetchDocument(url, options.fetch ?? fetch, options.signal)
  const { document } = fetched
  if (document['issuer'] !== issuer) {
    const named = quoted(document['issuer'])
    const reason = `names the issuer ${named}, not the configured one`
    throw new UnusableDocument(reason, false)
  }
  const { accessTokenIssuer = document['access_token_issuer'] } = options
  if ((document['access_token_issuer'] ?? accessTokenIssuer) !== accessTokenIssuer) {
    const named = quoted(document['access_token_issuer'])
    const reason = `says that its access tokens name the issuer ${named}, not the configured one`
    throw new UnusableDocument(reason, true)
  }
  const fault = use.faultOf(fetched)
  if (fault !== undefined) throw new UnusableDocument(fault, true)
  return fetched
}

/** Why an address cannot be used. */
export function endpointFault(
  name: string,
  endpoint: unknown,
  issuer: string,
  options: Pick<DiscoverAuthorizationServerOptions, 'allowHttp' | 'discoveryUrl'>,
): string | undefined {
  return isTrustworthyEndpoint(endpoint, issuer, options)
    ? undefined
    : `names the ${name} ${quoted(endpoint)}, which is not an https URL`
}

/** The use of addresses that we send requests to. */
function ofEndpoints(
  issuer: string,
  options: DiscoverAuthorizationServerOptions,
  needed: Endpoint | undefined,
): DocumentUse {
  return {
    faultOf: ({ document }) => {
      for (const name of needed === undefined ? ENDPOINTS : [needed]) {
        const endpoint = document[name]
        if (endpoint === undefined && name !== needed) continue
        if (endpoint === undefined) return `has no ${name}`
        const fault = endpointFault(name, endpoint, issuer, options)
        if (fault !== undefined) return fault
      }
      return undefined
    },
    codeOf: (unusable) =>
      needed === 'introspection_endpoint' && unusable.some((each) => each.isOurs)
        ? 'ERR_INTROSPECTION_UNAVAILABLE'
        : 'ERR_DISCOVERY_FAILED',
  }
}

/**
 * The same for a caller that needs one member: a document without it is skipped, because some
 * providers publish less in one form than in the other.
 */
export function findMetadata<Needed extends Endpoint>(
  issuer: string,
  options: DiscoverAuthorizationServerOptions,
  needed: Needed,
): Promise<AuthorizationServerMetadata & Readonly<Record<Needed, string>>>
export function findMetadata(
  issuer: string,
  options: DiscoverAuthorizationServerOptions,
): Promise<AuthorizationServerMetadata>
export async function findMetadata(
  issuer: string,
  options: DiscoverAuthorizationServerOptions,
  needed?: Endpoint,
): Promise<AuthorizationServerMetadata> {
  const found = await findDocument(issuer, options, ofEndpoints(issuer, options, needed))
  return found.document as AuthorizationServerMetadata
}

/**
 * The first document of the issuer that serves the use.
 *
 * @throws {AuthorizationServerError} with what every URL answered
 */
export async function findDocument(
  issuer: string,
  options: DiscoverAuthorizationServerOptions,
  use: DocumentUse,
): Promise<FetchedDocument> {
  const { allowHttp, discoveryUrl, timeout = 5000 } = options
  const fail = (reason: string, code: AuthorizationServerErrorCode = 'ERR_DISCOVERY_FAILED') =>
    new AuthorizationServerError(code, issuer, `discovery of ${quoted(issuer)}: ${reason}`)
  const issuerUrl = parseHttpUrl(issuer)
  if (issuerUrl === undefined || !isReachableUrl(issuerUrl, allowHttp)) {
    throw fail('the issuer must be an https URL')
  }
  const startUrl = discoveryUrl === undefined ? issuerUrl : parseHttpUrl(discoveryUrl)
  if (startUrl === undefined || !isReachableUrl(startUrl, allowHttp)) {
    throw fail('discoveryUrl must be an https URL')
  }
  const found = new AbortController()
  const signals = [AbortSignal.timeout(timeout), found.signal, options.signal]
  const signal = AbortSignal.any(signals.filter((each) => each !== undefined))
  const urls = discoveryUrl === undefined ? authorizationServerMetadataUrls(issuer) : [discoveryUrl]
  let unreached: FetchFault | undefined
  const forms = urls.map((url) => async () => {
    // All forms are on the same host.
    if (unreached !== undefined) throw unreached
    try {
      return await readForm(url, issuer, { ...options, signal }, use)
    } catch (error) {
      if (error instanceof FetchFault && !error.wasReached) unreached = error
      throw error
    }
  })
  try {
    // Each form gets a turn, even if there is little time.
    return await firstOf(forms, Math.min(PATIENCE, timeout / (forms.length + 1)))
  } catch (error) {
    const errors: unknown[] = error instanceof AggregateError ? error.errors : [error]
    const strange = errors.find(
      (each) => !(each instanceof FetchFault || each instanceof UnusableDocument),
    )
    if (strange !== undefined) throw strange
    const reasons = [...new Set(errors)].map(
      (each) => `${urls[errors.indexOf(each)]} ${(each as Error).message}`,
    )
    const unusable = errors.filter((each) => each instanceof UnusableDocument)
    throw fail(reasons.join('; '), unusable.length === 0 ? undefined : use.codeOf(unusable))
  } finally {
    found.abort()
  }
}
