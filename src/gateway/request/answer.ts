/**
 * Answers of our own on `node:http`.
 *
 * @module
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { answerHeaders, errorBody, withReference } from '../../rs/decision.js'
import type { Clock } from '../clock.js'
import { shortLatin1 } from '../latin1.js'
import type { RequestHead } from './head.js'
import type { Refusal } from './record.js'

export interface OwnAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The status of a refusal that is sent in another form. */
  readonly standsFor?: number
}

/** A refusal: what the operator learns, and what the client gets. */
export interface Refused {
  readonly refusal: Refusal
  readonly error: string
  readonly description: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer with an error in JSON, like all our own answers. */
export function errorAnswer(
  status: number,
  requestId: string,
  error: string,
  description: string,
  headers: Readonly<Record<string, string>> = {},
): OwnAnswer {
  const told = status === 403 ? withReference(description, requestId) : description
  return {
    status,
    headers: { ...answerHeaders(requestId), ...headers },
    body: errorBody(error, told),
  }
}

/**
 * A body up to this size may still arrive after our answer; beyond it, closing the connection costs
 * less than reading.
 */
const TOLERABLE_REST = 64 * 1024
/**
 * How long a client may continue to send an unwanted body. Reading the body lets the answer arrive.
 */
const LINGER = 2_000

/**
 * Ends an answer while the request's body may still arrive. Closing at once would reset a client
 * that is still writing, and it would not see the answer.
 */
export function endAfterRest(
  request: IncomingMessage,
  response: ServerResponse,
  { setTimer }: Clock,
): void {
  const end = () => {
    clearTimer()
    response.end()
  }
  const clearTimer = setTimer(end, LINGER)
  // A pipe that is cut pauses its source, and a paused body never ends.
  request.unpipe()
  request.once('end', end).once('close', end).resume()
}

/**
 * Sends an answer to a request whose body may be unread.
 *
 * @param unread bytes of the body still to arrive: 0 without one, `undefined` if unknown
 */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: OwnAnswer,
  unread: number | undefined,
  clock: Clock,
): void {
  const isTolerable = unread !== undefined && unread <= TOLERABLE_REST
  const isHead = request.method === 'HEAD'
  const fields: Record<string, string | number> = { ...headers }
  if (status !== 204 && !isHead) fields['Content-Length'] = Buffer.byteLength(body)
  if (!isTolerable) fields['Connection'] = 'close'
  // Set explicitly, because a refused phrase stays with the response.
  response.writeHead(status, STATUS_CODES[status] ?? '', fields)
  if (isTolerable) {
    request.unpipe()
    request.resume()
    response.end(isHead ? undefined : body)
    return
  }
  if (!isHead) response.write(body)
  endAfterRest(request, response, clock)
}

/** Sends the last bytes of an answer; short ones are written together with its head. */
export function endWith(response: ServerResponse, body: Buffer | undefined): void {
  const text = body && shortLatin1(body)
  if (text === undefined) response.end(body)
  else response.end(text, 'latin1')
}

/** Whether nothing can be sent to the client any more: its connection or its answer has ended. */
export function isGone(request: IncomingMessage, response: ServerResponse): boolean {
  return request.socket.destroyed || response.destroyed
}

/**
 * Calls back once when a request is over: its answer is sent, or its connection is gone, even if
 * that happened before.
 *
 * @param callback called with whether the client's system took the whole answer
 */
export function onceOver(
  request: IncomingMessage,
  response: ServerResponse,
  callback: (isSent: boolean) => void,
): void {
  const { socket } = request
  let isSent = false
  let isOver = false
  const over = () => {
    // One event fires during the other, too late to remove its listener.
    if (isOver) return
    isOver = true
    socket.off('close', over)
    response.off('close', over)
    callback(isSent)
  }
  // Node also reports `finish` for an answer that was destroyed.
  response.once('finish', () => (isSent = !socket.destroyed))
  socket.on('close', over)
  response.on('close', over)
  // If the request is already over, no event will report that.
  if (isGone(request, response)) process.nextTick(over)
}

/**
 * Unread bytes of a body; `undefined` if unknown, as with a client that still waits for
 * `100 Continue`.
 */
export function unreadOf(
  { hasBody, contentLength }: RequestHead,
  expectsContinue: boolean,
): number | undefined {
  if (!hasBody) return 0
  return expectsContinue ? undefined : contentLength
}
