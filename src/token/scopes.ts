/**
 * Scopes (RFC 6749 §3.3).
 *
 * @module
 */

const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** Whether the text is one scope: printable ASCII without space, quote or backslash. */
export function isScopeToken(value: unknown): value is string {
  return typeof value === 'string' && SCOPE_TOKEN.test(value)
}

/**
 * Reads scopes from one value: a string separated by spaces, or an array of strings.
 *
 * @returns `undefined` when anything in it is not a scope. An array element with a space is
 * refused, because a reader that joins them would see two scopes.
 */
export function parseScopes(value: unknown): readonly string[] | undefined {
  const list: unknown = typeof value === 'string' ? value.split(' ').filter(Boolean) : value
  return Array.isArray(list) && list.every(isScopeToken) ? list : undefined
}

/** Both lists without repetition, the first one's order first. */
export function uniteScopes(one: readonly string[], other: readonly string[]): readonly string[] {
  return other.length === 0 ? one : [...new Set([...one, ...other])]
}
