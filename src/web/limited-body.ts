/**
 * Reads whole bodies up to a limit, on any runtime.
 *
 * @module
 */
import { concatBytes } from '../base/bytes.js'
import { Pieces } from '../base/pieces.js'

/** @returns `undefined` if the body is longer; then the rest is not read */
export async function readLimited(
  stream: ReadableStream<Uint8Array> | null,
  limit: number,
): Promise<Uint8Array | undefined> {
  if (stream === null) return new Uint8Array()
  const reader = stream.getReader()
  const pieces = new Pieces(concatBytes)
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return pieces.take()
    size += value.length
    if (size > limit) {
      reader.cancel().catch(() => undefined)
      return undefined
    }
    pieces.add(value)
  }
}
