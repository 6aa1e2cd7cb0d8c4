/** Our application in a process of a runtime, on a port of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { build } from 'esbuild'
import type { AppSettings, Entry } from './app.js'
import { programOf } from './programs.js'

export type RuntimeName = 'bun' | 'deno' | 'workerd' | 'workerd without nodejs_compat'

export const RUNTIMES: readonly RuntimeName[] = [
  'bun',
  'deno',
  'workerd',
  'workerd without nodejs_compat',
]

const ROOT = join(import.meta.dirname, '..', '..')

/** How each runtime serves an application, and says its port. */
const SERVERS = {
  bun: `const { port } = Bun.serve({ hostname: '127.0.0.1', port: 0, idleTimeout: 0, fetch: (request) => handle(request) })
console.log(JSON.stringify({ port }))`,
  deno: `Deno.serve(
  { hostname: '127.0.0.1', port: 0, onListen: ({ port }) => console.log(JSON.stringify({ port })) },
  (request) => handle(request),
)`,
} as const

const ON_SERVERS = `import { createApp } from './app.ts'
const { env } = globalThis.Deno ? { env: Deno.env.toObject() } : process
const handle = createApp(env.ENTRY, env)
`

/** Workers make their application with the first request: before it they may make no random values. */
const WORKER = `import { createApp } from './app.ts'
let handle
export default {
  fetch(request, env, context) {
    handle ??= createApp(env.ENTRY, env)
    return handle(request, context)
  },
}`

/** One file with everything in it, as people deploy it. */
async function bundle(source: string, folder: string, isWorker: boolean): Promise<void> {
  await build({
    stdin: { contents: source, resolveDir: import.meta.dirname, loader: 'ts' },
    outfile: join(folder, 'app.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: isWorker ? ['workerd', 'worker', 'import'] : ['import'],
    external: ['node:*'],
    alias: Object.fromEntries(
      ['hono', 'fetch'].map((name) => [`mcp-gatehouse/${name}`, join(ROOT, 'src', `${name}.ts`)]),
    ),
    logLevel: 'silent',
  })
}

function configurationOf(settings: object, flags: readonly string[]): string {
  const bindings = Object.entries(settings).map(
    ([name, value]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(value)})`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .app),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const app :Workerd.Worker = (
  modules = [(name = "app.mjs", esModule = embed "app.mjs")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ${JSON.stringify(flags)},
  bindings = [${bindings.join(', ')}],
);
`
}

async function startWorkerd(
  folder: string,
  settings: object,
  flags: readonly string[],
): Promise<ChildProcess> {
  await bundle(WORKER, folder, true)
  const file = join(folder, 'config.capnp')
  writeFileSync(file, configurationOf(settings, flags))
  // It says on file 3 where it listens.
  return spawn(programOf('workerd'), ['serve', file, '--control-fd=3'], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
}

async function startServer(
  name: 'bun' | 'deno',
  folder: string,
  settings: object,
): Promise<ChildProcess> {
  await bundle(ON_SERVERS + SERVERS[name], folder, false)
  const args = name === 'deno' ? ['run', '--no-prompt', '--allow-net', '--allow-env'] : ['run']
  return spawn(programOf(name), [...args, join(folder, 'app.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', ...settings },
  })
}

/** The port that it names, in JSON on a line. */
async function portOf(process: ChildProcess, file: number): Promise<number> {
  let reported = ''
  for await (const chunk of process.stdio[file] as Readable) {
    reported += String(chunk)
    const [, port] = /"port":\s*(\d+)/.exec(reported) ?? []
    if (port !== undefined) return Number(port)
  }
  throw new Error(`the runtime ended before it listened: ${reported}`)
}

export interface Running {
  readonly port: number
  stop(): void
}

export async function startRuntime(
  name: RuntimeName,
  entry: Entry,
  app: AppSettings,
): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-runtime-'))
  const settings = { ...app, ENTRY: entry }
  const isWorker = name.startsWith('workerd')
  const flags = name === 'workerd' ? [] : ['no_nodejs_compat']
  const process = await (isWorker
    ? startWorkerd(folder, settings, flags)
    : startServer(name as 'bun' | 'deno', folder, settings))
  const port = await portOf(process, isWorker ? 3 : 1)
  return {
    port,
    stop() {
      process.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
