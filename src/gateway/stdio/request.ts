/**
 * A request to a command, and the answer to its client.
 *
 * @module
 */
import { AnswerLife } from '../request/answer-life.js'
import { endWith, errorAnswer, sendAnswer, unreadOf, type OwnAnswer } from '../request/answer.js'
import type { AdmittedRequest } from '../request/backend.js'
import type { Clock } from '../clock.js'
import type { OpenRequest } from '../request/open-request.js'
import { COMMENT } from '../request/silence.js'
import { faultOfFilter, type UpstreamFault } from '../request/upstream-fault.js'
import { acceptsType } from './accept.js'
import { ENTRY } from './bounded-queue.js'
import { formatEvent } from './event-format.js'

export interface StdioRequestContext {
  readonly clock: Clock
  /** Bytes that may wait for a client before the command has to wait. */
  readonly maxQueue: number
  /** Milliseconds that an answer to a POST may continue after its token has ended. */
  readonly grace: number
  /** Milliseconds after which a reader that takes no bytes counts as gone. */
  readonly stalled: number
  /** Milliseconds between two comments on a silent event stream; 0: none are sent. */
  readonly keepAlive: number
}

export class StdioRequest implements OpenRequest {
  readonly admitted: AdmittedRequest
  isOpenEnded = false
  /**
   * Ends the stream of an expired token, in the form of its protocol revision. Default: ends it
   * like the stream of a GET.
   */
  endWithToken: () => void = () => this.end()
  readonly #context: StdioRequestContext
  readonly #life: AnswerLife
  readonly #begin: (request: StdioRequest) => void
  readonly #whenOver: ((isWhole: boolean) => void)[] = []
  #onBlocked: ((isBlocked: boolean) => void) | undefined
  #isStream = false
  #isBlocked = false
  /** Events written since the client last took all of them. */
  #untaken = 0
  #isAnswered = false
  #isSilent = true

  constructor(
    context: StdioRequestContext,
    admitted: AdmittedRequest,
    begin: (request: StdioRequest) => void,
  ) {
    this.#context = context
    this.admitted = admitted
    this.#life = new AnswerLife(admitted, context.clock)
    this.#begin = begin
  }

  get isStream(): boolean {
    return this.#isStream
  }

  /** An answer has begun, or the client is gone. */
  get isAnswered(): boolean {
    return this.#isAnswered || this.#life.isOver
  }

  /** Calls back when nothing more can be sent: the answer is complete, or its client is gone. */
  whenOver(callback: (isWhole: boolean) => void): void {
    this.#whenOver.push(callback)
  }

  /**
   * Calls back with `true` when too much waits for the client, and with `false` when that is over.
   * It is a method, because V8 puts a function that is written to the right of `request.name =`
   * into the old generation. From there the function keeps its whole request alive until the next
   * full collection.
   */
  whenBlocked(callback: (isBlocked: boolean) => void): void {
    this.#onBlocked = callback
  }

  /** Whether the client reads this type. */
  accepts(type: string): boolean {
    return acceptsType(this.admitted.head.accept, type)
  }

  begin(): void {
    this.#life.begin(() => this.#onOver())
    this.#begin(this)
  }

