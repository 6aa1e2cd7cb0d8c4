/**
 * Whether a body may be JSON-RPC at all: an object or an array.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'
import { Pieces } from '../../base/pieces.js'

/** How many blanks before a body are skipped. */
const MOST_BLANKS = 64 * 1024

const BRACE = 0x7b
const BRACKET = 0x5b

/** RFC 8259 §2. A byte order mark is not a blank. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** What the first byte after blanks means; `blank` until one arrives. */
export function jsonStart(bytes: Uint8Array): 'json' | 'blank' | 'other' {
  for (const byte of bytes) {
    if (byte === BRACE || byte === BRACKET) return 'json'
    if (!isBlank(byte)) return 'other'
  }
  return 'blank'
}

/** What the beginning of a body shows. One of the functions is called, once. */
export interface BodyStart {
  /** It is complete. */
  readonly onWhole: (body: Buffer) => void
  /** There is more; the next chunk arrives after the function has returned. */
  readonly onMore: (chunks: readonly Buffer[]) => void
  /** It is not JSON. */
  readonly onOther: () => void
  /** @returns false: the chunk is beyond a limit, and none of the functions is called */
  readonly hold: (size: number) => boolean
}

/**
 * Waits for the beginning of a body whose size is not known, or too large.
 *
 * @param wanted how many bytes to collect at least, unless the body ends before
 */
export function awaitStart(
  request: IncomingMessage,
  wanted: number,
  { onWhole, onMore, onOther, hold }: BodyStart,
): void {
  const pieces = new Pieces<Buffer>(Buffer.concat)
  let size = 0
  let start: ReturnType<typeof jsonStart> = 'blank'
  function stop(): void {
    request.off('data', onChunk).off('end', onEnd)
  }
  function onChunk(chunk: Buffer): void {
    pieces.add(chunk)
    size += chunk.length
    if (start === 'blank') start = jsonStart(chunk)
    if (!hold(chunk.length)) return stop()
    const isOther = start === 'other' || (start === 'blank' && size > MOST_BLANKS)
    if (!isOther && (start === 'blank' || size <= wanted)) return
    stop()
    if (isOther) onOther()
    else onMore(pieces.all)
  }
  function onEnd(): void {
    stop()
    if (start === 'json') onWhole(pieces.take())
    else onOther()
  }
  request.on('data', onChunk).on('end', onEnd)
}
