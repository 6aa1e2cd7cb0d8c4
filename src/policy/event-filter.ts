/**
 * Lists within a stream of events (WHATWG HTML §9.2), filtered as they pass. Events without a list
 * pass unchanged.
 *
 * @module
 */
import { concatBytes } from '../base/bytes.js'
import { UnfilterableAnswer, type AnswerFilter } from './list-filter.js'

const LF = 0x0a
const CR = 0x0d
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()
const DATA = /^data(?::|$)/

/** One stream: bytes go in as they arrive, whole events come out. */
export class EventFilter {
  readonly #filter: AnswerFilter
  readonly #maxEvent: number
  /** Bytes of the event that has begun. */
  #pieces: Uint8Array[] = []
  #size = 0
  /** Nothing came since the last line end. */
  #isLineEmpty = true
  #endsInReturn = false

  /** @param maxEvent bytes of one event */
  constructor(filter: AnswerFilter, maxEvent: number) {
    this.#filter = filter
    this.#maxEvent = maxEvent
  }

  /**
   * @returns what may be sent on, in order
   * @throws {UnfilterableAnswer} an event is too large, or cannot be read
   */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const out: Uint8Array[] = []
    let start = 0
    // CR and LF may arrive in two chunks.
    let at = this.#endsInReturn && chunk[0] === LF ? 1 : 0
    for (; at < chunk.length; at++) {
      const byte = chunk[at]
      if (byte !== LF && byte !== CR) {
        this.#isLineEmpty = false
        continue
      }
      if (byte === CR && chunk[at + 1] === LF) at++
      if (this.#isLineEmpty) {
        this.#keep(chunk.subarray(start, at + 1))
        start = at + 1
        for (const piece of this.#take()) out.push(piece)
      }
      this.#isLineEmpty = true
    }
    if (chunk.length > 0) this.#endsInReturn = chunk.at(-1) === CR
    if (start < chunk.length) this.#keep(chunk.subarray(start))
    return out
  }

  /** The rest after the last event: no client reads it as an event, so it may pass. */
  end(): readonly Uint8Array[] {
    const rest = this.#pieces
    this.#pieces = []
    return rest.length === 0 ? rest : this.#filtered(concatBytes(rest))
  }

  #keep(piece: Uint8Array): void {
    this.#size += piece.length
    if (this.#size > this.#maxEvent) {
      throw new UnfilterableAnswer(`an event of more than ${this.#maxEvent} bytes`)
    }
    // The buffer that it arrived in may be reused.
    this.#pieces.push(piece.slice())
  }

  #take(): readonly Uint8Array[] {
    const event = concatBytes(this.#pieces)
    this.#pieces = []
    this.#size = 0
    return this.#filtered(event)
  }

  #filtered(event: Uint8Array): readonly Uint8Array[] {
    // Readers skip a byte order mark at the beginning of the stream.
    const lines = decoder
      .decode(event)
      .replace(/^\ufeff/, '')
      .split(/\r\n?|\n/)
    const data = lines.filter((line) => DATA.test(line))
    if (data.length === 0) return [event]
    const text = data.map((line) => line.slice(5).replace(/^ /, '')).join('\n')
    // What the SDK sends first, so that a client has an id to come back with.
    if (text.trim() === '') return [event]
    const bytes = encoder.encode(text)
    const pieces = this.#filter.filter(bytes)
    if (pieces.length === 1) return [event]
    const filtered = decoder.decode(concatBytes(pieces))
    const rest = lines.filter((line) => line !== '' && !DATA.test(line))
    const fields = [...rest, ...filtered.split('\n').map((line) => `data: ${line}`)]
    return [encoder.encode(`${fields.join('\n')}\n\n`)]
  }
}
