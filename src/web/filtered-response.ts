/**
 * Filters the lists of a `Response` to what its caller may use.
 *
 * @module
 */
import {
  isFactOfBody,
  PRIVATE_FIELDS,
  rewriterFor,
  type AnswerRewriter,
} from '../policy/answer-rewriter.js'
import { isContentCoded } from './content-coding.js'
import { isEventStream } from './media-type.js'
import { concatBytes } from '../base/bytes.js'
import type { AnswerFilter } from '../policy/list-filter.js'

function headersOf(headers: Headers): Headers {
  const kept = new Headers(headers)
  for (const [name] of headers) if (isFactOfBody(name)) kept.delete(name)
  for (const [name, value] of PRIVATE_FIELDS) kept.append(name, value)
  return kept
}

async function readThrough(
  body: ReadableStream<Uint8Array>,
  rewriter: AnswerRewriter,
): Promise<Uint8Array> {
  const reader = body.getReader()
  const pieces: Uint8Array[] = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      for (const piece of done ? rewriter.end() : rewriter.push(value)) pieces.push(piece)
      if (done) return concatBytes(pieces)
    }
  } catch (error) {
    reader.cancel().catch(() => undefined)
    throw error
  }
}

/** @param onFault gets the reason why the stream is cut */
function rewritten(
  body: ReadableStream<Uint8Array>,
  rewriter: AnswerRewriter,
  onFault: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const through = (
    pieces: () => readonly Uint8Array[],
    controller: TransformStreamDefaultController<Uint8Array>,
  ) => {
    try {
      for (const piece of pieces()) controller.enqueue(piece)
    } catch (error) {
      onFault(error)
      throw error
    }
  }
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => through(() => rewriter.push(chunk), controller),
      flush: (controller) => through(() => rewriter.end(), controller),
    }),
  )
}

/**
 * @param onFault gets the reason why an event stream is cut after it began
 * @throws if it cannot be filtered. Then no part of it may be sent
 */
export async function filterResponse(
  response: Response,
  filter: AnswerFilter,
  onFault: (error: unknown) => void,
): Promise<Response> {
  const { status, statusText, headers, body } = response
  const rewriter = rewriterFor(filter, {
    status,
    isEventStream: isEventStream(headers.get('content-type') ?? ''),
    isEncoded: isContentCoded(headers.get('content-encoding') ?? ''),
  })
  if (rewriter === undefined || body === null) return response
  const stream = rewriter.isHeld
    ? await readThrough(body, rewriter)
    : rewritten(body, rewriter, onFault)
  return new Response(stream as BodyInit, { status, statusText, headers: headersOf(headers) })
}
