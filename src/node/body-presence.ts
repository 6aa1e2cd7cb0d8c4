/**
 * Whether a request has a body, before it is read.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'

/** The end of a request in HTTP/2, and the members that body parsers and cloud functions add. */
interface ReceivedRequest extends IncomingMessage {
  readonly stream?: { readonly endAfterHeaders?: boolean }
  readonly body?: unknown
  readonly rawBody?: unknown
}

/** Some parsers set an empty object when there was no body. */
function isSomething(body: unknown): boolean {
  if (body === undefined || body === null) return false
  if (typeof body === 'string' || Buffer.isBuffer(body)) return body.length > 0
  return typeof body !== 'object' || Object.keys(body).length > 0
}

/** As the fields say (RFC 9112 §6.3); HTTP/2 needs none. */
export function bringsBody({ headers, stream, body, rawBody }: ReceivedRequest): boolean {
  if (headers['transfer-encoding'] !== undefined) return true
  if (Number(headers['content-length'] ?? 0) !== 0) return true
  if (stream?.endAfterHeaders === false) return true
  return isSomething(body) || isSomething(rawBody)
}
