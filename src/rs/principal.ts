/**
 * Who is calling.
 *
 * @module
 */
import type { VerifiedAccessToken } from '../types.js'

/**
 * A principal. Two tokens belong to the same one exactly when their `key` is equal.
 *
 * - `user`: the token names a subject that is not the client itself.
 * - `client`: the token names only the client, or the client as its own subject. A client could choose
 *   a user's `sub` as its `client_id` (RFC 9700 §4.15), so the two never share a key.
 * - `anonymous`: the token names neither. It has no key: such callers are never treated as the
 *   same.
 */
export interface Principal {
  readonly type: 'user' | 'client' | 'anonymous'
  readonly issuer: string
  /** The subject or the client id. */
  readonly id: string | undefined
  /** One text for (type, issuer, id), each with its length, so that no two principals can collide. */
  readonly key: string | undefined
}

/**
 * The principal of a token: (issuer, subject), or (issuer, client) for a client on its own behalf.
 * Never the subject alone, never an e-mail address (RFC 8725 §3.8).
 *
 * @example
 * ```ts
 * import { principalOf, type VerifiedAccessToken } from 'mcp-gatehouse'
 *
 * function ownerOf(token: VerifiedAccessToken): string {
 *   const { key } = principalOf(token)
 *   if (key === undefined) throw new Error('this token names nobody')
 *   return key
 * }
 * ```
 */
export function principalOf(token: VerifiedAccessToken): Principal {
  const { issuer, subject, clientId } = token
  const id = subject ?? clientId
  if (id === undefined) return { type: 'anonymous', issuer, id, key: undefined }
  const type = id === clientId ? 'client' : 'user'
  return { type, issuer, id, key: `${type}:${issuer.length}:${issuer}${id.length}:${id}` }
}
