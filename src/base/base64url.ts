/**
 * Strict base64url (RFC 7515 §2): exactly one spelling for any bytes. A decoder that ignores stray
 * characters or unused bits would accept many spellings of one token, and a mutated token would
 * still carry a valid signature.
 *
 * @module
 */
import { builtinModule } from './digest.js'

interface NodeBuffer {
  Buffer: { from(text: string, encoding: 'base64url'): Uint8Array<ArrayBuffer> }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const ONLY_ALPHABET = /^[A-Za-z0-9_-]*$/

const nodeBuffer = builtinModule<NodeBuffer>('node:buffer')?.Buffer

function decodeByAtob(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

/** The bytes, or `undefined` when the text is not the one canonical encoding of any bytes. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  const remainder = text.length % 4
  if (remainder === 1 || !ONLY_ALPHABET.test(text)) return undefined
  if (remainder > 0) {
    // The last character of an incomplete group carries 4 (of two) or 2 (of three) unused bits.
    const unused = remainder === 2 ? 0b1111 : 0b11
    if ((ALPHABET.indexOf(text.charAt(text.length - 1)) & unused) !== 0) return undefined
  }
  return nodeBuffer === undefined ? decodeByAtob(text) : nodeBuffer.from(text, 'base64url')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text that the bytes spell in UTF-8, or `undefined` when either encoding is broken. */
export function decodeBase64urlText(text: string): string | undefined {
  const bytes = decodeBase64url(text)
  if (bytes === undefined) return undefined
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
