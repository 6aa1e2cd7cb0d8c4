/**
 * Keys that bind sessions to their caller.
 *
 * @module
 */

/** The description of a key, for people. */
export const SESSION_KEY = '32 or more visible ASCII characters: openssl rand -base64 32'

const SHORTEST = 32

/** Why a text is not a valid key, or `undefined`. The reason does not show the text. */
export function sessionKeyFault(key: string): string | undefined {
  if (key.length < SHORTEST) return `has fewer than ${SHORTEST} characters`
  return /^[\x21-\x7e]+$/.test(key) ? undefined : 'has characters other than visible ASCII'
}

/** Never made by the option that makes request ids, because request ids are public. */
export function randomKey(): string {
  return crypto.randomUUID() + crypto.randomUUID()
}
