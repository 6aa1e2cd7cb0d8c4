/**
 * Answers of `node:http`: sent whole, ended, or cut.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GuardAnswer } from '../web/answers.js'

/** Answered by somebody else while we waited for keys (a time limit), or left by the client. */
export function isOver(response: ServerResponse): boolean {
  return response.headersSent || response.writableEnded || response.destroyed
}

export function sendAnswer(response: ServerResponse, { status, headers, body }: GuardAnswer): void {
  if (isOver(response)) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}

/** Half an answer must not look like a whole one. Its handler may go on writing, as to a client that has left. */
export function cutAnswer(request: IncomingMessage, response: ServerResponse): void {
  // Before HTTP/1.1 the end of the connection is the end of the answer: only a reset is none.
  if (request.httpVersion < '1.1') response.socket?.resetAndDestroy()
  response.destroy()
}

/** How long the rest of an answer that we ended may take to reach a slow client, in milliseconds. */
const LINGER = 5_000

/** Ends an answer whose handler goes on writing: that must neither throw nor end the process. */
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
  // A client that does not read it must not hold it.
  const timer = setTimeout(() => response.destroy(), LINGER).unref()
  response.once('close', () => clearTimeout(timer))
}
