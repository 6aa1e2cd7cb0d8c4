/**
 * Which request paths belong to a resource. Routers disagree about what is "the same path": Express
 * ignores case and the last slash, others decode, or serve everything below. A guard that is narrower
 * than the router behind it leaves a way around; so ours compares what is left when every difference
 * that a router might ignore is gone.
 *
 * @module
 */

const ENCODED = /%([0-9a-f]{2})/gi
/** Routers decode once, a proxy before them perhaps once more. What is still encoded then is an attempt. */
const MAX_ROUNDS = 8

/** Without what URL parsers drop from the midst of a text: what they make of the rest may be encoded once more. */
function decodeOnce(path: string): string {
  return path
    .replace(ENCODED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/[\t\n\r]/g, '')
}

/** Spells what is not ASCII as a URL does. Some routers hand out paths decoded, configured ones are encoded. */
export function encodeNonAscii(path: string): string {
  return path.replace(/[^\0-\x7f]+/g, (text) =>
    encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')),
  )
}

/** What `new URL(target, base)` makes of it: `//x/mcp` has a host there, and dot segments are gone. */
function readAsUrl(path: string): string | undefined {
  return URL.canParse(path, 'http://base.invalid')
    ? new URL(path, 'http://base.invalid').pathname
    : undefined
}

/**
 * The names in a path, decoded to the end, without case, path parameters and empty segments; `undefined` when
 * the end is too far.
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
      // What is decoded before it is taken apart has a query and a fragment here.
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
      // Some routers resolve dot segments, some take them as names.
      return isBelow(segments) || isBelow(resolveDots(segments))
    })
  }
}
