/**
 * What a session needs of the server that it speaks with, wherever that server runs: as a local
 * child, or elsewhere.
 *
 * @module
 */
import type { BrokenMessage } from './broken-message.js'
import type { RawMessage } from './raw-message.js'
import type { StdioRequest } from './request.js'

/** Messages to and from one server. */
export interface Channel {
  /** Bytes that the server has not taken yet. */
  readonly unread: number
  /** What it wrote that is not a message, short and without secrets. */
  readonly remark: string | undefined
  /** Sends a message on one line. */
  write(line: Buffer): void
  /** While one of its readers is slow, the server has to wait. */
  watch(request: StdioRequest): void
  /** Tells the operator about a message that is of no use. */
  report(reason: string, hint?: string): void
  /** Settles when no part of it runs any more. It reports nothing from then on. */
  stop(): Promise<void>
}

/** Gets the reports of a channel, but not before it is open. */
export interface ChannelListener {
  /** Somebody waits for a message. */
  isWaiting(): boolean
  onMessage(message: RawMessage): void
  /** A message cannot be forwarded. */
  onBroken(message: BrokenMessage): void
  /** A message that is too long does not end. */
  onEndless(): void
  /** The server has ended by itself, with this exit code if it is known. */
  onEnd(reason: string, exitCode?: number): void
}

/** Opens the channel of one session. */
export type OpenChannel = (listener: ChannelListener) => Channel
