/**
 * The HTTP server that we start as a sidecar: `--upstream URL -- COMMAND`.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ProcessGroup } from '../gateway/stdio/process-group.js'
import { LineSplitter } from '../gateway/stdio/lines.js'
import { withheldHint, withHint } from '../gateway/stdio/withheld-variables.js'
import { tryToConnect } from '../gateway/http/reach.js'

/** How long it may take to end after SIGTERM. */
const GRACE = 10_000
const POLL = 100
/** The longest line of its output, in bytes. Longer lines are not shown. */
const MAX_LINE = 64 * 1024

export interface SidecarOptions {
  readonly command: readonly string[]
  readonly upstream: URL
  readonly environment: Readonly<Record<string, string>>
  /** Seconds until it must listen. */
  readonly startTimeout: number
  /** A line that it wrote, with its end. */
  readonly onOutput: (line: string) => void
}

export interface Sidecar {
  /**
   * Settles when something listens at the upstream's address. @throws if the command ends before,
   * or takes too long
   */
  readonly started: Promise<void>
  /** Settles with how it ended, in words. */
  readonly exited: Promise<string>
  /** Sends SIGTERM, and later SIGKILL, to it and everything that it started. */
  stop(): Promise<void>
}

/** @throws if the address is taken: requests would reach another server */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { command, environment, upstream, startTimeout, onOutput } = options
  if ((await tryToConnect(upstream)) === undefined) {
    throw new Error(`another process already listens at ${upstream.origin}`)
  }
  // Its stdout must not become our output. If it shared our stderr, we would have to wait for the
  // reader whenever it does.
  const group = new ProcessGroup(command, environment, ['ignore', 'pipe', 'pipe'])
  for (const stream of [group.process.stdout, group.process.stderr]) {
    const lines = new LineSplitter(MAX_LINE, {
      onLine: (line) => onOutput(`${line.toString('utf8')}\n`),
      onTooLong: () => onOutput('a line that is too long\n'),
    })
    stream?.on('data', (chunk: Buffer) => lines.push(chunk)).on('error', () => undefined)
  }

  async function waitForListening(): Promise<void> {
    const deadline = performance.now() + startTimeout * 1000
    while (performance.now() < deadline) {
      const isThere = (await tryToConnect(upstream)) === undefined
      if (group.hasExited) {
        const hint = withheldHint(process.env, environment)
        throw new Error(withHint(await group.exited, hint))
      }
      if (isThere) return
      await delay(POLL)
    }
    throw new Error(`did not listen at ${upstream.origin} within ${startTimeout} s`)
  }

  return {
    started: waitForListening(),
    exited: group.exited,
    stop: () => group.stop(GRACE),
  }
}
