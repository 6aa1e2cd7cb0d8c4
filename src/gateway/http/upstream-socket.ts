/**
 * The connection over which a request goes to the upstream, and whether it may be used again.
 *
 * @module
 */
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

let next: UpstreamSocket | undefined

// Undici says nowhere else over which socket it sends a request. It says so here right after it has called `onConnect`,
// before anything else can happen.
subscribe('undici:client:sendHeaders', (message) => {
  const expecting = next
  next = undefined
  expecting?.take((message as { readonly socket: Socket }).socket)
})

/** Milliseconds that the upstream has for an answer that nobody waits for, before its connection ends. */
const ABANDONED = 250

export class UpstreamSocket {
  #socket: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  #onAbandoned: (() => void) | undefined
  #isSent = false
  #isEarly = false

  take(socket: Socket): void {
    this.#socket = socket
  }

  /** The request was handed to the socket. */
  sent(): void {
    this.#isSent = true
  }

  get isSent(): boolean {
    return this.#isSent
  }

  /** The connection has ended by an error. */
  get isBroken(): boolean {
    return (this.#socket?.errored ?? null) !== null
  }

  /** The answer begins. */
  answered(): void {
    this.#isEarly = !this.#isSent || (this.#socket?.writableLength ?? 0) > 0
  }

  /** @param onEnd called once, when the answer has come after all, or its time is over */
  abandon(onEnd: () => void): void {
    this.#onAbandoned = onEnd
    this.#timer = setTimeout(() => this.#endAbandoned(), ABANDONED).unref()
  }

  #endAbandoned(): void {
    clearTimeout(this.#timer)
    const onEnd = this.#onAbandoned
    this.#onAbandoned = undefined
    onEnd?.()
  }

  /**
   * The answer is whole, or will not be. Where it began before the request was sent, the upstream may take the rest of
   * the request for the next one, and the answer to that would be somebody else's.
   */
  release(): void {
    if (this.#isEarly) this.#socket?.destroy()
    if (this.#onAbandoned !== undefined) this.#endAbandoned()
  }
}

/** To be called in `onConnect`, of a request that is not aborted there. */
export function expectSocket(socket: UpstreamSocket): void {
  next = socket
}

/** A request is over before it was sent. */
export class RequestOver extends Error {}
