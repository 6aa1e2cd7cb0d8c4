/**
 * Ends an event stream that another server writes.
 *
 * @module
 */
import type { RpcMessage } from '../../mcp/message.js'
import { lastResult } from '../../mcp/subscription.js'

/** Tracks a stream to know when no event is half written. */
export class EventBoundary {
  /** At the beginning there is none. */
  #tail = '\n\n'

  pass(chunk: Buffer): void {
    this.#tail = (this.#tail + chunk.subarray(-4).toString('latin1')).slice(-4)
  }

  /** An empty line ends an event, whichever of the three line ends is in use. */
  get isBetween(): boolean {
    return this.#tail.replace(/\r\n?/g, '\n').endsWith('\n\n')
  }
}

/** The result that ends a subscription, as an event. */
export function lastEvent({ id }: RpcMessage): string {
  return `data: ${lastResult(id)}\n\n`
}
