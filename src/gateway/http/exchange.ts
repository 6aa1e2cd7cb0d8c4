/**
 * One request on its way to the upstream, and the answer on its way back. Streams both ways, ends when either
 * side does or the token that let it in, and holds nothing back.
 *
 * The handler is undici's older kind, which its core calls directly and with the raw header list.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { isEventStreamType, phraseOf, readAnswerHead, valueOf } from './answer-headers.js'
import { AnswerLife } from '../request/answer-life.js'
import { errorAnswer, sendAnswer, unreadOf, type Refused } from '../request/answer.js'
import type { AdmittedRequest } from '../request/backend.js'
import {
  bodyTooLarge,
  createCounter,
  readBody,
  refuseInstead,
  refuseNoJson,
} from '../request/body.js'
import { AnswerBody } from './answer-body.js'
import { rewriterFor } from '../../policy/answer-rewriter.js'
import { lastEvent } from './event-stream.js'
import { ExchangeSession } from './session.js'
import { headersOfFiltered } from './filtered-answer.js'
import { LISTEN } from '../../mcp/open-ended.js'
import type { SessionIds } from '../../web/session-ids.js'
import { awaitJsonStart, jsonStart } from './json-start.js'
import {
  faultOfError,
  faultOfFilter,
  faultOfStatus,
  TOO_LATE,
  wordingOf,
  type UpstreamFault,
} from '../request/upstream-fault.js'
import type { OpenRequest } from '../request/open-request.js'
import type { Clock } from '../clock.js'
import type { Upstream } from './upstream.js'
import { expectSocket, RequestOver, UpstreamSocket } from './upstream-socket.js'

/** Bodies up to this size are sent on in one piece, which costs half of streaming them. */
const COLLECTED = 64 * 1024

/** What all exchanges of a gateway share. */
export interface ExchangeContext {
  readonly upstream: Upstream
  /** Bytes of a request body. */
  readonly maxBody: number
  /** Binds sessions to their caller; `undefined` where no token is asked for, and all are one. */
  readonly sessions: SessionIds | undefined
  /** Seconds that an answer to a POST may go on after its token. */
  readonly streamGrace: number
  /** Milliseconds without a byte taken: whoever has taken nothing for so long is gone, or as good as that. */
  readonly stalled: number
  readonly clock: Clock
}

export class Exchange implements OpenRequest, Dispatcher.DispatchHandler {
  readonly #admitted: AdmittedRequest
  readonly #context: ExchangeContext
  readonly #life: AnswerLife
  #abort: ((reason?: Error) => void) | undefined
  #resume: (() => void) | undefined
  #isStream = false
  /** An answer with a length cannot be ended before, only be cut. */
  #hasLength = false
  #body: AnswerBody | undefined
  readonly #session: ExchangeSession | undefined
  #sentAt = 0
  readonly #socket = new UpstreamSocket()

  constructor(context: ExchangeContext, admitted: AdmittedRequest) {
    this.#context = context
    this.#admitted = admitted
    this.#life = new AnswerLife(admitted, context.clock)
    const { sessions } = context
    this.#session = sessions === undefined ? undefined : new ExchangeSession(sessions, admitted)
  }

  get isOpenEnded(): boolean {
    return this.#isStream && (this.#admitted.request.method === 'GET' || this.#isListening)
  }

