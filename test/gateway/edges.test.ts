/** Where one exchange ends and the next begins: pipelining, early answers, odd answers, endings. */
import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createGateway } from 'mcp-gatehouse/gateway'
import { brokenProxies, proxyFor } from '../../src/gateway/http/proxies.js'
import { createManualClock, type ManualClock } from '../support/clocks.js'
import {
  bodyOf,
  eventually,
  exchangeBytes,
  socketsAt,
  startGateway,
  startTcpUpstream,
  startUpstream,
} from '../support/gateway.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { nextTurn } from '../support/turns.js'
import { verifies } from '../support/verifies.js'

const head = (token: string, ...more: string[]) =>
  ['GET /mcp HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${token}`, ...more, '', ''].join(
    '\r\n',
  )
const post = (token: string | undefined, ...more: string[]) =>
  [
    'POST /mcp HTTP/1.1',
    'Host: localhost',
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    'Transfer-Encoding: chunked',
    ...more,
    '',
    '',
  ].join('\r\n')

function open(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  return socket
}

describe('one connection', () => {
  verifies(
    'TRN-05',
    'of pipelined requests whose client left the first is told to the upstream, and none is kept',
    async () => {
      let openUpstream = 0
      const upstream = await startUpstream((_request, response) => {
        openUpstream++
        response.on('close', () => openUpstream--)
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
      })
      const limits = { drain: 3_600_000 }
      const { port, token, gateway, reported } = await startGateway(upstream, {}, limits)
      const sockets = Array.from({ length: 10 }, () => open(port))
      for (const socket of sockets) socket.write(head(token).repeat(4) + head('garbage'))
      await eventually(() => gateway.status().active === 10)
      for (const socket of sockets) socket.destroy()
      await eventually(() => gateway.status().active === 0 && openUpstream === 0)
      await eventually(() => reported('request.completed').length === 10)
      // Running answers would have an hour.
      await gateway.close()
    },
  )

  verifies(
    'CASE-69',
    'garbage behind a request that still waits is no answer to that request, and costs it none',
    async () => {
      let answerNow: (() => void) | undefined
      const upstream = await startUpstream((_request, response) => {
        answerNow = () => void response.end('the answer')
      })
      const { port, token, gateway, reported } = await startGateway(upstream)
      const sent = `${head(token)}\0\0\0garbage\r\n\r\n`
      const answer = exchangeBytes(port, [sent, sent])
      await eventually(() => answerNow !== undefined && reported('request.refused').length === 1)
      answerNow?.()
      expect(await answer).toMatch(/^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n[^]*the answer$/)
      await eventually(() => gateway.status().active === 0)
      expect(reported('request.completed')).toHaveLength(1)
      const leaving = open(port)
      leaving.write(sent)
      await eventually(() => gateway.status().active === 1)
      leaving.destroy()
      await eventually(() => gateway.status().active === 0)
    },
  )

  verifies('GW-02', 'CONNECT, and expectations that nobody knows', async () => {
    const upstream = await startUpstream((_request, response) => response.end())
    const { port, token } = await startGateway(upstream)
    const tunnel = await exchangeBytes(
      port,
      'CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    )
    expect(tunnel).toMatch(/^HTTP\/1\.1 400 [^]*"invalid_request"/)
    const unknown = await exchangeBytes(port, head(token, 'Expect: the-unexpected'), {
      until: /\}$/,
    })
    expect(unknown).toMatch(/^HTTP\/1\.1 417 [^]*"expectation_failed"/)
    const foreign = await exchangeBytes(
      port,
      'GET /mcp HTTP/1.1\r\nHost: evil.example\r\nExpect: x\r\n\r\n',
      { until: /\}$/ },
    )
    expect(foreign).toMatch(/^HTTP\/1\.1 403 /)
  })

  for (const coding of ['gzip, chunked', 'chunked, chunked', 'identity, chunked']) {
    verifies(
      'HDR-08',
      `a body in the transfer coding ${coding}: refused, not passed on unlabelled`,
      async () => {
        let asked = 0
        const upstream = await startUpstream((_request, response) => {
          asked++
          response.end()
        })
        const { port, token } = await startGateway(upstream)
        const request = post(token).replace('chunked', coding)
        const answer = await exchangeBytes(port, `${request}1\r\nx\r\n0\r\n\r\n`)
        expect(answer).toMatch(/^HTTP\/1\.1 400 /)
        expect(asked).toBe(0)
      },
    )
  }
})

