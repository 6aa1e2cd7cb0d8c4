/**
 * What is worth knowing about a token that is accepted.
 *
 * @module
 */
import type { AccessTokenFacts } from '../../token/access-token.js'
import { timeInWords } from '../time-in-words.js'

/** Seconds. Keys alone say nothing about a logout, so a token is valid until it expires. */
const SHORT = 15 * 60

/** @param at seconds since 1970 */
export function remarksOn(
  { expiresAt, validFrom, introspection }: AccessTokenFacts,
  at: number,
): readonly string[] {
  if (introspection !== undefined || expiresAt === undefined) return []
  const life = expiresAt - (validFrom === 0 ? at : validFrom)
  if (life <= SHORT) return []
  return [
    `it is valid for ${timeInWords(life)}, and no logout or revocation ends it earlier: let the provider issue shorter tokens, or use introspection (--oauth-client-id)`,
  ]
}
