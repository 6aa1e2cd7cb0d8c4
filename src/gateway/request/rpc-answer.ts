/**
 * JSON-RPC errors as answers.
 *
 * @module
 */
import type { OwnAnswer } from './answer.js'

/** An answer with a JSON-RPC error instead of a result. */
export function rpcErrorAnswer(
  status: number,
  requestId: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): OwnAnswer {
  return {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Request-Id': requestId,
      ...headers,
    },
    body,
  }
}
