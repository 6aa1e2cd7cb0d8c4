/**
 * The backend of a resource: an MCP server reached by HTTP, or one that is started as a command.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import type { Place } from './admission.js'
import type { Caller } from './caller.js'
import type { AnswerFilter } from '../../policy/list-filter.js'
import type { RpcMessage } from '../../mcp/message.js'
import type { RequestHead } from './head.js'
import type { OpenRequest } from './open-request.js'
import type { RequestRecord } from './record.js'

/** The facts about a request that may proceed. */
export interface AdmittedRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly head: RequestHead
  readonly query: string | undefined
  readonly record: RequestRecord
  readonly caller: Caller
  readonly corsHeaders: Readonly<Record<string, string>>
  /** The client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean
  /** Already read if it had to be authorized. */
  readonly body: Buffer | undefined
  /** Its message, in a stateless revision. */
  readonly message: RpcMessage | undefined
  /** The filter for the answer's lists; `undefined`: it passes unchanged. */
  readonly filter: AnswerFilter | undefined
  /** Its share of the limits. The backend gives it back when the request ends. */
  readonly place: Place
  readonly clock: Clock
  /** Answers 500 for a bug in the gateway, or cuts an answer that has begun. */
  readonly fail: (error: unknown) => void
}

/** The headers that the operator configured for every request, such as a key of the upstream. */
export interface BackendHeaders {
  readonly names: readonly string[]
  /** Sends other values from the next request on. The names stay. */
  replace(values: Readonly<Record<string, string>>): void
}

/** Whether requests to a backend would be answered. */
export interface BackendState {
  readonly ok: boolean
  /** Why not; or what is wrong with the answer, which may concern us alone. */
  readonly reason: string | undefined
  readonly hint: string | undefined
}

export interface Backend {
  /** For people: without a query, which could hold a key. */
  readonly label: string
  /** Whether it reads every message itself, and tells the record. */
  readonly readsMessages: boolean
  /** `undefined`: a command gets no headers. */
  readonly headers: BackendHeaders | undefined
  /** Preloads modules for requests, so that the first one need not wait. */
  warm(): Promise<void>
  /** Call {@link OpenRequest.begin} when the report of its end can be handled. */
  open(admitted: AdmittedRequest): OpenRequest
  /** Asks the server itself. Never rejects. */
  probe(): Promise<BackendState>
  /** After all requests have ended. */
  close(): Promise<void>
}
