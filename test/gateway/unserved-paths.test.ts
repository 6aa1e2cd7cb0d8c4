/** Requests for paths that no resource has. */
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { describe, expect, onTestFinished } from 'vitest'
import { UnservedPaths } from '../../src/gateway/request/unserved-paths.js'
import type { RequestRecord } from '../../src/gateway/request/record.js'
import { createGateway } from 'mcp-gatehouse/gateway'
import { startUpstream } from '../support/gateway.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { sendTo } from '../matrix/hosts.js'
import { verifies } from '../support/verifies.js'

function startPaths(...resources: readonly string[]) {
  const events: GatewayEvent[] = []
  let now = 0
  const paths = new UnservedPaths(resources, () => now)
  const record = {
    id: 'r-1',
    method: 'POST',
    report: (event: GatewayEvent) => void events.push(event),
  } as unknown as RequestRecord
  return {
    events,
    ask: (path: string, host = 'mcp.example.com') => paths.report(record, path, host),
    pass: (milliseconds: number) => (now += milliseconds),
  }
}

describe('a path that is not served', () => {
  verifies('FLD-19', 'is reported once a minute', () => {
    const { events, ask, pass } = startPaths(RESOURCE)
    ask('/sse')
    ask('/sse')
    pass(59_999)
    ask('/sse')
    expect(events).toEqual([
      {
        type: 'path.unserved',
        requestId: 'r-1',
        method: 'POST',
        path: '"/sse"',
        host: '"mcp.example.com"',
        served: [RESOURCE],
        hint: 'correct the URL of the client; to serve another URL: --resource',
      },
    ])
    pass(1)
    ask('/sse')
    expect(events).toHaveLength(2)
  })

  verifies('FLD-19', 'is one of ten in a minute, whatever a scanner asks for', () => {
    const { events, ask, pass } = startPaths(RESOURCE)
    for (let i = 0; i < 1000; i++) ask(`/${i}${'x'.repeat(5000)}`)
    expect(events).toHaveLength(10)
    expect(JSON.stringify(events).length).toBeLessThan(5000)
    pass(60_000)
    ask('/again')
    expect(events).toHaveLength(11)
  })

  verifies('FLD-19', 'names the only resource, or one at its host, and no other', () => {
    expect(startPaths(RESOURCE).ask('/', 'other.example.com')).toBe(RESOURCE)
    const other = 'https://other.example.com/mcp'
    const { ask } = startPaths(RESOURCE, other)
    expect(ask('/', 'other.example.com:8443')).toBe(other)
    expect(ask('/', 'mcp.example.com')).toBe(RESOURCE)
    expect(ask('/', 'third.example.com')).toBeUndefined()
    expect(ask('/', '')).toBeUndefined()
  })

  verifies('FLD-19', 'is 404 with the URL to use, and leaves no query in the log', async () => {
    const events: GatewayEvent[] = []
    const idp = await FakeIdp.start()
    const gateway = createGateway({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      port: 0,
      upstream: await startUpstream((_request, response) => void response.end('{}')),
      onEvent: (event) => void events.push(event),
    })
    onTestFinished(() => gateway.close())
    const { port } = await gateway.listen()
    const request = { method: 'POST', path: '/message?access_token=canary', headers: [] }
    const answer = await sendTo(port, request)
    expect(answer.status).toBe(404)
    expect(answer.body).toContain(RESOURCE)
    const page = [['Origin', 'https://evil.example']] as const
    expect((await sendTo(port, { ...request, headers: page })).body).not.toContain(RESOURCE)
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'path.unserved', path: '"/message"', method: 'POST' }),
    )
    expect(JSON.stringify(events)).not.toContain('canary')
  })
})
