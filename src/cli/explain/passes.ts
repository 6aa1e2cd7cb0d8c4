/**
 * What a rule saw in a token that passes it.
 *
 * @module
 */
import { quoted } from '../../errors.js'
import type { AccessTokenFacts } from '../../token/access-token.js'
import { timeInWords } from '../time-in-words.js'

type Describe = (facts: AccessTokenFacts, at: number) => string

const PASSES: Readonly<Record<string, Describe>> = {
  algorithm: ({ algorithm }) =>
    algorithm === undefined ? 'introspection has none' : quoted(algorithm),
  kind: ({ kind }) => (kind === 'opaque' ? 'an opaque access token' : `an access token (${kind})`),
  audience: ({ audience }) => audience.map((each) => quoted(each)).join(', '),
  binding: () => 'not bound to a sender',
  start: ({ validFrom }, at) =>
    validFrom === 0 ? 'no nbf and no iat' : `valid since ${timeInWords(at - validFrom)}`,
  expiry: ({ expiresAt }, at) => (expiresAt === undefined ? 'no end' : describeEnd(expiresAt - at)),
}

/** Within the tolerance, a token that has expired passes. */
function describeEnd(left: number): string {
  return left >= 0
    ? `expires in ${timeInWords(left)}`
    : `expired ${timeInWords(-left)} ago, within the tolerance`
}

export function describePass(rule: string, facts: AccessTokenFacts, at: number): string {
  return PASSES[rule]?.(facts, at) ?? ''
}
