/**
 * The record of one request, from its arrival until its last byte is sent or lost. It is the only
 * source of reports about the request; log, metrics and audit listen.
 *
 * @module
 */
import type { RequestRefusedCode } from '../../errors.js'
import { whereThrown } from '../../events.js'
import {
  decisionOf,
  type GatewayEvent,
  type RequestCompleted,
  type RequestDecision,
  type RequestRefused,
} from '../events.js'
import { MOST_OPERATIONS, type AskedMessage } from '../../mcp/operation.js'
import type { Caller } from './caller.js'
import type { RequestHead } from './head.js'
import type { OpenRequest } from './open-request.js'
import type { UnreadReason } from './overheard-body.js'
import { withoutAbsentNames, type AuditedOperation } from './read-operations.js'
import type { UpstreamFault } from './upstream-fault.js'

/** The listener for reports about requests. */
export interface RecordListener {
  readonly report: (event: GatewayEvent, record: RequestRecord) => void
  /** It begins or stops waiting for something before its decision. */
  readonly onWait: (isWaiting: boolean) => void
  readonly onOpen: (record: RequestRecord) => void
  /** There may be reports under its id after other requests have arrived. */
  readonly onExpect: (record: RequestRecord) => void
  readonly onClose: (record: RequestRecord) => void
  /** What to keep of the operations; `undefined`: nothing. */
  readonly readOperations: (
    messages: readonly AskedMessage[],
  ) => readonly AuditedOperation[] | undefined
  /** Milliseconds that never run backwards. */
  readonly now: () => number
}

/** The reason of a refusal. */
export type Refusal = Omit<RequestRefused, 'type' | 'requestId' | 'status'> & {
  readonly status: number
}

/** The facts at a request's arrival. */
export interface Arrival {
  /** The request id in its answer, in the log and in its record. */
  readonly id: string
  readonly method: string
  readonly head: RequestHead
  /** Milliseconds since 1970. */
  readonly arrivedAt: number
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

export class RequestRecord implements Arrival {
  readonly id: string
  readonly method: string
  /** As read before its resource was known. */
  readonly head: RequestHead
  readonly arrivedAt: number
  /** Milliseconds of the clock that never runs backwards. */
  readonly startedAt: number
  readonly #listener: RecordListener
  /** Its resource, once known, if there are several. */
  resource: string | undefined
  /** Its path, once read, without a query. */
  path: string | undefined
  #caller: Caller | undefined
  #issuer: string | undefined
  #operations: readonly AuditedOperation[] | undefined
  #unread: UnreadReason | undefined
  #scopesNeeded: readonly string[] | undefined
  #decision: RequestDecision | undefined
  #code: string | undefined
  #refused: RequestRefusedCode | undefined
  #open: OpenRequest | undefined
  #upstreamSeconds: number | undefined
  #completed: RequestCompleted | undefined
  #isExpectant = false

  constructor({ id, method, head, arrivedAt }: Arrival, listener: RecordListener) {
    this.id = id
    this.method = method
    this.head = head
    this.arrivedAt = arrivedAt
    this.startedAt = listener.now()
    this.#listener = listener
  }

  /** The caller, once known. */
  get caller(): Caller | undefined {
    return this.#caller
  }

  /** The configured issuer, once the token named one. */
  get issuer(): string | undefined {
    return this.#caller?.authenticated?.token.issuer ?? this.#issuer
  }

  /** Its operations, if they were read and are kept. */
  get operations(): readonly AuditedOperation[] | undefined {
    return this.#operations
  }

  /** Why its operations are not known, if a listener asked for them. */
  get unread(): UnreadReason | undefined {
    const isKnown = this.#operations !== undefined && this.#unread !== 'too many'
    return isKnown ? undefined : this.#unread
  }

  /** With a policy: base scopes and those of the operations together. */
  get scopesNeeded(): readonly string[] | undefined {
    return this.#scopesNeeded
  }

  /** The last decision; `undefined`: none, as for metadata and preflights. */
  get decision(): RequestDecision | undefined {
    return this.#decision
  }

  /** Why it was not allowed, or the fault of the upstream. */
  get code(): string | undefined {
    return this.#code
  }

  /** At the backend; `undefined` before that, and if it is never forwarded. */
  get open(): OpenRequest | undefined {
    return this.#open
  }

  /** How it ended; `undefined` while it continues. */
  get completed(): RequestCompleted | undefined {
    return this.#completed
  }

