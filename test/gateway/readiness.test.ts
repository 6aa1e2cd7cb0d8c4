/** Whether the upstream would answer: what a probe asks, how often, and what its answer means. */
import { connect } from 'node:net'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { AuditRecord, GatewayOptions } from 'mcp-gatehouse/gateway'
import { describe, expect, onTestFinished } from 'vitest'
import { createManualClock } from '../support/clocks.js'
import {
  bodyOf,
  eventually,
  startGateway,
  startTcpUpstream,
  startUpstream,
} from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const RESULT = '{"jsonrpc":"2.0","id":1,"result":{}}'

interface Seen {
  readonly method: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A gateway whose keys are there, and every request that its upstream got. */
async function startProbed(answer: RequestListener, options: Partial<GatewayOptions> = {}) {
  const seen: Seen[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then(
      (body) => {
        const { method, headers } = request
        seen.push({ method, headers, body: body.toString() })
        answer(request, response)
      },
      () => undefined,
    )
  })
  const clock = createManualClock()
  const audit: AuditRecord[] = []
  const onAudit = (record: AuditRecord) => audit.push(record)
  const bench = await startGateway(upstream, { onAudit, ...options }, {}, clock)
  await bench.gateway.refreshKeys()
  const upstreamCheck = async () => {
    const { ready, checks } = await bench.gateway.readiness()
    return { ready, reason: checks.find(({ name }) => name === 'upstream')?.reason }
  }
  return { ...bench, upstream, seen, clock, audit, upstreamCheck }
}

const json: RequestListener = (_request, response) => {
  response.setHeader('content-type', 'application/json').end(RESULT)
}

