/**
 * Until when an introspected token may be used without another question, for users of the SDK's
 * gate: it refuses every token without an end.
 *
 * @module
 */
import type { VerifiedAccessToken } from '../types.js'

/** The SDK's gate is asked again with each request, so a short time is enough. */
const SHORTEST = 60

const ends = new WeakMap<VerifiedAccessToken, number>()

/**
 * @param answerEnds when its answer expires, in milliseconds since 1970; `undefined`: it has none
 * @param now milliseconds since 1970
 */
export function noteAnswerEnd(
  token: VerifiedAccessToken,
  answerEnds: number | undefined,
  now: number,
): void {
  if (answerEnds === undefined) return
  ends.set(token, Math.ceil(Math.max(answerEnds / 1000, now / 1000 + SHORTEST)))
}

/** Seconds since 1970: the token's own end, else that of its answer. */
export function usableUntil(token: VerifiedAccessToken): number | undefined {
  return token.expiresAt ?? ends.get(token)
}
