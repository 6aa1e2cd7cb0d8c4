/**
 * What a policy says about an operation.
 *
 * @module
 */
import type { McpOperation } from '../../mcp/operation.js'
import { RulePolicy } from '../../policy/policy.js'
import type { ClaimRequirement } from '../../policy/document.js'
import type { PolicyFile } from '../../config/policy-file.js'
import type { VerifiedAccessToken } from '../../types.js'
import { shownScalar } from './shown.js'

export interface Needs {
  /** The rules that match, in the order of the file. */
  readonly rules: readonly { readonly index: number; readonly place: string }[]
  readonly scopes: readonly string[]
  readonly claims: readonly ClaimRequirement[]
  /** Why no token allows it. */
  readonly denial: string | undefined
  /** Whether it needs no token. */
  readonly isPublic: boolean
}

/** The issuer of the made-up token. It is never contacted. */
export const EXAMPLE_ISSUER = 'https://sso.example.com'

export function tokenWith(
  scopes: readonly string[],
  claims: VerifiedAccessToken['claims'],
): VerifiedAccessToken {
  return {
    issuer: EXAMPLE_ISSUER,
    subject: 'somebody',
    clientId: 'client',
    scopes,
    audience: [],
    expiresAt: undefined,
    claims,
  }
}

const NOBODY = tokenWith([], {})

/** Makes a function that evaluates a policy without problems. */
export function createEvaluator({
  policy,
  placeOf,
}: PolicyFile): (operation: McpOperation) => Needs {
  const compiled = new RulePolicy(policy)
  return function needsOf(operation) {
    const indexes = compiled.rulesFor(operation)
    const { scopes } = compiled.authorize(operation, NOBODY)
    return {
      rules: indexes.map((index) => ({ index, place: placeOf(['rules', index]) })),
      scopes,
      claims: indexes.flatMap((index) => policy.rules[index]?.claims ?? []),
      denial: compiled.closedBy(operation),
      isPublic: compiled.publicPart?.includes(operation) === true,
    }
  }
}

/** For example: `realm_access.roles has ops or admin`. */
export function describeClaim({ claim, values }: ClaimRequirement): string {
  return `${shownScalar(claim)} has ${values.map((value) => shownScalar(value)).join(' or ')}`
}
