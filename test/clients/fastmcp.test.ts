/** What is special about FastMCP behind the gateway. */
import { afterAll, beforeAll, describe, expect, inject } from 'vitest'
import { connect, MemoryProvider } from '../../examples/demo/client.js'
import { Recorder } from '../../examples/demo/recorder.js'
import { startGateway } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'
import { startFixture, type Fixture } from './fixture.js'
import { FASTMCP_3, FASTMCP_4, type RunningUpstream } from './upstreams.js'

describe.each([FASTMCP_3, FASTMCP_4])('$name', ({ start }) => {
  let upstream: RunningUpstream
  let fixture: Fixture

  beforeAll(async () => {
    upstream = await start(inject('python'))
    fixture = await startFixture(upstream)
  })
  afterAll(() => fixture.stop())

  verifies(['GW-01', 'CASE-55'], 'a tool finds in its request who is calling', async () => {
    const provider = new MemoryProvider('Zoë')
    const client = await connect(fixture.url, provider, new Recorder())
    const { content } = await client.callTool({ name: 'headers' })
    const [first] = content as readonly { readonly text: string }[]
    const headers = JSON.parse(first?.text ?? '') as Record<string, string>
    expect(headers).toMatchObject({
      'x-gatehouse-subject': 'Zo%C3%AB',
      'x-gatehouse-client-id': (await provider.clientInformation())?.client_id,
    })
    expect(headers).not.toHaveProperty('authorization')
    await client.close()
  })

  verifies('TRN-04', 'the progress of a tool arrives while it works', async () => {
    const client = await connect(fixture.url, new MemoryProvider(), new Recorder())
    const times: number[] = []
    const result = await client.callTool({ name: 'slow', arguments: { steps: 5 } }, undefined, {
      onprogress: () => times.push(performance.now()),
    })
    const [first = Infinity] = times
    expect(result.content).toMatchObject([{ text: '5 steps' }])
    expect(times).toHaveLength(5)
    // The tool takes a second from the first of them.
    expect(performance.now() - first).toBeGreaterThan(500)
    await client.close()
  })

  verifies('CASE-64', 'with a slash too many its redirect is named, not followed', async () => {
    const { call, reported } = await startGateway(`${upstream.url}/`)
    const response = await call({
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    })
    expect(response.status).toBe(502)
    expect(response.headers.get('location')).toBeNull()
    expect(reported('upstream.failed')).toMatchObject([
      { code: 'ERR_UPSTREAM_REDIRECT', hint: expect.stringMatching(`--upstream ${upstream.url}$`) },
    ])
  })
})
