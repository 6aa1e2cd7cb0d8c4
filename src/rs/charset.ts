/**
 * What a `Content-Type` says of the characters in a body.
 *
 * @module
 */

const CHARSET = /;\s*charset\s*=\s*"?([^\s";,]*)/gi

/**
 * Whether every reader takes the body for UTF-8. All that looks like a charset counts: of two, some readers go by the
 * first and some by the last, and what stands in the quotes of another parameter is none (HDR-08).
 */
export function isInUtf8(contentType: string): boolean {
  // Most name none.
  if (!/charset/i.test(contentType)) return true
  return [...contentType.matchAll(CHARSET)].every(([, charset = '']) => /^utf-?8$/i.test(charset))
}
