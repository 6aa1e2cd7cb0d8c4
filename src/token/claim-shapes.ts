/**
 * Reads claims in the shapes that identity providers use. A setting says which claims, never a
 * guess.
 *
 * @module
 */
import type { JsonObject } from '../base/json.js'
import { isScopeToken, parseScopes } from './scopes.js'

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
 * `realm_access.roles`. Literal names with dots come first, at each level:
 * `https://example.com/roles`, `kubernetes.io.namespace`.
 */
export function claimAt(claims: JsonObject, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    const step = name.slice(0, dot)
    const within = Object.hasOwn(claims, step) ? claims[step] : undefined
    if (typeof within !== 'object' || within === null) continue
    const value = claimAt(within as JsonObject, name.slice(dot + 1))
    if (value !== undefined) return value
  }
  return undefined
}

/** They hold scopes and nothing else (RFC 8693 §4.2; Okta, Entra): anything else refuses the token. */
const STRICT_CLAIMS: ReadonlySet<string> = new Set(['scope', 'scp'])

/**
 * The entries of a claim of groups, roles or permissions. A text is one entry: a group may have
 * blanks in its name.
 */
function entriesOf(value: unknown): readonly unknown[] | undefined {
  return typeof value === 'string' ? [value] : Array.isArray(value) ? value : undefined
}

/** The scopes of one claim. An entry of another claim that is not a scope is left out, never split. */
function scopesOf(name: string, value: unknown): readonly string[] | undefined {
  return STRICT_CLAIMS.has(name) ? parseScopes(value) : entriesOf(value)?.filter(isScopeToken)
}

/** An entry that was left out. */
export interface UnusableEntry {
  readonly claim: string
  readonly entry: unknown
}

/** Of each claim the first entry that {@link readScopes} leaves out. */
export function findUnusableEntries(
  claims: JsonObject,
  names: readonly string[],
): readonly UnusableEntry[] {
  return names.flatMap((claim) => {
    if (STRICT_CLAIMS.has(claim)) return []
    const unusable = entriesOf(claimAt(claims, claim))?.filter((entry) => !isScopeToken(entry))
    return unusable?.slice(0, 1).map((entry) => ({ claim, entry })) ?? []
  })
}

/** The union of the scopes in these claims; `undefined` when one of them has not the shape. */
export function readScopes(
  claims: JsonObject,
  names: readonly string[],
): readonly string[] | undefined {
  const scopes = new Set<string>()
  for (const name of names) {
    const value = claimAt(claims, name)
    if (value === undefined) continue
    const parsed = scopesOf(name, value)
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

/** Characters of a name that is shown. */
const LONGEST_USER = 256

/** The first of these claims that is a text and not empty, cut. It is for people to read, never to compare. */
export function readUser(
  claims: JsonObject | undefined,
  names: readonly string[],
): string | undefined {
  if (claims === undefined) return undefined
  for (const name of names) {
    const value = claimAt(claims, name)
    if (typeof value === 'string' && value !== '') return value.slice(0, LONGEST_USER)
  }
  return undefined
}
