/**
 * Answers of our own on `node:http`.
 *
 * @module
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { answerHeaders, errorBody } from '../../rs/decision.js'
import type { RequestHead } from './head.js'
import type { Refusal } from './record.js'

export interface OwnAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A request that is refused: what the operator is told, and what the client. */
export interface Refused {
  readonly refusal: Refusal
  readonly error: string
  readonly description: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer with an error in JSON, as all of ours are. */
export function errorAnswer(
  status: number,
  requestId: string,
  error: string,
  description: string,
  headers: Readonly<Record<string, string>> = {},
): OwnAnswer {
  return {
    status,
    headers: { ...answerHeaders(requestId), ...headers },
    body: errorBody(error, description),
  }
}

/** A body of this size may still come after our answer; beyond it the connection is worth less than the traffic. */
const TOLERABLE_REST = 64 * 1024
/** How long a client may go on sending a body that nobody wants: reading it lets the answer arrive. */
const LINGER = 2_000

/**
 * Ends an answer while the request's body may still come. Ending at once would close the socket under a client that
 * is still writing, and it would see a reset in place of the answer.
 */
export function endAfterRest(request: IncomingMessage, response: ServerResponse): void {
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, LINGER)
  // A pipe that is cut pauses its source, and a paused body never ends.
  request.unpipe()
  request.once('end', end).once('close', end).resume()
}

/**
 * Sends an answer to a request whose body may not have been read.
 *
 * @param unread bytes of the body still to come: 0 without one, `undefined` when nobody can tell
 */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: OwnAnswer,
  unread: number | undefined,
): void {
  const isTolerable = unread !== undefined && unread <= TOLERABLE_REST
  const isHead = request.method === 'HEAD'
  const fields: Record<string, string | number> = { ...headers }
  if (status !== 204 && !isHead) fields['Content-Length'] = Buffer.byteLength(body)
  if (!isTolerable) fields['Connection'] = 'close'
  // Named, because a phrase that was refused stays with the response.
  response.writeHead(status, STATUS_CODES[status] ?? '', fields)
  if (isTolerable) {
    request.unpipe()
    request.resume()
    response.end(isHead ? undefined : body)
    return
  }
  if (!isHead) response.write(body)
  endAfterRest(request, response)
}

/** Whether nothing can be said to the client any more: its connection has ended, or its answer has. */
export function isGone(request: IncomingMessage, response: ServerResponse): boolean {
  return request.socket.destroyed || response.destroyed
}

/**
 * Calls once when a request is over: its answer is sent, or its connection is gone. Also where that was before.
 *
 * @param callback told whether the client's system took all of the answer
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
    // The one event comes in the midst of the other, too late to be taken off its list.
    if (isOver) return
    isOver = true
    socket.off('close', over)
    response.off('close', over)
    callback(isSent)
  }
  // Of an answer that is destroyed Node says too that it has finished.
  response.once('finish', () => (isSent = !socket.destroyed))
  socket.on('close', over)
  response.on('close', over)
  // No event tells of an end that is past.
  if (isGone(request, response)) process.nextTick(over)
}

/**
 * Bytes of a body that nobody read; `undefined` when nobody can tell, as with a client that was told neither
 * to send it nor not to.
 */
export function unreadOf(
  { hasBody, contentLength }: RequestHead,
  expectsContinue: boolean,
): number | undefined {
  if (!hasBody) return 0
  return expectsContinue ? undefined : contentLength
}
