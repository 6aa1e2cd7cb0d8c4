/**
 * Which messages are read before they are forwarded, and which are refused.
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
 * Decides by header fields whether the body must be read, or the request is refused without reading
 * it.
 *
 * @param hasPolicy then every body must be read
 */
export function validateHead(
  { forwarded, protocolVersion, repeated }: RequestHead,
  hasPolicy: boolean,
): InvalidMessage | 'to be read' | 'as it is' {
  if (repeated.includes(VERSION)) {
    const reason = 'several MCP-Protocol-Version fields'
    return { code: RPC.headerMismatch, reason, id: 'null', text: reason }
  }
  // Before 2026-07-28 no field mirrors the body.
  if (hasPolicy || isStateless(protocolVersion)) return 'to be read'
  // Readers choose differently among several (HDR-08).
  if (valuesOf(forwarded, 'content-type').length > 1) {
    const reason = 'several Content-Type fields'
    return { code: RPC.invalidRequest, reason, id: 'null', text: reason }
  }
  return 'as it is'
}

/** Whether every reader reads the body as we do. */
export function hasJsonBody({ contentType }: RequestHead): boolean {
  return isJsonInUtf8(contentType)
}

/** The one message of a body in a stateless revision, compared with its header fields. */
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
