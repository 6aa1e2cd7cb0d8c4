/**
 * Checks of the user's own, on every request.
 *
 * @module
 */
import { AuthorizationServerError, Refusal } from '../errors.js'
import { isThenable } from '../events.js'
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

/**
 * What a validator throws is never the fault of the authorization server: that would be a 503, and keep streams open.
 *
 * @throws whatever it throws
 */
function run(validator: TokenValidator, token: VerifiedAccessToken): unknown {
  try {
    return validator.validate(token)
  } catch (error) {
    if (!(error instanceof AuthorizationServerError)) throw error
    throw new Error(`the validator ${JSON.stringify(validator.name)} failed`, { cause: error })
  }
}

/** @throws {TypeError} when a validator gives back anything but a reason or `undefined`: a promise would let all pass */
export function validateToken(
  token: VerifiedAccessToken,
  validators: readonly TokenValidator[],
): Refusal | undefined {
  for (const validator of validators) {
    const reason = run(validator, token)
    if (reason === undefined) continue
    if (typeof reason !== 'string') {
      // A promise that rejects and that nobody hears of would end the process.
      if (isThenable(reason)) Promise.resolve(reason).catch(() => undefined)
      const what = `the validator ${JSON.stringify(validator.name)} gave back a ${typeof reason}`
      throw new TypeError(`${what}, not a reason or undefined at once`)
    }
    return new Refusal('ERR_TOKEN_CLAIM', `${validator.name}: ${reason}`, token.issuer)
  }
  return undefined
}
