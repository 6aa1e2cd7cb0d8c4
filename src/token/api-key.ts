/**
 * The form of API keys: `mgh_`, 256 random bits in base64url, and a checksum. The prefix lets
 * scanners of secrets find a key; the checksum tells a mistyped key without a look at any list.
 *
 * @module
 */
const PREFIX = 'mgh_'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const FORM = /^mgh_([\w-]{43})([0-9A-Za-z]{6})$/

/** The polynomial of CRC-32 (ISO 3309), reversed. */
const POLYNOMIAL = 0xedb88320

function crc32(text: string): number {
  let crc = 0xffffffff
  for (let at = 0; at < text.length; at++) {
    crc ^= text.charCodeAt(at)
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}

/** Six digits of base 62, which hold 32 bits. */
function checksumOf(random: string): string {
  let rest = crc32(random)
  let digits = ''
  for (let place = 0; place < 6; place++) {
    digits = DIGITS.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

/** Whether these are the credentials of an API key, whole or not. Such a text is never a token. */
export function isApiKey(bearer: string): boolean {
  return bearer.startsWith(PREFIX)
}

/** Whether it has the form of a key, and its checksum fits. */
export function isWholeApiKey(bearer: string): boolean {
  const [, random, checksum] = FORM.exec(bearer) ?? []
  return random !== undefined && checksumOf(random) === checksum
}

/** @param random 32 bytes that nobody can predict, in base64url: 43 characters */
export function formatApiKey(random: string): string {
  return PREFIX + random + checksumOf(random)
}
