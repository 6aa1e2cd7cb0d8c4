/**
 * Whose use of which limit an operation is.
 *
 * @module
 */
import type { McpOperation } from '../mcp/operation.js'
import type { CheckedLimit } from '../policy/limit.js'
import type { OperationPolicy, PublicPart } from '../policy/policy.js'
import { isKeyIssuer } from '../rs/api-keys.js'
import { callerKey, principalKey } from '../rs/caller-key.js'
import { countedKey, type Anonymous, type Visitor } from '../rs/anonymous.js'
import type { Authenticated } from '../rs/decision.js'
import type { LimitUse } from './quotas.js'

/** A person or machine. Callers without a subject are told apart by client and token. */
function personKey(authenticated: Authenticated): string {
  return authenticated.token.subject === undefined
    ? callerKey(authenticated)
    : principalKey(authenticated)
}

function clientKey(authenticated: Authenticated): string {
  const { issuer, clientId } = authenticated.token
  return clientId === undefined ? personKey(authenticated) : JSON.stringify([issuer, clientId])
}

function keyFor({ per }: CheckedLimit, visitor: Visitor, { method, name }: McpOperation): string {
  if (visitor.outcome === 'anonymous') {
    const address = countedKey(visitor)
    return per === 'tool' ? JSON.stringify([address, method, name]) : address
  }
  return keyForToken(per, visitor, method, name)
}

function keyForToken(
  per: CheckedLimit['per'],
  authenticated: Authenticated,
  method: string,
  name: string | undefined,
): string {
  // The id of an API key is its client id.
  if (per === 'client' || per === 'key') return clientKey(authenticated)
  const person = personKey(authenticated)
  return per === 'subject' ? person : JSON.stringify([person, method, name])
}

/** The uses of limits that these operations of a caller are. */
export function usesOf(
  policy: OperationPolicy,
  visitor: Visitor,
  operations: readonly McpOperation[],
): readonly LimitUse[] {
  // A caller without a token holds no key.
  const holdsKey = visitor.outcome !== 'anonymous' && isKeyIssuer(visitor.token.issuer)
  const uses = operations.flatMap((operation) =>
    policy
      .limitsOf(operation)
      .filter(({ per }) => per !== 'key' || holdsKey)
      .map((limit) => ({ limit, key: keyFor(limit, visitor, operation) })),
  )
  const { publicPart } = policy
  if (visitor.outcome !== 'anonymous' || publicPart === undefined) return uses
  // The first operation was counted when the request arrived.
  const others = operations.slice(1)
  return [...uses, ...others.map(() => arrivalOf(publicPart, visitor))]
}

/** The use that any request without a token is, also one that is refused, or has no operation. */
export function arrivalOf({ limit }: PublicPart, visitor: Anonymous): LimitUse {
  return { limit, key: countedKey(visitor) }
}
