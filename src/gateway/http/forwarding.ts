/**
 * Forwards one request to the upstream, and its answer back. It streams both ways without
 * buffering, and ends when either side or the token does.
 *
 * It uses undici's older handler interface, which its core calls directly with the raw header list.
 *
 * @module
 */
import type { Dispatcher } from 'undici'
import { phraseOf, readAnswerHead, valueOf, type AnswerHead } from './answer-headers.js'
import { AnswerLife } from '../request/answer-life.js'
import { errorAnswer, sendAnswer, unreadOf, type Refused } from '../request/answer.js'
import type { AdmittedRequest } from '../request/backend.js'
import { refuseInstead, refuseNoJson } from '../request/body.js'
import { AnswerBody } from './answer-body.js'
import {
  askForCredentials,
  PendingCredentials,
  type CredentialsSource,
  type GivenCredentials,
} from './credentials.js'
import { rewriterFor } from '../../policy/answer-rewriter.js'
import { lastEvent } from './event-stream.js'
import { ForwardingSession } from './session.js'
import { headersOfFiltered } from './filtered-answer.js'
import { LISTEN } from '../../mcp/open-ended.js'
import { isEventStream } from '../../web/media-type.js'
import type { SessionIds } from '../../web/session-ids.js'
import { replaceHeaders } from './operator-headers.js'
import { readBodyToSend, type SentBody } from './sent-body.js'
import type { UnexpectedAnswers } from './unexpected-answers.js'
import { StreamOpening } from './stream-opening.js'
import {
  faultOfError,
  faultOfFilter,
  faultOfStatus,
  isReset,
  retryAfterOf,
  TOO_LATE,
  wordingOf,
  type UpstreamFault,
} from '../request/upstream-fault.js'
import type { OpenRequest } from '../request/open-request.js'
import type { Clock } from '../clock.js'
import type { Upstream } from './upstream.js'
import { expectSocket, RequestOver, UpstreamSocket } from './upstream-socket.js'

type Body = SentBody | null

/** What all requests to one upstream share. */
export interface ForwardingContext {
  readonly upstream: Upstream
  /** Warns about answers that no MCP server gives. */
  readonly unexpected: UnexpectedAnswers
  /** Bytes of a request body. */
  readonly maxBody: number
  /** Binds sessions to their caller; `undefined` without tokens, when all callers are one. */
  readonly sessions: SessionIds | undefined
  /** Headers of one caller; `undefined` without them. */
  readonly credentials: CredentialsSource | undefined
  /** Seconds that an answer to a POST may go on after its token. */
  readonly streamGrace: number
  /** Milliseconds between two comments on a silent event stream; 0: none are sent. */
  readonly keepAlive: number
  /** Milliseconds after which a reader that takes no bytes counts as gone. */
  readonly stalled: number
  readonly clock: Clock
}

export class Forwarding implements OpenRequest, Dispatcher.DispatchHandler {
  readonly #admitted: AdmittedRequest
  readonly #context: ForwardingContext
  readonly #life: AnswerLife
  #abort: ((reason?: Error) => void) | undefined
  #resume: (() => void) | undefined
  #isStream = false
  /** An answer with a length cannot end early; it can only be cut. */
  #hasLength = false
  #body: AnswerBody | undefined
  /** Of a stream that a GET asked for. */
  #opening: StreamOpening | undefined
  readonly #session: ForwardingSession | undefined
  #sentAt = 0
  #socket = new UpstreamSocket()
  /** The request's headers, if it can be sent once more. */
  #repeatable: string[] | undefined

