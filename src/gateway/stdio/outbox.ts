/**
 * What a server says that answers nothing: to whoever listens, and kept for a while when nobody does.
 *
 * @module
 */
import { TransientSet } from '../transients.js'
import type { EventStream } from './event-stream.js'
import type { RawMessage } from './raw-message.js'
import type { Reply } from './reply.js'

function newest<Item>(items: Iterable<Item>, isFit: (item: Item) => boolean): Item | undefined {
  let found: Item | undefined
  for (const item of items) if (isFit(item)) found = item
  return found
}

export class Outbox {
  readonly #limit: number
  readonly #onDropped: (message: RawMessage) => void
  /** Streams that were opened for this, the newest last. */
  readonly #readers = new Set<EventStream>()
  /** Answers under way, the newest last. */
  readonly #replies = new TransientSet<Reply>()
  #queue: RawMessage[] = []
  #size = 0

  /**
   * @param limit bytes that are kept; beyond it the oldest messages are dropped
   * @param onDropped nobody will ever hear of it
   */
  constructor(limit: number, onDropped: (message: RawMessage) => void) {
    this.#limit = limit
    this.#onDropped = onDropped
  }

  deliver(message: RawMessage): void {
    if (this.#send(message)) return
    // A copy: a small message would keep all that was read together with it.
    this.#queue.push({ ...message, bytes: Buffer.from(message.bytes) })
    this.#size += message.bytes.length
    while (this.#size > this.#limit) {
      const oldest = this.#queue.shift() as RawMessage
      this.#size -= oldest.bytes.length
      this.#onDropped(oldest)
    }
  }

  addReader(stream: EventStream): void {
    // One that is taken up again is the newest.
    this.#readers.delete(stream)
    this.#readers.add(stream)
    this.#flush()
  }

  removeReader(stream: EventStream): void {
    this.#readers.delete(stream)
  }

  addReply(reply: Reply): void {
    this.#replies.add(reply)
    this.#flush()
  }

  removeReply(reply: Reply): void {
    this.#replies.delete(reply)
  }

  #send({ bytes }: RawMessage): boolean {
    const target =
      newest(this.#readers, (stream) => stream.isRead) ??
      newest(this.#replies, (reply) => reply.isHeard)
    target?.send(bytes)
    return target !== undefined
  }

  #flush(): void {
    const waiting = this.#queue
    this.#queue = []
    this.#size = 0
    for (const message of waiting) this.deliver(message)
  }
}
