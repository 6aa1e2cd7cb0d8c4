/**
 * Filters the lists of an answer while it is written: they show only what the caller may use.
 *
 * @module
 */
import { concatBytes } from '../base/bytes.js'
import { EventFilter } from './event-filter.js'
import { UnfilterableAnswer, type AnswerFilter } from './list-filter.js'

/**
 * The largest body or event, in bytes, that is rewritten; larger ones are refused, because they
 * would pass unfiltered.
 */
const MAX_FILTERED = 16 * 1024 * 1024

/** They describe the bytes before filtering, and who may cache them. */
const FACTS = new Set([
  'cache-control',
  'content-length',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
  'etag',
  'last-modified',
  'accept-ranges',
])

/** Whether a header field is wrong after the body was filtered. */
export function isFactOfBody(name: string): boolean {
  return FACTS.has(name.toLowerCase())
}

/** CASE-60: made for this token only. */
export const PRIVATE_FIELDS: readonly (readonly [name: string, value: string])[] = [
  ['Cache-Control', 'private, no-store'],
  ['Vary', 'Authorization'],
]

/** Takes a body chunk by chunk and returns what may be sent. */
export interface AnswerRewriter {
  /** Nothing is sent until the body is there, so that it can be refused as a whole. */
  readonly isHeld: boolean
  /** @throws when it cannot be filtered */
  push(chunk: Uint8Array): readonly Uint8Array[]
  /** The rest. @throws when it cannot be filtered */
  end(): readonly Uint8Array[]
}

class BodyFilter implements AnswerRewriter {
  readonly isHeld = true
  readonly #filter: AnswerFilter
  readonly #chunks: Uint8Array[] = []
  #size = 0

  constructor(filter: AnswerFilter) {
    this.#filter = filter
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    this.#size += chunk.length
    if (this.#size > MAX_FILTERED) {
      throw new UnfilterableAnswer(`a body of more than ${MAX_FILTERED} bytes`)
    }
    this.#chunks.push(chunk)
    return []
  }

  end(): readonly Uint8Array[] {
    return this.#size === 0 ? [] : this.#filter.filter(concatBytes(this.#chunks))
  }
}

class StreamFilter implements AnswerRewriter {
  readonly isHeld = false
  readonly #events: EventFilter

  constructor(filter: AnswerFilter) {
    this.#events = new EventFilter(filter, MAX_FILTERED)
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    return this.#events.push(chunk)
  }

  end(): readonly Uint8Array[] {
    return this.#events.end()
  }
}

/** The parts of an answer's head that decide how its body is rewritten. */
export interface RewrittenHead {
  readonly status: number
  readonly isEventStream: boolean
  /** The body has a content coding (RFC 9110 §8.4). */
  readonly isEncoded: boolean
}

/**
 * @returns `undefined` for an answer without a list, because the request did not succeed. Any type
 * except an event stream is read as a list
 * @throws when it is encoded and cannot be read
 */
export function rewriterFor(
  filter: AnswerFilter,
  { status, isEventStream, isEncoded }: RewrittenHead,
): AnswerRewriter | undefined {
  if (status >= 300 || status === 204) return undefined
  if (isEncoded) throw new UnfilterableAnswer('its body is encoded')
  return isEventStream ? new StreamFilter(filter) : new BodyFilter(filter)
}
