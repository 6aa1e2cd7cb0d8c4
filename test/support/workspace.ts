/**
 * The folder in which a reader of a guide types its commands. They are run as they are, but for ports and names;
 * only `npx` is ours, which would fetch what is not published yet, or what is installed here already.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bundledCli } from './cli.js'

const ROOT = resolve(import.meta.dirname, '../..')
const EVERYTHING = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
)
const npx = (cli: string) => `#!/bin/sh
if [ "$1" = -y ]; then shift; fi
name=$1
shift
case $name in
  mcp-gatehouse) exec '${process.execPath}' '${cli}' "$@" ;;
  @modelcontextprotocol/server-everything@*) exec '${process.execPath}' '${EVERYTHING}' "$@" ;;
  *) echo "npx $name: unexpected" >&2; exit 127 ;;
esac
`
const PATIENCE = 180_000

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly commands: string
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

async function end({ child: { pid, exitCode, signalCode }, ended }: Running): Promise<void> {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGTERM')
  await ended
}

export class Workspace {
  readonly folder: string
  readonly #home: string
  readonly #names: Readonly<Record<string, string | number>>
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #running: Running[] = []

  /**
   * @param names ports and hosts of the guide, and what they are here
   * @param env what the programs of the guide need beside `PATH` and `HOME`
   */
  constructor(
    names: Readonly<Record<string, string | number>>,
    env: (home: string) => Readonly<Record<string, string | undefined>> = () => ({}),
  ) {
    this.#names = names
    this.#home = mkdtempSync(join(tmpdir(), 'gatehouse-guide-'))
    this.folder = join(this.#home, 'try')
    this.#env = env(this.#home)
    mkdirSync(this.folder)
    symlinkSync(ROOT, join(this.#home, 'mcp-gatehouse'))
    mkdirSync(join(this.#home, 'bin'))
    writeFileSync(join(this.#home, 'bin/npx'), npx(bundledCli()))
    chmodSync(join(this.#home, 'bin/npx'), 0o755)
    process.once('exit', this.#kill)
  }

  /** What is called so in the commands. */
  install(name: string, program: string): void {
    symlinkSync(program, join(this.#home, 'bin', name))
  }

  /** Commands that come to an end; the first that fails is the last. */
  async run(commands: string): Promise<Ended> {
    const { ended } = this.#spawn(commands)
    return ended
  }

  /** Commands that stay. Returns when there is an answer at this URL. */
  async start(commands: string, url: string): Promise<void> {
    const started = this.#spawn(commands)
    this.#running.push(started)
    let over: Ended | undefined
    void started.ended.then((ended) => (over = ended))
    for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(200)) {
      if (over !== undefined) throw new Error(`ended: ${over.stdout}${over.stderr}`)
      const status = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
        (answer) => answer.status,
        () => 503,
      )
      if (status !== 503) return
    }
    throw new Error(`no answer from ${url}`)
  }

  /** Ends what these commands started. */
  async stop(commands: string): Promise<void> {
    const index = this.#running.findIndex((each) => each.commands === commands)
    for (const each of this.#running.splice(index, 1)) await end(each)
  }

  async remove(): Promise<void> {
    // The last one first: it needs the others.
    for (let last = this.#running.pop(); last !== undefined; last = this.#running.pop()) {
      await end(last)
    }
    process.off('exit', this.#kill)
    rmSync(this.#home, { recursive: true, force: true })
  }

  #spawn(commands: string): Running {
    let local = commands
    for (const [name, here] of Object.entries(this.#names)) {
      local = local.replaceAll(name, String(here))
    }
    const { PATH = '', HOME } = process.env
    const child = spawn('sh', ['-e', '-c', local], {
      cwd: this.folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        HOME,
        PATH: `${join(this.#home, 'bin')}${delimiter}${PATH}`,
        ...this.#env,
      },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
    const ended = new Promise<Ended>((settle) => {
      child.once('error', (error) => settle({ code: null, stdout, stderr: String(error) }))
      child.once('close', (code) => settle({ code, stdout, stderr }))
    })
    return { commands, child, ended }
  }

  readonly #kill = (): void => {
    for (const { child } of this.#running) {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It was faster.
      }
    }
  }
}
