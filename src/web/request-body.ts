/**
 * Bodies of a `Request` that are looked at before its handler sees them.
 *
 * @module
 */
import { SESSION_FIELD } from './bound-sessions.js'
import { readLimited } from './limited-body.js'

/** Whether the fields of a request say that a body comes (RFC 9112 §6.3). */
export function announcesBody(header: (name: string) => string | null | undefined): boolean {
  return (
    (header('transfer-encoding') ?? undefined) !== undefined ||
    Number(header('content-length') ?? 0) !== 0
  )
}

/**
 * Whether a body came. Some runtimes (Deno, `@hono/node-server`) give every DELETE a stream, so that only reading tells
 * whether something is in it; then the body is used up.
 */
export function bringsBody({ headers, body }: Request): boolean | Promise<boolean> {
  if (announcesBody((name) => headers.get(name))) return true
  if (body === null) return false
  return readLimited(body, 0).then((read) => read === undefined)
}

/** The same request with a body that was read. */
export function withBody(request: Request, body: Uint8Array): Request {
  return new Request(request, { method: request.method, body: body as BodyInit })
}

/** The same request without its body, which was empty, or is kept elsewhere. */
export function withoutBody({ url, method, headers, signal }: Request): Request {
  return new Request(url, { method, headers, signal })
}

/** The same request with the handler's own id of its session. */
export function withSession(request: Request, id: string): Request {
  const headers = new Headers(request.headers)
  headers.set(SESSION_FIELD, id)
  if (!request.bodyUsed) return new Request(request, { headers })
  // The body cannot be taken over: who read it has it.
  const { url, method, signal } = request
  return new Request(url, { method, headers, signal })
}
