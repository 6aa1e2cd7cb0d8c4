/**
 * What a listener of events sees of a request. The record holds credentials in its head, and people
 * log what a listener gets.
 *
 * @module
 */
import type { ReportedOperation } from '../../mcp/operation.js'
import type { EventSubject, RequestDecision } from '../events.js'
import { forwardedField } from './head.js'
import type { RequestRecord } from './record.js'

/** Looked up when it is read, because most listeners never do. */
export class RequestSubject implements EventSubject {
  readonly #record: RequestRecord

  constructor(record: RequestRecord) {
    this.#record = record
  }

  get user(): string | undefined {
    return this.#record.caller?.authenticated?.token.user
  }

  get subject(): string | undefined {
    return this.#record.caller?.authenticated?.token.subject
  }

  get clientId(): string | undefined {
    return this.#record.caller?.authenticated?.token.clientId
  }

  get caller(): 'anonymous' | undefined {
    return this.#record.caller?.visitor?.outcome === 'anonymous' ? 'anonymous' : undefined
  }

  /** As read, else as its header fields say. */
  get rpcMethod(): string | undefined {
    const { operations, head } = this.#record
    return operations?.[0]?.method ?? forwardedField(head, 'mcp-method')
  }

  get target(): string | undefined {
    const { operations, head } = this.#record
    return operations?.[0]?.name ?? forwardedField(head, 'mcp-name')
  }

  /** Without arguments, which a record may keep. */
  get operations(): readonly ReportedOperation[] | undefined {
    return this.#record.operations?.map(({ method, name }) => ({ method, name }))
  }

  get path(): string | undefined {
    return this.#record.path
  }

  get decision(): RequestDecision | undefined {
    return this.#record.decision
  }
}
