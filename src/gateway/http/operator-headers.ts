/**
 * Which request headers an operator may add for the upstream, and their allowed values.
 *
 * @module
 */

/** A field name (RFC 9110 §5.1). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

/** They end at the next hop (RFC 9110 §7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]
/** We set routing and framing. */
const NEVER_SET = new Set([...HOP_BY_HOP, 'host', 'content-length', 'expect'])
/** Contract, "What the upstream gets": no credentials, no claims about the origin, no framing. */
const NEVER_FORWARDED = new Set([
  ...NEVER_SET,
  'authorization',
  'dpop',
  'cookie',
  'forwarded',
  'origin',
  'content-encoding',
  'accept-encoding',
])
const NEVER_FORWARDED_PREFIXES = /^(?:x-gatehouse-|x-forwarded-|mcp-|client-cert)/

/** A name as read by a server that treats `_` as `-`. */
export function comparableHeader(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** Why a client's header of this name never reaches the upstream, or `undefined`. */
export function forwardFault(name: string): string | undefined {
  if (!TOKEN.test(name)) return 'is not a header name'
  const read = comparableHeader(name)
  const isNever = NEVER_FORWARDED.has(read) || NEVER_FORWARDED_PREFIXES.test(read)
  return isNever ? 'is a header that is never forwarded' : undefined
}

/** Why only we may set a header of this name for the upstream, or `undefined`. */
export function setFault(name: string): string | undefined {
  if (!TOKEN.test(name)) return 'is not a header name'
  const read = comparableHeader(name)
  const isOurs = NEVER_SET.has(read) || read.startsWith('x-gatehouse-')
  return isOurs ? 'is a header that only the gateway sets' : undefined
}

/** Why `X-Gatehouse-Claim-…` cannot end so, or `undefined`. */
export function claimHeaderFault(name: unknown): string | undefined {
  // Not `_`: servers read it as `-`, and then two names are one.
  return typeof name === 'string' && /^[a-z\d]+(?:-[a-z\d]+)*$/i.test(name)
    ? undefined
    : 'has no header of letters, digits and -'
}

/**
 * Why this is not a valid header value, or `undefined`. Stricter than RFC 9110 §5.5: a secret with
 * non-ASCII characters is a file in the wrong encoding.
 */
export function headerValueFault(value: string): string | undefined {
  if (value === '') return 'is empty'
  if (/^[ \t]|[ \t]$/.test(value)) return 'has blanks around its content'
  return /^[\t\x20-\x7e]+$/.test(value) ? undefined : 'has more than one line of plain ASCII'
}

/** Why this header cannot be set for the upstream, or `undefined`. */
export function operatorHeaderFault(name: string, value: unknown): string | undefined {
  const fault = setFault(name)
  if (fault !== undefined) return fault
  return typeof value === 'string' ? headerValueFault(value) : 'has a value that is not a string'
}

/**
 * Headers for the upstream, with those of one request in place of equal names.
 *
 * @param headers alternating names and values, like those that replace them
 */
export function replaceHeaders(headers: readonly string[], by: readonly string[]): string[] {
  const replaced = new Set(by.filter((_, index) => index % 2 === 0).map(comparableHeader))
  const kept = headers.filter((_, index) => {
    return !replaced.has(comparableHeader(headers[index - (index % 2)] ?? ''))
  })
  return kept.concat(by)
}
