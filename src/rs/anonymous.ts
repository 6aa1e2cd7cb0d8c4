/**
 * Callers without a token, at a resource where some operations need none.
 *
 * @module
 */
import { callerKey } from './caller-key.js'
import type { Authenticated } from './decision.js'
import type { VerifiedAccessToken } from '../types.js'

/** A request without credentials. It may use only what needs no token. */
export interface Anonymous {
  readonly outcome: 'anonymous'
  /** Where it comes from: one text for all callers that are counted together. */
  readonly address: string
  /** Whether it names a session that may have begun without a token. */
  readonly hasSession: boolean
}

/** A caller with a token, or one without. */
export type Visitor = Authenticated | Anonymous

/** The owner of sessions and children without a token. No key of a caller with a token is equal. */
export const ANONYMOUS_KEY = 'anonymous'

const NAMELESS = { issuer: undefined, subject: undefined, clientId: undefined } as const

/** The names of a caller in events. */
export function namesOf(
  visitor: Visitor,
): Pick<VerifiedAccessToken, 'subject' | 'clientId'> & { readonly issuer: string | undefined } {
  if (visitor.outcome === 'anonymous') return NAMELESS
  const { issuer, subject, clientId } = visitor.token
  return { issuer, subject, clientId }
}

/** One text for all sessions of the same owner. */
export function ownerKey(visitor: Visitor): string {
  return visitor.outcome === 'anonymous' ? ANONYMOUS_KEY : callerKey(visitor)
}

/** One text for all requests whose uses and refusals are counted together. */
export function countedKey(visitor: Visitor): string {
  return visitor.outcome === 'anonymous' ? `address ${visitor.address}` : callerKey(visitor)
}
