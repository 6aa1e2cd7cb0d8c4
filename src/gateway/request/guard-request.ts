/**
 * A request as the guard of its resource sees it.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import type { MirroredHeaders } from '../../mcp/mirrored-headers.js'
import type { GuardRequestHead } from '../../web/guard-request.js'
import type { MessageHead } from '../../web/message-intake.js'
import type { OperationsRequest } from '../../web/operation-guard.js'
import { forwardedField, type RequestHead } from './head.js'
import { valuesOf } from './hop-by-hop.js'

/** A request with a message. */
export class MessageRequest implements OperationsRequest, MessageHead {
  readonly requestId: string
  readonly #head: RequestHead

  constructor(requestId: string, head: RequestHead) {
    this.requestId = requestId
    this.#head = head
  }

  get origin(): string | undefined {
    return this.#head.origin
  }
  get protocolVersion(): string | undefined {
    return this.#head.protocolVersion
  }
  get contentEncoding(): string | undefined {
    return this.#head.contentEncoding
  }
  get contentType(): string | undefined {
    return this.#head.contentType
  }
  get mirrored(): MirroredHeaders {
    const { forwarded } = this.#head
    return {
      versions: valuesOf(forwarded, 'mcp-protocol-version'),
      methods: valuesOf(forwarded, 'mcp-method'),
      names: valuesOf(forwarded, 'mcp-name'),
    }
  }
  get userAgent(): string | undefined {
    return forwardedField(this.#head, 'user-agent')
  }
}

export class GatewayRequest implements GuardRequestHead {
  readonly method: string
  readonly path: string
  readonly requestId: string
  readonly mounted = false
  readonly head: RequestHead
  readonly #request: IncomingMessage

  constructor(request: IncomingMessage, path: string, requestId: string, head: RequestHead) {
    this.method = request.method ?? 'GET'
    this.path = path
    this.requestId = requestId
    this.head = head
    this.#request = request
  }

  get authorization(): RequestHead['authorization'] {
    return this.head.authorization
  }
  get origin(): string | undefined {
    return this.head.origin
  }
  get requestedHeaders(): string | undefined {
    return this.head.requestedHeaders
  }
  get accept(): string | undefined {
    return this.head.accept
  }
  get sessionId(): string | undefined {
    return this.head.sessionId
  }
  get peerAddress(): string | undefined {
    return this.#request.socket.remoteAddress
  }
  get forwardedFor(): string | undefined {
    return this.head.forwardedFor
  }
}
