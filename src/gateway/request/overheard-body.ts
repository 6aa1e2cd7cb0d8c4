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
 * Why the operations of a request are not known, or not all of them.
 *
 * - `no json`: its content type is not JSON in UTF-8.
 * - `no message`: its body is not a valid JSON-RPC message, or there is no body.
 * - `no room`: the bodies of this caller, or of all callers, already take too much memory.
 * - `incomplete`: it was answered before its body had arrived, or the body was cut short.
 * - `too many`: its batch has more than a record: only the first 100 are known.
 */
export type UnreadReason = 'no json' | 'no message' | 'no room' | 'incomplete' | 'too many'

export interface OverheardOptions {
  readonly request: IncomingMessage
  readonly head: RequestHead
  /** Takes a place within the limits that these bytes count against; `undefined`: there is no room. */
  readonly enter: () => Place | undefined
  /** Bytes: the reader of the body refuses larger ones. */
  readonly maxBody: number
  /** Calls back once when the request is over. Its `close` comes before: after its body. */
  readonly onOver: (callback: () => void) => void
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
  options: OverheardOptions,
  onKnown: (known: readonly RpcMessage[] | UnreadReason) => void,
): void {
  const { head, enter } = options
  if (!head.hasBody) return onKnown('no message')
  if (!isJsonInUtf8(head.contentType)) return onKnown('no json')
  const place = enter()
  if (place === undefined) return onKnown('no room')
  onKnown('incomplete')
  collect(options, place, onKnown)
}

function collect(
  { request, maxBody, onOver }: OverheardOptions,
  place: Place,
  onKnown: (known: readonly RpcMessage[] | UnreadReason) => void,
): void {
  const pieces = new Pieces<Buffer>(Buffer.concat)
  let size = 0
  function stop(): void {
    request.off('data', onData).off('end', onEnd)
    pieces.clear()
  }
  function leave(): void {
    stop()
    place.leave()
  }
  function onData(chunk: Buffer): void {
    size += chunk.length
    const hasRoom = size <= maxBody && place.hold(chunk.length) === undefined
    if (hasRoom) return pieces.add(chunk)
    leave()
    onKnown('no room')
  }
  function onEnd(): void {
    const body = pieces.take()
    stop()
    onKnown(readBytes(body))
  }
  request.on('data', onData).on('end', onEnd)
  // Until then the record may keep its arguments, which take as much.
  onOver(leave)
}
