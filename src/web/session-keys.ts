/**
 * Keys that bind sessions to their caller.
 *
 * @module
 */

/** What a key is, for people. */
export const SESSION_KEY = '32 or more visible ASCII characters: openssl rand -base64 32'

const SHORTEST = 32

/** Why a text is no key, or `undefined`. It shows nothing of it. */
export function sessionKeyFault(key: string): string | undefined {
  if (key.length < SHORTEST) return `has fewer than ${SHORTEST} characters`
  return /^[\x21-\x7e]+$/.test(key) ? undefined : 'has characters other than visible ASCII'
}

/** Not by the option that names requests, whose values are told to everybody. */
export function randomKey(): string {
  return crypto.randomUUID() + crypto.randomUUID()
}
