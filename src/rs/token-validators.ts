/**
 * Checks of the user's own, on every request.
 *
 * @module
 */
import { Refusal } from '../errors.js'
import type { VerifiedAccessToken } from '../types.js'

/**
 * A check of your own. It runs on every request, after everything else about the token was verified and before scopes are
 * judged, and again while a stream goes on. What it finds is never remembered. It must not wait: it runs where a token
 * that was seen before costs no promise.
 *
 * @example
 * ```ts
 * import type { TokenValidator } from 'mcp-gatehouse'
 *
 * const left = new Set(['alice'])
 * export const stillEmployed: TokenValidator = {
 *   name: 'still employed',
 *   validate: ({ subject }) => (left.has(subject ?? '') ? 'has left the company' : undefined),
 * }
 * ```
 */
export interface TokenValidator {
  /** Names it in the log. */
  readonly name: string
  /**
   * The reason to refuse the token (401, `ERR_TOKEN_CLAIM`), for the log alone; `undefined` lets it pass. What it throws
   * admits nobody: behind a middleware and in the gateway it is a 500.
   */
  validate(token: VerifiedAccessToken): string | undefined
}

/** @throws {TypeError} when a validator gives back anything but a reason or `undefined`: a promise would let all pass */
export function validateToken(
  token: VerifiedAccessToken,
  validators: readonly TokenValidator[],
): Refusal | undefined {
  for (const validator of validators) {
    const reason: unknown = validator.validate(token)
    if (reason === undefined) continue
    if (typeof reason !== 'string') {
      const what = `the validator ${JSON.stringify(validator.name)} gave back a ${typeof reason}`
      throw new TypeError(`${what}, not a reason or undefined at once`)
    }
    return new Refusal('ERR_TOKEN_CLAIM', `${validator.name}: ${reason}`, token.issuer)
  }
  return undefined
}
