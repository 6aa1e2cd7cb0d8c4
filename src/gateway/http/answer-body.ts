/**
 * The upstream's answer on its way to the client: filtered if necessary, and never held longer than
 * that takes.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import { endAfterRest, endWith } from '../request/answer.js'
import type { AnswerRewriter } from '../../policy/answer-rewriter.js'
import { COMMENT } from '../request/silence.js'
import { EventBoundary } from './event-stream.js'
import type { HeldHead } from './filtered-answer.js'

const NOTHING = Buffer.alloc(0)
/** In UTF-8. Readers skip it only at the beginning of a stream (WHATWG HTML §9.2.5). */
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

export class AnswerBody {
  readonly #response: ServerResponse
  readonly #rewriter: AnswerRewriter | undefined
  /** The head of an answer that may still be refused. */
  #held: HeldHead | undefined
  /** The beginning, held until we know whether it is complete. */
  #first: Buffer | undefined
  #isFlushed = false
  #hasBegun = false
  #boundary: EventBoundary | undefined
  /** A comment was sent before the first byte of the upstream. */
  #isAfterComment = false

  /** @param rewriter `undefined`: the body passes unchanged */
  constructor(response: ServerResponse, rewriter: AnswerRewriter | undefined) {
    this.#response = response
    this.#rewriter = rewriter
  }

  get isFiltered(): boolean {
    return this.#rewriter !== undefined
  }

  /** At least the first bytes have been sent. */
  get isFlushed(): boolean {
    return this.#isFlushed
  }

  /** No event is half written, if events are tracked. */
  get isBetweenEvents(): boolean {
    return this.#boundary?.isBetween === true
  }

  /** Tracks events from the first byte on, so that something can be sent between two of them. */
  followEvents(): void {
    this.#boundary = new EventBoundary()
  }

  /** Events are tracked: something can be sent between two of them. */
  get isFollowed(): boolean {
    return this.#boundary !== undefined
  }

  /** The upstream has sent a part of it. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Sends a comment, unless an event is half written. */
  comment(): void {
    if (!this.isBetweenEvents) return
    this.#isAfterComment ||= !this.#hasBegun
    this.#response.write(COMMENT)
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

  /** Without a byte order mark that is no longer at the beginning of the stream. */
  withoutLateMark(chunk: Buffer): Buffer {
    if (!this.#isAfterComment || chunk.length === 0) return chunk
    this.#isAfterComment = false
    const { length } = BYTE_ORDER_MARK
    return chunk.subarray(0, length).equals(BYTE_ORDER_MARK) ? chunk.subarray(length) : chunk
  }

  /** Holds the first chunk. @returns false for later ones, which must be written */
  keepFirst(chunk: Buffer): boolean {
    if (chunk.length === 0) return true
    this.#hasBegun = true
    this.#boundary?.pass(chunk)
    if (this.#isFlushed || this.#first !== undefined) return false
    this.#first = chunk
    return true
  }

  /** Sends the head and the held bytes. Called once. */
  flush(): void {
    this.#isFlushed = true
    if (this.#hasBegun) this.#writeFirst()
    else this.#response.flushHeaders()
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
  end(request: IncomingMessage, rest: Buffer, clock: Clock): void {
    this.#isFlushed = true
    this.#sendHeld(rest.length)
    if (rest.length > 0) {
      this.#writeFirst()
      this.#first = rest
    }
    if (request.complete) endWith(this.#response, this.#takeFirst())
    else {
      this.#writeFirst()
      endAfterRest(request, this.#response, clock)
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
