/**
 * Ends an event stream that another server writes.
 *
 * @module
 */
import type { RpcMessage } from '../../mcp/message.js'
import { lastResult } from '../../mcp/subscription.js'

const LF = 0x0a
const CR = 0x0d

function isLineEnd(byte: number): boolean {
  return byte === LF || byte === CR
}

/** Tracks a stream to know when no event is half written. */
export class EventBoundary {
  /** The last three bytes. At the beginning no event is half written. */
  #last = LF
  #second = LF
  #third = LF

  pass(chunk: Buffer): void {
    for (let i = Math.max(chunk.length - 3, 0); i < chunk.length; i++) {
      this.#third = this.#second
      this.#second = this.#last
      this.#last = chunk[i] as number
    }
  }

  /** An empty line ends an event, whichever of the three line ends is in use. */
  get isBetween(): boolean {
    const isPair = this.#last === LF && this.#second === CR
    return isLineEnd(this.#last) && isLineEnd(isPair ? this.#third : this.#second)
  }
}

/** The result that ends a subscription, as an event. */
export function lastEvent({ id }: RpcMessage): string {
  return `data: ${lastResult(id)}\n\n`
}
