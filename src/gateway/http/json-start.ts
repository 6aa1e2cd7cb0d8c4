/**
 * Whether a body may be JSON-RPC at all: an object or an array.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'

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

/**
 * Waits for the beginning of a body that is too large to be read whole.
 *
 * @param onJson gets the bytes so far; the next chunk arrives after it has returned
 * @param onOther called instead
 */
export function awaitJsonStart(
  request: IncomingMessage,
  onJson: (chunks: readonly Buffer[]) => void,
  onOther: () => void,
): void {
  const chunks: Buffer[] = []
  let size = 0
  function onChunk(chunk: Buffer): void {
    chunks.push(chunk)
    size += chunk.length
    const start = jsonStart(chunk)
    if (start === 'blank' && size <= MOST_BLANKS) return
    request.off('data', onChunk).off('end', onOther)
    if (start === 'json') onJson(chunks)
    else onOther()
  }
  request.on('data', onChunk).on('end', onOther)
}
