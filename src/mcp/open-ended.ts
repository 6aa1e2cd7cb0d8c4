/**
 * Requests whose answer stays open until the client ends it.
 *
 * @module
 */
import { isStateless } from './protocol-revision.js'

/** Opens a subscription (2026-07-28, "Subscriptions"). */
export const LISTEN = 'subscriptions/listen'

/** The header fields that show it, so that no body has to be read. */
export interface RequestLine {
  readonly method: string
  /** `MCP-Protocol-Version`. */
  readonly version: string | undefined
  /** `Mcp-Method`. */
  readonly rpcMethod: string | undefined
}

/**
 * A GET, or a subscription. In its protocol revision the reader of the body refuses a request whose
 * header differs; in others the header has no meaning (2026-07-28, "Server Validation").
 */
export function isOpenEnded({ method, version, rpcMethod }: RequestLine): boolean {
  return method === 'GET' || (rpcMethod === LISTEN && isStateless(version))
}
