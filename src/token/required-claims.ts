/**
 * Claims that a token must have, with the accepted values.
 *
 * @module
 */
import { quoted } from '../errors.js'
import { isLeftOut, LEFT_OUT } from '../advice/left-out-claims.js'
import type { JsonObject } from '../base/json.js'
import { fitsPattern } from './claim-pattern.js'
import { claimAt } from './claim-shapes.js'

type ClaimValue = string | number | boolean

/**
 * Claims that a token must have. Each name, or dotted path, with the accepted values; `true`
 * accepts any value. A claim that is an array must contain one of them. Values are compared
 * exactly: `7` is not `'7'`. In a text, `*` stands for any text without `/` and `:`.
 *
 * @example
 * ```ts
 * import type { RequiredClaims } from 'mcp-gatehouse'
 *
 * export const ours: RequiredClaims = { tid: ['contoso', 'fabrikam'], 'realm_access.roles': ['mcp'], email: true }
 * ```
 */
export type RequiredClaims = Readonly<Record<string, true | readonly ClaimValue[]>>

/** What is wrong with a required claim. */
export interface UnmetClaim {
  readonly claim: string
  readonly reason: string
  readonly about?: 'left out'
}

function isValue(wanted: ClaimValue, value: unknown): boolean {
  if (typeof wanted !== 'string') return wanted === value
  return typeof value === 'string' && fitsPattern(wanted, value)
}

function isMet(value: unknown, wanted: readonly ClaimValue[]): boolean {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.some((each) => wanted.some((one) => isValue(one, each)))
}

/** The first required claim that a token does not meet. */
export function findUnmetClaim(
  claims: JsonObject,
  required: RequiredClaims,
): UnmetClaim | undefined {
  for (const [claim, wanted] of Object.entries(required)) {
    const value = claimAt(claims, claim)
    const isThere = value !== undefined && value !== null
    if (isThere && (wanted === true || isMet(value, wanted))) continue
    if (isLeftOut(claims, claim)) {
      return { claim, reason: `no ${quoted(claim)} claim: ${LEFT_OUT}`, about: 'left out' }
    }
    if (!isThere || wanted === true) return { claim, reason: `no ${quoted(claim)} claim` }
    const expected = wanted
      .slice(0, 5)
      .map((one) => quoted(String(one)))
      .join(' or ')
    return { claim, reason: `${quoted(claim)} is ${quoted(value)}; expected ${expected}` }
  }
  return undefined
}
