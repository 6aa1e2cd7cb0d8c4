/**
 * Reads the body of a request while the backend forwards it. Nothing about the request changes: not its
 * bytes, not its pace. It is never refused because of this.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { Pieces } from '../../base/pieces.js'
import { readMessages, type RpcMessage } from '../../mcp/message.js'
import { isJsonInUtf8 } from '../../web/media-type.js'
import type { Place } from './admission.js'
import type { RequestHead } from './head.js'

/**
 * Why the operations of a request are not known.
 *
 * - `no json`: its content type is not JSON in UTF-8.
 * - `no message`: its body is not a valid JSON-RPC message, or there is no body.
 * - `no room`: the bodies of this caller, or of all callers, already take too much memory.
 * - `incomplete`: it was answered before its body had arrived, or the body was cut short.
 */
export type UnreadReason = 'no json' | 'no message' | 'no room' | 'incomplete'

export interface OverheardOptions {
  readonly request: IncomingMessage
  readonly head: RequestHead
  /** Takes a place within the limits that these bytes count against; `undefined`: there is no room. */
  readonly enter: () => Place | undefined
  /** Bytes: the reader of the body refuses larger ones. */
  readonly maxBody: number
}

function readBytes(body: Buffer): readonly RpcMessage[] | UnreadReason {
  const read = readMessages(body)
  return 'code' in read ? 'no message' : read.messages
}

/**
 * Listens to a body. Call it in the turn in which the body's reader begins to listen. Then both get
 * every byte.
 *
 * @param onKnown is called at once with a reason why nothing is known, and again once the body is read
 */
export function overhear(
  { request, head, enter, maxBody }: OverheardOptions,
  onKnown: (known: readonly RpcMessage[] | UnreadReason) => void,
): void {
  if (!head.hasBody) return onKnown('no message')
  if (!isJsonInUtf8(head.contentType)) return onKnown('no json')
  const place = enter()
  if (place === undefined) return onKnown('no room')
  onKnown('incomplete')
  collect(request, place, maxBody, onKnown)
}

function collect(
  request: IncomingMessage,
  place: Place,
  maxBody: number,
  onKnown: (known: readonly RpcMessage[] | UnreadReason) => void,
): void {
  const pieces = new Pieces<Buffer>(Buffer.concat)
  let size = 0
  function stop(): void {
    request.off('data', onData).off('end', onEnd).off('close', stop)
    pieces.clear()
    place.leave()
  }
  function onData(chunk: Buffer): void {
    size += chunk.length
    const hasRoom = size <= maxBody && place.hold(chunk.length) === undefined
    if (hasRoom) return pieces.add(chunk)
    stop()
    onKnown('no room')
  }
  function onEnd(): void {
    const body = pieces.take()
    stop()
    onKnown(readBytes(body))
  }
  request.on('data', onData).on('end', onEnd).on('close', stop)
}
