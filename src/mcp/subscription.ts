/**
 * Subscriptions of the stateless revisions: what names one, and ends it (2026-07-28,
 * "Subscriptions").
 *
 * @module
 */

/** In `_meta` of every message under it: the id of the request that opened it. */
export const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId'

/**
 * The result that ends one ("Graceful Closure").
 *
 * @param id as it was written in the request
 */
export function lastResult(id: string): string {
  const result = `{"resultType":"complete","_meta":{"${SUBSCRIPTION_ID}":${id}}}`
  return `{"jsonrpc":"2.0","id":${id},"result":${result}}`
}
