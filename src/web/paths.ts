/**
 * Which request paths belong to a resource. Routers disagree about what is "the same path": Express
 * ignores case and the last slash, others decode, or serve everything below. A guard that is
 * narrower than its router can be bypassed. So ours compares paths after removing every difference
 * that a router might ignore.
 *
 * @module
 */

const ENCODED = /%([0-9a-f]{2})/gi
/**
 * Routers decode once, a proxy in front perhaps once more. A path that is still encoded then is an
 * attack.
 */
const MAX_ROUNDS = 8

/**
 * Removes the characters that URL parsers drop inside a text: the rest may then contain further
 * encoding.
 */
function decodeOnce(path: string): string {
  return path
    .replace(ENCODED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/[\t\n\r]/g, '')
}

/**
 * Encodes non-ASCII characters as a URL does. Some routers return decoded paths; configured ones
 * are encoded.
 */
export function encodeNonAscii(path: string): string {
  return path.replace(/[^\0-\x7f]+/g, (text) =>
    encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')),
  )
}

/** The result of `new URL(target, base)`: `//x/mcp` has a host there, and dot segments are gone. */
function readAsUrl(path: string): string | undefined {
  return URL.canParse(path, 'http://base.invalid')
    ? new URL(path, 'http://base.invalid').pathname
    : undefined
}

/**
 * The names in a path, decoded to the end, without case, path parameters and empty segments;
 * `undefined` when it is encoded too often.
 */
function segmentsOf(path: string): readonly string[] | undefined {
  let decoded = encodeNonAscii(path)
  for (let round = 0; ; round++) {
    const next = decodeOnce(decoded)
    if (next === decoded) break
    if (round === MAX_ROUNDS) return undefined
    decoded = next
  }
  return (
    decoded
      .replaceAll('\\', '/')
      .toLowerCase()
      .split('/')
      // A path that is decoded before it is split may contain a query and a fragment.
      .map((segment) => segment.replace(/[;?#\0].*$/s, '').trim())
      .filter((segment) => segment !== '')
  )
}

function resolveDots(segments: readonly string[]): readonly string[] {
  const resolved: string[] = []
  for (const segment of segments) {
    if (segment === '..') resolved.pop()
    else if (segment !== '.') resolved.push(segment)
  }
  return resolved
}

/** The same path with its last slash, or without it; `undefined` for `/`, which has no other form. */
export function otherSlash(path: string): string | undefined {
  if (path === '/') return undefined
  return path.endsWith('/') ? path.slice(0, -1) : `${path}/`
}

/** A test for request paths (without query): the guarded path, any spelling of it, and everything below. */
export function guardedPaths(path: string): (requestPath: string | undefined) => boolean {
  const guarded = segmentsOf(path) ?? []
  const isBelow = (segments: readonly string[]) =>
    guarded.every((name, index) => segments[index] === name)
  return (requestPath) => {
    if (requestPath === path) return true
    if (requestPath === undefined) return false
    return [requestPath, readAsUrl(requestPath) ?? requestPath].some((reading) => {
      const segments = segmentsOf(reading)
      if (segments === undefined) return true
      // Some routers resolve dot segments, some treat them as names.
      return isBelow(segments) || isBelow(resolveDots(segments))
    })
  }
}
