/**
 * The body of a request, as it goes to the upstream: in one piece if it is short, else as a stream.
 *
 * @module
 */
import type { Readable } from 'node:stream'
import type { Refused } from '../request/answer.js'
import type { AdmittedRequest } from '../request/backend.js'
import { bodyTooLarge, createCounter, readBody, tooManyRequests } from '../request/body.js'
import { awaitStart, jsonStart } from './json-start.js'

/** Bodies up to this size are sent in one piece, at half the cost of streaming. */
const COLLECTED = 64 * 1024

export type SentBody = Buffer | Readable

/** One of the functions is called once. `onRefused` may follow, if a stream turns out too large. */
export interface BodyReader {
  /** Nobody wants the body any more: none of the functions is called. */
  readonly isOver: () => boolean
  readonly onBody: (body: SentBody) => void
  /** It is not JSON. */
  readonly onOther: () => void
  readonly onRefused: (refused: Refused) => void
}

/** Reads as much as must be known before anything is sent. */
export function readBodyToSend(
  admitted: AdmittedRequest,
  maxBody: number,
  reader: BodyReader,
): void {
  const { onRefused } = reader
  const { contentLength } = admitted.head
  if (contentLength === undefined || contentLength > COLLECTED) {
    return readStart(admitted, maxBody, reader)
  }
  readBody(admitted, maxBody, (body) => giveWhole(body, reader), onRefused)
}

function giveWhole(body: Buffer, { isOver, onBody, onOther }: BodyReader): void {
  if (isOver()) return
  if (jsonStart(body) === 'json') onBody(body)
  else onOther()
}

/** A short body is sent with its length, even if it came without one: some servers need it. */
function readStart(admitted: AdmittedRequest, maxBody: number, reader: BodyReader): void {
  const { request, response, head, expectsContinue, place } = admitted
  const { contentLength } = head
  if (contentLength !== undefined && contentLength > maxBody) {
    return reader.onRefused(bodyTooLarge(maxBody))
  }
  if (expectsContinue) response.writeContinue()
  const mayBeShort = contentLength === undefined
  function hold(size: number): boolean {
    const overload = mayBeShort ? place.hold(size) : undefined
    if (overload !== undefined) reader.onRefused(tooManyRequests(overload))
    return overload === undefined
  }
  awaitStart(request, mayBeShort ? Math.min(COLLECTED, maxBody) : 0, {
    onWhole: (body) => giveWhole(body, reader),
    onMore: (chunks) => stream(admitted, chunks, maxBody, reader),
    onOther: reader.onOther,
    hold,
  })
}

/** Counts the bytes that arrive, not those announced. */
function stream(
  { request }: AdmittedRequest,
  chunks: readonly Buffer[],
  maxBody: number,
  { isOver, onBody, onRefused }: BodyReader,
): void {
  if (isOver()) return
  let isTooLarge = false
  const counter = createCounter(maxBody, () => {
    isTooLarge = true
    onRefused(bodyTooLarge(maxBody))
  })
  for (const chunk of chunks) counter.write(chunk)
  // A client that leaves does not end the pipe, so half a body never looks complete.
  if (!isTooLarge) onBody(request.pipe(counter))
}