  /** The caller is known, whatever happens to the request. */
  identify(caller: Caller): void {
    this.#caller = caller
  }

  /** It waits for its token to be verified, or for its body. */
  wait(): void {
    this.expectReports()
    this.#listener.onWait(true)
  }

  /** From now on it can be found by its id, even after other requests have arrived. */
  expectReports(): void {
    if (this.#isExpectant) return
    this.#isExpectant = true
    this.#listener.onExpect(this)
  }

  get isExpectant(): boolean {
    return this.#isExpectant
  }

  /** The wait is over and its result was used. */
  waitNoMore(): void {
    this.#listener.onWait(false)
  }

  /** Its operations, if they were read and allowed. */
  read(messages: readonly AskedMessage[]): void {
    this.#operations = this.#listener.readOperations(messages) ?? this.#operations
    // Nobody hides a call behind a hundred others.
    if (messages.length > MOST_OPERATIONS) this.#unread = 'too many'
  }

  /** What was overheard of its body. */
  overhear(known: readonly AskedMessage[] | UnreadReason): void {
    if (typeof known === 'string') this.#unread = known
    else this.read(known)
  }

  /** It may proceed. */
  allow(message: AskedMessage | undefined): void {
    if (message !== undefined && this.#operations === undefined) this.read([message])
    this.#decision = 'allow'
  }

  /** The backend handles it now and reports how it ends. */
  goOn(open: OpenRequest): void {
    this.#open = open
    this.#listener.onOpen(this)
  }

  /** It is refused for a reason other than its token. */
  refuse(refusal: Refusal): void {
    this.#refused = refusal.code
    this.report({ type: 'request.refused', requestId: this.id, ...refusal })
  }

  /** It met a bug. */
  fail(error: unknown): void {
    this.report({ type: 'request.failed', requestId: this.id, where: whereThrown(error) })
  }

  /** The backend failed it. */
  failUpstream(fault: UpstreamFault): void {
    this.report({ type: 'upstream.failed', requestId: this.id, ...fault })
  }

  /**
   * The backend's answer begins.
   *
   * @param sentAt when it began to work on it, in milliseconds of the clock that never runs backwards
   */
  answer(sentAt: number): void {
    this.#upstreamSeconds = (this.#listener.now() - sentAt) / 1000
  }

  /** The gateway answers in place of the backend, whose answer must not be sent. */
  answerInPlace(): void {
    this.#upstreamSeconds = undefined
  }

  /** Handles a report about this request, made here or by the kernel under its id. */
  report(event: GatewayEvent): void {
    this.#learn(event)
    this.#listener.report(event, this)
  }

  /** Its client left before there was an answer. */
  leave(): void {
    if (this.#completed !== undefined || this.#open !== undefined) return
    if (this.#decision === undefined) {
      this.#decision = 'refused'
      this.#code = 'ERR_CLIENT_LEFT'
    }
    this.close(0, 'client left')
  }

  /**
   * Its last byte was sent or lost. Nothing is reported twice.
   *
   * @param status as sent; 0 if no answer began
   */
  close(status: number, end: RequestCompleted['end']): void {
    if (this.#completed !== undefined) return
    const completed = this.#complete(status, end)
    this.#completed = completed
    this.#listener.onClose(this)
    this.report(completed)
  }

  #complete(status: number, end: RequestCompleted['end']): RequestCompleted {
    const refused = this.#refused
    const upstreamSeconds = this.#upstreamSeconds
    const completed: Mutable<RequestCompleted> = {
      type: 'request.completed',
      requestId: this.id,
      method: this.method,
      status,
      from: upstreamSeconds === undefined ? 'gateway' : 'upstream',
      end,
      seconds: (this.#listener.now() - this.startedAt) / 1000,
    }
    if (refused !== undefined) completed.refused = refused
    if (upstreamSeconds !== undefined) completed.upstreamSeconds = upstreamSeconds
    return completed
  }

  /** The effect of an event on its request. */
  #learn(event: GatewayEvent): void {
    const [decision, code] = decisionOf(event) ?? []
    if (decision === undefined) return
    this.#decision = decision
    this.#code = code ?? this.#code
    if ('issuer' in event) this.#issuer = event.issuer ?? this.#issuer
    if (event.type === 'operation.judged') {
      this.#operations = withoutAbsentNames(event.operations)
      this.#scopesNeeded = event.scopesNeeded
    }
  }
}
