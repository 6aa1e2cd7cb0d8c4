/**
 * The URI of a resource in one spelling: what a rule names must not be reached by another.
 *
 * @module
 */

/** RFC 3986 §3: a scheme, then an authority where two slashes say so, then the rest. */
const URI = /^([a-z][a-z\d+.-]*):(\/\/[^/?#]*)?([^?#]*)(.*)$/is
/** What servers resolve before they look: dot segments, and slashes and dots that are encoded. */
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/
const ENCODED = /%(?:2f|5c|2e|00)/i
const UNRESERVED = /[\w.~-]/
const ODD = /[\p{Cc}\\]|%(?![\da-f]{2})/iu

function spell(text: string): string {
  return text
    .replace(/%[\da-f]{2}/gi, (escape) => {
      const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
      return UNRESERVED.test(character) ? character : escape.toUpperCase()
    })
    .replace(/[^\x21-\x7e]+/gu, encodeURIComponent)
}

/**
 * Scheme and host in lower case, encoded what must be and nothing else, no empty segments (RFC 3986 §6.2.2). Stars are
 * characters like others, so that patterns are spelled like what they are compared with.
 *
 * @returns `undefined` for dot segments, encoded slashes or dots, backslashes, control characters, and what is no URI
 */
export function canonicalUri(text: string): string | undefined {
  const [, scheme, authority = '', path = '', rest = ''] = URI.exec(text) ?? []
  // Half a pair cannot be encoded.
  if (scheme === undefined || ODD.test(text) || ENCODED.test(text) || /\p{Cs}/u.test(text)) {
    return undefined
  }
  if (DOT_SEGMENT.test(path)) return undefined
  const host = spell(authority).toLowerCase()
  return `${scheme.toLowerCase()}:${host}${spell(path.replace(/\/{2,}/g, '/') + rest)}`
}
