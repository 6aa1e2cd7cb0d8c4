/**
 * Requests whose answer goes on for as long as its client likes.
 *
 * @module
 */
import { isStateless } from './protocol-revision.js'

/** Opens a subscription (2026-07-28, "Subscriptions"). */
export const LISTEN = 'subscriptions/listen'

/** What of a request says it, so that no body has to be read. */
export interface RequestLine {
  readonly method: string
  /** `MCP-Protocol-Version`. */
  readonly version: string | undefined
  /** `Mcp-Method`. */
  readonly rpcMethod: string | undefined
}

/**
 * A GET, or a subscription: in its era whoever reads the body refuses a request whose header says something else, and in
 * others the header is nobody's (2026-07-28, "Server Validation").
 */
export function isOpenEnded({ method, version, rpcMethod }: RequestLine): boolean {
  return method === 'GET' || (rpcMethod === LISTEN && isStateless(version))
}
