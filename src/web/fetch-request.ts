/**
 * A `Request` as a guard sees it.
 *
 * @module
 */
import type { RequestContext } from '../base/runtime.js'
import { HostRequest } from './guard-request.js'
import { readLimited } from './limited-body.js'
import type { Permission } from './permission.js'
import { bringsBody, withBody, withoutBody, withSession } from './request-body.js'

/** The path of an absolute URL, as it was sent. */
function pathOfUrl(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  return start < 0 ? '/' : url.slice(start).replace(/[?#].*$/s, '')
}

export interface FetchContext extends RequestContext {
  /**
   * True if the framework has chosen this handler by the path (Next.js route handlers, h3): then
   * every request is guarded, whatever its path. Default false.
   */
  readonly mounted?: boolean
  /**
   * The peer of the connection, if the runtime tells it: callers without a token are counted by it.
   * Without it all of them are counted together.
   */
  readonly peerAddress?: string | undefined
}

export class FetchGuardRequest extends HostRequest {
  readonly #request: Request
  readonly #context: FetchContext
  /** We have consumed the body. */
  #isRead = false

  constructor(request: Request, context: FetchContext = {}) {
    super()
    this.#request = request
    this.#context = context
  }

  get method(): string {
    return this.#request.method
  }
  get path(): string {
    return pathOfUrl(this.#request.url)
  }
  override get mounted(): boolean {
    return this.#context.mounted === true
  }
  override get peerAddress(): string | undefined {
    return this.#context.peerAddress
  }
  /** Called as a method of its context: Workers require it. */
  get waitUntil(): RequestContext['waitUntil'] {
    const context = this.#context
    return context.waitUntil === undefined ? undefined : (work) => context.waitUntil?.(work)
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined
  }
  bringsBody(): boolean | Promise<boolean> {
    const brings = bringsBody(this.#request)
    this.#isRead = brings instanceof Promise
    return brings
  }
  async readBody(limit: number): Promise<Uint8Array | undefined> {
    // It was empty.
    if (this.#isRead) return new Uint8Array()
    if (this.#request.bodyUsed) throw new TypeError('other code has already read the body')
    this.#isRead = true
    return readLimited(this.#request.body, limit)
  }

  /** The request that its handler must see. */
  forHandler({ body, sessionId }: Permission): Request {
    let request = this.#request
    if (this.#isRead) request = body === undefined ? withoutBody(request) : withBody(request, body)
    return sessionId === undefined ? request : withSession(request, sessionId)
  }
}
