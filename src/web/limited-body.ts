/**
 * Bodies that are read whole, and no further than allowed, on any runtime.
 *
 * @module
 */
import { concatBytes } from '../base/bytes.js'

/** @returns `undefined` where there is more; then the rest is not read */
export async function readLimited(
  stream: ReadableStream<Uint8Array> | null,
  limit: number,
): Promise<Uint8Array | undefined> {
  if (stream === null) return new Uint8Array()
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concatBytes(chunks)
    size += value.length
    if (size > limit) {
      reader.cancel().catch(() => undefined)
      return undefined
    }
    chunks.push(value)
  }
}
