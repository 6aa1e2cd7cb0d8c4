/**
 * The records of all requests that have not ended. They are found by their id and counted, and the
 * gateway waits for them when it shuts down.
 *
 * @module
 */
import { createEmit } from '../../events.js'
import { emitterFor } from '../../rs/log-events.js'
import type { Clock } from '../clock.js'
import type { EventSubject, GatewayEvent, GatewayEventListener } from '../events.js'
import type { AskedMessage } from '../../mcp/operation.js'
import type { RequestHead } from './head.js'
import { RequestSubject } from './subject.js'
import { readOperations, type AuditedOperation, type Kept } from './read-operations.js'
import { RequestRecord, type RecordListener } from './record.js'
import { TransientMap, TransientSet } from './transients.js'

/** The listeners to the records of a gateway. Their exceptions are ignored. */
export interface RecordsOptions {
  readonly onEvent: GatewayEventListener | false | undefined
  /** Gets each record once, when its request has ended. */
  readonly onClose: ((record: RequestRecord) => void) | undefined
  /** What the listeners need of the operations. */
  readonly kept: Kept
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly clock: Clock
}

export class Records implements RecordListener {
  readonly now: () => number
  /**
   * For reports by request id, or without a request: from the kernel, keys, children. `undefined`
   * without listeners, so that no events are made.
   */
  readonly hear: GatewayEventListener | undefined
  readonly #options: RecordsOptions
  readonly #emit: GatewayEventListener | undefined
  readonly #onClose: ((record: RequestRecord) => void) | undefined
  /** The newest one: most reports under an id are about it. */
  #newest: RequestRecord | undefined
  /** By id: records that may get reports when they are no longer the newest. */
  readonly #expectant = new TransientMap<string, RequestRecord>()
  readonly #open = new TransientSet<RequestRecord>()
  /** Requests without a decision yet. */
  #waiting = 0
  #isDraining = false
  #onDrained: (() => void) | undefined

  constructor(options: RecordsOptions) {
    this.#options = options
    this.now = options.clock.now
    this.#emit = emitterFor(options.onEvent)
    this.#onClose = createEmit(options.onClose)
    const isHeard = this.#emit !== undefined || this.#onClose !== undefined
    this.hear = isHeard ? (event, resource, about) => this.#hear(event, resource, about) : undefined
  }

  /** Requests at the backend. */
  get active(): number {
    return this.#open.size
  }

  /** How many of them have an event stream as answer. */
  get streams(): number {
    return [...this.#open].filter(({ open }) => open?.isStream === true).length
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** A request has arrived. */
  begin(id: string, method: string, head: RequestHead): RequestRecord {
    // Spreading an object would take as long as ten of these.
    const record = new RequestRecord({ id, method, head, arrivedAt: this.#options.now() }, this)
    this.#newest = record
    return record
  }

  /** From now on, each end of a request may be the last one. */
  startDraining(): void {
    this.#isDraining = true
  }

  /** Ends streams that only their reader would end, if nobody waits for an answer any more. */
  endOpenEnded(): void {
    if (this.#waiting > 0) return
    const left = [...this.#open]
    if (left.every(({ open }) => open?.isOpenEnded === true)) {
      for (const { open } of left) open?.end()
    }
    if (this.#open.size === 0) this.#onDrained?.()
  }

  /** Settles when no request is at a backend any more. Call it once, when draining. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve
      this.endOpenEnded()
    })
  }

  // The reports of records.

  readonly report = (event: GatewayEvent, record: RequestRecord): void => {
    this.#emit?.(event, record.resource, new RequestSubject(record))
  }

  onWait(isWaiting: boolean): void {
    this.#waiting += isWaiting ? 1 : -1
    if (this.#isDraining) this.endOpenEnded()
  }

  onExpect(record: RequestRecord): void {
    if (this.hear !== undefined) this.#expectant.set(record.id, record)
  }

  onOpen(record: RequestRecord): void {
    this.#open.add(record)
  }

  onClose(record: RequestRecord): void {
    this.#open.delete(record)
    if (this.#newest === record) this.#newest = undefined
    if (record.isExpectant && this.#expectant.get(record.id) === record) {
      this.#expectant.delete(record.id)
    }
    if (this.#isDraining) this.endOpenEnded()
    this.#onClose?.(record)
  }

  readOperations(messages: readonly AskedMessage[]): readonly AuditedOperation[] | undefined {
    const { kept } = this.#options
    return kept === 'nothing' ? undefined : readOperations(messages, kept)
  }

  /** The one place that brings a report under an id to its request. */
  #hear(event: GatewayEvent, resource: string | undefined, about: EventSubject | undefined): void {
    const record = 'requestId' in event ? this.#find(event.requestId) : undefined
    if (record === undefined) this.#emit?.(event, resource, about)
    else record.report(event)
  }

  #find(id: string): RequestRecord | undefined {
    return this.#newest?.id === id ? this.#newest : this.#expectant.get(id)
  }
}
