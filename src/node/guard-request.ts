/**
 * A request of `node:http` as a guard sees it.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MirroredHeaders } from '../mcp/mirrored-headers.js'
import { HostRequest, type FieldValue } from '../web/guard-request.js'
import { isOver } from './answer.js'
import { bringsBody } from './body-presence.js'
import { bytesBeside, replayedBody } from './replayed-body.js'

/** What Express adds to a request. */
interface RoutedRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly baseUrl?: string
  readonly route?: unknown
}

/**
 * The path of the request target; also of the absolute form (RFC 9112 §3.2.2), which some routers
 * accept.
 */
function pathOf(target: string): string {
  const start = target.startsWith('/')
    ? 0
    : (/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i.exec(target)?.[0].length ?? 0)
  const end = target.slice(start).search(/[?#]/)
  const path = end < 0 ? target.slice(start) : target.slice(start, start + end)
  return path === '' ? '/' : path
}

function isNamed(field: string | undefined, name: string): boolean {
  return field?.length === name.length && field.toLowerCase() === name
}

/** All fields of a name, as they arrived. Not headersDistinct, which HTTP/2 requests lack. */
function valuesOf({ rawHeaders }: IncomingMessage, name: string): readonly string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && isNamed(rawHeaders[i - 1], name))
}

export class NodeGuardRequest extends HostRequest {
  readonly #request: RoutedRequest
  readonly #response: ServerResponse
  readonly #isMounted: boolean

  /**
   * @param response shows whether the client still waits for an answer
   * @param isMounted true if the framework has chosen this handler by the path: then every request
   * is guarded
   */
  constructor(request: IncomingMessage, response: ServerResponse, isMounted: boolean = false) {
    super()
    this.#isMounted = isMounted
    this.#request = request
    this.#response = response
  }

  get method(): string {
    return this.#request.method ?? 'GET'
  }
  get path(): string {
    return pathOf(this.#request.originalUrl ?? this.#request.url ?? '/')
  }
  get otherPath(): string | undefined {
    const { originalUrl, baseUrl = '', url } = this.#request
    if (originalUrl === undefined || url === undefined) return undefined
    const routed = baseUrl + url
    return routed === originalUrl ? undefined : pathOf(routed)
  }
  /**
   * Also in Express on a route: the developer named the path, so every request that arrives is
   * meant.
   */
  override get mounted(): boolean {
    const { baseUrl, route } = this.#request
    return this.#isMounted || (baseUrl !== undefined && baseUrl !== '') || route !== undefined
  }
  /** All of them: `headers` keeps the first of several `Authorization` fields and drops the others. */
  override get authorization(): FieldValue {
    const { headers, rawHeaders } = this.#request
    const first = headers.authorization
    if (first === undefined) return undefined
    let fields = 0
    for (let i = 0; i < rawHeaders.length; i += 2)
      if (isNamed(rawHeaders[i], 'authorization')) fields++
    return fields <= 1 ? first : valuesOf(this.#request, 'authorization')
  }
  /** All of them: `headers` keeps the first, and other readers may use another (HDR-08). */
  override get contentType(): string | undefined {
    const fields = valuesOf(this.#request, 'content-type')
    return fields.length === 0 ? undefined : fields.join()
  }
  /** `headers` joins them, and a name may have a comma. */
  override get mirrored(): MirroredHeaders {
    return {
      versions: valuesOf(this.#request, 'mcp-protocol-version'),
      methods: valuesOf(this.#request, 'mcp-method'),
      names: valuesOf(this.#request, 'mcp-name'),
    }
  }
  override get peerAddress(): string | undefined {
    return this.#request.socket.remoteAddress
  }
  get isGone(): boolean {
    return isOver(this.#response)
  }
  get bodyBeside(): Uint8Array | undefined {
    return bytesBeside(this.#request)
  }

  header(name: string): FieldValue {
    return this.#request.headers[name]
  }
  bringsBody(): boolean {
    return bringsBody(this.#request)
  }
  readBody(limit: number): Promise<Uint8Array | undefined> {
    return replayedBody(this.#request, limit)
  }
}