describe('a body that nobody wants', () => {
  const LINGER = 2_000

  /** Sends chunks until its connection is ended, which is when the time for the rest is over. Returns what it got. */
  async function pour(port: number, request: string, clock: ManualClock): Promise<string> {
    const socket = open(port)
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    socket.write(request)
    const chunk = `10000\r\n${'['.repeat(65_536)}\r\n`
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const timeIsUp = eventually(() => clock.waiting(LINGER) === 1).then(() => clock.pass(LINGER))
    while (!socket.closed) {
      const isFlowing = socket.write(chunk)
      if (isFlowing) await nextTurn()
      else await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
    }
    await timeIsUp
    return answer
  }

  verifies(
    'CASE-69',
    'without a token: the answer, and soon the end of the connection',
    async () => {
      const upstream = await startUpstream(() => undefined)
      const clock = createManualClock()
      const { port } = await startGateway(upstream, {}, {}, clock)
      const answer = await pour(port, post(undefined), clock)
      expect(answer).toMatch(/^HTTP\/1\.1 401 [^]*\r\nConnection: close\r\n/)
    },
  )

  verifies(
    'CASE-70',
    'too large: a client that writes before it reads gets its answer',
    async () => {
      const upstream = await startUpstream((request) => void bodyOf(request).catch(() => undefined))
      const clock = createManualClock()
      const options = { maxBody: 100_000 }
      const { port, token, gateway } = await startGateway(upstream, options, {}, clock)
      const answer = await pour(port, post(token), clock)
      expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*"content_too_large"/)
      expect(gateway.status().active).toBe(0)
    },
  )

  verifies(
    'TRN-04',
    'an upstream that answers before the body is there: its answer, then the end',
    async () => {
      const upstream = await startUpstream((_request, response) => {
        response.writeHead(413, { 'content-type': 'text/plain' }).end('enough')
      })
      const clock = createManualClock()
      const { port, token, gateway } = await startGateway(upstream, {}, {}, clock)
      const answer = await pour(port, post(token), clock)
      expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*\r\nConnection: close\r\n[^]*enough/)
      await eventually(() => gateway.status().active === 0)
    },
  )
})

describe('odd answers', () => {
  for (const phrase of ['未找到', 'Gr\u00fcn', 'a\x01b', 'a\x7fb', '', ' ']) {
    verifies('TRN-04', `the reason phrase ${JSON.stringify(phrase)} hangs nobody`, async () => {
      const upstream = await startTcpUpstream((socket) => {
        socket.once('data', () => {
          socket.end(`HTTP/1.1 404 ${phrase}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok`)
        })
      })
      const { call, gateway } = await startGateway(upstream)
      const response = await call()
      // Bytes that are not HTTP may be a 502; an HTTP answer goes through.
      expect([404, 502]).toContain(response.status)
      expect((await response.text()).length).toBeGreaterThan(0)
      await eventually(() => gateway.status().active === 0)
    })
  }

  verifies(
    'GW-02',
    'a field that any of several Connection fields names does not pass',
    async () => {
      const upstream = await startTcpUpstream((socket) => {
        socket.once('data', () => {
          socket.end(
            'HTTP/1.1 200 OK\r\nConnection: X-Secret\r\nX-Secret: 1\r\nX-Open: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
          )
        })
      })
      const { headers } = await (await startGateway(upstream)).call()
      expect(headers.get('x-secret')).toBeNull()
      expect(headers.get('x-open')).toBe('1')
    },
  )

  verifies('TRN-04', 'a transfer coding that nobody takes off: 502', async () => {
    const upstream = await startTcpUpstream((socket) => {
      socket.once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n')
      })
    })
    const fixture = await startGateway(upstream)
    expect((await fixture.call()).status).toBe(502)
  })

  verifies(
    'TRN-04',
    'to HTTP/1.0 a cut is a reset: its end would look like the end of the answer',
    async () => {
      let cut: (() => void) | undefined
      const upstream = await startTcpUpstream((socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n')
          cut = () => socket.destroy()
        })
      })
      const { port, token } = await startGateway(upstream)
      const socket = connect({ port, host: '127.0.0.1' })
      const ended = new Promise<string>((resolve) => {
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
        socket.on('end', () => resolve('a clean end'))
      })
      socket.once('data', () => cut?.())
      socket.write(head(token).replace('HTTP/1.1', 'HTTP/1.0'))
      expect(await ended).toBe('ECONNRESET')
    },
  )
})

