/**
 * What a listener of events sees of a request. The record holds credentials in its head, and people log what a listener
 * gets.
 *
 * @module
 */
import type { EventSubject } from '../events.js'

/** Looked up when it is read, because most listeners never do. */
export class RequestSubject implements EventSubject {
  readonly #record: EventSubject

  constructor(record: EventSubject) {
    this.#record = record
  }

  get subject(): string | undefined {
    return this.#record.subject
  }

  get clientId(): string | undefined {
    return this.#record.clientId
  }

  get rpcMethod(): string | undefined {
    return this.#record.rpcMethod
  }

  get target(): string | undefined {
    return this.#record.target
  }
}
