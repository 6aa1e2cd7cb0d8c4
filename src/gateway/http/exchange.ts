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
import {
  isEventStreamType,
  phraseOf,
  readAnswerHead,
  valueOf,
  type AnswerHead,
} from './answer-headers.js'
import { AnswerLife } from '../request/answer-life.js'
import { endAfterRest, errorAnswer, sendAnswer, unreadOf, type Refused } from '../request/answer.js'
import type { AdmittedRequest } from '../request/backend.js'
import {
  bodyTooLarge,
  createCounter,
  readBody,
  refuseInstead,
  refuseNoJson,
} from '../request/body.js'
import { EventBoundary, lastEvent } from './event-stream.js'
import { ExchangeSession } from './session.js'
import { headersOfFiltered, type HeldHead } from './filtered-answer.js'
import { rewriterFor, type AnswerRewriter } from '../../policy/answer-rewriter.js'
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

const NOTHING = Buffer.alloc(0)

export class Exchange implements OpenRequest, Dispatcher.DispatchHandler {
  readonly #admitted: AdmittedRequest
  readonly #context: ExchangeContext
  readonly #life: AnswerLife
  #abort: ((reason?: Error) => void) | undefined
  #resume: (() => void) | undefined
  /** The beginning of the answer's body, held until it is clear whether it is all of it. */
  #first: Buffer | undefined
  #isFlushed = false
  #isStream = false
  /** An answer with a length cannot be ended before, only be cut. */
  #hasLength = false
  #boundary: EventBoundary | undefined
  readonly #session: ExchangeSession | undefined
  #rewriter: AnswerRewriter | undefined
  #held: HeldHead | undefined
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
    if (this.#first !== undefined) response.write(this.#first)
    this.#first = undefined
    const isBetween = this.#boundary?.isBetween === true
    response.end(isBetween && message !== undefined ? lastEvent(message) : undefined)
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
    // Informational answers are of one hop; ours were sent where they belong.
    const isLate = status < 200 && this.#passed > this.#context.upstream.timeout
    // Each of them begins undici's time anew.
    if (isLate && !this.#life.isOver) this.#fail(TOO_LATE)
    if (status < 200) return true
    this.#socket.answered()
    // Nobody waits for it: of a stream nobody knows when it ends.
    if (this.#life.isOver) {
      if (isEventStreamType(valueOf(raw, 'content-type'))) this.#abort?.()
      return true
    }
    const location = status >= 300 && status <= 399 ? valueOf(raw, 'location') : undefined
    const fault = faultOfStatus(status, location, this.#context.upstream.url)
    if (fault !== undefined) {
      this.#fail(fault)
      return true
    }
    const { request, response, record, corsHeaders } = this.#admitted
    const head = readAnswerHead(raw, this.#session?.seal)
    const { isEventStream, isCoded, hasLength, sessionFault } = head
    const reason = isCoded ? 'its answer has a transfer coding other than chunked' : sessionFault
    if (reason !== undefined) {
      this.#fail({ code: 'ERR_UPSTREAM_INVALID', reason })
      return true
    }
    if (!this.#rewrite(status, head)) return true
    const headers = this.#rewriter === undefined ? head.headers : headersOfFiltered(head.headers)
    headers.push('X-Request-Id', record.id)
    for (const [name, value] of Object.entries(corsHeaders)) headers.push(name, value)
    this.#resume = resume
    this.#isStream = isEventStream
    this.#hasLength = hasLength && this.#rewriter === undefined
    if (isEventStream && this.#isListening) this.#boundary = new EventBoundary()
    record.answer(this.#sentAt)
    // Answered before the body was there: the rest is of no use, and neither is the connection after it.
    if (!request.complete) headers.push('Connection', 'close')
    const phrase = phraseOf(statusText)
    if (this.#rewriter?.isHeld === true) {
      this.#held = { status, phrase, headers }
      return true
    }
    response.writeHead(status, phrase, headers)
    // A header sent with the body would cost nothing, but one that waits for it can stall a client for long.
    process.nextTick(() => this.#flush())
    return true
  }

  onData(received: Buffer): boolean {
    if (this.#life.isOver) return true
    const { response } = this.#admitted
    const chunk = this.#rewritten((rewriter) => rewriter.push(received), received)
    if (chunk === undefined || chunk.length === 0) return true
    this.#boundary?.pass(chunk)
    if (!this.#isFlushed) {
      if (this.#first === undefined) {
        this.#first = chunk
        return true
      }
      this.#flush()
    }
    if (response.write(chunk)) return true
    response.once('drain', () => this.#resume?.())
    return false
  }

  onComplete(): void {
    // An answer without a length ends with its connection: undici takes a reset for that, too.
    if (this.#socket.isBroken) return this.onError(new Error('reset'))
    this.#socket.release()
    if (this.#life.isOver) return
    const rest = this.#rewritten((rewriter) => rewriter.end(), NOTHING)
    if (rest === undefined) return
    this.#sendHeld(rest.length)
    if (rest.length > 0) {
      if (this.#first !== undefined) this.#admitted.response.write(this.#first)
      this.#first = rest
    }
    this.#life.finish()
    this.#isFlushed = true
    this.#life.clear()
    const { request, response } = this.#admitted
    const first = this.#first
    this.#first = undefined
    if (request.complete) {
      response.end(first)
      if (response.writableLength > 0) {
        this.#life.watchReader(this.#context.stalled, () => this.#life.cut())
      }
    } else {
      if (first !== undefined) response.write(first)
      endAfterRest(request, response)
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

  /** @returns false: the answer could not be filtered, and was refused */
  #rewrite(status: number, head: AnswerHead): boolean {
    const { filter } = this.#admitted
    if (filter === undefined) return true
    try {
      this.#rewriter = rewriterFor(filter, { status, ...head })
      return true
    } catch (error) {
      this.#failToFilter(error)
      return false
    }
  }

  /** What may be sent of an answer; `undefined` where it could not be filtered, and nothing more is sent. */
  #rewritten(
    rewrite: (rewriter: AnswerRewriter) => readonly Uint8Array[],
    asItIs: Buffer,
  ): Buffer | undefined {
    if (this.#rewriter === undefined) return asItIs
    try {
      return Buffer.concat(rewrite(this.#rewriter))
    } catch (error) {
      this.#failToFilter(error)
      return undefined
    }
  }

  /** The head of an answer that could have been refused until now. */
  #sendHeld(length: number): void {
    if (this.#held === undefined) return
    const { status, phrase, headers } = this.#held
    this.#admitted.response.writeHead(status, phrase, [
      ...headers,
      'Content-Length',
      String(length),
    ])
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
    if (this.#isFlushed || this.#life.isOver) return
    this.#isFlushed = true
    const { response } = this.#admitted
    if (this.#first === undefined) response.flushHeaders()
    else response.write(this.#first)
    this.#first = undefined
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