describe('endings', () => {
  verifies('KEY-04', 'a request that waits for keys is answered before the end', async () => {
    const upstream = await startUpstream((_request, response) => response.end('ok'))
    const idp = await FakeIdp.start()
    idp.fault = () => new Response('', { status: 500 })
    const { gateway, port, call, reported } = await startGateway(upstream, {
      wait: 5,
      fetch: idp.fetch,
    })
    const served = socketsAt(port)
    const answer = call()
    await eventually(() => reported('keys.failed').length > 0 && served.size === 1)
    const closing = gateway.close()
    idp.fault = undefined
    expect(await (await answer).text()).toBe('ok')
    await closing
  })

  test('close twice, close while it opens, open after the end', async () => {
    const upstream = await startUpstream(() => undefined)
    const { gateway, port, token } = await startGateway(upstream, {}, { drain: 300 })
    const socket = open(port)
    socket.write(head(token))
    await eventually(() => gateway.status().active === 1)
    await Promise.all([gateway.close(), gateway.close(), gateway.close()])
    await expect(gateway.listen()).rejects.toThrow(/closed/)
    const other = createGateway({
      port: 0,
      resource: RESOURCE,
      authorizationServers: { issuer: ISSUER, jwks: (await FakeIdp.start()).jwks },
      upstream,
    })
    const opening = other.listen()
    await other.close()
    const { url } = await opening
    await expect(fetch(url)).rejects.toThrow()
  })
})

describe('proxies of the environment', () => {
  const P = 'http://proxy.example:3128'
  const table: readonly (readonly [
    url: string,
    env: Record<string, string>,
    proxy: string | undefined,
  ])[] = [
    ['https://a.example/', { HTTPS_PROXY: P }, `${P}/`],
    ['https://a.example/', { https_proxy: P, HTTPS_PROXY: 'http://other.example' }, `${P}/`],
    ['https://a.example/', { HTTP_PROXY: P }, undefined],
    ['http://a.example/', { HTTP_PROXY: P }, `${P}/`],
    ['https://a.example/', { HTTPS_PROXY: 'proxy.example:3128' }, `${P}/`],
    ['https://a.example/', { HTTPS_PROXY: '' }, undefined],
    ['https://a.example/', { HTTPS_PROXY: P, NO_PROXY: '*' }, undefined],
    ['https://a.example/', { HTTPS_PROXY: P, NO_PROXY: 'b.example, a.example' }, undefined],
    ['https://x.a.example/', { HTTPS_PROXY: P, NO_PROXY: 'a.example' }, undefined],
    ['https://x.a.example/', { HTTPS_PROXY: P, NO_PROXY: '.a.example' }, undefined],
    ['https://x.a.example/', { HTTPS_PROXY: P, NO_PROXY: '*.a.example' }, undefined],
    ['https://nota.example/', { HTTPS_PROXY: P, NO_PROXY: 'a.example' }, `${P}/`],
    ['https://a.example/', { HTTPS_PROXY: P, NO_PROXY: 'a.example:8443' }, `${P}/`],
    ['https://a.example:8443/', { HTTPS_PROXY: P, NO_PROXY: 'a.example:8443' }, undefined],
    ['https://A.example/', { HTTPS_PROXY: P, no_proxy: 'a.EXAMPLE' }, undefined],
    ['http://10.0.0.1/', { HTTP_PROXY: P, NO_PROXY: '10.0.0.1' }, undefined],
    ['http://[fd00::1]/', { HTTP_PROXY: P, NO_PROXY: 'fd00::1' }, undefined],
    ['http://[fd00::1]/', { HTTP_PROXY: P, NO_PROXY: '[fd00::1]' }, undefined],
    ['http://127.0.0.2/', { HTTP_PROXY: P }, undefined],
    ['http://[::1]:5/', { HTTP_PROXY: P }, undefined],
    ['http://localhost:5/', { HTTP_PROXY: P }, undefined],
  ]
  for (const [url, env, proxy] of table) {
    verifies('CASE-40', `${url} with ${JSON.stringify(env)}: ${proxy ?? 'direct'}`, () => {
      expect(proxyFor(new URL(url), env)).toBe(proxy)
    })
  }

  verifies(
    ['CASE-40', 'GW-08'],
    'a value that does not name a proxy stops the start, and is not shown',
    () => {
      for (const value of ['http://u:canary@a b:1', 'socks5://canary', 'http://', 'ftp://canary']) {
        expect(brokenProxies({ HTTPS_PROXY: value })).toEqual(['HTTPS_PROXY'])
        const create = () =>
          createGateway({
            resource: RESOURCE,
            authorizationServers: ISSUER,
            upstream: 'http://127.0.0.1:1/mcp',
            proxyEnvironment: { HTTPS_PROXY: value },
          })
        expect(create).toThrow(/proxyEnvironment\.HTTPS_PROXY: is not the URL of a proxy/)
        expect(create).not.toThrow(/canary/)
      }
      expect(brokenProxies({ HTTP_PROXY: 'proxy:3128', https_proxy: P })).toEqual([])
    },
  )
})
