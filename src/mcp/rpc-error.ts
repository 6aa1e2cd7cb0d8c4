/**
 * JSON-RPC errors that we answer ourselves.
 *
 * @module
 */

/** Codes of JSON-RPC 2.0 §5.1 and of MCP (2026-07-28, "Error codes"). */
export const RPC = {
  parseError: -32_700,
  invalidRequest: -32_600,
  methodNotFound: -32_601,
  invalidParams: -32_602,
  internalError: -32_603,
  /** Reserved for servers; MCP SDKs use it for errors outside of the protocol. */
  serverError: -32_000,
  headerMismatch: -32_020,
  unsupportedVersion: -32_022,
} as const

/** @param id as it was written, or `null` if there is none to name */
export function rpcError(id: string, code: number, message: string, data?: object): string {
  const error = JSON.stringify({ code, message, ...(data !== undefined && { data }) })
  return `{"jsonrpc":"2.0","id":${id},"error":${error}}`
}
