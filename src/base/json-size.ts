/**
 * How much a JSON text holds, found out before anything is made of it.
 *
 * @module
 */

/** What a text may hold. */
export interface JsonBounds {
  /** Members, objects and lists, all together. */
  readonly parts: number
  /** How far they may be nested. */
  readonly depth: number
}

const QUOTE = 0x22
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** @returns where the string that begins there is over */
function skipString(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) return at
    if (byte === BACKSLASH) at++
  }
  return bytes.length
}

/**
 * Counts the members of a text that need not be valid, in one pass that stops at the first that is too much.
 *
 * @returns `undefined` for one that is beyond the bounds
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