  end(): void {
    if (this.#isStream) this.endStream()
    else this.cut()
  }

  giveUp(): void {
    this.#life.finish()
  }

  /** Cuts the answer in the middle. */
  cut(): void {
    this.#life.cut()
  }

  /** Sends an answer of the gateway itself. */
  refuse(answer: OwnAnswer, fault?: UpstreamFault): void {
    if (this.isAnswered) return
    this.#life.finish()
    const { request, response, record, head, expectsContinue } = this.admitted
    if (fault !== undefined) record.failUpstream(fault)
    const unread = request.complete ? 0 : unreadOf(head, expectsContinue)
    sendAnswer(request, response, answer, unread, this.#context.clock)
  }

  /**
   * A message or a batch, with only the lists that this caller may see. `undefined`: it cannot be
   * read, and was refused.
   */
  #filtered(bytes: Buffer): Buffer | undefined {
    const { filter, record } = this.admitted
    if (filter === undefined || bytes.length === 0) return bytes
    try {
      return Buffer.concat(filter.filter(bytes))
    } catch (error) {
      record.failUpstream(faultOfFilter(error))
      return undefined
    }
  }

  /** Sends the command's complete answer. */
  sendJson(status: number, answer: Buffer, headers: Readonly<Record<string, string>> = {}): void {
    if (this.isAnswered) return
    const body = this.#filtered(answer)
    if (body === undefined) {
      const { record, corsHeaders } = this.admitted
      const text = 'The MCP server could not answer'
      return this.refuse(errorAnswer(502, record.id, 'bad_gateway', text, corsHeaders))
    }
    this.#answered()
    this.#life.finish()
    const { response } = this.admitted
    const ownFields = ['Content-Type', 'application/json', 'Content-Length', String(body.length)]
    response.writeHead(status, this.#fields(headers, ownFields))
    endWith(response, body)
    if (response.writableLength > 0) this.#watchReader()
  }

  /**
   * Answers for a command that has nothing to send: it accepted a notification, or a session ended.
   */
  sendNothing(status: number): void {
    if (this.isAnswered) return
    this.#answered()
    this.#life.finish()
    // RFC 9110 §8.6: 204 has no length.
    const ownFields = status === 204 ? [] : ['Content-Length', '0']
    this.admitted.response.writeHead(status, this.#fields({}, ownFields)).end()
  }

  /** Watches the token of a long answer. The answer ends with its token, or a little later. */
  watchToken(): void {
    this.#life.watchToken(this.isOpenEnded ? 0 : this.#context.grace, () => {
      if (this.isOpenEnded) this.endWithToken()
      else this.cut()
    })
  }

  startStream(headers: Readonly<Record<string, string>> = {}): void {
    if (this.isAnswered) return
    this.#answered()
    this.#watchReader()
    this.#isStream = true
    const { response } = this.admitted
    const ownFields = ['Content-Type', 'text/event-stream', 'X-Accel-Buffering', 'no']
    response.writeHead(200, this.#fields(headers, ownFields))
    response.flushHeaders()
    response.on('drain', () => this.#onDrained())
    this.#life.keepAlive(this.#context.keepAlive, () => this.write(COMMENT))
    this.watchToken()
  }

  /** A proxy may hold the head of a stream back until something follows it. */
  greet(): void {
    if (this.#isSilent && this.#context.keepAlive > 0) this.write(COMMENT)
  }

  /** @param id lets the client resume the stream after this event */
  writeEvent(line: Buffer, id?: string): void {
    const filtered = this.#filtered(line)
    if (filtered === undefined) this.cut()
    else this.write(formatEvent(filtered, id))
  }

  write(bytes: Buffer): void {
    const { response } = this.admitted
    if (this.#life.isOver) return
    // If `write` returns true, no event will say that there is room again.
    const isFlowing = response.write(bytes)
    this.#isSilent = false
    this.#life.breakSilence()
    this.#untaken = isFlowing ? 0 : this.#untaken + 1
    // Small events cost more than their length.
    const cost = response.writableLength + this.#untaken * ENTRY
    if (!isFlowing && cost > this.#context.maxQueue) this.#setBlocked(true)
  }

  endStream(): void {
    if (this.#life.isOver) return
    this.#life.finish()
    this.admitted.response.end()
  }

  #answered(): void {
    this.#isAnswered = true
    const { record } = this.admitted
    record.answer(record.startedAt)
  }

  /**
   * A client may be slow, even after everything was written. But one that takes nothing would keep a
   * child for as long as it likes.
   */
  #watchReader(): void {
    this.#life.watchReader(this.#context.stalled, () => this.cut())
  }

  /** Alternating names and values. */
  #fields(headers: Readonly<Record<string, string>>, ownFields: readonly string[]): string[] {
    const { record, corsHeaders } = this.admitted
    const fields = ['Cache-Control', 'no-store', 'X-Request-Id', record.id]
    for (const name in corsHeaders) fields.push(name, corsHeaders[name] as string)
    for (const name in headers) fields.push(name, headers[name] as string)
    fields.push(...ownFields)
    return fields
  }

  #onDrained(): void {
    this.#untaken = 0
    this.#setBlocked(false)
  }

  #setBlocked(isBlocked: boolean): void {
    if (this.#isBlocked === isBlocked) return
    this.#isBlocked = isBlocked
    this.#onBlocked?.(isBlocked)
  }

  #onOver(): void {
    this.admitted.place.leave()
    this.#setBlocked(false)
    for (const callback of this.#whenOver) callback(this.#life.isWhole)
  }
}
