/** What servers ask of clients, and say by themselves: through both kinds of upstream. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  type LoggingLevel,
} from '@modelcontextprotocol/sdk/types.js'
import { afterAll, beforeAll, describe, expect, inject, vi } from 'vitest'
import { connect, MemoryProvider } from '../../examples/demo/client.js'
import { Recorder } from '../../examples/demo/recorder.js'
import { verifies } from '../support/verifies.js'
import { startFixtureOf, type Fixture } from './fixture.js'
import { EVERYTHING, EVERYTHING_STDIO } from './upstreams.js'

const RESOURCE = 'demo://resource/dynamic/text/1'

/** The first text. */
async function call(client: Client, name: string, args: Record<string, unknown> = {}) {
  const { content } = await client.callTool({ name, arguments: args })
  return (content as readonly { readonly text: string }[])[0]?.text ?? ''
}

describe.each([EVERYTHING, EVERYTHING_STDIO])('$name', (upstream) => {
  let fixture: Fixture
  let client: Client
  let roots = [{ uri: 'file:///srv/one', name: 'one' }]
  const asked: unknown[] = []
  const logged: { readonly level: LoggingLevel; readonly data: unknown }[] = []
  const updated: string[] = []

  beforeAll(async () => {
    fixture = await startFixtureOf(upstream, inject('python'))
    const authProvider = new MemoryProvider('alice')
    await (await connect(fixture.url, authProvider, new Recorder())).close()
    client = new Client(
      { name: 'asked', version: '1.0.0' },
      { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } },
    )
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
      asked.push(params.messages[0]?.content)
      return { model: 'none', role: 'assistant', content: { type: 'text', text: 'forty-two' } }
    })
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      asked.push(params.message)
      return { action: 'accept', content: { name: 'Zoë' } }
    })
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots }))
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      logged.push(params)
    })
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      updated.push(params.uri)
    })
    await client.connect(new StreamableHTTPClientTransport(new URL(fixture.url), { authProvider }))
    // The server registers some tools only once it knows what the client can do.
    await vi.waitFor(async () => {
      const { tools } = await client.listTools()
      expect(tools.map(({ name }) => name)).toContain('trigger-sampling-request')
    }, 5_000)
  })
  afterAll(async () => {
    await client.close()
    await fixture.stop()
  })

  verifies('TRN-04', 'sampling: the server asks the model of the client', async () => {
    const text = await call(client, 'trigger-sampling-request', { prompt: 'Grüße', maxTokens: 5 })
    expect(JSON.stringify(asked.splice(0))).toContain('context: Grüße')
    expect(text).toContain('"text": "forty-two"')
  })

  verifies('TRN-04', 'elicitation: the server asks the user', async () => {
    const text = await call(client, 'trigger-elicitation-request')
    expect(asked.splice(0)).toEqual(['Please provide inputs for the following fields:'])
    expect(text).toContain('User provided the requested information')
  })

  verifies('TRN-04', 'roots, and that they have changed', async () => {
    expect(await call(client, 'get-roots-list')).toContain('URI: file:///srv/one')
    roots = [{ uri: 'file:///srv/two', name: 'two' }]
    await client.sendRootsListChanged()
    await vi.waitFor(
      async () => expect(await call(client, 'get-roots-list')).toContain('URI: file:///srv/two'),
      5_000,
    )
  })

  verifies('TRN-04', 'messages for the log, from the level on that was set', async () => {
    const isAboutRoots = ({ data }: { data: unknown }) => String(data).startsWith('Roots updated')
    await client.setLoggingLevel('error')
    logged.length = 0
    roots = [{ uri: 'file:///srv/three', name: 'three' }]
    await client.sendRootsListChanged()
    await vi.waitFor(
      async () => expect(await call(client, 'get-roots-list')).toContain('three'),
      5_000,
    )
    expect(logged.filter(isAboutRoots)).toEqual([])
    await client.setLoggingLevel('info')
    await client.sendRootsListChanged()
    await vi.waitFor(() => expect(logged.some(isAboutRoots)).toBe(true), 5_000)
    await client.setLoggingLevel('debug')
    logged.length = 0
    await call(client, 'toggle-simulated-logging')
    await vi.waitFor(() => expect(JSON.stringify(logged)).toMatch(/level[ -]message/), 5_000)
    await call(client, 'toggle-simulated-logging')
  })

  verifies('TRN-04', 'a subscription to a resource, its updates, and its end', async () => {
    await client.subscribeResource({ uri: RESOURCE })
    await call(client, 'toggle-subscriber-updates')
    await vi.waitFor(() => expect(updated).toEqual([RESOURCE]), 5_000)
    await call(client, 'toggle-subscriber-updates')
    await client.unsubscribeResource({ uri: RESOURCE })
    updated.length = 0
    await call(client, 'toggle-subscriber-updates')
    await call(client, 'toggle-subscriber-updates')
    await call(client, 'echo', { message: 'after it' })
    expect(updated).toEqual([])
  })

  verifies('TRN-04', 'progress, while the tool still works', async () => {
    const steps: number[] = []
    const times: number[] = []
    const result = await client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 4 } },
      undefined,
      {
        onprogress: ({ progress }) => {
          steps.push(progress)
          times.push(performance.now())
        },
      },
    )
    expect(JSON.stringify(result)).toContain('Steps: 4')
    // An answer overtakes the last progress that came with it, in this client.
    expect(steps.slice(0, 3)).toEqual([1, 2, 3])
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(300)
  })
})
