/**
 * Whose use of which limit an operation is.
 *
 * @module
 */
import type { McpOperation } from '../mcp/operation.js'
import type { CheckedLimit } from '../policy/limit.js'
import type { OperationPolicy } from '../policy/policy.js'
import { isKeyIssuer } from '../rs/api-keys.js'
import { callerKey, principalKey } from '../rs/caller-key.js'
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

function keyFor(
  { per }: CheckedLimit,
  authenticated: Authenticated,
  { method, name }: McpOperation,
): string {
  // The id of an API key is its client id.
  if (per === 'client' || per === 'key') return clientKey(authenticated)
  const person = personKey(authenticated)
  return per === 'subject' ? person : JSON.stringify([person, method, name])
}

/** The uses of limits that these operations of a caller are. */
export function usesOf(
  policy: OperationPolicy,
  authenticated: Authenticated,
  operations: readonly McpOperation[],
): readonly LimitUse[] {
  const holdsKey = isKeyIssuer(authenticated.token.issuer)
  return operations.flatMap((operation) =>
    policy
      .limitsOf(operation)
      .filter(({ per }) => per !== 'key' || holdsKey)
      .map((limit) => ({ limit, key: keyFor(limit, authenticated, operation) })),
  )
}