describe('a probe', () => {
  verifies('FLD-14', 'is an exchange of MCP, with our headers and no identity', async () => {
    const upstreamHeaders = { 'X-Key': 'the-key' }
    const bench = await startProbed(json, { upstreamHeaders, upstreamHost: 'inner:1' })
    expect(await bench.upstreamCheck()).toEqual({ ready: true, reason: undefined })
    expect(bench.seen).toHaveLength(1)
    const [{ method, headers, body } = {} as Seen] = bench.seen
    expect([method, JSON.parse(body)]).toEqual([
      'POST',
      expect.objectContaining({ method: 'initialize' }),
    ])
    expect(headers).toMatchObject({
      host: 'inner:1',
      'x-key': 'the-key',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    })
    expect(Object.keys(headers).filter((name) => /gatehouse|authorization/.test(name))).toEqual([])
  })

  verifies('FLD-14', 'is one for all checks at the same time, and for ten seconds', async () => {
    const bench = await startProbed(json)
    await Promise.all(Array.from({ length: 20 }, () => bench.upstreamCheck()))
    expect(bench.seen).toHaveLength(1)
    bench.clock.pass(9_999)
    await bench.upstreamCheck()
    expect(bench.seen).toHaveLength(1)
    bench.clock.pass(1)
    await bench.upstreamCheck()
    expect(bench.seen).toHaveLength(2)
  })

  verifies('FLD-14', 'ends its session, and says nothing to audit and limits', async () => {
    const bench = await startProbed(
      (request, response) => {
        response.setHeader('mcp-session-id', 'probed')
        if (request.method === 'DELETE') response.writeHead(204).end()
        else json(request, response)
      },
      { maxRequests: 1 },
    )
    expect((await bench.upstreamCheck()).ready).toBe(true)
    await eventually(() => bench.seen.length === 2)
    expect(bench.seen[1]).toMatchObject({
      method: 'DELETE',
      headers: { 'mcp-session-id': 'probed', 'mcp-protocol-version': '2025-11-25' },
    })
    expect(bench.gateway.status().active).toBe(0)
    expect(bench.reported('request.completed')).toEqual([])
    expect(bench.audit).toEqual([])
    // The next one opens a session again.
    await eventually(() => bench.clock.waiting() === 0)
    bench.clock.pass(10_000)
    await bench.upstreamCheck()
    await eventually(() => bench.seen.length === 4)
    expect(bench.seen[2]?.body).toContain('initialize')
  })

  verifies('FLD-14', 'is one where no place is left for requests', async () => {
    const upstream = await startUpstream((request, response) => {
      if (request.method === 'POST') return json(request, response)
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    const bench = await startGateway(upstream, { maxRequests: 1 })
    const stream = await bench.call()
    expect((await bench.call()).status).toBe(429)
    await bench.gateway.refreshKeys()
    expect((await bench.gateway.readiness()).ready).toBe(true)
    await stream.body?.cancel()
  })

  verifies('FLD-14', 'opens no further session where the end of one is not answered', async () => {
    const bench = await startProbed((request, response) => {
      if (request.method !== 'DELETE') json(request, response.setHeader('mcp-session-id', 'kept'))
    })
    await bench.upstreamCheck()
    await eventually(() => bench.seen.length === 2)
    bench.clock.pass(10_000)
    await bench.upstreamCheck()
    expect(JSON.parse(bench.seen[2]?.body ?? '')).toMatchObject({ method: 'ping' })
  })

  verifies('FLD-14', 'opens no further session where none can be ended', async () => {
    const bench = await startProbed((request, response) => {
      if (request.method === 'DELETE') return response.writeHead(405).end()
      json(request, response.setHeader('mcp-session-id', 'kept'))
    })
    await bench.upstreamCheck()
    await eventually(() => bench.seen.length === 2)
    // Its answer has been read.
    await eventually(() => bench.clock.waiting() === 0)
    bench.clock.pass(10_000)
    expect((await bench.upstreamCheck()).ready).toBe(true)
    expect(JSON.parse(bench.seen[2]?.body ?? '')).toMatchObject({ method: 'ping' })
  })
})

describe('a probe that is not answered in time', () => {
  verifies('FLD-14', 'is followed by none that opens a session', async () => {
    const bench = await startProbed(() => undefined)
    const readiness = bench.upstreamCheck()
    await eventually(() => bench.seen.length === 1)
    bench.clock.pass(5_000)
    expect(await readiness).toEqual({ ready: false, reason: 'no answer in time' })
    expect(JSON.parse(bench.seen[0]?.body ?? '')).toMatchObject({ method: 'initialize' })
    bench.clock.pass(5_000)
    void bench.upstreamCheck()
    await eventually(() => bench.seen.length === 2)
    expect(JSON.parse(bench.seen[1]?.body ?? '')).toMatchObject({ method: 'ping' })
  })
})

describe('an upstream is ready unless', () => {
  for (const status of [500, 502, 503]) {
    verifies('FLD-14', `it answers ${status}`, async () => {
      const bench = await startProbed((_request, response) => void response.writeHead(status).end())
      expect(await bench.upstreamCheck()).toEqual({ ready: false, reason: `it answered ${status}` })
      expect(bench.reported('upstream.probed')).toMatchObject([{ ok: false }])
    })
  }

  verifies('FLD-14', 'nothing answers: no server, or silence', async () => {
    const clock = createManualClock()
    const gone = await startGateway('http://127.0.0.1:9/mcp', {}, {}, clock)
    await gone.gateway.refreshKeys()
    expect(await gone.gateway.readiness()).toMatchObject({ ready: false })
    expect(gone.reported('upstream.probed')).toMatchObject([
      {
        upstream: 'http://127.0.0.1:9/mcp',
        ok: false,
        reason: expect.stringContaining('ECONNREFUSED'),
      },
    ])
    let reached = 0
    const silent = await startTcpUpstream((socket) => socket.on('data', () => reached++))
    const bench = await startGateway(silent, {}, {}, clock)
    await bench.gateway.refreshKeys()
    const readiness = bench.gateway.readiness()
    await eventually(() => reached === 1)
    clock.pass(5_000)
    expect(await readiness).toMatchObject({
      ready: false,
      checks: [{ name: 'keys' }, { name: 'upstream', ok: false, reason: 'no answer in time' }],
    })
  })

  for (const [name, answer, reason] of [
    ['needs credentials', { status: 401 }, 'it answered 401'],
    ['does not accept our Host', { status: 421 }, 'it answered 421: it does not accept our Host'],
    ['redirects', { status: 307 }, 'it answered 307, a redirect, which is not followed'],
    ['is at another path', { status: 404 }, 'it answered 404 without JSON'],
    ['is a web page', { type: 'text/html' }, 'it answered 200 with HTML'],
    ['is of 2024', { status: 405 }, 'it answered 405 without JSON to a POST'],
  ] as const) {
    verifies('FLD-14', `that does not matter: it ${name}, which is told`, async () => {
      const { status, type } = { status: 200, type: 'text/plain', ...answer }
      const bench = await startProbed((_request, response) => {
        response.writeHead(status, { 'content-type': type }).end('no')
      })
      expect(await bench.upstreamCheck()).toEqual({ ready: true, reason })
      expect(bench.reported('upstream.probed')).toEqual([
        {
          type: 'upstream.probed',
          upstream: bench.upstream,
          ok: true,
          reason,
          hint: expect.any(String),
        },
      ])
    })
  }

  for (const [name, status, type] of [
    ['a refusal in JSON', 400, 'application/json'],
    ['a stream of events', 200, 'text/event-stream; charset=utf-8'],
    ['an unknown method in JSON', 404, 'application/json'],
  ] as const) {
    verifies('FLD-14', `and there is nothing to tell about ${name}`, async () => {
      const bench = await startProbed((_request, response) => {
        response.writeHead(status, { 'content-type': type }).flushHeaders()
      })
      expect(await bench.upstreamCheck()).toEqual({ ready: true, reason: undefined })
      expect(bench.reported('upstream.probed')).toEqual([])
      bench.clock.pass(5_000)
    })
  }

  verifies(
    'FLD-14',
    'a refusal is expected where callers have credentials of their own',
    async () => {
      const bench = await startProbed((_request, response) => void response.writeHead(401).end(), {
        upstreamCredentials: () => ({ authorization: 'Bearer x' }),
      })
      expect(await bench.upstreamCheck()).toEqual({ ready: true, reason: undefined })
    },
  )

  verifies('FLD-14', 'a probe under way does not hold up the end', async () => {
    const silent = await startTcpUpstream((socket) => void socket.on('data', () => undefined))
    const bench = await startGateway(silent, {}, {}, createManualClock())
    await bench.gateway.refreshKeys()
    const socket = connect({ port: bench.port, host: '127.0.0.1' })
    onTestFinished(() => void socket.destroy())
    const readiness = bench.gateway.readiness()
    await bench.gateway.close()
    expect((await readiness).ready).toBe(false)
  })
})
