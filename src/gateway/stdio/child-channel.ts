/**
 * A child and its log: messages in both directions, and a pause while the readers are slow.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer'
import type { Clock } from '../clock.js'
import type { ChildEvent } from './events.js'
import type { Channel, ChannelListener } from './channel.js'
import { Child } from './child.js'
import type { StdioRequest } from './request.js'
import { readRawMessage } from './raw-message.js'

/** Log lines that one child may write in a burst, and how many more each second. */
const BURST_OF_LINES = 100
const LINES_A_SECOND = 10
/** How many characters are logged of a line that is not a message. */
const SHOWN = 200

export interface ChildChannelOptions {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Its name in the log: not a secret. */
  readonly label: string
  /** Bytes of a message. */
  readonly maxMessage: number
  readonly emit: ((event: ChildEvent) => void) | undefined
  readonly clock: Clock
}

export class ChildChannel implements Channel {
  readonly #options: ChildChannelOptions
  readonly #listener: ChannelListener
  readonly #child: Child
  readonly #blocking = new Set<StdioRequest>()
  readonly #startedAt: number
  #linesLeft = BURST_OF_LINES
  #refilledAt: number
  #suppressed = 0

  constructor(options: ChildChannelOptions, listener: ChannelListener) {
    this.#options = options
    this.#listener = listener
    const { command, environment, maxMessage, clock } = options
    this.#startedAt = clock.now()
    this.#refilledAt = this.#startedAt
    const heard = {
      onLine: (line: Buffer) => this.#onLine(line),
      onTooLong: () => listener.onTooLong(),
      onStderr: (line: string) => this.#logLine('stderr', line),
      onEnd: (reason: string) => this.#onEnd(reason),
      onStrays: (count: number) => {
        options.emit?.({ type: 'child.strays', child: options.label, count })
      },
    }
    this.#child = new Child(command, environment, maxMessage, heard, clock.setTimer)
    options.emit?.({ type: 'child.started', child: options.label })
  }

  /** See {@link Child.unread}. */
  get unread(): number {
    return this.#child.unread
  }

  write(line: Buffer): void {
    this.#child.write(line)
  }

  /** While one of its readers is slow, the child has to wait. */
  watch(exchange: StdioRequest): void {
    exchange.whenBlocked((isBlocked) => {
      if (isBlocked) this.#blocking.add(exchange)
      else this.#blocking.delete(exchange)
      if (this.#blocking.size > 0) this.#child.pause()
      else this.#child.resume()
    })
  }

  stop(): Promise<void> {
    return this.#child.stop()
  }

  #onLine(line: Buffer): void {
    const message = isUtf8(line) ? readRawMessage(line) : undefined
    if (message !== undefined) return this.#listener.onMessage(message)
    this.#logLine('stdout', `not a message: ${line.toString('utf8', 0, SHOWN)}`)
  }

  /** A child that writes without end must not fill the disk with its log. */
  #logLine(from: 'stdout' | 'stderr', text: string): void {
    const now = this.#options.clock.now()
    const refill = ((now - this.#refilledAt) / 1000) * LINES_A_SECOND
    this.#linesLeft = Math.min(BURST_OF_LINES, this.#linesLeft + refill)
    this.#refilledAt = now
    if (this.#linesLeft < 1) {
      this.#suppressed++
      return
    }
    this.#linesLeft--
    const suppressed = this.#suppressed
    this.#suppressed = 0
    this.#options.emit?.({
      type: 'child.remarked',
      child: this.#options.label,
      from,
      text,
      ...(suppressed > 0 && { suppressed }),
    })
  }

  #onEnd(reason: string): void {
    const { clock, emit, label } = this.#options
    const seconds = (clock.now() - this.#startedAt) / 1000
    emit?.({ type: 'child.ended', child: label, reason, seconds })
    this.#listener.onEnd(reason)
  }
}
