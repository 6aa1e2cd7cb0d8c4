/** What comes in and is no request, not one in time, too large, or two in one. */
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { describe, expect } from 'vitest'
import {
  bodyOf,
  eventually,
  exchangeBytes,
  startGateway,
  startUpstream,
  type GatewayFixture,
} from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

interface Intake extends GatewayFixture {
  /** Request lines that the upstream saw. */
  readonly seen: string[]
}

async function startIntake(options = {}): Promise<Intake> {
  const seen: string[] = []
  const upstream = await startUpstream((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    void bodyOf(request).then(
      (body) => response.end(`${body.length}`),
      () => undefined,
    )
  })
  return { ...(await startGateway(upstream, options)), seen }
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])

/** Requests that two servers could read differently. `T` stands for the token's field. */
const SMUGGLING: readonly (readonly [name: string, bytes: string, status: number])[] = [
  [
    'a length and chunks',
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n',
    400,
  ],
  [
    'chunks and a length',
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'two different lengths',
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nContent-Length: 2\r\nContent-Length: 30\r\n\r\n{}',
    400,
  ],
  [
    'a list of lengths',
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nContent-Length: 2, 2\r\n\r\n{}',
    400,
  ],
  [
    'a signed length',
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nContent-Length: +2\r\n\r\n{}',
    400,
  ],
  [
    'an unknown transfer coding',
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'a chunk size that is none',
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n',
    400,
  ],
  ['two Host fields', 'GET /mcp HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nT\r\n\r\n', 400],
  ['no Host field', 'GET /mcp HTTP/1.1\r\nT\r\n\r\n', 400],
  ['an absolute target', 'GET http://localhost/mcp HTTP/1.1\r\nHost: localhost\r\nT\r\n\r\n', 400],
  [
    'an absolute target of another host',
    'GET http://evil.example/mcp HTTP/1.1\r\nHost: localhost\r\nT\r\n\r\n',
    400,
  ],
  ['the asterisk form', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
  [
    'a control character in a value',
    'GET /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nX: a\x01b\r\n\r\n',
    400,
  ],
  [
    'a lone carriage return in a value',
    'GET /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nX: a\rb\r\n\r\n',
    400,
  ],
  ['a NUL in the target', 'GET /mcp\0 HTTP/1.1\r\nHost: localhost\r\nT\r\n\r\n', 400],
  ['a blank before the colon', 'GET /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nX : a\r\n\r\n', 400],
  ['a folded line', 'GET /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nX: a\r\n b\r\n\r\n', 400],
  ['a field without a colon', 'GET /mcp HTTP/1.1\r\nHost: localhost\r\nT\r\nX\r\n\r\n', 400],
  ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
]

describe('smuggling', () => {
  for (const [name, bytes, status] of SMUGGLING) {
    verifies(
      ['GW-02', 'CASE-69'],
      `${name}: ${status}, and the upstream sees nothing`,
      async () => {
        const { port, token, seen, events } = await startIntake()
        const request = bytes.replace('T\r\n', `Authorization: Bearer ${token}\r\n`)
        const answer = await exchangeBytes(port, Buffer.from(request, 'latin1'), {
          until: /\r\n\r\n\{.*\}$/,
        })
        expect(statusOf(answer)).toBe(status)
        expect(answer).toMatch(/\r\nContent-Type: application\/json\r\n/)
        expect(answer).toMatch(/\r\nX-Request-Id: [\da-f-]{36}\r\n/)
        expect(answer).not.toContain('    at ')
        expect(seen).toEqual([])
        expect(JSON.stringify(events)).not.toContain(token)
        expect(events.some((event) => event.type === 'request.refused')).toBe(true)
      },
    )
  }

  verifies(
    'CASE-69',
    'two requests in one go are two requests, each with its own token',
    async () => {
      const { port, token, seen } = await startIntake()
      const one = `POST /mcp?n=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 2\r\n\r\n{}`
      const other =
        'POST /mcp?n=2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}'
      const answer = await exchangeBytes(port, one + other)
      expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual([
        '200',
        '401',
      ])
      expect(seen).toEqual(['POST /mcp?n=1'])
    },
  )

  verifies('TRN-08', 'a connection that was let in once lets nobody else in', async () => {
    const { port, token } = await startIntake()
    const answer = await exchangeBytes(
      port,
      `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\nGET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200[^]*HTTP\/1\.1 401/)
  })
})

describe('limits', () => {
  verifies(
    ['CASE-70', 'HDR-10'],
    'a body that announces 100 MB: 413 before a byte of it is read',
    async () => {
      const { port, token, seen, reported } = await startIntake()
      const answer = await exchangeBytes(
        port,
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        { until: /\}$/ },
      )
      expect(statusOf(answer)).toBe(413)
      expect(answer).toContain('"error":"content_too_large"')
      expect(seen).toEqual([])
      expect(reported('request.refused')[0]).toMatchObject({
        code: 'ERR_BODY_TOO_LARGE',
        status: 413,
      })
    },
  )

  verifies(
    'CASE-70',
    'a body of 100 MB in chunks: counted, 413, and the memory stays',
    async () => {
      const { call, gateway } = await startIntake()
      const before = process.memoryUsage().rss
      let sent = 0
      const body = new ReadableStream({
        pull(controller) {
          sent += 65_536
          if (sent > 100e6) controller.close()
          else controller.enqueue(new Uint8Array(65_536).fill(0x5b))
        },
      })
      const outcome = await call({ method: 'POST', body, duplex: 'half' } as RequestInit).then(
        ({ status }) => status,
        () => 'its connection has ended',
      )
      // A client that does not listen while it sends may see the connection end instead.
      expect([413, 'its connection has ended']).toContain(outcome)
      expect(sent).toBeLessThan(90e6)
      expect(process.memoryUsage().rss - before).toBeLessThan(80e6)
      await eventually(() => gateway.status().active === 0)
    },
  )

  verifies('CASE-70', 'the limit is exact', async () => {
    const { call, seen } = await startIntake({ maxBody: 100_000 })
    const send = (size: number, chunked: boolean) =>
      call({
        method: 'POST',
        body: chunked ? new Blob(['['.repeat(size)]).stream() : '['.repeat(size),
        ...(chunked && { duplex: 'half' }),
      } as RequestInit)
    for (const chunked of [false, true]) {
      const exact = await send(100_000, chunked)
      expect(await exact.text()).toBe('100000')
      expect((await send(100_001, chunked)).status).toBe(413)
    }
    expect(seen.length).toBeGreaterThanOrEqual(2)
  })

  verifies('TOK-06', '10,000 header fields, and 40 KiB in one: 431', async () => {
    const { port, token, seen } = await startIntake()
    const head = `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`
    for (const fields of ['a: b\r\n'.repeat(10_000), `X: ${'y'.repeat(40_000)}\r\n`]) {
      const answer = await exchangeBytes(port, `${head}${fields}\r\n`, { until: /\}$/ })
      expect(statusOf(answer)).toBe(431)
      expect(answer).toContain('"error":"header_fields_too_large"')
    }
    expect(seen).toEqual([])
  })

  verifies(
    'HDR-10',
    'fields beyond the two thousandth are not dropped: a second credential is seen',
    async () => {
      const { port, token } = await startIntake()
      const answer = await exchangeBytes(
        port,
        `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${'a: b\r\n'.repeat(2500)}Authorization: Bearer x\r\n\r\n`,
        { until: /\}$/ },
      )
      expect(statusOf(answer)).toBe(400)
    },
  )

  for (const coding of ['gzip', 'br', 'identity, gzip', 'x-unknown']) {
    verifies('HDR-08', `a body in ${coding}: 415`, async () => {
      const { call, seen } = await startIntake()
      const response = await call({
        method: 'POST',
        body: 'x',
        headers: { 'content-encoding': coding },
      })
      expect(response.status).toBe(415)
      expect(await response.json()).toMatchObject({ error: 'unsupported_media_type' })
      expect(seen).toEqual([])
    })
  }

  verifies('CASE-69', 'without a token an encoded or huge body is a 401', async () => {
    const { url, seen } = await startIntake()
    const headers = { 'content-encoding': 'gzip', 'content-length': '5000000' }
    const response = await fetch(`${url}/mcp`, { method: 'POST', body: 'x'.repeat(5e6), headers })
    expect(response.status).toBe(401)
    expect(seen).toEqual([])
  })

  verifies(
    'GW-10',
    'a header that does not come to its end: 408, and others are served meanwhile',
    async () => {
      const { port, call } = await startIntake()
      const slow = exchangeBytes(port, 'GET /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', {})
      expect((await call()).status).toBe(200)
      expect(statusOf(await slow)).toBe(408)
      // The same for a body that drips.
      const { token, seen, gateway } = await startIntake()
      const drips = exchangeBytes(
        (await call()).ok ? port : 0,
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 100\r\n\r\n{`,
        { timeout: 10_000 },
      )
      expect(statusOf(await drips)).toBe(408)
      expect(seen).toEqual([])
      expect(gateway.status().active).toBe(0)
    },
  )
})

describe('many', () => {
  verifies('TRN-05', '200 streams opened and abandoned leave nothing behind', async () => {
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
    })
    const { port, token, gateway, reported } = await startGateway(upstream)
    const descriptors = () => readdirSync('/proc/self/fd').length
    const before = { descriptors: descriptors(), rss: process.memoryUsage().rss }
    const open = () =>
      new Promise<ReturnType<typeof connect>>((resolve) => {
        const socket = connect({ port, host: '127.0.0.1' })
        socket.write(
          `GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        )
        socket.once('data', () => resolve(socket))
      })
    for (let round = 0; round < 2; round++) {
      const sockets = await Promise.all(Array.from({ length: 200 }, open))
      await eventually(() => gateway.status().streams === 200)
      for (const socket of sockets) socket.destroy()
      await eventually(() => gateway.status().active === 0)
    }
    // Connections kept for a moment by both sides are no leak.
    await eventually(() => descriptors() <= before.descriptors + 10)
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(60e6)
    expect(reported('request.completed').filter(({ end }) => end !== 'client left')).toEqual([])
  })
})
