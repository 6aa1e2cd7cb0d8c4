/**
 * The records of all requests that have not ended: found by their id, counted, and waited for when the gateway ends.
 *
 * @module
 */
import { createEmit } from '../../events.js'
import type { Clock } from '../clock.js'
import type { GatewayEvent, GatewayEventListener } from '../events.js'
import type { RpcMessage } from '../../mcp/message.js'
import { readOperations, type AuditedOperation, type Kept } from './read-operations.js'
import { RequestRecord, type Arrival, type RecordListener } from './record.js'
import { TransientMap, TransientSet } from './transients.js'

/** Who listens to the records of a gateway. What a listener throws is ignored. */
export interface RecordsOptions {
  readonly onEvent: GatewayEventListener | undefined
  /** Gets each record once, when its request has ended. */
  readonly onClose: ((record: RequestRecord) => void) | undefined
  /** What `onClose` wants to know about operations. */
  readonly kept: Kept
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly clock: Clock
}

export class Records implements RecordListener {
  readonly now: () => number
  /**
   * For those who tell something about requests by their ids, or about no request: the kernel, keys, children.
   * `undefined` where nobody listens, so that nobody need make events.
   */
  readonly hear: GatewayEventListener | undefined
  readonly #options: RecordsOptions
  readonly #emit: GatewayEventListener | undefined
  readonly #onClose: ((record: RequestRecord) => void) | undefined
  /** By id; empty where nobody listens. */
  readonly #live = new TransientMap<string, RequestRecord>()
  readonly #open = new TransientSet<RequestRecord>()
  /** Requests that are being judged. */
  #waiting = 0
  #isDraining = false
  #onDrained: (() => void) | undefined

  constructor(options: RecordsOptions) {
    this.#options = options
    this.now = options.clock.now
    this.#emit = createEmit(options.onEvent)
    this.#onClose = createEmit(options.onClose)
    const isHeard = this.#emit !== undefined || this.#onClose !== undefined
    this.hear = isHeard ? (event, resource) => this.#hear(event, resource) : undefined
  }

  /** Requests with the server behind the gateway. */
  get active(): number {
    return this.#open.size
  }

  /** Of these, those that are answered by a stream of events. */
  get streams(): number {
    return [...this.#open].filter(({ open }) => open?.isStream === true).length
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** A request has come. */
  begin(arrival: Omit<Arrival, 'arrivedAt'>): RequestRecord {
    const record = new RequestRecord({ ...arrival, arrivedAt: this.#options.now() }, this)
    if (this.hear !== undefined) this.#live.set(record.id, record)
    return record
  }

  /** From now on, each end of a request may be the last one. */
  startDraining(): void {
    this.#isDraining = true
  }

  /** Ends streams that only their reader would end, where nobody waits for an answer any more. */
  endOpenEnded(): void {
    if (this.#waiting > 0) return
    const left = [...this.#open]
    if (left.every(({ open }) => open?.isOpenEnded === true)) {
      for (const { open } of left) open?.end()
    }
    if (this.#open.size === 0) this.#onDrained?.()
  }

  /** Settles when no request is with a server any more. To be called once, when it drains. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve
      this.endOpenEnded()
    })
  }

  // What records tell.

  readonly tell = (event: GatewayEvent, { resource }: RequestRecord): void => {
    this.#emit?.(event, resource)
  }

  onWait(isWaiting: boolean): void {
    this.#waiting += isWaiting ? 1 : -1
    if (this.#isDraining) this.endOpenEnded()
  }

  onOpen(record: RequestRecord): void {
    this.#open.add(record)
  }

  onClose(record: RequestRecord): void {
    this.#open.delete(record)
    if (this.#live.get(record.id) === record) this.#live.delete(record.id)
    if (this.#isDraining) this.endOpenEnded()
    this.#onClose?.(record)
  }

  readOperations(messages: readonly RpcMessage[]): readonly AuditedOperation[] | undefined {
    const { kept } = this.#options
    return kept === 'nothing' ? undefined : readOperations(messages, kept)
  }

  /** The one place where what is told under an id comes to its request. */
  #hear(event: GatewayEvent, resource: string | undefined): void {
    const record = 'requestId' in event ? this.#live.get(event.requestId) : undefined
    if (record === undefined) this.#emit?.(event, resource)
    else record.tell(event)
  }
}
