/**
 * A child and its log: messages in both directions, and a pause while its readers are slow.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer'
import type { Clock } from '../clock.js'
import type { ChildEvent } from './events.js'
import { Child } from './child.js'
import type { StdioRequest } from './request.js'
import { readRawMessage, type RawMessage } from './raw-message.js'

/** Log lines that one child may write in a burst, and how many more each second. */
const REMARKS = 100
const REMARKS_A_SECOND = 10
/** Characters that are logged of a line that is not a message. */
const SHOWN = 200

export interface ChannelOptions {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Its name in the log: not a secret. */
  readonly label: string
  /** Bytes of a message. */
  readonly maxMessage: number
  readonly emit: ((event: ChildEvent) => void) | undefined
  readonly clock: Clock
}

export interface ChannelListener {
  onMessage(message: RawMessage): void
  /** A message was too long, and its request is unknown. */
  onTooLong(): void
  onEnd(reason: string): void
}

export class Channel {
  readonly #options: ChannelOptions
  readonly #listener: ChannelListener
  readonly #child: Child
  readonly #blocking = new Set<StdioRequest>()
  readonly #startedAt = performance.now()
  #remarks = REMARKS
  #remarkedAt = performance.now()
  #suppressed = 0

  constructor(options: ChannelOptions, listener: ChannelListener) {
    this.#options = options
    this.#listener = listener
    const { command, environment, maxMessage, clock } = options
    const heard = {
      onLine: (line: Buffer) => this.#onLine(line),
      onTooLong: () => listener.onTooLong(),
      onStderr: (line: string) => this.#remark('stderr', line),
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
    this.#remark('stdout', `no message: ${line.toString('utf8', 0, SHOWN)}`)
  }

  /** A child that writes without end must not fill the disk with its log. */
  #remark(from: 'stdout' | 'stderr', text: string): void {
    const now = performance.now()
    const refill = ((now - this.#remarkedAt) / 1000) * REMARKS_A_SECOND
    this.#remarks = Math.min(REMARKS, this.#remarks + refill)
    this.#remarkedAt = now
    if (this.#remarks < 1) {
      this.#suppressed++
      return
    }
    this.#remarks--
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
    const seconds = (performance.now() - this.#startedAt) / 1000
    this.#options.emit?.({ type: 'child.ended', child: this.#options.label, reason, seconds })
    this.#listener.onEnd(reason)
  }
}
