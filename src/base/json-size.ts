/**
 * Bounds the size of a JSON text before it is parsed.
 *
 * @module
 */

/** What a text may contain. */
export interface JsonBounds {
  /** Members, objects and arrays together. */
  readonly parts: number
  /** How deep they may be nested. */
  readonly depth: number
}

const QUOTE = 0x22
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** @returns the end of the string that begins there */
function skipString(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) return at
    if (byte === BACKSLASH) at++
  }
  return bytes.length
}

/**
 * Counts the members of a text, which need not be valid JSON. It stops at the first one beyond the
 * bounds.
 *
 * @returns `undefined` for a text beyond the bounds
 */
export function countMembers(bytes: Uint8Array, { parts, depth }: JsonBounds): number | undefined {
  let members = 0
  let nested = 0
  let level = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) at = skipString(bytes, at)
    else if (byte === COLON) members++
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      nested++
      level++
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) level--
    else continue
    if (members + nested > parts || level > depth) return undefined
  }
  return members
}
