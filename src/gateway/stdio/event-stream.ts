/**
 * Messages as events of a stream. A client can resume the stream where it was cut (MCP
 * "Resumability"). Events that are no longer kept are missing silently: the protocol has no sign
 * for that.
 *
 * @module
 */
import { BoundedQueue, costOf } from './bounded-queue.js'
import type { StdioRequest } from './request.js'

interface SentEvent {
  readonly stream: string
  readonly number: number
  readonly line: Buffer
}

/** Events that were sent and may have been lost. */
export class EventWindow {
  readonly #events: BoundedQueue<SentEvent>

  /** @param limit bytes; the newest event is kept however large it is */
  constructor(limit: number) {
    this.#events = new BoundedQueue(limit, 1, () => undefined)
  }

  add(stream: string, number: number, line: Buffer): void {
    // A copy: a small line would keep the whole read buffer.
    this.#events.push({ stream, number, line: Buffer.from(line) }, costOf(line))
  }

  after(
    stream: string,
    number: number,
  ): readonly { readonly number: number; readonly line: Buffer }[] {
    return this.#events.values().filter((event) => event.stream === stream && event.number > number)
  }
}

/** Parses an event id that we made; `undefined` for any other. */
export function parseEventId(
  text: string,
): { readonly stream: string; readonly number: number } | undefined {
  const [, stream, number] = /^(\d{1,9})-(\d{1,9})$/.exec(text) ?? []
  return stream === undefined ? undefined : { stream, number: Number(number) }
}

/** A stream of one session, with or without a reader. */
export class EventStream {
  readonly name: string
  readonly #window: EventWindow
  #request: StdioRequest | undefined
  #last = 0
  #isEnded = false

  constructor(name: string, window: EventWindow) {
    this.name = name
    this.#window = window
  }

  get isRead(): boolean {
    return this.#request !== undefined
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /**
   * @param request the one whose stream has begun
   * @param after the number of the last event that its client got; `undefined` for a new one
   */
  attach(request: StdioRequest, after?: number): void {
    this.#request?.end()
    this.#request = request
    request.whenOver(() => {
      if (this.#request === request) this.#request = undefined
    })
    if (after !== undefined) {
      for (const { number, line } of this.#window.after(this.name, after)) this.#write(number, line)
    }
    if (this.#isEnded) request.endStream()
  }

  /** Sends an event without a message. With its id, the client can resume the stream (SEP-1699). */
  prime(): void {
    this.#last++
    this.#request?.write(Buffer.from(`id: ${this.name}-${this.#last}\ndata: \n\n`))
  }

  send(line: Buffer): void {
    this.#last++
    this.#window.add(this.name, this.#last, line)
    this.#write(this.#last, line)
  }

  end(): void {
    this.#isEnded = true
    this.#request?.endStream()
    this.#request = undefined
  }

  #write(number: number, line: Buffer): void {
    this.#request?.writeEvent(line, `${this.name}-${number}`)
  }
}
