/**
 * A child process with everything that it starts: a group that is ended as a whole, however we
 * exit.
 *
 * @module
 */
import { ChildProcess, spawn, type StdioOptions } from 'node:child_process'
import { REAL_TIME, type Clock } from '../clock.js'
import { endStrays, killMarked, MARK } from './stray-processes.js'

/** Variables that a server needs to run. Any other could hold a secret of the gateway. */
const ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'TZ']

/**
 * The variables that a command gets from us: those that it needs, and those that the operator
 * names.
 */
export function commandEnvironment(
  ours: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  const all = [...ENVIRONMENT, ...names].map((name) => [name, ours[name]] as const)
  return Object.fromEntries(all.filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >
}

/** All that run now, so that one listener is enough for them. */
const running = new Set<ProcessGroup>()

function killAll(): void {
  for (const group of running) group.signal('SIGKILL')
  killMarked(new Set([...running].map(({ mark }) => mark)))
}

/**
 * Errors that Node throws at once, such as E2BIG, are handled like later ones: the gateway serves
 * others, too.
 */
function start(...[file, args, options]: Parameters<typeof spawn>): ChildProcess {
  try {
    return spawn(file, args, options)
  } catch (error) {
    const none = new ChildProcess()
    process.nextTick(() => none.emit('error', error))
    return none
  }
}

export class ProcessGroup {
  readonly process: ChildProcess
  /** Settles with how it ended, in words. */
  readonly exited: Promise<string>
  /** Settles when all of it has ended, with the number of processes that had left the group. */
  readonly gone: Promise<number>
  /** The mark by which those processes are found. */
  readonly mark: string = crypto.randomUUID()
  #hasExited = false

  /** Started without a shell. A missing command is not an error here but an early end. */
  constructor(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    stdio: StdioOptions,
  ) {
    const [file = '', ...args] = command
    const marked = { ...env, [MARK]: this.mark }
    this.process = start(file, args, { env: marked, stdio, detached: true })
    if (running.size === 0) process.on('exit', killAll)
    running.add(this)
    this.exited = new Promise((resolve) => {
      const end = (reason: string) => {
        this.#hasExited = true
        // Ends what the process left behind in its group.
        this.signal('SIGKILL')
        resolve(reason)
      }
      // Each signal that cannot be sent causes another error.
      this.process.on('error', (error: NodeJS.ErrnoException) => {
        if (this.process.pid === undefined) end(`cannot be started (${error.code ?? error.name})`)
      })
      this.process.once('exit', (code, signal) => {
        end(signal === null ? `ended with exit code ${code ?? 0}` : `was ended by ${signal}`)
      })
    })
    this.gone = this.exited.then(() => this.#endStrays())
  }

  get hasExited(): boolean {
    return this.#hasExited
  }

  /** Once it has exited; `undefined` if a signal ended it, or it could not be started. */
  get exitCode(): number | undefined {
    const { pid, exitCode } = this.process
    return pid === undefined ? undefined : (exitCode ?? undefined)
  }

  async #endStrays(): Promise<number> {
    const { pid } = this.process
    const count = pid === undefined ? 0 : await endStrays(this.mark, pid)
    running.delete(this)
    if (running.size === 0) process.off('exit', killAll)
    return count
  }

  signal(signal: NodeJS.Signals): void {
    const { pid } = this.process
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // The whole group is gone.
    }
  }

  /** Sends SIGTERM, and after `grace` milliseconds SIGKILL to what is left of it. */
  async stop(grace: number, setTimer: Clock['setTimer'] = REAL_TIME.setTimer): Promise<void> {
    this.signal('SIGTERM')
    const clear = setTimer(() => this.signal('SIGKILL'), grace)
    await this.exited
    clear()
    await this.gone
  }
}
