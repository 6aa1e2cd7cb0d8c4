/**
 * A request as a host passes it to a guard.
 *
 * @module
 */
import type { RequestContext } from '../base/runtime.js'
import type { MirroredHeaders } from '../mcp/mirrored-headers.js'
import type { AnsweredRequest } from './answers.js'
import type { AddressedRequest } from './client-address.js'
import type { LocatedRequest } from './endpoint.js'

/** The parts of a request's head that identify caller and origin. Members may be getters. */
export interface GuardRequestHead
  extends LocatedRequest, AnsweredRequest, RequestContext, AddressedRequest {
  /** The `Authorization` field: one value, or all of them where the host keeps them apart. */
  readonly authorization: string | readonly string[] | undefined
  /** `Access-Control-Request-Headers`. */
  readonly requestedHeaders: string | undefined
  /** `Accept`. It is read only for requests without credentials, and on paths that are not guarded. */
  readonly accept?: string | undefined
  /** `Mcp-Session-Id`. */
  readonly sessionId: string | undefined
}

/** Everything that a guard reads. Members may be getters: each is read only when needed. */
export interface GuardRequest extends GuardRequestHead {
  /** `MCP-Protocol-Version`. */
  readonly protocolVersion: string | undefined
  /** `Mcp-Method`. */
  readonly rpcMethod: string | undefined
  /** The fields that mirror the body: `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`. */
  readonly mirrored: MirroredHeaders
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  /** `User-Agent`. It is read only where the form of a refusal depends on the client. */
  readonly userAgent?: string | undefined
  /** True when nobody waits for an answer any more: the client left, or other code has answered. */
  readonly isGone?: boolean
  /** Whether a body has arrived or is on its way. Called for methods other than POST. */
  bringsBody(): boolean | Promise<boolean>
  /**
   * The whole body. The handler must then be given the same bytes.
   *
   * @param limit in bytes
   * @returns `undefined` if the body is longer; then the rest need not be read
   */
  readBody(limit: number): Promise<Uint8Array | undefined>
  /**
   * After {@link readBody}: the bytes that arrived, if the handler may see them besides a parser's
   * result.
   */
  readonly bodyBeside?: Uint8Array | undefined
}

/**
 * The value of a header field; all values if there are several fields and the host keeps them
 * apart.
 */
export type FieldValue = string | readonly string[] | undefined

function joined(value: FieldValue): string | undefined {
  return value === undefined || typeof value === 'string' ? value : value.join(', ')
}

function listed(value: FieldValue): readonly string[] {
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/** A {@link GuardRequest} whose header fields are looked up by name. Most hosts extend it. */
export abstract class HostRequest implements GuardRequest {
  abstract get method(): string
  /** Without the query, as it was sent. */
  abstract get path(): string
  /** @param name in lower case */
  abstract header(name: string): FieldValue
  abstract bringsBody(): boolean | Promise<boolean>
  abstract readBody(limit: number): Promise<Uint8Array | undefined>

  get mounted(): boolean {
    return false
  }
  get authorization(): FieldValue {
    return this.header('authorization')
  }
  get origin(): string | undefined {
    return joined(this.header('origin'))
  }
  get requestedHeaders(): string | undefined {
    return joined(this.header('access-control-request-headers'))
  }
  get protocolVersion(): string | undefined {
    return joined(this.header('mcp-protocol-version'))
  }
  get rpcMethod(): string | undefined {
    return joined(this.header('mcp-method'))
  }
  get sessionId(): string | undefined {
    return joined(this.header('mcp-session-id'))
  }
  get contentType(): string | undefined {
    return joined(this.header('content-type'))
  }
  get contentEncoding(): string | undefined {
    return joined(this.header('content-encoding'))
  }
  get peerAddress(): string | undefined {
    return undefined
  }
  get forwardedFor(): string | undefined {
    return joined(this.header('x-forwarded-for'))
  }
  get userAgent(): string | undefined {
    return joined(this.header('user-agent'))
  }
  get accept(): string | undefined {
    return joined(this.header('accept'))
  }
  get mirrored(): MirroredHeaders {
    return {
      versions: listed(this.header('mcp-protocol-version')),
      methods: listed(this.header('mcp-method')),
      names: listed(this.header('mcp-name')),
    }
  }
}
