/**
 * What is said to one server, and which requests wait for its answers.
 *
 * @module
 */
import { rpcError, RPC } from '../../mcp/rpc-error.js'
import { TransientMap } from '../request/transients.js'
import { MISNAMED, type BrokenMessage } from './broken-message.js'
import type { Channel } from './channel.js'
import { mistakeOf, SAME_ID, silenceOf, type ChildEnd } from './pooled-child.js'
import type { RawMessage } from './raw-message.js'
import type { Reply } from './reply.js'

/** A request that waits for its answer. */
export interface WaitingRequest {
  readonly reply: Reply
  /** The id as its client wrote it. */
  readonly id: string
}

type AnswerId = Pick<RawMessage, 'idText' | 'idKey' | 'error'>

/** The key of a text that is an integer as JSON writes it: some servers answer `0` with `"0"`. */
const INTEGER_TEXT = /^string:(0|-?[1-9]\d{0,15})$/

/** The number that a key stands for, however it is written. */
const ANY_INTEGER = /^(?:number|string):\s*([+-]?\d{1,15})(?:\.0*)?\s*$/

function integerOf(key: string | undefined): number | undefined {
  const [, integer] = ANY_INTEGER.exec(key ?? '') ?? []
  return integer === undefined ? undefined : Number(integer)
}

/** As it was written, short and fit for one line: the log tells `1` from `"1"`. */
function shown(idText: string): string {
  return idText.slice(0, 40).replace(/[^\x20-\x7e]/g, '?')
}

export class Dialogue<Request extends WaitingRequest> {
  readonly #channel: Channel
  readonly #maxUnread: number
  /** By the key of the id that the server knows. */
  readonly #waiting = new TransientMap<string, Request>()
  /** The key of the request that was written last, until anything else is written. */
  #lastAsked: string | undefined
  /** Since the last answer, only requests were written: servers answer notifications by mistake. */
  #hasOnlyAsked = true
  /** The id of the last answer that belonged to no request, for the operator. */
  #strangeId: string | undefined

  /** @param maxUnread bytes that may wait for the server */
  constructor(channel: Channel, maxUnread: number) {
    this.#channel = channel
    this.#maxUnread = maxUnread
  }

  /** More waits for the server than is allowed. */
  get isCongested(): boolean {
    return this.#channel.unread > this.#maxUnread
  }

  /** How many requests wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** All that wait, by key, the oldest first. */
  get waiting(): Iterable<[string, Request]> {
    return this.#waiting
  }

  get(key: string): Request | undefined {
    return this.#waiting.get(key)
  }

  /** Sends a request. */
  ask(key: string, request: Request, bytes: Buffer): void {
    this.#waiting.set(key, request)
    this.#channel.write(bytes)
    this.#lastAsked = key
  }

  /** Another request waits for the answer of this one. */
  replace(key: string, request: Request): void {
    this.#waiting.set(key, request)
  }

  /** Sends a message that gets no answer. */
  say(bytes: Buffer): void {
    this.#lastAsked = undefined
    this.#hasOnlyAsked = false
    this.#channel.write(bytes)
  }

  /** Refuses a request of the server, unless the server keeps asking without reading. */
  refuse(idText: string, code: number, text: string): void {
    if (!this.isCongested) this.say(Buffer.from(rpcError(idText, code, text)))
  }

  /** @returns whether it waited */
  forget(key: string): boolean {
    return this.#waiting.delete(key)
  }

  /** Takes out the request that an answer belongs to. */
  take(answer: AnswerId): Request | undefined {
    const request = this.#takeAt(answer.idKey) ?? this.#takeAt(this.#impliedKeyOf(answer))
    if (request !== undefined) this.#hasOnlyAsked = true
    return request
  }

  /**
   * What is wrong with an answer that belongs to no request.
   *
   * @returns `undefined` if it may be for any or for none: the operator was told
   */
  explain({ idText, idKey }: AnswerId): BrokenMessage | undefined {
    const meant = idKey === undefined ? this.#onlyAsked() : this.#keyLike(idKey)
    if (meant === undefined) {
      this.#tellStrange(idText)
      return undefined
    }
    return { kind: 'response', idText, idKey: meant, flaw: MISNAMED, isCertain: true }
  }

  /**
   * Fails the request whose answer is broken.
   *
   * @returns false when the answer may belong to any of several requests, which would wait for ever
   */
  failBroken({ kind, idText, idKey, flaw, isCertain }: BrokenMessage): boolean {
    this.#channel.report(`a ${kind} that ${flaw.text}`, flaw.hint)
    // The server waits, too.
    if (kind === 'request') this.refuse(idText, RPC.invalidRequest, `This request ${flaw.text}`)
    if (kind !== 'response') return true
    const request = this.#takeBroken(idKey, isCertain)
    if (request === undefined) {
      if (idKey !== undefined) this.#tellStrange(idText)
      return idKey !== undefined || !isCertain || this.#waiting.size === 0
    }
    const { reply, id } = request
    const text = `The answer of the MCP server ${flaw.text}`
    reply.answer(id, Buffer.from(rpcError(id, RPC.internalError, text)))
    return true
  }

  /** The end of a server that has not sent its first answer. One that was sent is not called late. */
  endOfSilence(seconds: number): ChildEnd {
    if (this.#strangeId !== undefined) return mistakeOf(this.#strangeId)
    return silenceOf(seconds, this.#channel.remark)
  }

  #takeAt(key: string | undefined): Request | undefined {
    const request = key === undefined ? undefined : this.#waiting.get(key)
    if (key !== undefined && request !== undefined) this.#waiting.delete(key)
    return request
  }

  /** The key of the request that is meant when no request has the id of the answer. */
  #impliedKeyOf({ idText, idKey, error }: AnswerId): string | undefined {
    if (idKey !== undefined) {
      const [, integer] = INTEGER_TEXT.exec(idKey) ?? []
      return integer === undefined ? undefined : `number:${integer}`
    }
    // The server could not read the request (JSON-RPC 2.0 §5): this one, if it can be no other.
    const isUnread = idText === 'null' && error !== undefined
    return isUnread && this.#waiting.size === 1 ? this.#lastAsked : undefined
  }

  #takeBroken(idKey: string | undefined, isCertain: boolean): Request | undefined {
    if (idKey !== undefined) {
      const answer = { idText: '', idKey, error: undefined }
      return this.take(answer) ?? this.#takeAt(this.#keyLike(idKey))
    }
    return this.#takeAt(isCertain ? this.#onlyWaiting() : this.#onlyAsked())
  }

  /** The key of the only request that waits. */
  #onlyWaiting(): string | undefined {
    const [key, ...others] = this.#waiting.keys()
    return others.length > 0 ? undefined : key
  }

  /** The same, if whatever comes now can be about nothing else. */
  #onlyAsked(): string | undefined {
    const key = this.#onlyWaiting()
    return this.#hasOnlyAsked && key === this.#lastAsked ? key : undefined
  }

  /** The key of the only request whose id is the same number in another form. */
  #keyLike(key: string): string | undefined {
    const wanted = integerOf(key)
    if (wanted === undefined) return undefined
    const [found, ...others] = [...this.#waiting.keys()].filter(
      (each) => integerOf(each) === wanted,
    )
    return others.length > 0 ? undefined : found
  }

  /** Tells the operator; with a hint where somebody waits. */
  #tellStrange(idText: string): void {
    this.#strangeId = shown(idText)
    const reason = `a response with the id ${this.#strangeId}, for which no request waits`
    this.#channel.report(reason, this.#waiting.size > 0 ? SAME_ID : undefined)
  }
}
