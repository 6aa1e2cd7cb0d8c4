/**
 * What a message must fulfil that is forwarded unread.
 *
 * @module
 */
import type { InvalidMessage } from '../../mcp/stateless-message.js'
import { RPC } from '../../mcp/rpc-error.js'
import type { RequestHead } from './head.js'
import { valuesOf } from './hop-by-hop.js'

/** Several types of a body: readers choose differently among them (HDR-08). */
export function typesFault({ forwarded }: RequestHead): InvalidMessage | undefined {
  if (valuesOf(forwarded, 'content-type').length > 1) {
    const reason = 'several Content-Type fields'
    return { code: RPC.invalidRequest, reason, id: 'null', text: reason }
  }
  return undefined
}
