/**
 * Tells the upstream who is calling, in headers that no client can set.
 *
 * @module
 */
import type { VerifiedAccessToken } from '../types.js'

/** UTF-8 also for lone surrogates: two subjects that differ there must not become one. */
function percentEncode(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0xd800 || code > 0xdfff) return encodeCharacter(character)
  return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
    .map((byte) => `%${byte.toString(16).toUpperCase()}`)
    .join('')
}

function encodeCharacter(character: string): string {
  const encoded = encodeURIComponent(character)
  // encodeURIComponent keeps some ASCII characters; these must be encoded too.
  return encoded === character
    ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
    : encoded
}

const UNCHANGED = /^[\x21-\x24\x26-\x7e]*$/

/**
 * A value as one word of printable ASCII: blanks, `%` and other characters are percent-encoded
 * UTF-8. `decodeURIComponent` reverses this.
 */
export function encodeIdentity(value: string): string {
  // For most values this quick test is enough.
  return UNCHANGED.test(value) ? value : value.replace(/[^\x21-\x24\x26-\x7e]/gu, percentEncode)
}

/** Alternating names and values. A missing claim makes no header. */
export function identityHeaders(token: VerifiedAccessToken): string[] {
  const { issuer, subject, clientId, scopes } = token
  const headers = ['X-Gatehouse-Issuer', encodeIdentity(issuer)]
  if (subject !== undefined) headers.push('X-Gatehouse-Subject', encodeIdentity(subject))
  if (clientId !== undefined) headers.push('X-Gatehouse-Client-Id', encodeIdentity(clientId))
  if (scopes.length > 0) headers.push('X-Gatehouse-Scope', scopes.map(encodeIdentity).join(' '))
  return headers
}

/** The same for a command that serves only this caller. No scopes: they change with each token. */
export function identityEnvironment(token: VerifiedAccessToken): Record<string, string> {
  const { issuer, subject, clientId } = token
  return {
    GATEHOUSE_ISSUER: encodeIdentity(issuer),
    ...(subject !== undefined && { GATEHOUSE_SUBJECT: encodeIdentity(subject) }),
    ...(clientId !== undefined && { GATEHOUSE_CLIENT_ID: encodeIdentity(clientId) }),
  }
}
