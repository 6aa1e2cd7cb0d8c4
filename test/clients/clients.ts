/** The clients, unmodified, each from nothing but a URL: they log in, list the tools, and call one. */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { VersionNegotiationMode } from '@modelcontextprotocol/client'
import { connect, MemoryProvider } from '../../examples/demo/client.js'
import { Recorder } from '../../examples/demo/recorder.js'
import * as v2 from '../interop/client-v2.js'
import { Child } from './child.js'
import type { PythonEnvironments } from './python.js'

export interface ToolCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** What a client saw. */
export interface Outcome {
  readonly tools: number
  /** The first text of the answer. */
  readonly result?: string
  /** Milliseconds, the login among them. */
  readonly connectMs: number
  readonly listMs: number
  readonly callMs?: number
}

export interface RealClient {
  readonly name: string
  /** Which versions it asks for: only older ones, the newest with a way back, or the newest alone. */
  readonly mode: 'legacy' | 'auto' | 'modern'
  /** Of the generation of the SDKs that knows the stateless revision and older ones. */
  readonly knowsBothRevisions: boolean
  run(python: PythonEnvironments, url: string, call: ToolCall | undefined): Promise<Outcome>
}

/** What the clients of both generations have in common. */
interface Caller {
  listTools(): Promise<{ readonly tools: readonly unknown[] }>
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<object>
  close(): Promise<void>
}

async function use(
  connecting: () => Promise<Caller>,
  call: ToolCall | undefined,
): Promise<Outcome> {
  let start = performance.now()
  const lap = () => {
    const before = start
    start = performance.now()
    return Math.round(start - before)
  }
  const client = await connecting()
  const connectMs = lap()
  const { tools } = await client.listTools()
  const listed = { tools: tools.length, connectMs, listMs: lap() }
  if (call === undefined) {
    await client.close()
    return listed
  }
  const answer = await client.callTool({ ...call, arguments: { ...call.arguments } })
  const { content } = answer as { readonly content: readonly { readonly text: string }[] }
  const callMs = lap()
  await client.close()
  return { ...listed, callMs, result: content[0]?.text ?? '' }
}

const SDK_V1: RealClient = {
  name: 'SDK v1',
  mode: 'legacy',
  knowsBothRevisions: false,
  run: (_, url, call) => use(() => connect(url, new MemoryProvider('alice'), new Recorder()), call),
}

function sdkV2(mode: RealClient['mode']): RealClient {
  const negotiation: VersionNegotiationMode = mode === 'modern' ? { pin: v2.MODERN } : mode
  return {
    name: `SDK v2, ${mode}`,
    mode,
    knowsBothRevisions: true,
    run: (_, url, call) => {
      const provider = new v2.Provider('alice')
      const recorder = new Recorder()
      return use(() => v2.connect({ url, provider, recorder, mode: negotiation }), call)
    },
  }
}

const TSX = fileURLToPath(import.meta.resolve('tsx'))
const STAND_IN = resolve(import.meta.dirname, 'stand-in.ts')
/** With `&`, because Python's `webbrowser` waits for the browser to end otherwise. */
export const BROWSER = `${process.execPath} --import ${TSX} ${STAND_IN} %s &`

interface Script {
  readonly environment: keyof PythonEnvironments
  readonly file: string
  /** As the client calls its modes; empty for one that has none. */
  readonly argument?: string
}

function script(
  name: string,
  mode: RealClient['mode'],
  { environment, file, argument = '' }: Script,
): RealClient {
  return {
    name,
    mode,
    knowsBothRevisions: name.startsWith('mcp 2'),
    async run(python, url, call) {
      const path = resolve(import.meta.dirname, 'python', file)
      const args = [path, url, argument, JSON.stringify(call ?? null)]
      const child = new Child(join(python[environment], 'python'), args, { BROWSER })
      const timer = setTimeout(() => void child.stop(), 50_000)
      const { code, stdout, output } = await child.ended
      clearTimeout(timer)
      if (code !== 0) throw new Error(`${name} failed (${code}): ${output}`)
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Outcome
    },
  }
}

function mcp2(mode: RealClient['mode']): RealClient {
  const argument = mode === 'modern' ? v2.MODERN : mode
  return script(`mcp 2.x, ${mode}`, mode, { environment: 'mcp-2', file: 'mcp_2.py', argument })
}

function fastMcp4(mode: RealClient['mode']): RealClient {
  return script(`FastMCP 4, ${mode}`, mode, {
    environment: 'mcp-2',
    file: 'fastmcp_client.py',
    argument: mode,
  })
}

export const MCP_1: RealClient = script('mcp 1.x', 'legacy', {
  environment: 'mcp-1',
  file: 'mcp_1.py',
})
export const MCP_2_LEGACY: RealClient = mcp2('legacy')

export const CLIENTS: readonly RealClient[] = [
  SDK_V1,
  sdkV2('legacy'),
  sdkV2('auto'),
  sdkV2('modern'),
  MCP_1,
  MCP_2_LEGACY,
  mcp2('auto'),
  mcp2('modern'),
  script('FastMCP 3', 'legacy', { environment: 'mcp-1', file: 'fastmcp_client.py' }),
  fastMcp4('legacy'),
  fastMcp4('auto'),
]
