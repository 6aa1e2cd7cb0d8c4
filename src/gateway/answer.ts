/**
 * Answers of our own on `node:http`.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerHeaders, errorBody } from '../rs/decision.js'

export interface OwnAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
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
/** How long a client may go on sending a body that nobody wants: reading it lets our answer arrive. */
const LINGER = 2_000

/**
 * Sends an answer to a request whose body may not have been read.
 *
 * @param unread bytes of the body still to come: 0 without one, `undefined` when nobody can tell
 */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: OwnAnswer,
  unread: number | undefined = 0,
): void {
  const isTolerable = unread !== undefined && unread <= TOLERABLE_REST
  const fields: Record<string, string | number> = { ...headers }
  if (status !== 204) fields['Content-Length'] = Buffer.byteLength(body)
  if (!isTolerable) fields['Connection'] = 'close'
  response.writeHead(status, fields)
  if (isTolerable) {
    response.end(request.method === 'HEAD' ? undefined : body)
    return
  }
  // Ending now would close the socket under a client that is still writing, and it would see a reset instead.
  response.write(body)
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, LINGER)
  request.once('end', end).once('close', end).resume()
}
