/** Answers that no MCP server gives, and the `Host` that it gets. */
import type { ServerResponse } from 'node:http'
import { describe, expect } from 'vitest'
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { lineOf } from '../../src/gateway/events.js'
import { UnexpectedAnswers } from '../../src/gateway/http/unexpected-answers.js'
import { StreamOpening } from '../../src/gateway/http/stream-opening.js'
import type { RequestRecord } from '../../src/gateway/request/record.js'
import { startGateway, startUpstream } from '../support/gateway.js'
import { createManualClock } from '../support/clocks.js'
import { verifies } from '../support/verifies.js'

type Answer = Parameters<UnexpectedAnswers['check']>[1]

function startAnswers() {
  const clock = createManualClock()
  const answers = new UnexpectedAnswers(clock)
  const events: GatewayEvent[] = []
  const record = {
    id: 'r-1',
    report: (event: GatewayEvent) => void events.push(event),
  } as unknown as RequestRecord
  return {
    clock,
    events,
    hear: (answer: Partial<Answer>) =>
      answers.check(record, {
        method: 'POST',
        status: 200,
        type: undefined,
        hasSession: false,
        isStateless: false,
        ...answer,
      }),
    hearEndpoint: () => answers.reportEndpoint(record),
  }
}

const STRANGE: readonly [Partial<Answer>, reason: string, hint: string][] = [
  [{ status: 404 }, 'it answered 404 without JSON', 'the path of --upstream'],
  // FastAPI answers so to a path that it does not have.
  [
    { status: 404, type: 'application/json; charset=utf-8' },
    'it answered 404 with JSON',
    'often /mcp',
  ],
  [{ status: 404, type: 'application/problem+json' }, 'it answered 404 with JSON', 'often /mcp'],
  [{ status: 404, type: 'text/plain' }, 'it answered 404 without JSON', 'often /mcp'],
  [{ status: 404, type: 'text/plain', isStateless: true }, 'it answered 404 without JSON', '/mcp'],
  [{ status: 405, type: 'text/plain' }, 'it answered 405 without JSON to a POST', '2024-11-05'],
  [{ type: 'text/html; charset=utf-8' }, 'it answered 200 with HTML', 'exact endpoint'],
  [{ method: 'GET', type: 'Text/HTML' }, 'it answered 200 with HTML', 'exact endpoint'],
  [{ status: 404, type: 'text/html' }, 'it answered 404 with HTML', 'exact endpoint'],
  [{ status: 503, type: 'text/html' }, 'it answered 503 to a POST', 'its own log'],
  [{ status: 500, type: 'application/json' }, 'it answered 500 to a POST', 'its own log'],
]

const ORDINARY: readonly Partial<Answer>[] = [
  { type: 'application/json' },
  { type: 'text/event-stream' },
  { status: 202 },
  { status: 499, type: 'text/plain' },
  { status: 400, type: 'text/plain' },
  { status: 405, type: 'application/json' },
  // The session is over, or the method is unknown.
  { status: 404, type: 'application/json', hasSession: true },
  { status: 404, type: 'text/plain', hasSession: true },
  { status: 404, type: 'application/json', isStateless: true },
  // No stream, and no end of a session.
  { method: 'GET', status: 405, type: 'text/html' },
  { method: 'GET', status: 404 },
  { method: 'DELETE', status: 405 },
  { method: 'GET', status: 500 },
]

describe('an answer that no MCP server gives', () => {
  for (const [answer, reason, hint] of STRANGE) {
    verifies('FLD-13', `is a warning: ${JSON.stringify(answer)}`, () => {
      const { hear, events } = startAnswers()
      hear(answer)
      expect(events).toEqual([
        {
          type: 'upstream.unexpected',
          requestId: 'r-1',
          reason,
          hint: expect.stringContaining(hint),
        },
      ])
    })
  }

  verifies('FLD-13', 'is not one that MCP servers give', () => {
    for (const answer of ORDINARY) {
      const { hear, events } = startAnswers()
      hear(answer)
      expect({ answer, events }).toEqual({ answer, events: [] })
    }
  })

  verifies('FLD-13', 'is one warning a minute of each kind', () => {
    const { hear, hearEndpoint, clock, events } = startAnswers()
    const hearAll = () => {
      hear({ status: 404 })
      hear({ status: 404 })
      hear({ status: 502 })
      hearEndpoint()
      hearEndpoint()
    }
    hearAll()
    expect(events).toHaveLength(3)
    clock.pass(59_999)
    hearAll()
    expect(events).toHaveLength(3)
    clock.pass(1)
    hearAll()
    expect(events).toHaveLength(6)
  })

  verifies('FLD-13', 'is forwarded as it is, and is a warning about its request', async () => {
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Cannot POST /mcp')
    })
    const fixture = await startGateway(upstream)
    const response = await fixture.call({ method: 'POST', body: '{}' })
    expect([response.status, await response.text()]).toEqual([404, 'Cannot POST /mcp'])
    expect(fixture.reported('upstream.unexpected')).toMatchObject([
      { requestId: response.headers.get('x-request-id'), reason: 'it answered 404 without JSON' },
    ])
    const inSession = await fixture.call({
      method: 'POST',
      body: '{}',
      headers: { 'mcp-session-id': 'x' },
    })
    expect(inSession.status).toBe(404)
    expect(fixture.reported('upstream.unexpected')).toHaveLength(1)
  })

  verifies('FLD-13', 'is not the 404 of a stateless server for an unknown method', async () => {
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
    })
    const fixture = await startGateway(upstream)
    const version = '2026-07-28'
    const _meta = { 'io.modelcontextprotocol/protocolVersion': version }
    const stateless = { 'mcp-protocol-version': version, 'mcp-method': 'tools/list' }
    const post = (headers: Readonly<Record<string, string>>) =>
      fixture.call({
        method: 'POST',
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta } }),
        headers: { 'content-type': 'application/json', ...headers },
      })
    expect((await post(stateless)).status).toBe(404)
    expect(fixture.reported('upstream.unexpected')).toEqual([])
    expect((await post({})).status).toBe(404)
    expect(fixture.reported('upstream.unexpected')).toMatchObject([
      { reason: 'it answered 404 with JSON' },
    ])
  })
})

