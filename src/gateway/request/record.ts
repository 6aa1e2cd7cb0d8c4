/**
 * One request, from its arrival until its last byte has left or was lost: what is known about it, and the only voice
 * that speaks of it. Log, metrics and audit listen.
 *
 * @module
 */
import { quoted } from '../../errors.js'
import { whereThrown } from '../../events.js'
import {
  decisionOf,
  type GatewayEvent,
  type RequestCompleted,
  type RequestDecision,
  type RequestRefused,
  type RequestRefusedCode,
} from '../events.js'
import type { RpcMessage } from '../../mcp/message.js'
import type { Caller } from './caller.js'
import type { RequestHead } from './head.js'
import type { OpenRequest } from './open-request.js'
import { withoutAbsentNames, type AuditedOperation } from './read-operations.js'
import type { UpstreamFault } from './upstream-fault.js'

/** Who hears what is told about requests. */
export interface RecordListener {
  readonly tell: (event: GatewayEvent, record: RequestRecord) => void
  /** It waits for something before it can be judged, or does not any more. */
  readonly onWait: (isWaiting: boolean) => void
  readonly onOpen: (record: RequestRecord) => void
  readonly onClose: (record: RequestRecord) => void
  /** What is to be kept of the operations; `undefined`: nothing. */
  readonly readOperations: (
    messages: readonly RpcMessage[],
  ) => readonly AuditedOperation[] | undefined
  /** Milliseconds that never run backwards. */
  readonly now: () => number
}

/** What a request is refused for. */
export type Refusal = Omit<RequestRefused, 'type' | 'requestId'>

/** What is known when a request arrives. */
export interface Arrival {
  /** Names the request in its answer, in the log and in its record. */
  readonly id: string
  readonly method: string
  readonly head: RequestHead
  /** Milliseconds since 1970. */
  readonly arrivedAt: number
}

export class RequestRecord implements Arrival {
  readonly id: string
  readonly method: string
  /** As it was read before it was known which resource it is for. */
  readonly head: RequestHead
  readonly arrivedAt: number
  /** Milliseconds of the clock that never runs backwards. */
  readonly startedAt: number
  readonly #listener: RecordListener
  /** The resource that it is for, once that is known, where there are several. */
  resource: string | undefined
  #caller: Caller | undefined
  #issuer: string | undefined
  #operations: readonly AuditedOperation[] | undefined
  #scopesNeeded: readonly string[] | undefined
  #decision: RequestDecision | undefined
  #code: string | undefined
  #refused: RequestRefusedCode | undefined
  #open: OpenRequest | undefined
  #upstreamSeconds: number | undefined
  #completed: RequestCompleted | undefined

  constructor({ id, method, head, arrivedAt }: Arrival, listener: RecordListener) {
    this.id = id
    this.method = method
    this.head = head
    this.arrivedAt = arrivedAt
    this.startedAt = listener.now()
    this.#listener = listener
  }

  /** Who is calling, once that is known. */
  get caller(): Caller | undefined {
    return this.#caller
  }

  /** The configured issuer, once the token named one. */
  get issuer(): string | undefined {
    return this.#caller?.authenticated?.token.issuer ?? this.#issuer
  }

  /** What it asks for, as far as that was read and is kept. */
  get operations(): readonly AuditedOperation[] | undefined {
    return this.#operations
  }

  /** With a policy: of base and operations together. */
  get scopesNeeded(): readonly string[] | undefined {
    return this.#scopesNeeded
  }

  /** What was decided last; `undefined`: nothing, as for metadata and preflights. */
  get decision(): RequestDecision | undefined {
    return this.#decision
  }

  /** Why it was not allowed, or what the server behind did wrong. */
  get code(): string | undefined {
    return this.#code
  }

  /** With the server behind the gateway; `undefined` before, and where it never goes there. */
  get open(): OpenRequest | undefined {
    return this.#open
  }

  /** How it ended; `undefined` while it goes on. */
  get completed(): RequestCompleted | undefined {
    return this.#completed
  }

  /** It is known who is calling, whatever becomes of the request. */
  identify(caller: Caller): void {
    this.#caller = caller
  }

  /** It waits for its token to be judged, or for its body. */
  wait(): void {
    this.#listener.onWait(true)
  }

  /** What it waited for is there, and was acted upon. */
  waitNoMore(): void {
    this.#listener.onWait(false)
  }

  /** What is in it, where that was read and allowed. */
  read(messages: readonly RpcMessage[]): void {
    this.#operations = this.#listener.readOperations(messages) ?? this.#operations
  }

  /** It may go on. */
  allow(message: RpcMessage | undefined): void {
    if (message !== undefined && this.#operations === undefined) this.read([message])
    this.#decision = 'allow'
  }

  /** The server behind the gateway has it now, and says how it ends. */
  goOn(open: OpenRequest): void {
    this.#open = open
    this.#listener.onOpen(this)
  }

  /** It is refused for something else than its token. */
  refuse(refusal: Refusal): void {
    this.#refused = refusal.code
    this.tell({ type: 'request.refused', requestId: this.id, ...refusal })
  }

  refuseOrigin(origin: string): void {
    this.tell({ type: 'origin.refused', requestId: this.id, origin: quoted(origin) })
  }

  /** It met a bug. */
  fail(error: unknown): void {
    this.tell({ type: 'request.failed', requestId: this.id, where: whereThrown(error) })
  }

  /** The server behind the gateway failed it. */
  failUpstream(fault: UpstreamFault): void {
    this.tell({ type: 'upstream.failed', requestId: this.id, ...fault })
  }

  /**
   * The answer of the server behind the gateway begins.
   *
   * @param sentAt when it began to work on it, in milliseconds of the clock that never runs backwards
   */
  answer(sentAt: number): void {
    this.#upstreamSeconds = (this.#listener.now() - sentAt) / 1000
  }

  /** The gateway answers in place of the server, whose answer cannot be shown. */
  answerInPlace(): void {
    this.#upstreamSeconds = undefined
  }

  /** What is told about this request, here or by the kernel under its id. */
  tell(event: GatewayEvent): void {
    this.#learn(event)
    this.#listener.tell(event, this)
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
   * Its last byte has left, or was lost. Nothing is told twice.
   *
   * @param status as sent; 0 where no answer began
   */
  close(status: number, end: RequestCompleted['end']): void {
    if (this.#completed !== undefined) return
    const upstreamSeconds = this.#upstreamSeconds
    this.#completed = {
      type: 'request.completed',
      requestId: this.id,
      method: this.method,
      status,
      from: upstreamSeconds === undefined ? 'gateway' : 'upstream',
      end,
      ...(this.#refused !== undefined && { refused: this.#refused }),
      seconds: (this.#listener.now() - this.startedAt) / 1000,
      ...(upstreamSeconds !== undefined && { upstreamSeconds }),
    }
    this.#listener.onClose(this)
    this.tell(this.#completed)
  }

  /** What an event says about its request. */
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
