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

/** RFC 3986 §2: what stands for itself somewhere in a URI. Anything else is encoded, as servers find it either way. */
const FOREIGN = /[^\w.~!$&'()*+,;=:@/?#[\]%-]+/gu
/** In a path these mean the same encoded (`C%3A`), and files are found by either. A star stays what it is in patterns. */
const PLAIN_IN_PATH = /%(?:2[1467-9bc]|3[abd]|40)/gi

/**
 * As servers read it that parse it with the URL standard or what follows it (the TypeScript and Python SDKs): it knows
 * hosts and ports in several spellings, drops blanks at the ends, and takes `file:/srv` for `file:///srv`. What it
 * cannot read, such as stars for a port, stays.
 */
function parsed(text: string): string {
  try {
    return new URL(text).href
  } catch {
    return text
  }
}

function spell(text: string): string {
  return text
    .replace(/%[\da-f]{2}/gi, (escape) => {
      const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
      return UNRESERVED.test(character) ? character : escape.toUpperCase()
    })
    .replace(FOREIGN, encodeURIComponent)
}

/**
 * Scheme and host in lower case, encoded what must be and nothing else, no empty segments (RFC 3986 §6.2.2). Stars are
 * characters like others, so that patterns are spelled like what they are compared with.
 *
 * @returns `undefined` for dot segments, encoded slashes or dots, backslashes, control characters, and what is no URI
 */
export function canonicalUri(text: string): string | undefined {
  const [written, , , segments = ''] = URI.exec(text) ?? []
  // Half a pair cannot be encoded.
  if (written === undefined || ODD.test(text) || ENCODED.test(text) || /\p{Cs}/u.test(text)) {
    return undefined
  }
  if (DOT_SEGMENT.test(segments)) return undefined
  const [, scheme = '', authority = '', path = '', rest = ''] = URI.exec(parsed(text)) ?? []
  const host = spell(authority).toLowerCase()
  const plain = path.replace(PLAIN_IN_PATH, decodeURIComponent).replace(/\/{2,}/g, '/')
  return `${scheme.toLowerCase()}:${host}${spell(plain + rest)}`
}
