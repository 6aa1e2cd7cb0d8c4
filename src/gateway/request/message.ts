/**
 * Which messages are read before they are forwarded, and what is refused of them.
 *
 * @module
 */
import { isStateless } from '../../mcp/protocol-revision.js'
import { isJsonInUtf8 } from '../../web/media-type.js'
import { valuesOf } from './hop-by-hop.js'
import type { RpcMessage } from '../../mcp/message.js'
import { readStatelessMessage, type InvalidMessage } from '../../mcp/stateless-message.js'
import type { RequestHead } from './head.js'
import { RPC } from '../../mcp/rpc-error.js'

const VERSION = 'mcp-protocol-version'

/**
 * What the header fields say: whether the body must be read, or the request is refused without.
 *
 * @param hasPolicy then every body must be
 */
export function validateHead(
  { forwarded, protocolVersion, repeated }: RequestHead,
  hasPolicy: boolean,
): InvalidMessage | 'to be read' | 'as it is' {
  if (repeated.includes(VERSION)) {
    const reason = 'several MCP-Protocol-Version fields'
    return { code: RPC.headerMismatch, reason, id: 'null', text: reason }
  }
  // Before 2026-07-28 nothing is mirrored that anybody could go by.
  if (hasPolicy || isStateless(protocolVersion)) return 'to be read'
  // Of several each reader takes another one (HDR-08).
  if (valuesOf(forwarded, 'content-type').length > 1) {
    const reason = 'several Content-Type fields'
    return { code: RPC.invalidRequest, reason, id: 'null', text: reason }
  }
  return 'as it is'
}

/** Whether every reader takes the body for what is judged. */
export function isJudgeable({ contentType }: RequestHead): boolean {
  return isJsonInUtf8(contentType)
}

/** The one message of a body in a revision without state, as its header fields name it. */
export function validateMessage(
  body: Uint8Array,
  { forwarded }: RequestHead,
): RpcMessage | InvalidMessage {
  return readStatelessMessage(body, {
    versions: valuesOf(forwarded, VERSION),
    methods: valuesOf(forwarded, 'mcp-method'),
    names: valuesOf(forwarded, 'mcp-name'),
  })
}
