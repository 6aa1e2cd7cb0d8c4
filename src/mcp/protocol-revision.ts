/**
 * The two kinds of protocol revision: with `initialize` and sessions, and stateless.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from '../base/json.js'

/** The first revision without state. */
export const STATELESS_SINCE = '2026-07-28'

/** Those with `initialize`, newest first. */
export const STATEFUL_VERSIONS: readonly string[] = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
]

/** Whether `MCP-Protocol-Version` names a revision without state: versions are dates, and later ones are greater. */
export function isStateless(version: string | undefined): boolean {
  return version !== undefined && /^\d{4}-\d\d-\d\d$/.test(version) && version >= STATELESS_SINCE
}

/** Where a message names its revision, from {@link STATELESS_SINCE} on (2026-07-28, "Request Metadata"). */
export const META_VERSION = 'io.modelcontextprotocol/protocolVersion'

/** What a message says about its revision. */
export function metaVersionOf(params: JsonObject | undefined): unknown {
  const meta = params?.['_meta']
  return isJsonObject(meta) ? meta[META_VERSION] : undefined
}

/**
 * Whether a message names a later stateless revision than `MCP-Protocol-Version`: a reader of the
 * field would apply other rules than the server.
 */
export function isBehind(field: string | undefined, params: JsonObject | undefined): boolean {
  const version = metaVersionOf(params)
  if (typeof version !== 'string' || !isStateless(version)) return false
  return field === undefined || !isStateless(field) || field < version
}
