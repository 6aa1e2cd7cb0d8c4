/**
 * The HTTP server that we start beside ourselves: `--upstream URL -- COMMAND`.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { tryToConnect } from '../gateway/reach.js'

/** What a server needs to run at all. Anything else could be a secret of ours. */
const ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'TZ']
/** How long it may take to end after SIGTERM. */
const GRACE = 10_000
const POLL = 100

export interface CompanionOptions {
  readonly command: readonly string[]
  readonly upstream: URL
  /** Further names of our environment. */
  readonly environmentNames: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Seconds until it must listen. */
  readonly startTimeout: number
}

/** How it ended. */
interface CompanionExit {
  readonly reason: string
}

export interface Companion {
  /** Settles when somebody listens at the upstream's address. @throws when it ends before, or takes too long */
  readonly started: Promise<void>
  readonly exited: Promise<CompanionExit>
  /** SIGTERM to it and everything that it started, later SIGKILL. */
  stop(): Promise<void>
}

/** @throws when the address is taken: requests would reach somebody else */
export async function startCompanion(options: CompanionOptions): Promise<Companion> {
  const { command, upstream, startTimeout } = options
  if ((await tryToConnect(upstream)) === undefined) {
    throw new Error(`somebody listens at ${upstream.origin} already`)
  }
  const [file = '', ...args] = command
  const names = [...ENVIRONMENT, ...options.environmentNames]
  const env = Object.fromEntries(names.map((name) => [name, options.environment[name]]))
  // Its stdout is no output of ours. A group of its own, so that nothing it started outlives it.
  const child = spawn(file, args, { env, stdio: ['ignore', 2, 2], detached: true })
  let hasExited = false
  // However we end, short of SIGKILL, it does not stay behind.
  const killGroup = () => signalGroup('SIGKILL')
  process.once('exit', killGroup)

  const exited = new Promise<CompanionExit>((resolve) => {
    const end = (reason: string) => {
      hasExited = true
      resolve({ reason })
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      end(`cannot be started (${error.code ?? error.name})`)
    })
    child.once('exit', (code, signal) => {
      end(signal === null ? `ended with exit code ${code ?? 0}` : `was ended by ${signal}`)
    })
  })

  async function waitForListening(): Promise<void> {
    const deadline = performance.now() + startTimeout * 1000
    while (performance.now() < deadline) {
      const isThere = (await tryToConnect(upstream)) === undefined
      if (hasExited) throw new Error((await exited).reason)
      if (isThere) return
      await delay(POLL)
    }
    throw new Error(`did not listen at ${upstream.origin} within ${startTimeout} s`)
  }

  function signalGroup(signal: NodeJS.Signals): void {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, signal)
    } catch {
      // The whole group is gone.
    }
  }

  return {
    started: waitForListening(),
    exited,
    async stop() {
      signalGroup('SIGTERM')
      const timer = setTimeout(killGroup, GRACE)
      await exited
      clearTimeout(timer)
      // What it left behind in its group.
      killGroup()
      process.off('exit', killGroup)
    },
  }
}
