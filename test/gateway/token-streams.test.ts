/** Streams and the tokens that opened them: what ends, how, and what may go on. */
import { connect } from 'node:net'
import type { ServerResponse } from 'node:http'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { describe, expect } from 'vitest'
import { FakeIntrospection } from '../introspect/server.js'
import { eventually, startGateway, startUpstream } from '../support/gateway.js'
import { ISSUER } from '../support/idp.js'
import { createManualClock } from '../support/clocks.js'
import { verifies } from '../support/verifies.js'

/** A server all of whose answers are streams, which it leaves to the test. */
async function startStreams(contentType = 'text/event-stream') {
  const open = new Set<ServerResponse>()
  const asked: (string | undefined)[] = []
  const url = await startUpstream((request, response) => {
    asked.push(request.headers['last-event-id']?.toString())
    request.resume()
    response.writeHead(200, { 'content-type': contentType })
    response.write(': open\n\n')
    open.add(response)
    response.on('close', () => open.delete(response))
  })
  return {
    url,
    asked,
    open,
    write: (text: string) => {
      for (const response of open) response.write(text)
    },
  }
}

/** With tokens that live this many seconds by the clock of the test, and clocks that agree. */
async function startFixture(upstream: string, options: Partial<GatewayOptions> = {}) {
  const clock = createManualClock()
  const fixture = await startGateway(
    upstream,
    // Comments come by the same clock.
    { clockTolerance: 0, now: clock.today, sseKeepAlive: 0, ...options },
    {},
    clock,
  )
  const shortToken = (life: number) =>
    fixture.idp.token({ claims: { exp: clock.today() / 1000 + life, jti: `id-${Math.random()}` } })
  /** Passes this many seconds, once something waits for them. */
  async function pass(seconds: number): Promise<void> {
    await eventually(() => clock.waiting() > 0)
    clock.pass(seconds * 1000)
  }
  return { ...fixture, clock, shortToken, pass }
}

function post(body: string, fields: Readonly<Record<string, string>> = {}): RequestInit {
  return { method: 'POST', body, headers: { 'content-type': 'application/json', ...fields } }
}

function listen(id: string): RequestInit {
  return post(
    `{"jsonrpc":"2.0","id":${id},"method":"subscriptions/listen","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`,
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
  )
}

interface Reading {
  text: string
  /** How it ended; `undefined` as long as it goes on. */
  end: 'whole' | 'cut' | undefined
}

async function follow(response: Promise<Response>): Promise<Reading> {
  const { body } = await response
  const reading: Reading = { text: '', end: undefined }
  void (async () => {
    try {
      for await (const chunk of body as ReadableStream<Uint8Array>) {
        reading.text += Buffer.from(chunk).toString()
      }
      reading.end = 'whole'
    } catch {
      reading.end = 'cut'
    }
  })()
  return reading
}

const withToken = (init: RequestInit, token: string): RequestInit => ({
  ...init,
  headers: { ...(init.headers as object), authorization: `Bearer ${token}` },
})

