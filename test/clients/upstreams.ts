/** The MCP servers behind the gateway, most of them by others: reached by HTTP, or commands that speak stdio. */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { listen } from '../interop/support.js'
import { Child, freePort } from './child.js'
import { GO_SERVER } from './go.js'
import type { PythonEnvironments } from './python.js'
import type { ToolCall } from './clients.js'
import { createSdkV2 } from './sdk-v2.js'

/** A server that runs, and is reached by HTTP. */
export interface RunningUpstream {
  /** The MCP endpoint. */
  readonly url: string
  stop(): Promise<void>
}

/** What the gateway starts. `HOME` is the folder that it starts it for. */
export type StdioCommand = (home: string) => readonly string[]

/** A server, and what it is known to answer. */
interface Facts {
  readonly name: string
  /** 2026-07-28 beside the older versions. */
  readonly isModern: boolean
  readonly tools: number
  /** A call that every client makes, and what it answers. */
  readonly call: ToolCall | undefined
  readonly result: string | RegExp | undefined
  /** Met by all clients, and not only by those that know the stateless revision and older ones. */
  readonly isForAll: boolean
}

export interface HttpUpstream extends Facts {
  /** In the older versions. */
  readonly hasSessions: boolean
  start(python: PythonEnvironments): Promise<RunningUpstream>
}

export interface StdioUpstream extends Facts {
  command(python: PythonEnvironments): StdioCommand
}

export type Upstream = HttpUpstream | StdioUpstream

const MESSAGE = 'Grüße, 世界'
const ECHO = {
  call: { name: 'echo', arguments: { message: MESSAGE } },
  result: `Echo: ${MESSAGE}`,
} as const
/** Tells whom the child serves. */
const WHO = {
  call: { name: 'who', arguments: { message: MESSAGE } },
  result: `alice: ${MESSAGE}`,
} as const

const EVERYTHING_FILE = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
)
const FILESYSTEM_FILE = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/server-filesystem/dist/index.js'),
)
const FASTMCP_FILE = resolve(import.meta.dirname, 'python/fastmcp_server.py')
const SDK_V2_FILE = resolve(import.meta.dirname, 'sdk-v2-stdio.ts')
const TSX = import.meta.resolve('tsx')

async function startChild(
  create: (port: number) => ConstructorParameters<typeof Child>,
): Promise<RunningUpstream> {
  const port = await freePort()
  const child = new Child(...create(port))
  await child.listens(port)
  return { url: `http://127.0.0.1:${port}/mcp`, stop: () => child.stop() }
}

export const EVERYTHING: HttpUpstream = {
  name: 'server-everything',
  isModern: false,
  isForAll: true,
  hasSessions: true,
  tools: 13,
  ...ECHO,
  start: () =>
    startChild((port) => [
      process.execPath,
      [EVERYTHING_FILE, 'streamableHttp'],
      { PORT: String(port) },
    ]),
}

export const EVERYTHING_STDIO: StdioUpstream = {
  name: 'server-everything, stdio',
  isModern: false,
  isForAll: true,
  tools: 13,
  call: { name: 'get-env', arguments: {} },
  result: /"GATEHOUSE_SUBJECT": "alice"/,
  command: () => () => [process.execPath, EVERYTHING_FILE, 'stdio'],
}

const FILESYSTEM_STDIO: StdioUpstream = {
  name: 'server-filesystem, stdio',
  isModern: false,
  isForAll: false,
  tools: 14,
  call: { name: 'list_allowed_directories', arguments: {} },
  result: /^Allowed directories:\n.+/,
  command: () => (home) => [process.execPath, FILESYSTEM_FILE, home],
}

/** Python, and of the newest revision too. */
const TIME_STDIO: StdioUpstream = {
  name: 'mcp-server-time, stdio',
  isModern: true,
  isForAll: false,
  tools: 2,
  call: {
    name: 'convert_time',
    arguments: { source_timezone: 'UTC', time: '12:00', target_timezone: 'Asia/Tokyo' },
  },
  result: /T21:00:00\+09:00/,
  command: (python) => () => [join(python['mcp-2'], 'mcp-server-time')],
}

const GENERATIONS = { 3: 'mcp-1', 4: 'mcp-2' } as const

function fastMcp(generation: 3 | 4): HttpUpstream {
  return {
    name: `FastMCP ${generation}`,
    isModern: generation === 4,
    isForAll: true,
    hasSessions: true,
    tools: 5,
    ...ECHO,
    start: (python) =>
      startChild((port) => [
        join(python[GENERATIONS[generation]], 'python'),
        [FASTMCP_FILE, String(port)],
      ]),
  }
}

function fastMcpStdio(generation: 3 | 4): StdioUpstream {
  return {
    name: `FastMCP ${generation}, stdio`,
    isModern: generation === 4,
    isForAll: generation === 4,
    tools: 5,
    ...WHO,
    command: (python) => () => [
      join(python[GENERATIONS[generation]], 'python'),
      FASTMCP_FILE,
      'stdio',
    ],
  }
}

export const FASTMCP_3: HttpUpstream = fastMcp(3)
export const FASTMCP_4: HttpUpstream = fastMcp(4)
export const FASTMCP_4_STDIO: StdioUpstream = fastMcpStdio(4)

/** In this process. */
const SDK_V2: HttpUpstream = {
  name: 'SDK v2',
  isModern: true,
  isForAll: true,
  hasSessions: false,
  tools: 1,
  ...ECHO,
  start: () =>
    listen(() => {
      const handler = createMcpHandler(createSdkV2)
      return getRequestListener((request) => handler.fetch(request))
    }),
}

const SDK_V2_STDIO: StdioUpstream = {
  name: 'SDK v2, stdio',
  isModern: true,
  isForAll: false,
  tools: 1,
  ...ECHO,
  command: () => () => [process.execPath, '--import', TSX, SDK_V2_FILE],
}

/** Answers what is wrong in text/plain. With sessions, which is its default, it knows no newer revision. */
export const GO_SDK: HttpUpstream = {
  name: 'go-sdk',
  isModern: false,
  isForAll: false,
  hasSessions: true,
  tools: 1,
  ...ECHO,
  start: () => startChild((port) => [GO_SERVER, [String(port)]]),
}

/** Without a call: then it needs no browser. */
const LINKEDIN_FACTS: Facts = {
  name: 'mcp-server-linkedin',
  isModern: false,
  isForAll: true,
  tools: 19,
  call: undefined,
  result: undefined,
}

/** Looks at `Host` and `Origin`. */
export const LINKEDIN: HttpUpstream = {
  ...LINKEDIN_FACTS,
  hasSessions: true,
  start: (python) =>
    startChild((port) => [
      join(python.linkedin, 'mcp-server-linkedin'),
      ['--transport', 'streamable-http', '--port', String(port), '--no-auto-import'],
    ]),
}

const LINKEDIN_STDIO: StdioUpstream = {
  ...LINKEDIN_FACTS,
  name: 'mcp-server-linkedin, stdio',
  isForAll: false,
  command: (python) => () => [
    join(python.linkedin, 'mcp-server-linkedin'),
    '--transport',
    'stdio',
    '--no-auto-import',
  ],
}

export const UPSTREAMS: readonly Upstream[] = [
  EVERYTHING,
  EVERYTHING_STDIO,
  FILESYSTEM_STDIO,
  TIME_STDIO,
  FASTMCP_3,
  fastMcpStdio(3),
  FASTMCP_4,
  FASTMCP_4_STDIO,
  SDK_V2,
  SDK_V2_STDIO,
  GO_SDK,
  LINKEDIN,
  LINKEDIN_STDIO,
]
