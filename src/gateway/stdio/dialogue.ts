/**
 * What is said to one server, and which requests wait for its answers.
 *
 * @module
 */
import { rpcError, RPC } from '../../mcp/rpc-error.js'
import { TransientMap } from '../request/transients.js'
import type { BrokenMessage } from './broken-message.js'
import type { Channel } from './channel.js'
import { mistakeOf, silenceOf, type ChildEnd } from './pooled-child.js'
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

  /** Takes out the request that an answer belongs to. Without one, the operator is told. */
  take(answer: AnswerId): Request | undefined {
    const request = this.#takeAt(answer.idKey) ?? this.#takeAt(this.#impliedKeyOf(answer))
    if (request === undefined) this.#tellStrange(answer)
    return request
  }

  /**
   * Fails the request whose answer is broken.
   *
   * @returns false when the answer may belong to any of several requests, which would wait for ever
   */
  failBroken({ kind, idText, idKey, flaw }: BrokenMessage): boolean {
    this.#channel.report(`a ${kind} that ${flaw.text}`, flaw.hint)
    // The server waits, too.
    if (kind === 'request') this.refuse(idText, RPC.invalidRequest, `This request ${flaw.text}`)
    if (kind !== 'response') return true
    const request =
      idKey === undefined ? this.#takeOnly() : this.take({ idText, idKey, error: undefined })
    if (request === undefined) return idKey !== undefined || this.#waiting.size === 0
    const { reply, id } = request
    const text = `The answer of the MCP server ${flaw.text}`
    reply.answer(id, Buffer.from(rpcError(id, RPC.internalError, text)))
    return true
  }

  /** The end of a server that has not sent its first answer. One that was sent is not called late. */
  endOfSilence(seconds: number): ChildEnd {
    return this.#strangeId === undefined ? silenceOf(seconds) : mistakeOf(this.#strangeId)
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

  /** Takes out the only request that waits. */
  #takeOnly(): Request | undefined {
    const [key, ...others] = this.#waiting.keys()
    return others.length > 0 ? undefined : this.#takeAt(key)
  }

  #tellStrange({ idText }: AnswerId): void {
    this.#strangeId = shown(idText)
    this.#channel.report(`a response with the id ${this.#strangeId}, for which no request waits`)
  }
}
