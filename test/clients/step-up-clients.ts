/** The clients, unmodified, that call one tool after the other, and what their users see of it. */
import { join, resolve } from 'node:path'
import { UnauthorizedError as UnauthorizedErrorV2 } from '@modelcontextprotocol/client'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { visit } from '../../examples/demo/browser.js'
import { connect, MemoryProvider, type Browser } from '../../examples/demo/client.js'
import { Recorder } from '../../examples/demo/recorder.js'
import * as v2 from '../interop/client-v2.js'
import { BROWSER } from './clients.js'
import { Child } from './child.js'
import type { PythonEnvironments } from './python.js'

interface Person {
  /** Default alice. */
  readonly user?: string
  /** The scope that the user refuses. */
  readonly refuses?: string
}

export interface StepUpTask extends Person {
  readonly url: string
  /** Tools without arguments. */
  readonly calls: readonly string[]
  /** And not one after the other. */
  readonly atOnce?: boolean
  /** Of a client that was registered before; without it the client registers itself. */
  readonly clientId?: string
  readonly issuer: string
  /** How Python's client of the newest revision negotiates it. */
  readonly mode?: string
}

/** What came of each call: the first text of its answer, or the error that its caller got. */
export type Outcomes = readonly string[]

export interface StepUpClient {
  readonly name: string
  readonly revision: 'legacy' | 'modern'
  readonly sdk: 'v1' | 'v2' | 'mcp 1' | 'mcp 2'
  run(python: PythonEnvironments, task: StepUpTask): Promise<Outcomes>
}

/** The one that fills in forms by itself, and refuses a scope. */
export function browserOf({ refuses = '', user = 'alice' }: Person = {}): Browser {
  return {
    redirectUrl: 'http://127.0.0.1:9/callback',
    visit: (url) => {
      const asked = url.searchParams.get('scope')?.split(' ') ?? []
      return visit(url, user, asked.includes(refuses))
    },
  }
}

/** What an application keeps of a client that was registered for it. */
export function knowsClient(
  provider: MemoryProvider,
  { clientId, issuer }: { readonly clientId?: string | undefined; readonly issuer: string },
): void {
  if (clientId === undefined) return
  provider.saveClientInformation({ client_id: clientId, issuer })
}

interface Caller {
  callTool(params: { name: string }): Promise<object>
  close(): Promise<void>
}

export async function callOnce(client: Caller, name: string): Promise<string> {
  const { content } = (await client.callTool({ name })) as {
    readonly content: readonly { readonly text: string }[]
  }
  return content[0]?.text ?? ''
}

/**
 * Each call as an application makes it that ends the login which the SDK has begun, and then tries once more.
 */
async function callAll(
  client: Caller,
  { calls, atOnce = false }: StepUpTask,
  finishLogin: () => Promise<void>,
): Promise<Outcomes> {
  const once = async (name: string): Promise<string> => {
    try {
      return await callOnce(client, name)
    } catch (error) {
      if (!(error instanceof UnauthorizedError || error instanceof UnauthorizedErrorV2)) throw error
      await finishLogin()
      return callOnce(client, name)
    }
  }
  const outcomes: string[] = []
  const all = calls.map((name) => () => once(name).catch(describeError))
  if (atOnce) outcomes.push(...(await Promise.all(all.map((each) => each()))))
  else for (const each of all) outcomes.push(await each())
  await client.close()
  return outcomes
}

export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.constructor.name}: ${error.message}` : String(error)
}

const SDK_V1: StepUpClient = {
  name: 'SDK v1',
  revision: 'legacy',
  sdk: 'v1',
  async run(_, task) {
    const provider = new MemoryProvider(browserOf(task))
    knowsClient(provider, task)
    const client = await connect(task.url, provider, new Recorder())
    const transport = client.transport as StreamableHTTPClientTransport
    return callAll(client, task, async () => {
      const code = provider.callback().get('code')
      if (code === null) throw new Error(`login refused: ${provider.callback().get('error')}`)
      await transport.finishAuth(code)
    })
  },
}

function sdkV2(revision: StepUpClient['revision']): StepUpClient {
  return {
    name: `SDK v2, ${revision}`,
    revision,
    sdk: 'v2',
    async run(_, task) {
      const provider = new v2.Provider(browserOf(task))
      knowsClient(provider, task)
      const client = await v2.connect({
        url: task.url,
        provider,
        recorder: new Recorder(),
        mode: revision === 'modern' ? { pin: v2.MODERN } : 'legacy',
      })
      const transport = client.transport as v2.Transport
      return callAll(client, task, () => transport.finishAuth(provider.callback()))
    },
  }
}

function script(
  sdk: 'mcp 1' | 'mcp 2',
  revision: StepUpClient['revision'],
  environment: keyof PythonEnvironments,
): StepUpClient {
  return {
    name: `${sdk}.x, ${revision}`,
    revision,
    sdk,
    async run(python, { refuses = '', user = 'alice', ...task }) {
      const file = resolve(import.meta.dirname, 'python', `step_up_${sdk.slice(-1)}.py`)
      // What it does unless told otherwise; the pinned mode has a test of its own.
      const mode = revision === 'modern' ? (task.mode ?? 'auto') : revision
      const child = new Child(
        join(python[environment], 'python'),
        [file, task.url, mode, JSON.stringify(task)],
        { BROWSER, STAND_IN_USER: user, STAND_IN_REFUSES: refuses },
      )
      const timer = setTimeout(() => void child.stop(), 80_000)
      const { code, stdout, output } = await child.ended
      clearTimeout(timer)
      if (code !== 0) throw new Error(`${sdk} failed (${code}): ${output}`)
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Outcomes
    },
  }
}

export const STEP_UP_CLIENTS: readonly StepUpClient[] = [
  SDK_V1,
  sdkV2('legacy'),
  sdkV2('modern'),
  script('mcp 1', 'legacy', 'mcp-1'),
  script('mcp 2', 'legacy', 'mcp-2'),
  script('mcp 2', 'modern', 'mcp-2'),
]
