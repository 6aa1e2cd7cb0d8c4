/**
 * A child and its log: messages in both directions, and a pause while the readers are slow.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer'
import type { Clock } from '../clock.js'
import type { ChildEvent, ChildRemarked, MessageUnusable } from './events.js'
import type { Channel, ChannelListener } from './channel.js'
import { Child } from './child.js'
import type { StdioRequest } from './request.js'
import { readRawMessage } from './raw-message.js'
import { isMarked, MARKED, NOT_UTF8, readBroken, tooLarge } from './broken-message.js'

/** Log lines that one child may write in a burst, and how many more each second. */
const BURST_OF_LINES = 100
const LINES_A_SECOND = 10
/** How many characters are logged of a line that is not a message. */
const SHOWN = 200
/** Characters of stderr that are searched for the names of variables. */
const MOST_SAID = 4_000

export interface ChildChannelOptions {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Its name in the log: not a secret. */
  readonly label: string
  /** What it may lack if it ends before its first answer, by what it wrote on stderr. */
  readonly hintFor: (said: string) => string | undefined
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
  #hasAnswered = false
  /** The beginning of what it wrote on stderr before its first answer. */
  #said = ''
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
      onTooLong: (beginning: Buffer) => this.#onTooLong(beginning),
      onEndless: () => listener.onEndless(),
      onStderr: (line: string) => this.#onStderr(line),
      onEnd: (reason: string, exitCode?: number) => this.#onEnd(reason, exitCode),
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
  watch(request: StdioRequest): void {
    request.whenBlocked((isBlocked) => {
      if (isBlocked) this.#blocking.add(request)
      else this.#blocking.delete(request)
      if (this.#blocking.size > 0) this.#child.pause()
      else this.#child.resume()
    })
  }

  stop(): Promise<void> {
    return this.#child.stop()
  }

  /** Tells the operator about a message that is of no use. */
  report(reason: string, hint?: string): void {
    const child = this.#options.label
    this.#emit({ type: 'message.unusable', child, reason, ...(hint !== undefined && { hint }) })
  }

  #onLine(line: Buffer): void {
    const isText = isUtf8(line)
    const message = isText ? readRawMessage(line) : undefined
    if (message !== undefined) {
      this.#hasAnswered ||= message.kind === 'response'
      return this.#listener.onMessage(message)
    }
    const flaw = isText ? (isMarked(line) ? MARKED : undefined) : NOT_UTF8
    const broken = flaw && readBroken(line, flaw)
    if (broken !== undefined) return this.#listener.onBroken(broken)
    this.#logLine('stdout', `not a message: ${line.toString('utf8', 0, SHOWN)}`)
  }

  #onTooLong(beginning: Buffer): void {
    const flaw = tooLarge(this.#options.maxMessage)
    const unknown = { kind: 'response', idText: 'null', idKey: undefined, flaw } as const
    this.#listener.onBroken(readBroken(beginning, flaw) ?? unknown)
  }

  #onStderr(line: string): void {
    if (!this.#hasAnswered && this.#said.length < MOST_SAID) this.#said += `${line}\n`
    this.#logLine('stderr', line)
  }

  #logLine(from: 'stdout' | 'stderr', text: string): void {
    // Nobody sees a byte order mark.
    const shown = text.replaceAll('\ufeff', '\\ufeff')
    this.#emit({ type: 'child.remarked', child: this.#options.label, from, text: shown })
  }

  /** A child that writes without end must not fill the disk with its log. */
  #emit(event: ChildRemarked | MessageUnusable): void {
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
    this.#options.emit?.(suppressed > 0 ? { ...event, suppressed } : event)
  }

  #onEnd(reason: string, exitCode: number | undefined): void {
    const { clock, emit, label: child, hintFor } = this.#options
    const seconds = (clock.now() - this.#startedAt) / 1000
    const hint = this.#hasAnswered ? undefined : hintFor(this.#said)
    emit?.({ type: 'child.ended', child, reason, seconds, ...(hint !== undefined && { hint }) })
    this.#listener.onEnd(reason, exitCode)
  }
}
