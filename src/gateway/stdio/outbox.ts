/**
 * Messages of a server that are not answers: sent to a listener, or kept for a while without one.
 *
 * @module
 */
import { TransientSet } from '../request/transients.js'
import { BoundedQueue, costOf } from './bounded-queue.js'
import type { EventStream } from './event-stream.js'
import type { RawMessage } from './raw-message.js'
import type { Reply } from './reply.js'

function newest<Item>(items: Iterable<Item>, isFit: (item: Item) => boolean): Item | undefined {
  let found: Item | undefined
  for (const item of items) if (isFit(item)) found = item
  return found
}

/** A message that has no listener yet. */
type Waiting = Pick<RawMessage, 'kind' | 'idText' | 'bytes'>

export class Outbox {
  /** Streams that were opened for this, the newest last. */
  readonly #readers = new Set<EventStream>()
  /** Answers under way, the newest last. */
  readonly #replies = new TransientSet<Reply>()
  readonly #queue: BoundedQueue<Waiting>

  /**
   * @param limit bytes that may be kept; beyond it the oldest messages are dropped
   * @param onDropped called for a message that nobody will ever get
   */
  constructor(limit: number, onDropped: (message: Waiting) => void) {
    this.#queue = new BoundedQueue(limit, 0, onDropped)
  }

  deliver({ kind, idText, bytes }: Waiting): void {
    const target = this.#targetOf(kind)
    if (target !== undefined) return target.send(bytes)
    // A copy: a small message would keep the whole read buffer.
    this.#queue.push({ kind, idText, bytes: Buffer.from(bytes) }, costOf(bytes))
  }

  addReader(stream: EventStream): void {
    // A stream that is resumed counts as the newest.
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

  /**
   * A request of the server mostly belongs to a request under way, whose client may look at no other
   * stream until that is answered (SEP-2260). Notifications mostly belong to none.
   */
  #targetOf(kind: Waiting['kind']): EventStream | Reply | undefined {
    const ofAnswer = () => newest(this.#replies, (reply) => reply.isHeard)
    const reader = () => newest(this.#readers, (stream) => stream.isRead)
    return kind === 'request' ? (ofAnswer() ?? reader()) : (reader() ?? ofAnswer())
  }

  #flush(): void {
    if (this.#queue.length === 0) return
    for (const message of this.#queue.takeAll()) this.deliver(message)
  }
}
