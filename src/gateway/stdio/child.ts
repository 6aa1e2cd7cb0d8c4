/**
 * A stdio MCP server that we started: lines in, lines out, and a shutdown that leaves nothing
 * behind.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process'
import { Readable, Writable } from 'node:stream'
import { REAL_TIME, type Clock } from '../clock.js'
import { shortLatin1 } from '../latin1.js'
import { ProcessGroup } from './process-group.js'
import { ENTRY } from './bounded-queue.js'
import { LineSplitter } from './lines.js'

/** How long it may take to end once its stdin is closed, and then after SIGTERM, in milliseconds. */
const GRACE = 2_000
/** How long the end of a line that is too long may take, in milliseconds. */
const REST = 30_000
/** Its output on stderr is for people. */
const MAX_STDERR_LINE = 4_096

export interface ChildListener {
  onLine(line: Buffer): void
  /** A line on stdout is longer than allowed; it is lost. */
  onTooLong(beginning: Buffer): void
  /** It does not end. */
  onEndless?(): void
  onStderr(line: string): void
  /**
   * It has ended, and all its output was delivered.
   *
   * @param exitCode `undefined` if a signal ended it, or it could not be started
   */
  onEnd(reason: string, exitCode?: number): void
  /** The number of processes that had left its group and were ended after it. */
  onStrays?(count: number): void
}

const LINE_END = Buffer.from('\n')

export class Child {
  readonly #group: ProcessGroup
  readonly #stdin: Writable
  readonly #stdout: Readable
  readonly #setTimer: Clock['setTimer']
  /** Lines written since it last took all of them. */
  #untaken = 0
  #restTimer: (() => void) | undefined
  #stopping: Promise<void> | undefined

  /** @param maxMessage bytes of a line on stdout */
  constructor(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    maxMessage: number,
    listener: ChildListener,
    setTimer: Clock['setTimer'] = REAL_TIME.setTimer,
  ) {
    this.#setTimer = setTimer
    this.#group = new ProcessGroup(command, environment, 'pipe')
    // If it could not be started, mostly for lack of file descriptors, there are no pipes.
    const { stdin, stdout, stderr } = this.#group.process as Partial<ChildProcess>
    this.#stdin = stdin ?? new Writable().destroy()
    this.#stdout = stdout ?? new Readable().destroy()
    const stderrStream = stderr ?? new Readable().destroy()
    // Writes to an ended child do not matter; its exit shows why a pipe broke.
    for (const stream of [this.#stdin, this.#stdout, stderrStream]) {
      stream.on('error', () => undefined)
    }
    this.#stdin.on('drain', () => {
      this.#untaken = 0
    })
    const lines = new LineSplitter(maxMessage, {
      onLine: (line) => listener.onLine(line),
      onTooLong: (beginning) => {
        this.#awaitRest(lines, listener)
        listener.onTooLong(beginning)
      },
      onEndless: () => listener.onEndless?.(),
    })
    this.#stdout.on('data', (chunk: Buffer) => lines.push(chunk))
    const logLines = new LineSplitter(MAX_STDERR_LINE, {
      onLine: (line) => listener.onStderr(line.toString('utf8')),
      onTooLong: () => listener.onStderr('a line that is too long'),
    })
    stderrStream.on('data', (chunk: Buffer) => logLines.push(chunk))
    const read = [this.#stdout, stderrStream].map(
      (stream) => new Promise((resolve) => stream.once('close', resolve)),
    )
    void this.#group.exited.then(async (reason) => {
      this.#restTimer?.()
      this.#stdin.destroy()
      // A pause would keep the last lines for ever. We do not wait for processes outside of the
      // group that hold the pipes.
      this.#stdout.resume()
      await this.#closed(read)
      // Such processes may keep the pipes, but we close ours: they cost two descriptors each time.
      this.#stdout.destroy()
      stderrStream.destroy()
      listener.onEnd(reason, this.#group.exitCode)
    })
    void this.#group.gone.then((strays) => {
      if (strays > 0) listener.onStrays?.(strays)
    })
    // Without one of its pipes the child cannot be used, and its requests would wait for ever.
    for (const stream of [this.#stdin, this.#stdout]) stream.once('close', () => this.#endSoon())
  }

  get hasExited(): boolean {
    return this.#group.hasExited
  }

  /**
   * The cost in bytes of lines that it has not taken yet; small lines cost more than their length.
   */
  get unread(): number {
    return this.#stdin.writableLength + this.#untaken * ENTRY
  }

  write(line: Buffer): void {
    if (this.#stdin.destroyed) return
    const text = shortLatin1(line)
    const isFlowing =
      text === undefined ? this.#writeLong(line) : this.#stdin.write(`${text}\n`, 'latin1')
    this.#untaken = isFlowing ? 0 : this.#untaken + 1
  }

  #writeLong(line: Buffer): boolean {
    this.#stdin.cork()
    this.#stdin.write(line)
    const isFlowing = this.#stdin.write(LINE_END)
    this.#stdin.uncork()
    return isFlowing
  }

  pause(): void {
    this.#stdout.pause()
  }

  resume(): void {
    this.#stdout.resume()
  }

  /**
   * Shuts down as MCP requires ("Shutdown", stdio): closes its stdin, then sends SIGTERM, then
   * SIGKILL.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  #awaitRest(lines: LineSplitter, listener: ChildListener): void {
    this.#restTimer?.()
    this.#restTimer = this.#setTimer(() => {
      if (!lines.isSkipping) return
      // While we do not read, it cannot go on.
      if (this.#stdout.isPaused()) this.#awaitRest(lines, listener)
      else listener.onEndless?.()
    }, REST)
  }

  /**
   * A child that ends by itself also closes its pipes. Its exit status says more than our signal
   * would.
   */
  #endSoon(): void {
    const clear = this.#setTimer(() => void this.stop(), GRACE)
    void this.#group.exited.then(clear)
  }

  /** Its pipes are closed, or their time is over. */
  async #closed(pipes: readonly Promise<unknown>[]): Promise<void> {
    let clear: (() => void) | undefined
    const timeIsUp = new Promise<void>((resolve) => {
      clear = this.#setTimer(resolve, GRACE)
    })
    await Promise.race([Promise.all(pipes), timeIsUp])
    clear?.()
  }

  async #stop(): Promise<void> {
    this.#stdin.end()
    this.#stdout.resume()
    const setTimer = this.#setTimer
    const clear = setTimer(() => void this.#group.stop(GRACE, setTimer), GRACE)
    // Until then the child keeps the process alive, even if no timer does.
    await this.#group.exited
    clear()
    await this.#group.gone
  }
}
