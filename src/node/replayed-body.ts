/**
 * A request's body, read before its handler reads it.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { Pieces } from '../base/pieces.js'

/** Members that body parsers and cloud functions add. */
interface ParsedRequest extends IncomingMessage {
  readonly body?: unknown
  readonly rawBody?: unknown
  /** HTTP/2 only. */
  readonly stream?: { readonly readableEnded?: boolean }
}

function bytesOf(body: unknown): Buffer | undefined {
  if (Buffer.isBuffer(body)) return body
  if (typeof body === 'string') return Buffer.from(body)
  return body === undefined || body === null ? undefined : Buffer.from(JSON.stringify(body))
}

/** A body that other code has read; an object was JSON, and is what the handler sees. */
function alreadyRead({ rawBody, body }: ParsedRequest): Buffer | undefined {
  return bytesOf(body) ?? (Buffer.isBuffer(rawBody) ? rawBody : undefined)
}

/** The bytes that arrived, if a handler may see them besides a parser's result. */
export function bytesBeside({ rawBody, body }: ParsedRequest): Buffer | undefined {
  if (body === undefined || body === null) return undefined
  return Buffer.isBuffer(rawBody) || typeof rawBody === 'string' ? bytesOf(rawBody) : undefined
}

/** In HTTP/2 only the underlying stream knows it in time. */
function isAtEnd(request: ParsedRequest): boolean {
  return request.complete || request.stream?.readableEnded === true
}

/**
 * Reads the body and puts it back, so that every later reader of the request gets the same bytes.
 *
 * @returns `undefined` for a body of more than `limit` bytes; then the rest is discarded
 * @throws when it was cut short, or other code consumed it
 */
export function replayedBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const read = alreadyRead(request)
  if (read !== undefined) return Promise.resolve(read.length > limit ? undefined : read)
  if (request.readableEnded || request.destroyed) {
    return Promise.reject(new TypeError('other code has already read the body'))
  }
  return new Promise((resolve, reject) => {
    const pieces = new Pieces<Buffer>(Buffer.concat)
    let size = 0
    function stop(): void {
      request.off('readable', onReadable).off('end', onEnd)
      request.off('close', onClose).off('error', onClose)
    }
    function onReadable(): void {
      for (;;) {
        const chunk = request.read() as Buffer | null
        if (chunk === null) break
        size += chunk.length
        if (size > limit) {
          stop()
          // A client that is still sending cannot read the answer, and nothing else would read the
          // rest.
          request.resume()
          return resolve(undefined)
        }
        pieces.add(chunk)
      }
      if (!isAtEnd(request)) return
      stop()
      const body = pieces.take()
      // In the turn of the last read: afterwards the stream has ended and accepts nothing back.
      if (size > 0) request.unshift(body)
      // A stream read this way begins to flow one turn after a listener is added.
      setImmediate(() => resolve(body))
    }
    /** There was nothing to read, so there is nothing to put back. */
    function onEnd(): void {
      stop()
      resolve(Buffer.alloc(0))
    }
    function onClose(): void {
      stop()
      reject(new TypeError('the body was cut short'))
    }
    request.on('readable', onReadable).on('end', onEnd)
    request.on('close', onClose).on('error', onClose)
  })
}
