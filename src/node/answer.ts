/**
 * Answers of `node:http`: sent whole, ended, or cut.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GuardAnswer } from '../web/answers.js'

/** Other code answered while we waited for keys (a time limit), or the client left. */
export function isOver(response: ServerResponse): boolean {
  return response.headersSent || response.writableEnded || response.destroyed
}

export function sendAnswer(response: ServerResponse, { status, headers, body }: GuardAnswer): void {
  if (isOver(response)) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}

/**
 * Half an answer must not look complete. Its handler may go on writing, as to a client that has
 * left.
 */
export function cutAnswer(request: IncomingMessage, response: ServerResponse): void {
  // Before HTTP/1.1 the end of the connection ends the answer: only a reset shows that it was cut.
  if (request.httpVersion < '1.1') response.socket?.resetAndDestroy()
  response.destroy()
}

/** Milliseconds that the rest of an ended answer may take to reach a slow client. */
const LINGER = 5_000

/** Ends an answer whose handler may go on writing: that must neither throw nor end the process. */
export function endAnswer(response: ServerResponse): void {
  if (response.writableEnded || response.destroyed) return
  response.end()
  const ignore = (args: readonly unknown[]) => {
    const callback = args.find((arg): arg is () => void => typeof arg === 'function')
    if (callback !== undefined) queueMicrotask(callback)
  }
  response.write = (...args: unknown[]) => {
    ignore(args)
    return true
  }
  response.end = (...args: unknown[]) => {
    ignore(args)
    return response
  }
  // A client that does not read must not keep it open.
  const timer = setTimeout(() => response.destroy(), LINGER).unref()
  response.once('close', () => clearTimeout(timer))
}
