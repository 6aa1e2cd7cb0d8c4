/** Processes that are not ours: their environment, their output, and their end. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const GRACE = 3_000
const PATIENCE = 30_000

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  /** Both outputs, as they came. */
  readonly output: string
}

/** A process with a home of its own, in a group of its own, so that what it starts ends with it. */
export class Child {
  readonly ended: Promise<Ended>
  readonly #pid: number | undefined
  #isOver = false
  #stdout = ''
  #output = ''

  constructor(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    const home = mkdtempSync(join(tmpdir(), 'gatehouse-client-'))
    const child = spawn(command, args, {
      cwd: home,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        HOME: home,
        // Everything is on loopback, also where the way out leads through a proxy.
        NO_PROXY: '127.0.0.1,localhost',
        no_proxy: '127.0.0.1,localhost',
        FASTMCP_CHECK_FOR_UPDATES: 'off',
        ...env,
      },
    })
    this.#pid = child.pid
    child.stdout.on('data', (chunk: Buffer) => {
      this.#stdout += String(chunk)
      this.#output += String(chunk)
    })
    child.stderr.on('data', (chunk: Buffer) => (this.#output += String(chunk)))
    const killGroup = () => this.#kill('SIGKILL')
    process.once('exit', killGroup)
    this.ended = new Promise((resolve) => {
      const end = (code: number | null) => {
        this.#isOver = true
        process.off('exit', killGroup)
        rmSync(home, { recursive: true, force: true })
        resolve({ code, stdout: this.#stdout, output: this.#output })
      }
      child.once('error', (error) => {
        this.#output += error.message
        end(null)
      })
      child.once('close', end)
    })
  }

  /** Waits until somebody listens there. */
  async listens(port: number): Promise<void> {
    for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(50)) {
      if (this.#isOver) throw new Error(`the server ended: ${this.#output}`)
      if (await accepts(port)) return
    }
    throw new Error(`the server does not listen: ${this.#output}`)
  }

  async stop(): Promise<void> {
    this.#kill('SIGTERM')
    const timer = setTimeout(() => this.#kill('SIGKILL'), GRACE)
    await this.ended
    clearTimeout(timer)
  }

  #kill(signal: NodeJS.Signals): void {
    if (this.#pid === undefined || this.#isOver) return
    try {
      process.kill(-this.#pid, signal)
    } catch {
      // It was faster.
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** One that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
