/** The command line as a process, for the length of a test. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { buildSync, type BuildOptions } from 'esbuild'
import { inject, onTestFinished } from 'vitest'
import { sourceToBundle } from '../faults/copy.js'
import { PLANTED } from '../faults/plugin.js'
import { eventually } from './gateway.js'

const ROOT = resolve(import.meta.dirname, '../..')

const BUNDLE: BuildOptions = {
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // As in the package.
  external: ['jose', 'openid-client', 'undici', 'hono'],
  banner: {
    js: "import { createRequire as gatehouseRequire } from 'node:module'; const require = gatehouseRequire(import.meta.url);",
  },
  logLevel: 'warning',
}

export interface Cli {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly exited: Promise<number>
  stdout(): Buffer
  stderr(): string
  /** The lines of the log, in JSON. */
  log(): Record<string, unknown>[]
  /** Waits for the start line, and returns the address. */
  listening(): Promise<string>
}

/**
 * The command line of this source in a few files, made once for each run: it starts three times faster than through tsx.
 *
 * @returns the path of `main.js`
 */
export function bundledCli(): string {
  const folder = inject('cliFolder')
  // A test runner that stays up plants one fault after the other.
  const built = join(folder, process.env[PLANTED] ?? 'dist')
  const main = join(built, 'cli/main.js')
  if (!existsSync(main)) {
    const own = mkdtempSync(join(folder, 'new-'))
    const entryPoints = [join(sourceToBundle(own), 'cli/main.ts')]
    buildSync({ ...BUNDLE, entryPoints, outdir: join(own, 'cli') })
    try {
      renameSync(own, built)
    } catch {
      // Another worker was faster.
      rmSync(own, { recursive: true })
    }
  }
  return main
}

export function startCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Cli {
  return startProcess(process.execPath, [bundledCli(), ...args], env)
}

/** A clean environment: nothing of the machine that runs the tests configures what is tested. */
export function startProcess(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Cli {
  const child = spawn(file, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const out: Buffer[] = []
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  child.stdin.on('error', () => undefined)
  let hasExited = false
  const exited = new Promise<number>((settle) => {
    child.once('close', (code, signal) => {
      hasExited = true
      settle(code ?? (signal === null ? -1 : -2))
    })
  })
  onTestFinished(async () => {
    if (!hasExited) child.kill('SIGKILL')
    await exited
  })
  const log = () =>
    err
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return {
    process: child,
    exited,
    log,
    stdout: () => Buffer.concat(out),
    stderr: () => err,
    async listening() {
      await eventually(() => {
        if (hasExited) throw new Error(`ended before it listened:\n${err}`)
        return log().some(({ url }) => url !== undefined)
      }, 20_000)
      return String(log().find(({ url }) => url !== undefined)?.['url'])
    },
  }
}

export function writeTemporary(name: string, content: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-')), name)
  writeFileSync(file, content)
  return file
}

/** Below the ports that systems give to who asks for any, and elsewhere in each process. */
let nextPort = 10_000 + (process.pid % 200) * 100

function isFree(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const server = createServer()
    server.once('error', () => settle(false))
    server.listen(port, '127.0.0.1', () => server.close(() => settle(true)))
  })
}

/** A port that is free, and that nobody gets by chance until the test listens there. */
export async function freePort(): Promise<number> {
  let port = nextPort++
  while (!(await isFree(port))) port = nextPort++
  return port
}
