/**
 * What a `Content-Encoding` says (RFC 9110 §8.4).
 *
 * @module
 */

/** Whether a body has a coding, so that its bytes are not yet its text. */
export function isContentCoded(field = ''): boolean {
  return !/^(?:identity)?$/i.test(field)
}
