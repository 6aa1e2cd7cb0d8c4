/**
 * An answer whose lists show only what its caller may use.
 *
 * @module
 */
import { EventFilter } from '../rs/event-filter.js'
import { whereThrown } from '../events.js'
import { UnfilterableAnswer, type ListFilter } from '../rs/list-filter.js'
import type { AnswerHead } from './answer-headers.js'

/** Bytes of a body, or of one event, that are rewritten; what is larger is refused, because it would be shown whole. */
export const MAX_FILTERED = 16 * 1024 * 1024

/** They tell of the bytes of the upstream, which are not those that are sent, and of who may keep them. */
const OF_THE_BYTES = new Set([
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

/** @param headers names and values by turns */
function withoutFacts(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (!OF_THE_BYTES.has(name.toLowerCase())) kept.push(name, headers[i + 1] ?? '')
  }
  // CASE-60: made for this token, and for no other.
  kept.push('Cache-Control', 'private, no-store', 'Vary', 'Authorization')
  return kept
}

/** Takes the body as it comes, and gives what may be sent. */
export interface AnswerRewriter {
  /** Names and values by turns. */
  readonly headers: string[]
  /** Nothing is sent until the body is there, so that it can be refused as a whole. */
  readonly isHeld: boolean
  /** @throws where it cannot be filtered */
  push(chunk: Buffer): Buffer
  /** The rest. @throws where it cannot be filtered */
  end(): Buffer
}

class RewrittenStream implements AnswerRewriter {
  readonly isHeld = false
  readonly headers: string[]
  readonly #events: EventFilter

  constructor(filter: ListFilter, headers: string[]) {
    this.headers = headers
    this.#events = new EventFilter(filter, MAX_FILTERED)
  }

  push(chunk: Buffer): Buffer {
    return Buffer.concat(this.#events.push(chunk))
  }

  end(): Buffer {
    return Buffer.concat(this.#events.end())
  }
}

const NOTHING = Buffer.alloc(0)

class RewrittenBody implements AnswerRewriter {
  readonly isHeld = true
  readonly headers: string[]
  readonly #filter: ListFilter
  readonly #chunks: Buffer[] = []
  #size = 0

  constructor(filter: ListFilter, headers: string[]) {
    this.#filter = filter
    this.headers = headers
  }

  push(chunk: Buffer): Buffer {
    this.#size += chunk.length
    if (this.#size > MAX_FILTERED)
      throw new UnfilterableAnswer(`a body of more than ${MAX_FILTERED} bytes`)
    this.#chunks.push(chunk)
    return NOTHING
  }

  end(): Buffer {
    if (this.#size === 0) return NOTHING
    return Buffer.concat(this.#filter.filter(Buffer.concat(this.#chunks, this.#size)))
  }
}

/** For the operator: our own words, or what a policy function threw, without its message. */
export function filterFault(error: unknown): string {
  return error instanceof UnfilterableAnswer ? error.message : whereThrown(error)
}

/**
 * @returns `undefined` for an answer that holds no list, because it is none to a request that succeeded. Of any other
 *   type than a stream of events must be a list, whatever it is called
 * @throws where it is encoded, and cannot be read
 */
export function rewriterFor(
  filter: ListFilter,
  status: number,
  { headers, isEventStream, isEncoded }: AnswerHead,
): AnswerRewriter | undefined {
  if (status >= 300 || status === 204) return undefined
  if (isEncoded) throw new UnfilterableAnswer('its body is encoded')
  const kept = withoutFacts(headers)
  return isEventStream ? new RewrittenStream(filter, kept) : new RewrittenBody(filter, kept)
}
