/**
 * A child and its log: messages in both directions, and a pause while the readers are slow.
 *
 * @module
 */
import type { Clock } from '../clock.js'
import type { ChildEvent, ChildRemarked, MessageUnusable } from './events.js'
import type { Channel, ChannelListener } from './channel.js'
import { Child } from './child.js'
import type { StdioRequest } from './request.js'
import { readBroken, tooLarge } from './broken-message.js'
import { readChildMessage } from './child-message.js'
import { shownRemark } from './shown-remark.js'
import { STDOUT } from './pooled-child.js'

/** Log lines that one child may write in a burst, and how many more each second. */
const BURST_OF_LINES = 100
const LINES_A_SECOND = 10
const OPEN_BRACE = 0x7b
/** How many bytes are logged of a line that is not a message. */
const SHOWN = 200
/** Milliseconds between two hints. */
const BETWEEN_HINTS = 60_000
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
  /** Something came on stdout. */
  #hasWritten = false
  #isStopped = false
  /** The line on stdout that says most about what came instead of a message. */
  #remark: Buffer | undefined
  #hintedAt: number | undefined
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

  get remark(): string | undefined {
    return this.#remark && shownRemark(this.#remark)
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
    this.#isStopped = true
    return this.#child.stop()
  }

  /** Tells the operator about a message that is of no use. */
  report(reason: string, hint?: string): void {
    const child = this.#options.label
    this.#emit({ type: 'message.unusable', child, reason, ...(hint !== undefined && { hint }) })
  }

  #onLine(line: Buffer): void {
    this.#hasWritten = true
    const message = readChildMessage(line)
    if (message === undefined) return this.#onRemark(line)
    if ('flaw' in message) return this.#listener.onBroken(message)
    this.#hasAnswered ||= message.kind === 'response'
    this.#listener.onMessage(message)
  }

  #onRemark(line: Buffer): void {
    const begins = line.subarray(0, SHOWN)
    // A line that begins like a message may have been meant for one.
    if (this.#remark === undefined || begins[0] === OPEN_BRACE) this.#remark = Buffer.from(begins)
    this.#logLine('stdout', `not a message: ${begins.toString()}`, this.#hintAboutStdout())
  }

  /** Somebody may wait for what came as something else; one hint a minute is enough. */
  #hintAboutStdout(): string | undefined {
    const now = this.#options.clock.now()
    const isRecent = this.#hintedAt !== undefined && now - this.#hintedAt < BETWEEN_HINTS
    if (isRecent || !this.#listener.isWaiting()) return undefined
    this.#hintedAt = now
    return STDOUT
  }

  #onTooLong(beginning: Buffer): void {
    this.#hasWritten = true
    const flaw = tooLarge(this.#options.maxMessage)
    const unknown = {
      kind: 'response',
      idText: 'null',
      idKey: undefined,
      flaw,
      isCertain: true,
    } as const
    this.#listener.onBroken(readBroken(beginning, flaw) ?? unknown)
  }

  #onStderr(line: string): void {
    if (!this.#hasAnswered && this.#said.length < MOST_SAID) this.#said += `${line}\n`
    this.#logLine('stderr', line)
  }

  #logLine(from: 'stdout' | 'stderr', text: string, hint?: string): void {
    // Nobody sees a byte order mark.
    const shown = text.replaceAll('\ufeff', '\\ufeff')
    const { label: child } = this.#options
    const more = hint !== undefined && { hint }
    this.#emit({ type: 'child.remarked', child, from, text: shown, ...more })
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
    // One that we stopped because of what it wrote lacked nothing to start.
    const hasStarted = this.#hasAnswered || (this.#isStopped && this.#hasWritten)
    const hint = hasStarted ? undefined : hintFor(this.#said)
    emit?.({ type: 'child.ended', child, reason, seconds, ...(hint !== undefined && { hint }) })
    this.#listener.onEnd(reason, exitCode)
  }
}
