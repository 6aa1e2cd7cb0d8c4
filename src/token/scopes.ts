/**
 * Scopes (RFC 6749 §3.3).
 *
 * @module
 */

const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** Whether the text is one scope: printable ASCII without blank, quote and backslash. */
export function isScopeToken(value: unknown): value is string {
  return typeof value === 'string' && SCOPE_TOKEN.test(value)
}

/**
 * Reads scopes out of one value: a text with blanks between, or a list of texts.
 *
 * @returns `undefined` when anything in it is not a scope. A list element with a blank would be two
 *   scopes for whoever reads them joined, so it is none.
 */
export function parseScopes(value: unknown): readonly string[] | undefined {
  const list: unknown = typeof value === 'string' ? value.split(' ').filter(Boolean) : value
  return Array.isArray(list) && list.every(isScopeToken) ? list : undefined
}

/** Both lists without repetition, the first one's order first. */
export function uniteScopes(one: readonly string[], other: readonly string[]): readonly string[] {
  return other.length === 0 ? one : [...new Set([...one, ...other])]
}
