/**
 * The connection over which a request goes to the upstream, and whether it may be used again.
 *
 * @module
 */
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

let next: UpstreamSocket | undefined

// Undici tells nobody else over which socket it sends a request: here, right after it has called `onConnect`, and before
// anything else can happen.
subscribe('undici:client:sendHeaders', (message) => {
  const expecting = next
  next = undefined
  expecting?.take((message as { readonly socket: Socket }).socket)
})

export class UpstreamSocket {
  #socket: Socket | undefined
  #isSent = false
  #isEarly = false

  take(socket: Socket): void {
    this.#socket = socket
  }

  /** The request was handed to the socket. */
  sent(): void {
    this.#isSent = true
  }

  /** The answer begins. */
  answered(): void {
    this.#isEarly = !this.#isSent || (this.#socket?.writableLength ?? 0) > 0
  }

  /**
   * The answer is whole. Where it began before the request was sent, the upstream may take the rest of that for the next
   * request, and the answer to it would be that of somebody else.
   */
  release(): void {
    if (this.#isEarly) this.#socket?.destroy()
  }
}

/** To be called in `onConnect`, of a request that is not aborted there. */
export function expectSocket(socket: UpstreamSocket): void {
  next = socket
}