  get #isListening(): boolean {
    return this.#admitted.message?.method === LISTEN
  }

  get isStream(): boolean {
    return this.#isStream
  }

  /** Milliseconds since the upstream was asked. */
  get #passed(): number {
    return this.#context.clock.now() - this.#sentAt
  }

  begin(): void {
    const { request, response, head, expectsContinue, body } = this.#admitted
    this.#life.begin(() => this.#onClientGone())
    const foreign = this.#session?.refused
    if (foreign !== undefined) return this.#refuse(foreign)
    if (body !== undefined) return this.#send(body)
    if (request.method !== 'POST') return this.#send(null)
    if (!head.hasBody) return this.#refuseNoJson()
    const { contentLength = Number.POSITIVE_INFINITY } = head
    const { maxBody } = this.#context
    if (contentLength <= COLLECTED) {
      return readBody(
        this.#admitted,
        maxBody,
        (read) => this.#onCollected(read),
        (refused) => this.#refuse(refused),
      )
    }
    if (head.contentLength !== undefined && contentLength > maxBody)
      return this.#refuse(bodyTooLarge(this.#context.maxBody))
    if (expectsContinue) response.writeContinue()
    awaitJsonStart(
      request,
      (chunks) => this.#guard(() => this.#stream(request, chunks)),
      () => this.#refuseNoJson(),
    )
  }

  giveUp(): void {
    this.#finish()
  }

  end(): void {
    if (this.#life.isOver) return
    this.#finish()
    const { response, message } = this.#admitted
    if (!response.headersSent || this.#hasLength) return void response.destroy()
    const isBetween = this.#body?.isBetweenEvents === true
    this.#body?.endEarly(isBetween && message !== undefined ? lastEvent(message) : undefined)
    this.#life.linger()
  }

  #onCollected(body: Buffer): void {
    if (this.#life.isOver) return
    if (jsonStart(body) === 'json') this.#guard(() => this.#send(body))
    else this.#refuseNoJson()
  }

  /** Counts what comes, not what was announced. */
  #stream(request: IncomingMessage, chunks: readonly Buffer[]): void {
    if (this.#life.isOver) return
    const counter = createCounter(this.#context.maxBody, () =>
      this.#refuse(bodyTooLarge(this.#context.maxBody)),
    )
    for (const chunk of chunks) counter.write(chunk)
    if (this.#life.isOver) return
    // A client that leaves in the middle ends no pipe, so half a body never looks like a whole one.
    this.#send(request.pipe(counter))
  }

  /** A throw in what somebody else calls would end the process. */
  #guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#admitted.fail(error)
    }
  }

  #refuseNoJson(): void {
    if (this.#life.isOver) return
    this.#life.finish()
    refuseNoJson(this.#admitted)
  }

  #send(body: Buffer | Readable | null): void {
    const { request, head, query, caller } = this.#admitted
    const { contentLength } = head
    const headers = [...head.forwarded, ...caller.identity]
    this.#session?.restore(headers)
    if (contentLength !== undefined && body !== null && !Buffer.isBuffer(body)) {
      headers.push('Content-Length', String(contentLength))
    }
    this.#sentAt = this.#context.clock.now()
    this.#context.upstream.send({ method: request.method ?? 'GET', query, headers, body }, this)
  }

  // What undici calls.

  onConnect(abort: (reason?: Error) => void): void {
    // To abort would end the connection, over which nothing was sent. What is thrown ends this request alone.
    if (this.#life.isOver) throw new RequestOver()
    this.#abort = abort
    expectSocket(this.#socket)
  }

  onRequestSent(): void {
    this.#socket.sent()
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, statusText: string): boolean {
    if (status < 200) this.#onInformation()
    else {
      this.#socket.answered()
      if (!this.#life.isOver) this.#onAnswer(status, raw, resume, statusText)
      // Nobody waits for it: of a stream nobody knows when it ends.
      else if (isEventStreamType(valueOf(raw, 'content-type'))) this.#abort?.()
    }
    return true
  }

  onData(received: Buffer): boolean {
    const body = this.#body
    if (this.#life.isOver || body === undefined) return true
    const chunk = body.isFiltered ? this.#filtered(() => body.filter(received)) : received
    if (chunk === undefined || body.keepFirst(chunk)) return true
    this.#flush()
    const { response } = this.#admitted
    if (response.write(chunk)) return true
    response.once('drain', () => this.#resume?.())
    return false
  }

  onComplete(): void {
    // An answer without a length ends with its connection: undici takes a reset for that, too.
    if (this.#socket.isBroken) return this.onError(new Error('reset'))
    this.#socket.release()
    const body = this.#body
    if (this.#life.isOver || body === undefined) return
    const rest = this.#filtered(() => body.complete())
    if (rest === undefined) return
    this.#life.finish()
    this.#life.clear()
    const { request, response } = this.#admitted
    body.end(request, rest)
    if (request.complete && response.writableLength > 0) {
      this.#life.watchReader(this.#context.stalled, () => this.#life.cut())
    }
  }

  onError(error: Error): void {
    this.#socket.release()
    if (this.#life.isOver) return
    if (!this.#admitted.response.headersSent) {
      return this.#guard(() => this.#fail(faultOfError(error)))
    }
    this.#life.cut()
  }

  /** Informational answers are of one hop; ours were sent where they belong. */
  #onInformation(): void {
    // Each of them begins undici's time anew.
    const isLate = this.#passed > this.#context.upstream.timeout
    if (isLate && !this.#life.isOver) this.#fail(TOO_LATE)
  }

  #onAnswer(status: number, raw: Buffer[], resume: () => void, statusText: string): void {
    const location = status >= 300 && status <= 399 ? valueOf(raw, 'location') : undefined
    const fault = faultOfStatus(status, location, this.#context.upstream.url)
    if (fault !== undefined) return this.#fail(fault)
    const head = readAnswerHead(raw, this.#session?.seal)
    const { isEventStream, isCoded, hasLength, sessionFault } = head
    const reason = isCoded ? 'its answer has a transfer coding other than chunked' : sessionFault
    if (reason !== undefined) return this.#fail({ code: 'ERR_UPSTREAM_INVALID', reason })
    const { response, record, filter } = this.#admitted
    const rewriter = filter && this.#filtered(() => rewriterFor(filter, { status, ...head }))
    // Where it could not be made, the answer was refused.
    if (this.#life.isOver) return
    const body = new AnswerBody(response, rewriter)
    this.#body = body
    this.#resume = resume
    this.#isStream = isEventStream
    this.#hasLength = hasLength && !body.isFiltered
    if (isEventStream && this.#isListening) body.followEvents()
    record.answer(this.#sentAt)
    const headers = body.isFiltered ? headersOfFiltered(head.headers) : head.headers
    this.#addOwnHeaders(headers)
    // A header sent with the body would cost nothing, but one that waits for it can stall a client for long.
    if (body.begin({ status, phrase: phraseOf(statusText), headers })) {
      process.nextTick(() => this.#flush())
    }
  }

  /** @param headers names and values by turns */
  #addOwnHeaders(headers: string[]): void {
    const { request, record, corsHeaders } = this.#admitted
    headers.push('X-Request-Id', record.id)
    for (const [name, value] of Object.entries(corsHeaders)) headers.push(name, value)
    // Answered before the body was there: the rest is of no use, and neither is the connection after it.
    if (!request.complete) headers.push('Connection', 'close')
  }

  /** @returns `undefined` where the answer could not be filtered, and nothing more is sent of it */
  #filtered<Result>(step: () => Result): Result | undefined {
    try {
      return step()
    } catch (error) {
      this.#failToFilter(error)
      return undefined
    }
  }

  /** What cannot be filtered must not be shown. */
  #failToFilter(error: unknown): void {
    const fault = faultOfFilter(error)
    if (!this.#admitted.response.headersSent) return this.#fail(fault)
    this.#admitted.record.failUpstream(fault)
    this.#breakOff()
  }

  #breakOff(): void {
    this.#stop()
    // Half an answer must not look like a whole one.
    this.#life.cut()
  }

  #flush(): void {
    const body = this.#body
    if (body === undefined || body.isFlushed || this.#life.isOver) return
    body.flush()
    const grace = this.isOpenEnded ? 0 : this.#context.streamGrace * 1000
    // Most answers are whole by now, and need no watch.
    this.#life.watchToken(grace, () => this.#onTokenOver())
    this.#life.watchReader(this.#context.stalled, () => this.#breakOff())
  }

  /** What would go on for ever ends; what was asked for with a good token had its time. */
  #onTokenOver(): void {
    if (this.#life.isOver) return
    if (this.isOpenEnded) return this.end()
    this.#breakOff()
  }

  /** 502 or 504: the upstream's fault, and nothing of what it said. */
  #fail(fault: UpstreamFault): void {
    this.#finish()
    const { request, response, record, corsHeaders, head } = this.#admitted
    record.failUpstream(fault)
    record.answerInPlace()
    const { status, error, description } = wordingOf(fault)
    sendAnswer(
      request,
      response,
      errorAnswer(status, record.id, error, description, corsHeaders),
      request.complete ? 0 : unreadOf(head, false),
    )
  }

  #refuse(refused: Refused): void {
    if (this.#life.isOver) return
    if (this.#admitted.response.headersSent) this.#stop()
    else this.#finish()
    refuseInstead(this.#admitted, refused)
  }

  /** Nobody waits any more. An answer that is short, and comes soon, costs the upstream less than a new connection. */
  #abandon(): void {
    const { place } = this.#admitted
    if (this.#isStream || !this.#socket.isSent) {
      this.#stop()
      return place.leave()
    }
    this.#life.stop()
    this.#resume?.()
    this.#socket.abandon(() => {
      this.#abort?.()
      place.leave()
    })
  }

  /** The client got all that it is to get. */
  #finish(): void {
    this.#life.finish()
    this.#abort?.()
  }

  /** The upstream is told; what it still says is not heard. */
  #stop(): void {
    this.#life.stop()
    this.#abort?.()
  }

  #onClientGone(): void {
    if (this.#life.isOver) this.#admitted.place.leave()
    else this.#abandon()
  }
}
