/** A server that is not ours: started until it answers, stopped by its pid, and started again. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

interface DaemonOptions {
  /** What it is called when something is wrong. */
  readonly name: string
  /** The file that gets its output. */
  readonly log: string
  /** Whether it can be used. Never rejects. */
  readonly answers: () => Promise<boolean>
  /** Milliseconds from its start until it answers. */
  readonly patience: number
  /** Milliseconds from SIGTERM until it is killed. */
  readonly grace: number
}

interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  /** All of it: what ours has could configure what is tested. */
  readonly env: Readonly<Record<string, string | undefined>>
}

export class Daemon {
  readonly #options: DaemonOptions
  #running: { readonly pid: number; readonly ended: Promise<void> } | undefined

  constructor(options: DaemonOptions) {
    this.#options = options
    process.once('exit', this.#kill)
  }

  /** Returns when it can be used. */
  async start({ command, args, ...options }: Command): Promise<void> {
    const { name, log, patience, answers } = this.#options
    const output = openSync(log, 'a')
    const child = spawn(command, args, {
      ...options,
      // In a group of its own: a script may start another program.
      detached: true,
      stdio: ['ignore', output, output],
    })
    closeSync(output)
    let hasEnded = false
    const ended = new Promise<void>((settle) => {
      const end = () => {
        hasEnded = true
        settle()
      }
      child.once('error', end)
      child.once('close', end)
    })
    if (child.pid !== undefined) this.#running = { pid: child.pid, ended }
    const tail = () => readFileSync(log, 'utf8').split('\n').slice(-30).join('\n')
    for (const deadline = Date.now() + patience; Date.now() < deadline; await sleep(20)) {
      if (hasEnded) throw new Error(`${name} ended while it started:\n${tail()}`)
      if (await answers()) return
    }
    throw new Error(`${name} did not start within ${patience / 1000} s:\n${tail()}`)
  }

  /** As an operator would. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return
    const { pid, ended } = this.#running
    process.kill(-pid, 'SIGTERM')
    const timer = setTimeout(this.#kill, this.#options.grace)
    await ended
    clearTimeout(timer)
    this.#running = undefined
  }

  /** Stops it for good. */
  async remove(): Promise<void> {
    await this.stop()
    process.off('exit', this.#kill)
  }

  readonly #kill = (): void => {
    if (this.#running === undefined) return
    try {
      process.kill(-this.#running.pid, 'SIGKILL')
    } catch {
      // It was faster.
    }
  }
}
