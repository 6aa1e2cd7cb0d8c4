/**
 * Reads the body of a `Request` before its handler does.
 *
 * @module
 */
import { SESSION_FIELD } from './bound-sessions.js'
import { readLimited } from './limited-body.js'

/** Whether the fields of a request announce a body (RFC 9112 §6.3). */
export function announcesBody(header: (name: string) => string | null | undefined): boolean {
  return (
    (header('transfer-encoding') ?? undefined) !== undefined ||
    Number(header('content-length') ?? 0) !== 0
  )
}

/**
 * Whether a body came. Some runtimes (Deno, `@hono/node-server`) give every DELETE a stream, so
 * that only reading shows whether it is empty; then the body is consumed.
 */
export function bringsBody({ headers, body }: Request): boolean | Promise<boolean> {
  if (announcesBody((name) => headers.get(name))) return true
  if (body === null) return false
  return readLimited(body, 0).then((read) => read === undefined)
}

/** The same request with the body that was read. */
export function withBody(request: Request, body: Uint8Array): Request {
  return new Request(request, { method: request.method, body: body as BodyInit })
}

/** The same request without its body, which was empty or is kept elsewhere. */
export function withoutBody({ url, method, headers, signal }: Request): Request {
  return new Request(url, { method, headers, signal })
}

/** The same request with the handler's own session id. */
export function withSession(request: Request, id: string): Request {
  const headers = new Headers(request.headers)
  headers.set(SESSION_FIELD, id)
  if (!request.bodyUsed) return new Request(request, { headers })
  // The body cannot be reused: its reader has consumed it.
  const { url, method, signal } = request
  return new Request(url, { method, headers, signal })
}
