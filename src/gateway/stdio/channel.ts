/**
 * What a session needs of the server that it speaks with, wherever that server runs: as a local
 * child, or elsewhere.
 *
 * @module
 */
import type { RawMessage } from './raw-message.js'
import type { StdioRequest } from './request.js'

/** Messages to and from one server. */
export interface Channel {
  /** Bytes that the server has not taken yet. */
  readonly unread: number
  /** Sends a message on one line. */
  write(line: Buffer): void
  /** While one of its readers is slow, the server has to wait. */
  watch(request: StdioRequest): void
  /** Settles when no part of it runs any more. It reports nothing from then on. */
  stop(): Promise<void>
}

/** Gets the reports of a channel, but not before it is open. */
export interface ChannelListener {
  onMessage(message: RawMessage): void
  /** A message was too long, and its request is unknown. */
  onTooLong(): void
  /** The server has ended by itself. */
  onEnd(reason: string): void
}

/** Opens the channel of one session. */
export type OpenChannel = (listener: ChannelListener) => Channel
