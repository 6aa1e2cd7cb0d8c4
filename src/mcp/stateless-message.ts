/**
 * The one message of a body in the stateless revisions, compared with its header fields.
 *
 * @module
 */
import { readMessage, type RpcMessage } from './message.js'
import { compareMirrored, type MirroredHeaders } from './mirrored-headers.js'

/** Why a body is refused. */
export interface InvalidMessage {
  readonly code: number
  /** For the operator. */
  readonly reason: string
  /** Of the request, as it was written. */
  readonly id: string
  /** For the client. */
  readonly text: string
}

const UNREADABLE = 'The body is not one JSON-RPC request or notification'

/** Reads the message of a body and compares it with the fields that mirror it (2026-07-28, "Server Validation"). */
export function readStatelessMessage(
  body: Uint8Array,
  mirrored: MirroredHeaders,
): RpcMessage | InvalidMessage {
  const message = readMessage(body)
  if (!('method' in message)) return { ...message, text: UNREADABLE }
  const fault = compareMirrored(message, mirrored)
  if (fault === undefined) return message
  return { code: fault.code, reason: fault.message, id: message.id, text: fault.message }
}
