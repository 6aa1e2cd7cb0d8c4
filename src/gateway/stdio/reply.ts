/**
 * The answer to one POST: JSON if the answer is the first message, events otherwise.
 *
 * @module
 */
import type { Clock } from '../clock.js'
import type { UpstreamFault } from '../request/upstream-fault.js'
import { rpcError, RPC } from '../../mcp/rpc-error.js'
import { rpcErrorAnswer } from '../request/rpc-answer.js'
import type { StdioRequest } from './request.js'

/**
 * How long we wait for the answer to be the first message, in milliseconds. Some clients do nothing
 * else until they have the headers of an answer. So a slow answer must begin as a stream.
 */
const PATIENCE = 100

/** Where events go once there are some. */
export interface AnswerStream {
  /** It has a reader now. Otherwise it may be resumed later. */
  readonly isRead: boolean
  send(line: Buffer): void
  end(): void
}

export interface ReplyOptions {
  /** The ids of the requests, as they were written. */
  readonly ids: readonly string[]
  readonly isBatch: boolean
  /** Only the answer may be sent on it. */
  readonly isPlain: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly startStream: (request: StdioRequest) => AnswerStream
  readonly onDone: () => void
}

const OPEN = Buffer.from('[')
const BETWEEN = Buffer.from(',')
const CLOSE = Buffer.from(']')

function joinBatch(lines: readonly Buffer[]): Buffer {
  const pieces = lines.flatMap((line, index) => (index === 0 ? [line] : [BETWEEN, line]))
  return Buffer.concat([OPEN, ...pieces, CLOSE])
}

export class Reply {
  readonly request: StdioRequest
  readonly #options: ReplyOptions
  readonly #open: Set<string>
  readonly #answers: Buffer[] = []
  readonly #clearTimer: () => void
  #stream: AnswerStream | undefined

  constructor(request: StdioRequest, options: ReplyOptions) {
    this.request = request
    this.#options = options
    this.#open = new Set(options.ids)
    this.#clearTimer = options.clock.setTimer(() => {
      if (this.#mayStream) this.#startStream()
      else request.watchToken()
    }, PATIENCE)
  }

  /** Messages other than an answer can be sent here. */
  get isOpen(): boolean {
    return this.#open.size > 0 && (this.#stream !== undefined || this.#mayStream)
  }

  /**
   * A message that belongs to no request would reach the client here. That is not so on a stream
   * that the client left.
   */
  get isHeard(): boolean {
    return this.isOpen && this.#stream?.isRead !== false
  }

  /** Whether it has a reader now. */
  get isRead(): boolean {
    return this.#stream?.isRead ?? !this.request.isAnswered
  }

  /** It answers one request. */
  get isSingle(): boolean {
    return this.#options.ids.length === 1
  }

  get #mayStream(): boolean {
    return (
      !this.#options.isPlain &&
      !this.request.isAnswered &&
      this.request.accepts('text/event-stream')
    )
  }

  /** Sends a message that comes before the answer. Call it only if {@link isOpen}. */
  send(line: Buffer): void {
    this.#startStream().send(line)
  }

  /**
   * @param id the id as it was written in the request
   * @param status the HTTP status, if the answer is only this message
   */
  answer(id: string, line: Buffer, status = 200): void {
    if (!this.#open.delete(id)) return
    if (this.#stream !== undefined) this.#stream.send(line)
    else this.#answers.push(line)
    if (this.#open.size > 0) return
    this.#finish(this.#options.isBatch ? 200 : status)
  }

  /** Fails the requests without an answer: the server cannot answer them. */
  fail(status: number, message: string, fault: UpstreamFault | undefined): void {
    const lines = [...this.#open].map((id) => Buffer.from(rpcError(id, RPC.internalError, message)))
    if (lines.length === 0) return
    this.#open.clear()
    if (this.#stream !== undefined) {
      for (const line of lines) this.#stream.send(line)
      return this.#finish(200)
    }
    this.#answers.push(...lines)
    const body = this.#body().toString()
    const { record, corsHeaders } = this.request.admitted
    this.request.refuse(rpcErrorAnswer(status, record.id, body, corsHeaders), fault)
    this.#done()
  }

  /** An answer that arrived before the stream began is its first event. */
  #startStream(): AnswerStream {
    if (this.#stream !== undefined) return this.#stream
    this.#clearTimer()
    this.request.startStream(this.#options.headers)
    this.#stream = this.#options.startStream(this.request)
    for (const line of this.#answers) this.#stream.send(line)
    return this.#stream
  }

  #body(): Buffer {
    const { isBatch } = this.#options
    return isBatch ? joinBatch(this.#answers) : (this.#answers[0] ?? Buffer.alloc(0))
  }

  #finish(status: number): void {
    if (this.#stream !== undefined) this.#stream.end()
    else this.request.sendJson(status, this.#body(), this.#options.headers)
    this.#done()
  }

  #done(): void {
    this.#clearTimer()
    this.#options.onDone()
  }
}
