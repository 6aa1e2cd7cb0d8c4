/** Faults of both sides: whose they are, what the client gets, and what the log says. */
import { connect, createServer } from 'node:net'
import { describe, expect } from 'vitest'
import {
  eventually,
  exchangeBytes,
  socketsAt,
  startGateway,
  startTcpUpstream,
  startUpstream,
} from '../support/gateway.js'
import { FakeIdp } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const BAD_GATEWAY = '{"error":"bad_gateway","error_description":"The MCP server could not answer"}'
const TIMEOUT =
  '{"error":"gateway_timeout","error_description":"The MCP server did not answer in time"}'

/** A port where nobody listens. */
async function deadUpstream(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/mcp`
}

describe('the upstream', () => {
  verifies('CASE-63', 'is not there: 502, and no challenge', async () => {
    const fixture = await startGateway(await deadUpstream())
    const response = await fixture.call({ method: 'POST', body: '{}' })
    expect(response.status).toBe(502)
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.text()).toBe(BAD_GATEWAY)
    const [failed] = fixture.reported('upstream.failed')
    expect(failed).toMatchObject({
      code: 'ERR_UPSTREAM_UNREACHABLE',
      requestId: response.headers.get('x-request-id'),
    })
    expect(failed?.reason).toContain('ECONNREFUSED')
  })

  verifies('CASE-63', 'does not answer: 504 in the time that was set', async () => {
    const upstream = await startUpstream(() => undefined)
    const fixture = await startGateway(upstream, { upstreamTimeout: 0.5 })
    const response = await fixture.call({ method: 'POST', body: '{}' })
    expect(response.status).toBe(504)
    expect(await response.text()).toBe(TIMEOUT)
    expect(fixture.reported('upstream.failed')[0]).toMatchObject({ code: 'ERR_UPSTREAM_TIMEOUT' })
  })

  for (const status of [401, 403]) {
    verifies('CASE-63', `answers ${status}: 502, and not its challenge`, async () => {
      const upstream = await startUpstream((_request, response) => {
        response.writeHead(status, {
          'www-authenticate': 'Bearer resource_metadata="https://evil.example"',
        })
        response.end('{"error":"invalid_token"}')
      })
      const fixture = await startGateway(upstream)
      const response = await fixture.call()
      expect(response.status).toBe(502)
      expect(response.headers.get('www-authenticate')).toBeNull()
      expect(await response.text()).toBe(BAD_GATEWAY)
      const [failed] = fixture.reported('upstream.failed')
      expect(failed).toMatchObject({ code: 'ERR_UPSTREAM_UNAUTHORIZED' })
      expect(failed?.hint).toContain('--upstream-header')
    })
  }

  for (const status of [301, 302, 303, 307, 308]) {
    verifies(
      ['CASE-64'],
      `answers ${status}: 502, and the log names the right --upstream`,
      async () => {
        let asked = 0
        const upstream = await startUpstream((_request, response) => {
          asked++
          response.writeHead(status, { location: '/mcp/?key=secret' }).end()
        })
        const fixture = await startGateway(upstream)
        const response = await fixture.call({ method: 'POST', body: '{}' })
        expect(response.status).toBe(502)
        expect(response.headers.get('location')).toBeNull()
        expect(asked).toBe(1)
        const [failed] = fixture.reported('upstream.failed')
        expect(failed?.hint).toBe(`configure the exact endpoint: --upstream ${upstream}/`)
        expect(JSON.stringify(fixture.events)).not.toContain('secret')
      },
    )
  }

  verifies('CASE-64', 'a redirect that names metadata elsewhere is not followed', async () => {
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end()
    })
    const fixture = await startGateway(upstream)
    expect((await fixture.call()).status).toBe(502)
  })

  const GARBAGE: readonly (readonly [string, string])[] = [
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['half a status line', 'HTTP/1.1 2'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['a header field without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
    ['a header of 100 KiB', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['nothing at all', ''],
  ]
  for (const [name, bytes] of GARBAGE) {
    verifies('CASE-63', `answers ${name}: 502`, async () => {
      const upstream = await startTcpUpstream((socket) => {
        socket.once('data', () => socket.end(bytes))
      })
      const fixture = await startGateway(upstream)
      const response = await fixture.call({ method: 'POST', body: '{}' })
      expect(response.status).toBe(502)
      expect(await response.text()).toBe(BAD_GATEWAY)
      expect(fixture.reported('upstream.failed')).toHaveLength(1)
    })
  }

  for (const [name, head] of [
    ['with a length', 'Content-Length: 100\r\n\r\n0123456789'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n'],
    ['in a chunk', 'Transfer-Encoding: chunked\r\n\r\nff\r\n0123456789'],
  ] as const) {
    verifies('TRN-04', `is cut in mid-answer, ${name}: the client sees the cut`, async () => {
      let cut: (() => void) | undefined
      const upstream = await startTcpUpstream((socket) => {
        socket.once('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${head}`)
          cut = () => socket.destroy()
        })
      })
      const fixture = await startGateway(upstream)
      const response = await fixture.call()
      expect(response.status).toBe(200)
      cut?.()
      await expect(response.text()).rejects.toThrow()
      await eventually(() => fixture.reported('request.completed').length === 1)
      expect(fixture.reported('request.completed')[0]).toMatchObject({ end: 'cut', status: 200 })
    })
  }

  verifies('CASE-63', 'an answer that only its end delimits goes through', async () => {
    const upstream = await startTcpUpstream((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello'))
    })
    const fixture = await startGateway(upstream)
    expect(await (await fixture.call()).text()).toBe('hello')
  })

  verifies('TRN-04', 'informational answers stay between us and the upstream', async () => {
    const upstream = await startTcpUpstream((socket) => {
      socket.once('data', () => {
        socket.end(
          'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
        )
      })
    })
    const { port, token } = await startGateway(upstream)
    const answer = await exchangeBytes(
      port,
      `GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(answer).not.toContain('103')
  })

  verifies('CASE-63', 'switches protocols: 502', async () => {
    const upstream = await startTcpUpstream((socket) => {
      socket.once('data', () => {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
        )
      })
    })
    const fixture = await startGateway(upstream)
    expect((await fixture.call()).status).toBe(502)
  })
})

describe('the client', () => {
  for (const when of ['before the answer', 'in mid-answer', 'while it does not read'] as const) {
    verifies('TRN-05', `leaves ${when}: the upstream learns it`, async () => {
      let isClosed = false
      let isReached = false
      const upstream = await startUpstream((_request, response) => {
        isReached = true
        response.on('close', () => (isClosed = true))
        if (when === 'before the answer') return
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        if (when === 'in mid-answer') return void response.write('data: 1\n\n')
        const flood = () => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
          response.once('drain', flood)
        }
        flood()
      })
      const { port, token } = await startGateway(upstream)
      const served = socketsAt(port)
      const socket = connect({ port, host: '127.0.0.1' })
      socket.on('error', () => undefined)
      socket.write(`GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
      if (when === 'in mid-answer') await new Promise((resolve) => socket.once('data', resolve))
      if (when === 'while it does not read') socket.pause()
      await eventually(() => isReached)
      const isUnread = () => [...served].some(({ writableLength }) => writableLength > 0)
      if (when === 'while it does not read') await eventually(isUnread)
      expect(isClosed).toBe(false)
      socket.destroy()
      await eventually(() => isClosed)
    })
  }

  verifies(
    'TRN-05',
    'leaves in the middle of its body: the upstream sees no whole one',
    async () => {
      const seen: string[] = []
      const upstream = await startUpstream((request) => {
        request.on('data', () => seen.push('data'))
        request.on('end', () => seen.push('end'))
        request.on('error', () => seen.push('error'))
        request.on('close', () => seen.push('close'))
      })
      const { port, token } = await startGateway(upstream)
      const socket = connect({ port, host: '127.0.0.1' })
      socket.write(
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer ${token}\r\n\r\n11170\r\n{${' '.repeat(69_999)}\r\n`,
      )
      await eventually(() => seen.includes('data'))
      socket.destroy()
      await eventually(() => seen.includes('close'))
      expect(seen).not.toContain('end')
    },
  )
})

describe('the identity provider', () => {
  verifies(
    ['KEY-06', 'CASE-24'],
    'is down: 503 with Retry-After, and the upstream is not asked',
    async () => {
      let asked = 0
      const upstream = await startUpstream((_request, response) => {
        asked++
        response.end()
      })
      const fixture = await startGateway(upstream, {
        wait: 0,
        fetch: () => Promise.reject(new TypeError('down')),
      })
      const response = await fixture.call()
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(response.headers.get('www-authenticate')).toBeNull()
      expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
      expect(asked).toBe(0)
      const { ready, checks } = await fixture.gateway.readiness()
      expect(ready).toBe(false)
      expect(checks.find(({ name }) => name === 'keys')?.reason).toContain('down')
      expect(checks.find(({ name }) => name === 'upstream')?.ok).toBe(true)
    },
  )

  verifies(
    'KEY-04',
    'was down at the start and comes: the first requests wait for it',
    async () => {
      const upstream = await startUpstream((_request, response) => response.end('ok'))
      const idp = await FakeIdp.start()
      idp.fault = () => new Response('starting', { status: 503 })
      const fixture = await startGateway(upstream, { wait: 3, fetch: idp.fetch })
      const pending = Promise.all(Array.from({ length: 5 }, () => fixture.call()))
      await eventually(() => fixture.reported('keys.failed').length > 0)
      idp.fault = undefined
      expect((await pending).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
      expect((await fixture.gateway.readiness()).ready).toBe(true)
    },
  )
})
