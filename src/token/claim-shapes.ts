/**
 * Reads claims in the shapes that identity providers use. A setting says which claims, never a
 * guess.
 *
 * @module
 */
import type { JsonObject } from '../base/json.js'
import { parseScopes } from './scopes.js'

/** RFC 9068 first, then the claims of Keycloak and Auth0, Okta, and Entra v1. */
const CLIENT_ID_CLAIMS = ['client_id', 'azp', 'cid', 'appid']

export function isOptionalNumber(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value))
}

export function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

/** A string or an array of strings, as an array; `undefined` for anything else. */
export function readAudience(value: unknown): readonly string[] | undefined {
  if (value === undefined) return []
  const list: unknown = typeof value === 'string' ? [value] : value
  return Array.isArray(list) && list.every((entry) => typeof entry === 'string') ? list : undefined
}

/**
 * The claim of this name. If there is none and the name has dots, the value at that path:
 * `realm_access.roles`. Literal names with dots (`https://example.com/roles`) come first.
 */
export function claimAt(claims: JsonObject, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const step of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as JsonObject)[step]
  }
  return value
}

/**
 * The union of the scopes in these claims; `undefined` when one of them holds anything but scopes.
 */
export function readScopes(
  claims: JsonObject,
  names: readonly string[],
): readonly string[] | undefined {
  const scopes = new Set<string>()
  for (const name of names) {
    const value = claimAt(claims, name)
    if (value === undefined) continue
    const parsed = parseScopes(value)
    if (parsed === undefined) return undefined
    for (const scope of parsed) scopes.add(scope)
  }
  return [...scopes]
}

export function readClientId(claims: JsonObject): string | undefined {
  for (const name of CLIENT_ID_CLAIMS) {
    const value = claims[name]
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}
