/**
 * The protected resource metadata that we publish (RFC 9728).
 *
 * @module
 */

/** The members of RFC 9728 §2 that we set. Members without a value are left out. */
export interface ProtectedResourceMetadata {
  readonly resource: string
  readonly authorization_servers: readonly string[]
  readonly scopes_supported?: readonly string[]
  readonly bearer_methods_supported: readonly ['header']
  readonly resource_name?: string
  readonly resource_documentation?: string
  readonly [member: string]: unknown
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
const MIRRORED = '/.well-known/oauth-authorization-server'

/**
 * Where the metadata of a resource is published: the well-known path between host and path
 * (RFC 9728 §3.1). A lone `/` after the host is dropped first; the query stays.
 *
 * @example
 * ```ts
 * import { protectedResourceMetadataUrl } from 'mcp-gatehouse'
 *
 * protectedResourceMetadataUrl('https://mcp.example.com/mcp')
 * // https://mcp.example.com/.well-known/oauth-protected-resource/mcp
 * ```
 *
 * @throws {TypeError} when the resource is not an absolute URL
 */
export function protectedResourceMetadataUrl(resource: string): string {
  const { origin, search } = new URL(resource)
  return `${origin}${inserted(WELL_KNOWN, resource)}${search}`
}

/** The well-known path with that of the resource behind it. */
function inserted(wellKnown: string, resource: string): string {
  const { pathname } = new URL(resource)
  return `${wellKnown}${pathname === '/' ? '' : pathname}`
}

/** The paths at which the document is served: the resource's own first, then the root form. */
export function protectedResourceMetadataPaths(resource: string): readonly [string, string] {
  return [inserted(WELL_KNOWN, resource), WELL_KNOWN]
}

/** The same for the document of the authorization server (RFC 8414 §3.1), if it is mirrored. */
export function mirroredMetadataPaths(resource: string): readonly [string, string] {
  return [inserted(MIRRORED, resource), MIRRORED]
}
