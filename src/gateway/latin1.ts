/**
 * Bytes as text for Node's streams: a text is written together with what stands before it, which
 * costs less than two buffers.
 *
 * @module
 */

/** Longer bytes cost more to copy than one write less saves. */
const SHORT = 16 * 1024

/** Bytes with a character for each (Latin-1); `undefined` if they are many. */
export function shortLatin1(bytes: Buffer): string | undefined {
  return bytes.length <= SHORT ? bytes.toString('latin1') : undefined
}
