/**
 * The connection over which a request goes to the upstream, and whether it may be used again.
 *
 * @module
 */
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'

let next: UpstreamSocket | undefined

// Only this event shows the socket that undici uses for a request. It comes right after
// `onConnect`, before anything else can happen.
subscribe('undici:client:sendHeaders', (message) => {
  const expecting = next
  next = undefined
  expecting?.take((message as { readonly socket: Socket }).socket)
})

/** Milliseconds for an answer that nobody waits for; then the connection is closed. */
const ABANDONED = 250

export class UpstreamSocket {
  #socket: Socket | undefined
  #clearTimer: (() => void) | undefined
  #onAbandoned: (() => void) | undefined
  #isSent = false
  #isEarly = false
  /** Bytes that earlier requests of the connection received. */
  #receivedBefore = 0

  take(socket: Socket): void {
    this.#socket = socket
    this.#receivedBefore = socket.bytesRead
  }

  /** The request was handed to the socket. */
  sent(): void {
    this.#isSent = true
  }

  get isSent(): boolean {
    return this.#isSent
  }

  /** The connection has ended with an error. */
  get isBroken(): boolean {
    return (this.#socket?.errored ?? null) !== null
  }

  /**
   * An earlier request used the connection, and nothing was received since: the upstream may have
   * closed it before it saw this request.
   */
  get isUnanswered(): boolean {
    return this.#receivedBefore > 0 && this.#socket?.bytesRead === this.#receivedBefore
  }

  /** The answer begins. */
  answered(): void {
    this.#isEarly = !this.#isSent || (this.#socket?.writableLength ?? 0) > 0
  }

  /** @param onEnd called once, when the answer has arrived after all or timed out */
  abandon({ setTimer }: Clock, onEnd: () => void): void {
    this.#onAbandoned = onEnd
    this.#clearTimer = setTimer(() => this.#endAbandoned(), ABANDONED)
  }

  #endAbandoned(): void {
    this.#clearTimer?.()
    const onEnd = this.#onAbandoned
    this.#onAbandoned = undefined
    onEnd?.()
  }

  /**
   * The answer is complete, or never will be. If it began before the request was sent, the upstream
   * may read the rest as the next request, and another caller would get its answer.
   */
  release(): void {
    if (this.#isEarly) this.#socket?.destroy()
    if (this.#onAbandoned !== undefined) this.#endAbandoned()
  }
}

/** Call it in `onConnect`, unless the request is aborted there. */
export function expectSocket(socket: UpstreamSocket): void {
  next = socket
}

/** A request ended before it was sent. */
export class RequestOver extends Error {}