describe('at the end of the token', () => {
  verifies(
    ['TRN-09', 'CASE-50'],
    'a GET stream ends cleanly, the server is told, and the log has the reason',
    async () => {
      const upstream = await startStreams()
      const fixture = await startFixture(upstream.url)
      const stream = await follow(fixture.call(withToken({}, await fixture.shortToken(2))))
      await fixture.pass(1.999)
      upstream.write('data: half')
      await eventually(() => stream.text.endsWith('data: half'))
      expect(stream.end).toBeUndefined()
      expect(fixture.reported('token.ended')).toEqual([])
      await fixture.pass(0.001)
      await eventually(() => stream.end !== undefined)
      expect(stream).toEqual({ text: ': open\n\ndata: half', end: 'whole' })
      await eventually(
        () => upstream.open.size === 0 && fixture.reported('request.completed').length > 0,
      )
      const [completed] = fixture.reported('request.completed')
      expect(completed).toMatchObject({ status: 200, end: 'token ended', from: 'upstream' })
      expect(fixture.reported('token.ended')).toEqual([
        expect.objectContaining({
          requestId: completed?.requestId,
          code: 'ERR_TOKEN_EXPIRED',
          issuer: ISSUER,
        }),
      ])
      expect(fixture.gateway.status().active).toBe(0)
    },
  )

  verifies('TRN-09', 'the tolerance for clocks is part of its life', async () => {
    const upstream = await startStreams()
    const fixture = await startFixture(upstream.url, { clockTolerance: 30 })
    const stream = await follow(fixture.call(withToken({}, await fixture.shortToken(1))))
    await fixture.pass(30.999)
    await eventually(() => fixture.clock.waiting() > 0)
    upstream.write('data: still')
    await eventually(() => stream.text.endsWith('data: still'))
    expect(stream.end).toBeUndefined()
    expect(fixture.reported('token.ended')).toEqual([])
    await fixture.pass(0.001)
    await eventually(() => stream.end !== undefined)
    expect(fixture.reported('token.ended')).toHaveLength(1)
  })

  for (const id of ['9007199254740993', '"sub-1"']) {
    verifies(
      ['TRN-09', 'CASE-50'],
      `a subscription ${id} ends with its result, between two events`,
      async () => {
        const upstream = await startStreams()
        const fixture = await startFixture(upstream.url)
        const stream = await follow(
          fixture.call(withToken(listen(id), await fixture.shortToken(1))),
        )
        upstream.write('data: {"jsonrpc":"2.0"}\r\n\r\n')
        await eventually(() => stream.text.endsWith('}\r\n\r\n'))
        await fixture.pass(1)
        await eventually(() => stream.end !== undefined)
        expect(stream).toEqual({
          end: 'whole',
          text: `: open\n\ndata: {"jsonrpc":"2.0"}\r\n\r\ndata: {"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":${id}}}}\n\n`,
        })
        await eventually(() => upstream.open.size === 0)
      },
    )
  }

  verifies('TRN-09', 'in the midst of an event nothing is put behind it', async () => {
    const upstream = await startStreams()
    const fixture = await startFixture(upstream.url)
    const stream = await follow(fixture.call(withToken(listen('1'), await fixture.shortToken(1))))
    upstream.write('id: 5\ndata: ha')
    await eventually(() => stream.text.endsWith('data: ha'))
    await fixture.pass(1)
    await eventually(() => stream.end !== undefined)
    expect(stream).toEqual({ end: 'whole', text: ': open\n\nid: 5\ndata: ha' })
  })

  verifies('TRN-09', 'an answer to a POST goes on, and may end by itself', async () => {
    const upstream = await startStreams()
    const fixture = await startFixture(upstream.url)
    const stream = await follow(fixture.call(withToken(post('{}'), await fixture.shortToken(1))))
    await fixture.pass(1)
    await eventually(() => fixture.reported('token.ended').length === 1)
    await fixture.pass(299.9)
    upstream.write('data: late\n\n')
    for (const response of upstream.open) response.end()
    await eventually(() => stream.end !== undefined)
    expect(stream).toEqual({ text: ': open\n\ndata: late\n\n', end: 'whole' })
    await eventually(() => fixture.reported('request.completed').length === 1)
    expect(fixture.reported('request.completed')[0]).toMatchObject({ end: 'whole' })
  })

  for (const [name, contentType] of [
    ['a stream', 'text/event-stream'],
    ['anything else', 'application/json'],
  ] as const) {
    verifies(
      ['TRN-09', 'CASE-50'],
      `an answer to a POST, ${name}, is cut after the grace`,
      async () => {
        const upstream = await startStreams(contentType)
        const fixture = await startFixture(upstream.url, { streamGrace: 0.5 })
        const stream = await follow(
          fixture.call(withToken(post('{}'), await fixture.shortToken(1))),
        )
        await fixture.pass(1)
        await eventually(() => fixture.reported('token.ended').length === 1)
        await fixture.pass(0.499)
        expect(upstream.open.size).toBe(1)
        expect(stream.end).toBeUndefined()
        await fixture.pass(0.001)
        await eventually(() => stream.end !== undefined)
        expect(stream.end).toBe('cut')
        await eventually(() => upstream.open.size === 0)
        await eventually(() => fixture.reported('request.completed').length === 1)
        expect(fixture.reported('request.completed')[0]).toMatchObject({ end: 'token ended' })
      },
    )
  }

  verifies('TRN-09', 'with another token it goes on where it was', async () => {
    const upstream = await startStreams()
    const fixture = await startFixture(upstream.url)
    const first = await follow(fixture.call(withToken({}, await fixture.shortToken(1))))
    upstream.write('retry: 10\nid: 7\ndata: x\n\n')
    await eventually(() => first.text.endsWith('data: x\n\n'))
    await fixture.pass(1)
    await eventually(() => first.end === 'whole')
    expect(first.text).toContain('retry: 10\nid: 7\n')
    const again = { headers: { 'last-event-id': '7' } }
    const second = await follow(fixture.call(again))
    upstream.write('id: 8\ndata: y\n\n')
    await eventually(() => second.text.includes('id: 8\ndata: y\n\n'))
    expect(upstream.asked).toEqual([undefined, '7'])
    expect(second.end).toBeUndefined()
  })

  verifies('TRN-09', 'a reader that does not read is not waited for', async () => {
    let written = 0
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const chunk = `data: ${'x'.repeat(60_000)}\n\n`
      const fill = () => {
        do written += chunk.length
        while (response.write(chunk))
      }
      response.on('drain', fill)
      fill()
    })
    const fixture = await startFixture(upstream)
    const socket = connect({ port: fixture.port, host: '127.0.0.1' })
    socket.on('error', () => undefined)
    socket.pause()
    const token = await fixture.shortToken(1)
    socket.write(`GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    // All buffers are full when nothing more was taken in a hundred looks.
    let looks = 0
    let seen = 0
    await eventually(() => {
      looks = written === seen ? looks + 1 : 0
      seen = written
      return seen > 0 && looks > 100
    })
    await fixture.pass(1)
    await eventually(() => fixture.reported('token.ended').length === 1)
    // What is under way to a reader has 5 seconds.
    await fixture.pass(4.999)
    expect(fixture.gateway.status().active).toBe(1)
    await fixture.pass(0.001)
    await eventually(() => fixture.gateway.status().active === 0)
    expect(fixture.reported('request.completed')[0]).toMatchObject({ end: 'token ended' })
    socket.destroy()
  })

  verifies('TRN-09', 'a thousand streams end, and nothing is left of them', async () => {
    const upstream = await startStreams()
    const fixture = await startFixture(upstream.url)
    const token = await fixture.shortToken(1)
    const streams = await Promise.all(
      Array.from({ length: 1_000 }, () => follow(fixture.call(withToken({}, token)))),
    )
    expect(fixture.gateway.status()).toMatchObject({ active: 1_000, streams: 1_000 })
    await eventually(() => fixture.clock.waiting() === 1_000)
    await fixture.pass(1)
    await eventually(() => streams.every(({ end }) => end === 'whole'), 20_000)
    await eventually(
      () => fixture.gateway.status().active === 0 && upstream.open.size === 0,
      10_000,
    )
    expect(fixture.reported('token.ended')).toHaveLength(1_000)
  })
})

describe('a token that is asked about', () => {
  async function startAsked(options: Partial<GatewayOptions> = {}) {
    const server = new FakeIntrospection()
    const upstream = await startStreams()
    const fixture = await startFixture(upstream.url, {
      authorizationServers: {
        issuer: ISSUER,
        introspector: (world) =>
          createTokenIntrospector({
            ...world,
            clientId: 'rs',
            clientSecret: 'secret',
            fetch: server.fetch,
            cache: 1,
          }),
      },
      ...options,
    })
    const stream = await follow(
      fixture.call({ headers: { authorization: 'Bearer opaque_0123456789abcdef' } }),
    )
    return { server, upstream, fixture, stream }
  }

  verifies(
    ['TRN-09', 'CASE-50', 'REV-01'],
    'that becomes inactive ends the stream, and not more is asked than needed',
    async () => {
      const { server, upstream, fixture, stream } = await startAsked()
      await fixture.pass(4.999)
      expect(server.calls).toHaveLength(1)
      server.answer = () => ({ active: false })
      await fixture.pass(0.001)
      await eventually(() => stream.end !== undefined)
      expect(stream.end).toBe('whole')
      expect(server.calls).toHaveLength(2)
      expect(fixture.reported('token.ended')).toEqual([
        expect.objectContaining({ code: 'ERR_TOKEN_INACTIVE', issuer: ISSUER }),
      ])
      await eventually(() => upstream.open.size === 0)
      expect(JSON.stringify(fixture.events)).not.toContain('opaque_')
    },
  )

  verifies('TRN-09', 'a server that is away ends nothing', async () => {
    const { server, upstream, fixture, stream } = await startAsked({ wait: 0 })
    server.answer = () => new Response('no', { status: 500 })
    await fixture.pass(5)
    await eventually(() => fixture.reported('introspection.failed').length > 0)
    expect(server.calls.length).toBeGreaterThan(1)
    upstream.write('data: still\n\n')
    await eventually(() => stream.text.endsWith('data: still\n\n'))
    expect(stream.end).toBeUndefined()
    expect(fixture.reported('token.ended')).toEqual([])
    // Though nobody new is let in.
    const response = await fixture.call({
      headers: { authorization: 'Bearer opaque_other_0123456789' },
    })
    expect(response.status).toBe(503)
  })
})

describe('otherwise', () => {
  verifies('TRN-09', 'without tokens a stream goes on', async () => {
    const upstream = await startStreams()
    const fixture = await startFixture(upstream.url, {
      auth: 'none',
      resource: 'http://localhost/mcp',
    })
    const stream = await follow(fixture.call())
    expect(fixture.clock.waiting()).toBe(0)
    upstream.write('data: x\n\n')
    await eventually(() => stream.text.endsWith('data: x\n\n'))
    expect(stream.end).toBeUndefined()
  })

  verifies(['TRN-09', 'TRN-05'], 'a client that leaves takes the watch with it', async () => {
    const upstream = await startStreams()
    const fixture = await startFixture(upstream.url)
    const controller = new AbortController()
    const token = await fixture.shortToken(1)
    await fixture.call({ ...withToken({}, token), signal: controller.signal })
    await eventually(() => fixture.clock.waiting() === 1)
    controller.abort()
    await eventually(() => fixture.gateway.status().active === 0)
    expect(fixture.clock.waiting()).toBe(0)
    fixture.clock.pass(1_300)
    expect(fixture.reported('token.ended')).toEqual([])
  })

  verifies('TRN-09', 'an answer that is there at once is not watched', async () => {
    const upstream = await startUpstream((_request, response) => response.end('{}'))
    const fixture = await startFixture(upstream)
    const token = await fixture.shortToken(1)
    expect(await (await fixture.call(withToken(post('{}'), token))).text()).toBe('{}')
    await eventually(() => fixture.gateway.status().active === 0)
    expect(fixture.clock.waiting()).toBe(0)
    fixture.clock.pass(1_300)
    expect(fixture.reported('token.ended')).toEqual([])
  })

  verifies('TRN-09', 'a subscription ends in its form when the gateway does', async () => {
    const upstream = await startStreams()
    const fixture = await startFixture(upstream.url)
    const stream = await follow(fixture.call(listen('1')))
    await eventually(() => stream.text !== '')
    await fixture.gateway.close()
    expect(stream.text).toMatch(/"resultType":"complete".*\n\n$/)
    await eventually(() => stream.end === 'whole')
    expect(fixture.reported('request.completed')[0]).toMatchObject({ end: 'whole' })
  })
})
