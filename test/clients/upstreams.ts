/** The MCP servers behind the gateway: four that others wrote, and one of ours that speaks both eras. */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { listen } from '../interop/support.js'
import { Child, freePort } from './child.js'
import type { PythonEnvironments } from './python.js'
import type { ToolCall } from './clients.js'

export interface RunningUpstream {
  /** The MCP endpoint. */
  readonly url: string
  stop(): Promise<void>
}

export interface Upstream {
  readonly name: string
  /** 2026-07-28 beside the older versions. */
  readonly isModern: boolean
  /** In the older versions. */
  readonly hasSessions: boolean
  readonly tools: number
  /** A call that every client makes, and what it answers. */
  readonly call: ToolCall | undefined
  readonly result: string | undefined
  start(python: PythonEnvironments): Promise<RunningUpstream>
}

const MESSAGE = 'Grüße, 世界'
const ECHO = {
  call: { name: 'echo', arguments: { message: MESSAGE } },
  result: `Echo: ${MESSAGE}`,
} as const

const EVERYTHING = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
)
const FASTMCP_SERVER = resolve(import.meta.dirname, 'python/fastmcp_server.py')

async function startChild(
  create: (port: number) => ConstructorParameters<typeof Child>,
): Promise<RunningUpstream> {
  const port = await freePort()
  const child = new Child(...create(port))
  await child.listens(port)
  return { url: `http://127.0.0.1:${port}/mcp`, stop: () => child.stop() }
}

function fastMcp(generation: 3 | 4, environment: keyof PythonEnvironments): Upstream {
  return {
    name: `FastMCP ${generation}`,
    isModern: generation === 4,
    hasSessions: true,
    tools: 4,
    ...ECHO,
    start: (python) =>
      startChild((port) => [join(python[environment], 'python'), [FASTMCP_SERVER, String(port)]]),
  }
}

/** Of the SDK's second generation, in this process. */
function startSdkV2(): Promise<RunningUpstream> {
  return listen(() => {
    const handler = createMcpHandler(() => {
      const server = new McpServer({ name: 'upstream', version: '1.0.0' })
      server.registerTool(
        'echo',
        { description: 'Says it again', inputSchema: z.object({ message: z.string() }) },
        ({ message }) => ({ content: [{ type: 'text', text: `Echo: ${message}` }] }),
      )
      return server
    })
    return getRequestListener((request) => handler.fetch(request))
  })
}

export const FASTMCP_3: Upstream = fastMcp(3, 'mcp-1')
export const FASTMCP_4: Upstream = fastMcp(4, 'mcp-2')

/** Looks at `Host` and `Origin`, and needs no browser as long as no tool is called. */
export const LINKEDIN: Upstream = {
  name: 'mcp-server-linkedin',
  isModern: false,
  hasSessions: true,
  tools: 19,
  call: undefined,
  result: undefined,
  start: (python) =>
    startChild((port) => [
      join(python.linkedin, 'mcp-server-linkedin'),
      ['--transport', 'streamable-http', '--port', String(port), '--no-auto-import'],
    ]),
}

export const UPSTREAMS: readonly Upstream[] = [
  {
    name: 'server-everything',
    isModern: false,
    hasSessions: true,
    tools: 13,
    ...ECHO,
    start: () =>
      startChild((port) => [
        process.execPath,
        [EVERYTHING, 'streamableHttp'],
        { PORT: String(port) },
      ]),
  },
  FASTMCP_3,
  FASTMCP_4,
  { name: 'SDK v2', isModern: true, hasSessions: false, tools: 1, ...ECHO, start: startSdkV2 },
]
