/**
 * Filters the lists of a `node:http` answer to what its caller may use, however its handler writes
 * it.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import {
  isFactOfBody,
  PRIVATE_FIELDS,
  rewriterFor,
  type AnswerRewriter,
} from '../policy/answer-rewriter.js'
import { isContentCoded } from '../web/content-coding.js'
import { isEventStream } from '../web/media-type.js'
import type { AnswerFilter } from '../policy/list-filter.js'
import { fieldsOf } from './header-fields.js'

type Callback = () => void

function callbackIn(args: readonly unknown[]): Callback | undefined {
  return args.find((arg): arg is Callback => typeof arg === 'function')
}

function bytesOf(chunk: unknown, encoding: unknown): Buffer | undefined {
  if (chunk === undefined || chunk === null || typeof chunk === 'function') return undefined
  if (typeof chunk !== 'string') return Buffer.from(chunk as Uint8Array)
  return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
}

class FilteredAnswer {
  readonly #response: ServerResponse
  readonly #filter: AnswerFilter
  readonly #onFault: (error: unknown) => () => void
  readonly #writeHead: (...args: unknown[]) => unknown
  readonly #write: (...args: unknown[]) => boolean
  readonly #end: (...args: unknown[]) => unknown
  readonly #flushHeaders: () => void
  #hasBegun = false
  /** Answered in place of the handler, or cut: its further writes are ignored. */
  #isOver = false
  #rewriter: AnswerRewriter | undefined
  /** The head that is sent once the body was filtered. */
  #held: readonly unknown[] | undefined

  constructor(
    response: ServerResponse,
    filter: AnswerFilter,
    onFault: (error: unknown) => () => void,
  ) {
    this.#response = response
    this.#filter = filter
    this.#onFault = onFault
    this.#writeHead = response.writeHead.bind(response) as never
    this.#write = response.write.bind(response) as never
    this.#end = response.end.bind(response) as never
    this.#flushHeaders = response.flushHeaders.bind(response)
  }

  install(): void {
    const response = this.#response
    response.writeHead = (...args: unknown[]) => {
      this.#begin(args)
      return response
    }
    response.write = ((...args: unknown[]) => this.#take(args)) as never
    response.end = ((...args: unknown[]) => {
      this.#finish(args)
      return response
    }) as never
    response.flushHeaders = () => {
      this.#ensureBegun()
      if (this.#held === undefined && !this.#isOver) this.#flushHeaders()
    }
  }

  #begin([status, ...rest]: unknown[]): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    const response = this.#response
    for (const [name, value] of rest.flatMap((arg) => fieldsOf(arg))) {
      response.setHeader(name, value as string)
    }
    const [phrase] = rest
    const head = typeof phrase === 'string' ? [status, phrase] : [status]
    try {
      this.#rewriter = rewriterFor(this.#filter, {
        status: Number(status),
        isEventStream: isEventStream(response.getHeader('content-type')?.toString()),
        isEncoded: isContentCoded(response.getHeader('content-encoding')?.toString()),
      })
    } catch (error) {
      return this.#fail(error)
    }
    if (this.#rewriter === undefined) return void this.#writeHead(...head)
    for (const name of response.getHeaderNames()) {
      if (isFactOfBody(name)) response.removeHeader(name)
    }
    for (const [name, value] of PRIVATE_FIELDS) {
      const before = response.getHeader(name)?.toString()
      response.setHeader(name, before === undefined ? value : `${before}, ${value}`)
    }
    if (this.#rewriter.isHeld) this.#held = head
    else this.#writeHead(...head)
  }

  /** By the outermost `writeHead`: other code may change the head there. */
  #ensureBegun(): void {
    if (!this.#hasBegun) this.#response.writeHead(this.#response.statusCode)
  }

  #take(args: readonly unknown[]): boolean {
    this.#ensureBegun()
    if (this.#isOver) return this.#ignore(args)
    const rewriter = this.#rewriter
    if (rewriter === undefined) return this.#write(...args)
    const bytes = bytesOf(args[0], args[1])
    try {
      const pieces = bytes === undefined ? [] : rewriter.push(bytes)
      if (pieces.length === 0) return this.#ignore(args)
      return this.#write(Buffer.concat(pieces), callbackIn(args))
    } catch (error) {
      this.#fail(error)
      return this.#ignore(args)
    }
  }

  #finish(args: readonly unknown[]): void {
    this.#ensureBegun()
    if (this.#isOver) return void this.#ignore(args)
    const rewriter = this.#rewriter
    if (rewriter === undefined) return void this.#end(...args)
    const bytes = bytesOf(args[0], args[1])
    try {
      const pieces = bytes === undefined ? [] : rewriter.push(bytes)
      const rest = Buffer.concat([...pieces, ...rewriter.end()])
      this.#isOver = true
      if (this.#held !== undefined) {
        this.#response.setHeader('Content-Length', rest.length)
        this.#writeHead(...this.#held)
      }
      this.#endWith(rest, callbackIn(args))
    } catch (error) {
      this.#fail(error)
      this.#ignore(args)
    }
  }

  /** HTTP/2 writes the rest with the response's own `write`, which is disabled now. */
  #endWith(rest: Buffer, callback: unknown): void {
    const response = this.#response
    const { write } = response
    response.write = this.#write as never
    this.#end(rest, callback)
    response.write = write
  }

  #ignore(args: readonly unknown[]): true {
    const callback = callbackIn(args)
    if (callback !== undefined) queueMicrotask(callback)
    return true
  }

  /** An answer that cannot be filtered must not be sent. */
  #fail(error: unknown): void {
    this.#isOver = true
    const answer = this.#onFault(error)
    const response = this.#response
    if (response.headersSent) return void response.destroy()
    response.writeHead = this.#writeHead as never
    response.end = this.#end as never
    response.write = this.#write as never
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    answer()
    const ignore = (...args: unknown[]) => {
      this.#ignore(args)
      return response
    }
    response.writeHead = ignore
    response.end = ignore as never
    response.write = (...args: unknown[]) => this.#ignore(args)
  }
}

/**
 * @param onFault gets the reason why the answer cannot be filtered, and returns its replacement, if
 * nothing was sent yet
 */
export function filterAnswer(
  response: ServerResponse,
  filter: AnswerFilter,
  onFault: (error: unknown) => () => void,
): void {
  new FilteredAnswer(response, filter, onFault).install()
}
