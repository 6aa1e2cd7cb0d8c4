/**
 * The user's own checks, on every request.
 *
 * @module
 */
import { AuthorizationServerError, Refusal } from '../errors.js'
import { isThenable } from '../events.js'
import type { VerifiedAccessToken } from '../types.js'

/**
 * Your own check. It runs on every request, after everything else about the token was verified and
 * before scopes are checked, and again while a stream goes on. Its result is never cached. It must
 * be synchronous: a token seen before costs no promise.
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
  /** Its name in the log. */
  readonly name: string
  /**
   * The reason to refuse the token (401, `ERR_TOKEN_CLAIM`), for the log alone; `undefined` lets it
   * pass. If it throws, nobody is admitted: the middleware and the gateway answer 500.
   */
  validate(token: VerifiedAccessToken): string | undefined
}

/**
 * An error of a validator never counts as the authorization server's: that would answer 503 and
 * keep streams open.
 *
 * @throws what it throws
 */
function run(validator: TokenValidator, token: VerifiedAccessToken): unknown {
  try {
    return validator.validate(token)
  } catch (error) {
    if (!(error instanceof AuthorizationServerError)) throw error
    throw new Error(`the validator ${JSON.stringify(validator.name)} failed`, { cause: error })
  }
}

/**
 * @throws {TypeError} when a validator returns anything but a reason or `undefined`: a promise
 * would let every token pass
 */
export function validateToken(
  token: VerifiedAccessToken,
  validators: readonly TokenValidator[],
): Refusal | undefined {
  for (const validator of validators) {
    const reason = run(validator, token)
    if (reason === undefined) continue
    if (typeof reason !== 'string') {
      // An unhandled rejection would end the process.
      if (isThenable(reason)) Promise.resolve(reason).catch(() => undefined)
      const what = `the validator ${JSON.stringify(validator.name)} gave back a ${typeof reason}`
      throw new TypeError(`${what}, not a reason or undefined at once`)
    }
    return new Refusal('ERR_TOKEN_CLAIM', `${validator.name}: ${reason}`, token.issuer)
  }
  return undefined
}
