/**
 * What the gateway tells the operator, beside the kernel's own events.
 *
 * @module
 */
import type { UpstreamErrorCode } from '../errors.js'
import type { ResourceServerEvent } from '../events.js'
import type { ChildEvent } from './stdio/events.js'

/** A request was answered to its end, or was cut. */
export interface RequestCompleted {
  readonly type: 'request.completed'
  readonly requestId: string
  readonly method: string
  /** As sent; 0 when the client left before an answer began. */
  readonly status: number
  /** Who answered: the upstream, or we in its place. */
  readonly from: 'upstream' | 'gateway'
  /** How it ended: whole, by the client's leaving, cut because the upstream's answer was, or with its token. */
  readonly end: 'whole' | 'client left' | 'cut' | 'token ended'
  /** Why we refused it, where `request.refused` told so already. */
  readonly refused?: RequestRefusedCode
  /** Seconds from the request's head to the end. */
  readonly seconds: number
  /** Seconds that the upstream took until its answer began; absent when it did not. */
  readonly upstreamSeconds?: number
}

/** The upstream failed a request (502 or 504). */
export interface UpstreamFailed {
  readonly type: 'upstream.failed'
  readonly requestId: string
  readonly code: UpstreamErrorCode
  readonly reason: string
  readonly hint?: string
}

/** A request was refused for something else than its token. */
export interface RequestRefused {
  readonly type: 'request.refused'
  readonly requestId: string
  readonly status: number
  readonly code: RequestRefusedCode
  readonly reason: string
  readonly hint?: string
}

export type RequestRefusedCode =
  | 'ERR_HOST_FOREIGN'
  | 'ERR_REQUEST_MALFORMED'
  | 'ERR_HEADERS_TOO_LARGE'
  | 'ERR_REQUEST_TIMEOUT'
  | 'ERR_BODY_TOO_LARGE'
  | 'ERR_BODY_ENCODED'
  | 'ERR_BODY_UNREADABLE'
  | 'ERR_HEADER_MISMATCH'
  | 'ERR_SESSION_UNKNOWN'
  | 'ERR_METHOD_NOT_ALLOWED'
  | 'ERR_CHILDREN_TOO_MANY'
  | 'ERR_REQUESTS_TOO_MANY'

export type GatewayEvent =
  ResourceServerEvent | RequestCompleted | UpstreamFailed | RequestRefused | ChildEvent

/**
 * Receives every event, synchronously. What it throws is ignored, and a promise of it that rejects too.
 *
 * @param resource the one that it is about, where there are several; `undefined` for what reached none
 */
export type GatewayEventListener = (event: GatewayEvent, resource?: string) => void