describe('a server of 2024-11-05', () => {
  const opens = (...chunks: readonly string[]) => {
    const opening = new StreamOpening()
    return chunks.map((chunk) => opening.hasEndpoint(Buffer.from(chunk)))
  }

  verifies('FLD-13', 'is known by its first event, in whatever chunks it comes', () => {
    expect(opens('event: endpoint\ndata: /m\n\n')).toEqual([true])
    expect(opens('event:endpoint\r\ndata: /m\r\n\r\n')).toEqual([true])
    expect(opens(': hello\n\nevent: end', 'point\n', 'event: endpoint\n')).toEqual([
      false,
      true,
      false,
    ])
  })

  verifies('FLD-13', 'is no other stream, and no text of a message', () => {
    expect(opens('event: endpoints\ndata: 1\n\n')).toEqual([false])
    expect(opens('event: message\ndata: event: endpoint\n\n')).toEqual([false])
    expect(opens(`: ${'x'.repeat(1022)}`, '\nevent: endpoint\n')).toEqual([false, false])
  })

  verifies('FLD-13', 'is a warning, and its stream passes', async () => {
    const upstream = await startUpstream((request, response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(
        request.method === 'GET' ? 'event: endpoint\ndata: /messages\n\n' : 'data: 1\n\n',
      )
    })
    const fixture = await startGateway(upstream)
    expect(await (await fixture.call({ method: 'POST', body: '{}' })).text()).toBe('data: 1\n\n')
    expect(fixture.reported('upstream.unexpected')).toEqual([])
    expect(await (await fixture.call()).text()).toBe('event: endpoint\ndata: /messages\n\n')
    expect(fixture.reported('upstream.unexpected')).toMatchObject([
      { reason: expect.stringContaining('2024-11-05') },
    ])
  })
})

describe('the Host for the upstream', () => {
  verifies(
    'FLD-13',
    'is not accepted (421): 502 with a hint, as it is not about the client',
    async () => {
      const upstream = await startUpstream((request, response) => {
        const isKnown = request.headers.host === 'localhost:8000'
        response.writeHead(isKnown ? 200 : 421).end(isKnown ? '{}' : 'Invalid Host header')
      })
      const fixture = await startGateway(upstream)
      const response = await fixture.call({ method: 'POST', body: '{}' })
      expect([response.status, await response.text()]).toEqual([
        502,
        '{"error":"bad_gateway","error_description":"The MCP server could not answer"}',
      ])
      expect(fixture.reported('upstream.failed')).toMatchObject([
        { code: 'ERR_UPSTREAM_INVALID', hint: expect.stringContaining('--upstream-host') },
      ])
      const other = await startGateway(upstream, { upstreamHost: 'localhost:8000' })
      for (const method of ['POST', 'GET', 'DELETE']) {
        const body = method === 'POST' ? '{}' : null
        expect([method, (await other.call({ method, body })).status]).toEqual([method, 200])
      }
    },
  )

  verifies('FLD-13', 'is one warning a minute for each status; each request fails', async () => {
    const statuses = [421, 421, 403, 421, 403, 307, 307]
    const upstream = await startUpstream((request, response) => {
      response.writeHead(Number(request.headers['mcp-status']), { location: '/' }).end()
    })
    const clock = createManualClock()
    const fixture = await startGateway(upstream, {}, {}, clock)
    const ask = async (status: number) => {
      const headers = { 'mcp-status': String(status) }
      expect((await fixture.call({ method: 'POST', body: '{}', headers })).status).toBe(502)
    }
    for (const status of statuses) await ask(status)
    clock.pass(59_999)
    await ask(421)
    clock.pass(1)
    await ask(421)
    const failed = fixture.reported('upstream.failed')
    expect(failed.map((event) => lineOf(event)[0])).toEqual([
      ...['warn', 'debug', 'warn', 'debug', 'debug', 'warn', 'debug'],
      ...['debug', 'warn'],
    ])
    const completed = fixture.reported('request.completed')
    expect(completed.map(({ status }) => status)).toEqual(failed.map(() => 502))
  })

  verifies('FLD-13', 'may be why it answers 403: the hint says so', async () => {
    const upstream = await startUpstream((_request, response) => response.writeHead(403).end())
    const fixture = await startGateway(upstream)
    expect((await fixture.call({ method: 'POST', body: '{}' })).status).toBe(502)
    expect(fixture.reported('upstream.failed')[0]?.hint).toContain('--upstream-host')
  })

  verifies('FLD-13', 'is a host, and only of a server that is reached by HTTP', async () => {
    for (const upstreamHost of ['', 'a b', 'http://a', 'a:0', 'a\r\nX: 1', 'a/mcp']) {
      await expect(startGateway('http://127.0.0.1:1/mcp', { upstreamHost })).rejects.toThrow(
        'is not a host as in a Host header',
      )
    }
    await expect(startGateway(['true'], { upstreamHost: 'a' })).rejects.toThrow(
      'is for a server that is reached by HTTP',
    )
  })
})
