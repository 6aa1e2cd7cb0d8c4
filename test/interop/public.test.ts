/** Public and protected tools of server-everything with the clients of both SDKs: what becomes of a session at a login. */
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { startGateway } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const EVERYTHING = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
)

async function start() {
  const { url, token } = await startGateway([process.execPath, EVERYTHING, 'stdio'], {
    policy: {
      rules: [
        { tools: ['echo'], anonymous: true },
        { tools: ['get-sum'], scopes: [] },
      ],
      unmatched: 'deny',
    },
    children: { maxAnonymousChildren: 2 },
    childEnvironment: { PATH: process.env['PATH'] ?? '' },
  })
  const login = { done: false }
  // As a client whose login the user finishes elsewhere.
  const fetchWithLogin = (input: string | URL, init?: RequestInit) => {
    const headers = new Headers(init?.headers)
    if (login.done) headers.set('authorization', `Bearer ${token}`)
    return fetch(input, { ...init, headers })
  }
  return { endpoint: new URL(`${url}/mcp`), login, fetchWithLogin }
}

interface Caller {
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>
  close(): Promise<void>
}

const SUM = { name: 'get-sum', arguments: { a: 2, b: 3 } }
const ECHO = { name: 'echo', arguments: { message: 'hello' } }

/** `works`, or what the error that the application gets says. */
async function outcomeOf(client: Caller, call: typeof SUM | typeof ECHO): Promise<string> {
  try {
    await client.callTool(call)
    return 'works'
  } catch (error) {
    return /session_not_found|unauthorized/.exec(String(error))?.[0] ?? String(error)
  }
}

async function story(connect: () => Promise<Caller>, login: { done: boolean }) {
  login.done = false
  const client = await connect()
  const before = [await outcomeOf(client, ECHO), await outcomeOf(client, SUM)]
  login.done = true
  const after = [await outcomeOf(client, ECHO), await outcomeOf(client, SUM)]
  await client.close().catch(() => undefined)
  const next = await connect()
  const anew = [await outcomeOf(next, ECHO), await outcomeOf(next, SUM)]
  await next.close()
  return { before, after, anew }
}

const STORY = {
  before: ['works', 'unauthorized'],
  // The application must connect again: neither SDK does that by itself.
  after: ['session_not_found', 'session_not_found'],
  anew: ['works', 'works'],
}

verifies('IDN-22', 'SDK v1: a login in a session ends it, and the next one works', async () => {
  const { endpoint, login, fetchWithLogin } = await start()
  const connect = async () => {
    const client = new Client({ name: 'v1', version: '1.0.0' })
    await client.connect(new StreamableHTTPClientTransport(endpoint, { fetch: fetchWithLogin }))
    return client
  }
  expect(await story(connect, login)).toEqual(STORY)
})

verifies('IDN-22', 'SDK v2 does the same in the revisions with sessions', async () => {
  const { endpoint, login, fetchWithLogin } = await start()
  const connect = async () => {
    const client = new ClientV2({ name: 'v2', version: '1.0.0' })
    await client.connect(new TransportV2(endpoint, { fetch: fetchWithLogin }))
    return client
  }
  expect(await story(connect, login)).toEqual(STORY)
})