  constructor(context: ForwardingContext, admitted: AdmittedRequest) {
    this.#context = context
    this.#admitted = admitted
    this.#life = new AnswerLife(admitted, context.clock)
    const { sessions } = context
    this.#session = sessions === undefined ? undefined : new ForwardingSession(sessions, admitted)
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
    const { request, head, body } = this.#admitted
    this.#life.begin(() => this.#onClientGone())
    const foreign = this.#session?.refused
    if (foreign !== undefined) return this.#refuse(foreign)
    if (body !== undefined) return this.#send(body)
    if (request.method !== 'POST') return this.#send(null)
    if (!head.hasBody) return this.#refuseNoJson()
    readBodyToSend(this.#admitted, this.#context.maxBody, {
      isOver: () => this.#life.isOver,
      onBody: (sent) => this.#guard(() => this.#send(sent)),
      onOther: () => this.#refuseNoJson(),
      onRefused: (refused) => this.#refuse(refused),
    })
  }

  giveUp(): void {
    this.#finish()
  }

  end(): void {
    if (this.#life.isOver) return
    this.#finish()
    const { response, message } = this.#admitted
    if (!response.headersSent || this.#hasLength) return void response.destroy()
    const isBetween = this.#isListening && this.#body?.isBetweenEvents === true
    this.#body?.endEarly(isBetween && message !== undefined ? lastEvent(message) : undefined)
    this.#life.linger()
  }

  /** An exception in a callback would end the process. */
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

  #send(body: Body): void {
    const headers = this.#headersWith(body)
    const { credentials } = this.#context
    const { caller } = this.#admitted
    // They are those of a caller with a token.
    if (credentials === undefined || caller.authenticated === undefined) {
      return this.#dispatch(headers, body)
    }
    const given = askForCredentials(credentials, caller)
    if (!(given instanceof PendingCredentials)) return this.#sendWith(given, headers, body)
    this.#abort = () => given.cancel()
    given.wait((settled) => this.#guard(() => this.#sendWith(settled, headers, body)))
  }

  #sendWith(given: GivenCredentials, headers: readonly string[], body: Body): void {
    this.#abort = undefined
    if ('code' in given) return this.#fail(given)
    this.#dispatch(replaceHeaders(headers, given), body)
  }

  /** The headers for the upstream: alternating names and values. */
  #headersWith(body: Body): string[] {
    const { head, caller } = this.#admitted
    const { contentLength } = head
    const headers = [...head.forwarded, ...caller.identity]
    this.#session?.restore(headers)
    if (contentLength !== undefined && body !== null && !Buffer.isBuffer(body)) {
      headers.push('Content-Length', String(contentLength))
    }
    const own = this.#context.upstream.headers
    if (own.length > 0) headers.push(...own)
    return headers
  }

  #dispatch(headers: string[], body: Body): void {
    const { request, query } = this.#admitted
    const { method = 'GET' } = request
    this.#sentAt = this.#context.clock.now()
    // A POST may have had an effect (RFC 9110 §9.2.2).
    if (method !== 'POST') this.#repeatable = headers
    this.#context.upstream.send({ method, query, headers, body }, this)
  }

  /** Sends it once more, if its connection was closed and the upstream may not have seen it. */
  #repeat(error: Error): boolean {
    const headers = this.#repeatable
    if (headers === undefined || !this.#socket.isUnanswered || !isReset(error)) return false
    const { request, query, record } = this.#admitted
    const { method = 'GET' } = request
    this.#repeatable = undefined
    this.#abort = undefined
    this.#socket = new UpstreamSocket()
    this.#context.unexpected.reportReset(record)
    this.#context.upstream.send({ method, query, headers, body: null }, this)
    return true
  }

  // What undici calls.

  onConnect(abort: (reason?: Error) => void): void {
    // An abort would end the unused connection. An exception ends only this request.
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
      // We do not wait for it: a stream's end is unknown.
      else if (isEventStream(valueOf(raw, 'content-type'))) this.#abort?.()
    }
    return true
  }

  onData(received: Buffer): boolean {
    const body = this.#body
    if (this.#life.isOver || body === undefined) return true
    if (this.#opening?.hasEndpoint(received) === true) {
      this.#context.unexpected.reportEndpoint(this.#admitted.record)
    }
    const part = body.isFiltered ? this.#filtered(() => body.filter(received)) : received
    if (part === undefined) return true
    const chunk = body.withoutLateMark(part)
    if (body.keepFirst(chunk)) return true
    this.#flush()
    this.#life.breakSilence()
    const { response } = this.#admitted
    if (response.write(chunk)) return true
    response.once('drain', () => this.#resume?.())
    return false
  }

  onComplete(): void {
    // An answer without a length ends with its connection: undici treats a reset as its end, too.
    if (this.#socket.isBroken) return this.onError(new Error('reset'))
    this.#socket.release()
    const body = this.#body
    if (this.#life.isOver || body === undefined) return
    const rest = this.#filtered(() => body.complete())
    if (rest === undefined) return
    this.#life.finish()
    this.#life.clear()
    const { request, response } = this.#admitted
    body.end(request, rest, this.#context.clock)
    if (request.complete && response.writableLength > 0) {
      this.#life.watchReader(this.#context.stalled, () => this.#life.cut())
    }
  }

  onError(error: Error): void {
    this.#socket.release()
    if (this.#life.isOver) return
    if (this.#admitted.response.headersSent) return this.#life.cut()
    this.#guard(() => {
      if (!this.#repeat(error)) this.#fail(faultOfError(error))
    })
  }

  /** Informational answers are hop-by-hop; we sent our own. */
  #onInformation(): void {
    // Each of them restarts undici's timeout.
    const isLate = this.#passed > this.#context.upstream.timeout
    if (isLate && !this.#life.isOver) this.#fail(TOO_LATE)
  }

  #onAnswer(status: number, raw: Buffer[], resume: () => void, statusText: string): void {
    const location = status >= 300 && status <= 399 ? valueOf(raw, 'location') : undefined
    const fault = faultOfStatus(status, location, this.#context.upstream.url)
    if (fault !== undefined) return this.#fail(this.#context.unexpected.faultOf(status, fault))
    const head = readAnswerHead(raw, this.#session?.seal)
    const { isCoded, sessionFault } = head
    const reason = isCoded ? 'its answer has a transfer coding other than chunked' : sessionFault
    if (reason !== undefined) return this.#fail({ code: 'ERR_UPSTREAM_INVALID', reason })
    this.#checkAnswer(status, head.contentType)
    const { response, record, filter } = this.#admitted
    const rewriter = filter && this.#filtered(() => rewriterFor(filter, { status, ...head }))
    // Where it could not be made, the answer was refused.
    if (this.#life.isOver) return
    const body = new AnswerBody(response, rewriter)
    this.#body = body
    this.#resume = resume
    this.#hasLength = head.hasLength && !body.isFiltered
    if (head.isEventStream) this.#beginStream(body, status, head)
    record.answer(this.#sentAt)
    const headers = body.isFiltered ? headersOfFiltered(head.headers) : head.headers
    this.#addOwnHeaders(headers)
    // Sending the head together with the body would be cheaper, but waiting for the body can stall
    // a client.
    if (body.begin({ status, phrase: phraseOf(statusText), headers })) {
      process.nextTick(() => this.#flush())
    }
  }

  #beginStream(body: AnswerBody, status: number, { isEncoded }: AnswerHead): void {
    this.#isStream = true
    // Other statuses may have no body, and nothing can be put into one with a coding or a length.
    if (status === 200 && !isEncoded && !this.#hasLength) body.followEvents()
    if (this.#admitted.request.method === 'GET') this.#opening = new StreamOpening()
  }

  #checkAnswer(status: number, type: string | undefined): void {
    const { request, head, record, message } = this.#admitted
    this.#context.unexpected.check(record, {
      method: request.method,
      status,
      type,
      hasSession: head.sessionId !== undefined,
      isStateless: message !== undefined,
    })
  }

  /** @param headers alternating names and values */
  #addOwnHeaders(headers: string[]): void {
    const { request, record, corsHeaders } = this.#admitted
    headers.push('X-Request-Id', record.id)
    for (const name in corsHeaders) headers.push(name, corsHeaders[name] as string)
    // Answered before the body arrived: the rest is useless, and so is the connection afterwards.
    if (!request.complete) headers.push('Connection', 'close')
  }

  /** @returns `undefined` if the answer could not be filtered; nothing more of it is sent */
  #filtered<Result>(step: () => Result): Result | undefined {
    try {
      return step()
    } catch (error) {
      this.#failToFilter(error)
      return undefined
    }
  }

  /** An answer that cannot be filtered must not be sent. */
  #failToFilter(error: unknown): void {
    const fault = faultOfFilter(error)
    if (!this.#admitted.response.headersSent) return this.#fail(fault)
    this.#admitted.record.failUpstream(fault)
    this.#breakOff()
  }

  #breakOff(): void {
    this.#stop()
    // Half an answer must not look complete.
    this.#life.cut()
  }

  #flush(): void {
    const body = this.#body
    if (body === undefined || body.isFlushed || this.#life.isOver) return
    body.flush()
    const grace = this.isOpenEnded ? 0 : this.#context.streamGrace * 1000
    // Most answers are complete by now and need no watch.
    this.#life.watchToken(grace, () => this.#onTokenOver())
    this.#life.watchReader(this.#context.stalled, () => this.#breakOff())
    if (body.isFollowed) this.#keepAlive(body)
  }

  #keepAlive(body: AnswerBody): void {
    const { keepAlive } = this.#context
    if (keepAlive === 0) return
    this.#life.keepAlive(keepAlive, () => body.comment())
    if (!body.hasBegun && this.#admitted.request.method === 'GET') body.comment()
  }

  /** An open-ended stream ends. Any other answer is cut: its grace is over as well. */
  #onTokenOver(): void {
    if (this.#life.isOver) return
    if (this.isOpenEnded) return this.end()
    this.#breakOff()
  }

  /** 502, 503 or 504: the fault of the upstream or of its credentials, without any of their text. */
  #fail(fault: UpstreamFault): void {
    this.#finish()
    const { request, response, record, corsHeaders, head } = this.#admitted
    record.failUpstream(fault)
    record.answerInPlace()
    const { status, error, description } = wordingOf(fault)
    const headers = { ...corsHeaders, ...retryAfterOf(fault) }
    sendAnswer(
      request,
      response,
      errorAnswer(status, record.id, error, description, headers),
      request.complete ? 0 : unreadOf(head, false),
      this.#context.clock,
    )
  }

  #refuse(refused: Refused): void {
    if (this.#life.isOver) return
    if (this.#admitted.response.headersSent) this.#stop()
    else this.#finish()
    refuseInstead(this.#admitted, refused)
  }

  /**
   * Nobody waits any more. Reading a short, early answer costs the upstream less than a new
   * connection.
   */
  #abandon(): void {
    const { place } = this.#admitted
    if (this.#isStream || !this.#socket.isSent) {
      this.#stop()
      return place.leave()
    }
    this.#life.stop()
    this.#resume?.()
    this.#socket.abandon(this.#context.clock, () => {
      this.#abort?.()
      place.leave()
    })
  }

  /** The client has everything that it may get. */
  #finish(): void {
    this.#life.finish()
    this.#abort?.()
  }

  /** The upstream is informed; the rest of its answer is ignored. */
  #stop(): void {
    this.#life.stop()
    this.#abort?.()
  }

  #onClientGone(): void {
    if (this.#life.isOver) this.#admitted.place.leave()
    else this.#abandon()
  }
}
