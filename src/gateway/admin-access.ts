/**
 * Who may see the admin page.
 *
 * A browser cannot send a bearer token by itself. It can send a password, and asks for it once. A
 * cookie would protect less: cookies ignore ports, so every server on this host would get it, even
 * one that an MCP server behind the gateway opens.
 *
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto'

/** The challenge: a browser asks for a user name, which does not matter, and for the token. */
export const ADMIN_CHALLENGE = 'Basic realm="mcp-gatehouse admin", charset="UTF-8"'

/** The token as `Bearer`, or as the password of `Basic` (RFC 7617). */
function tokenIn(authorization: string): string | undefined {
  const [, scheme = '', value = ''] = /^(bearer|basic) +([\x21-\x7e]+)$/i.exec(authorization) ?? []
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme === '') return undefined
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(value, 'base64').toString('utf8')) ?? []
  return password
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** @param token reads the right token; `undefined`: nobody may see the page */
export function mayAdminister(
  authorization: string | undefined,
  token: () => string | undefined,
): boolean {
  const given = authorization === undefined ? undefined : tokenIn(authorization)
  const right = given === undefined ? undefined : token()
  if (given === undefined || right === undefined) return false
  return timingSafeEqual(digest(given), digest(right))
}
