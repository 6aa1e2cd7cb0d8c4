/**
 * The upstream's answer on its way to the client: filtered if necessary, and never held longer than
 * that takes.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { endAfterRest } from '../request/answer.js'
import type { AnswerRewriter } from '../../policy/answer-rewriter.js'
import { EventBoundary } from './event-stream.js'
import type { HeldHead } from './filtered-answer.js'

const NOTHING = Buffer.alloc(0)

export class AnswerBody {
  readonly #response: ServerResponse
  readonly #rewriter: AnswerRewriter | undefined
  /** The head of an answer that may still be refused. */
  #held: HeldHead | undefined
  /** The beginning, held until we know whether it is complete. */
  #first: Buffer | undefined
  #isFlushed = false
  #boundary: EventBoundary | undefined

  /** @param rewriter `undefined`: the body passes unchanged */
  constructor(response: ServerResponse, rewriter: AnswerRewriter | undefined) {
    this.#response = response
    this.#rewriter = rewriter
  }

  get isFiltered(): boolean {
    return this.#rewriter !== undefined
  }

  /** The first bytes, or all, have been sent. */
  get isFlushed(): boolean {
    return this.#isFlushed
  }

  /** No event is half written, if events are tracked. */
  get isBetweenEvents(): boolean {
    return this.#boundary?.isBetween === true
  }

  /** From the beginning, so that the stream can be ended between two events. */
  followEvents(): void {
    this.#boundary = new EventBoundary()
  }

  /** @returns false: the head is held, because the answer may still be refused */
  begin(head: HeldHead): boolean {
    if (this.#rewriter?.isHeld === true) {
      this.#held = head
      return false
    }
    this.#response.writeHead(head.status, head.phrase, head.headers)
    return true
  }

  /**
   * The part that may be sent.
   *
   * @throws where it cannot be filtered
   */
  filter(received: Buffer): Buffer {
    if (this.#rewriter === undefined) return received
    return Buffer.concat(this.#rewriter.push(received))
  }

  /** Holds the first chunk. @returns false for later ones, which must be written */
  keepFirst(chunk: Buffer): boolean {
    if (chunk.length === 0) return true
    this.#boundary?.pass(chunk)
    if (this.#isFlushed || this.#first !== undefined) return false
    this.#first = chunk
    return true
  }

  /** Sends the head and the held bytes. Called once. */
  flush(): void {
    this.#isFlushed = true
    if (this.#first === undefined) this.#response.flushHeaders()
    else this.#writeFirst()
  }

  /**
   * The body is complete.
   *
   * @returns the last bytes to send
   * @throws where it cannot be filtered
   */
  complete(): Buffer {
    return this.#rewriter === undefined ? NOTHING : Buffer.concat(this.#rewriter.end())
  }

  /** Sends the rest, once the request's body has arrived or nobody waits for it. */
  end(request: IncomingMessage, rest: Buffer): void {
    this.#isFlushed = true
    this.#sendHeld(rest.length)
    if (rest.length > 0) {
      this.#writeFirst()
      this.#first = rest
    }
    if (request.complete) this.#response.end(this.#takeFirst())
    else {
      this.#writeFirst()
      endAfterRest(request, this.#response)
    }
  }

  /** Ends it early, as if the upstream had. */
  endEarly(last: string | undefined): void {
    this.#writeFirst()
    this.#response.end(last)
  }

  /** The head of an answer that could have been refused until now. */
  #sendHeld(length: number): void {
    if (this.#held === undefined) return
    const { status, phrase, headers } = this.#held
    this.#response.writeHead(status, phrase, [...headers, 'Content-Length', String(length)])
  }

  #writeFirst(): void {
    const first = this.#takeFirst()
    if (first !== undefined) this.#response.write(first)
  }

  #takeFirst(): Buffer | undefined {
    const first = this.#first
    this.#first = undefined
    return first
  }
}
