/** How a request goes to the upstream: over which connection, and in which form. */
import { connect, type Socket } from 'node:net'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import { describe, expect, onTestFinished } from 'vitest'
import {
  bodyOf,
  eventually,
  exchangeBytes,
  startGateway,
  startTcpUpstream,
  startUpstream,
} from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'

/**
 * A server that answers the first request of each connection, and does to the second one what the
 * test says.
 */
async function startForgetful(
  onSecond: (socket: Socket, attempt: number) => void,
  options: Partial<GatewayOptions> = {},
) {
  /** The method of each request, and how many its connection had before. */
  const seen: string[] = []
  let seconds = 0
  const upstream = await startTcpUpstream((socket) => {
    let requests = 0
    socket.on('data', (bytes) => {
      seen.push(`${bytes.toString().split(' ', 1)[0]} ${requests}`)
      if (requests++ === 0) socket.write(OK)
      else onSecond(socket, ++seconds)
    })
  })
  const fixture = await startGateway(upstream, options)
  const send = async (method: string): Promise<number> => {
    const init =
      method === 'POST' ? { body: '{}', headers: { 'content-type': 'application/json' } } : {}
    const answer = await fixture.call({ method, ...init })
    await answer.arrayBuffer()
    return answer.status
  }
  return { ...fixture, seen, send }
}

describe('a kept connection that is reset when it is used again', () => {
  const reset = (socket: Socket) => void socket.resetAndDestroy()

  for (const method of ['GET', 'DELETE']) {
    for (const [how, close] of [
      ['reset', reset],
      ['closed', (socket: Socket) => void socket.end()],
    ] as const) {
      verifies('FLD-15', `${how}: a ${method} is sent once more`, async () => {
        const { seen, send, reported } = await startForgetful(close)
        expect([await send('POST'), await send(method)]).toEqual([200, 200])
        expect(seen).toEqual(['POST 0', `${method} 1`, `${method} 0`])
        expect(reported('upstream.failed')).toEqual([])
        expect(reported('upstream.unexpected')).toEqual([
          expect.objectContaining({
            reason: 'it closed a connection that was in use again; the request was sent once more',
          }),
        ])
      })
    }
  }

  verifies('FLD-15', 'a POST is not: it may have had an effect', async () => {
    const { seen, send, reported } = await startForgetful(reset)
    expect([await send('POST'), await send('POST')]).toEqual([200, 502])
    expect(seen).toEqual(['POST 0', 'POST 1'])
    expect(reported('upstream.failed')).toHaveLength(1)
  })

  verifies('FLD-15', 'nothing is sent a third time', async () => {
    const { seen, send, reported } = await startForgetful(reset)
    // Two connections at once, and both are kept.
    expect(await Promise.all([send('GET'), send('GET')])).toEqual([200, 200])
    expect(seen).toEqual(['GET 0', 'GET 0'])
    expect(await send('GET')).toBe(502)
    expect(seen).toEqual(['GET 0', 'GET 0', 'GET 1', 'GET 1'])
    expect(reported('upstream.failed')).toHaveLength(1)
  })

  verifies('FLD-15', 'nothing is sent once more after a byte of the answer', async () => {
    const { seen, send } = await startForgetful((socket) => {
      socket.write('H', () => setImmediate(() => socket.resetAndDestroy()))
    })
    expect([await send('GET'), await send('GET')]).toEqual([200, 502])
    expect(seen).toEqual(['GET 0', 'GET 1'])
  })

  verifies('FLD-15', 'nothing is sent once more because the answer took too long', async () => {
    const { seen, send, reported } = await startForgetful(() => undefined, { upstreamTimeout: 0.1 })
    expect([await send('GET'), await send('GET')]).toEqual([200, 504])
    expect(seen).toEqual(['GET 0', 'GET 1'])
    expect(reported('upstream.unexpected')).toEqual([])
  })

  verifies('FLD-15', 'nothing is sent once more over a new connection', async () => {
    let connections = 0
    const upstream = await startTcpUpstream((socket) => {
      connections++
      socket.on('data', () => socket.resetAndDestroy())
    })
    const fixture = await startGateway(upstream)
    expect((await fixture.call()).status).toBe(502)
    expect(connections).toBe(1)
  })

  verifies('FLD-15', 'the credentials of the request are sent again', async () => {
    const keys: string[] = []
    let requests = 0
    const upstream = await startTcpUpstream((socket) => {
      socket.on('data', (bytes) => {
        keys.push(/x-key: (\w+)/i.exec(bytes.toString())?.[1] ?? '')
        if (++requests === 2) socket.resetAndDestroy()
        else socket.write(OK)
      })
    })
    let asked = 0
    const upstreamCredentials = () => ({ 'X-Key': `key${++asked}` })
    const fixture = await startGateway(upstream, { upstreamCredentials })
    for (let i = 0; i < 2; i++) expect(await (await fixture.call()).text()).toBe('{}')
    expect(keys).toEqual(['key1', 'key2', 'key2'])
  })
})

describe('the form of a request', () => {
  /** The head and the body of the last request, as the upstream got them. */
  async function startMirror(options: Partial<GatewayOptions> = {}) {
    const got = { headers: {} as NodeJS.Dict<string | string[]>, body: '' }
    const upstream = await startUpstream((request, response) => {
      void bodyOf(request).then(
        (body) => {
          got.headers = request.headers
          got.body = body.toString()
          response.end('{}')
        },
        () => undefined,
      )
    })
    const fixture = await startGateway(upstream, options)
    const chunked = (...pieces: string[]) =>
      exchangeBytes(fixture.port, [
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: Bearer ${fixture.token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
        ...pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`),
        '0\r\n\r\n',
      ])
    return { ...fixture, got, chunked }
  }

  verifies('FLD-15', 'a short body in chunks goes in one piece, with its length', async () => {
    const { got, chunked } = await startMirror()
    expect(await chunked(' ', '{"a":', '1}')).toContain(' 200 OK')
    expect(got.body).toBe(' {"a":1}')
    expect(got.headers).toMatchObject({ 'content-length': '8' })
    expect(got.headers).not.toHaveProperty('transfer-encoding')
  })

  verifies('FLD-15', 'a long one streams, and none is cut at the border', async () => {
    const { got, chunked } = await startMirror()
    for (const [size, field] of [
      [65_536, 'content-length'],
      [65_537, 'transfer-encoding'],
      [200_000, 'transfer-encoding'],
    ] as const) {
      const text = `{"a":"${'x'.repeat(size - 8)}"}`
      expect(await chunked(text.slice(0, 40_000), text.slice(40_000))).toContain(' 200 OK')
      expect(got.body === text, String(size)).toBe(true)
      expect(got.headers).toHaveProperty(field)
    }
  })

  verifies('FLD-15', 'one that is too large is refused, however small the limit', async () => {
    const { got, chunked } = await startMirror({ maxBody: 10 })
    expect(await chunked('{"a":"', '12"}')).toContain(' 200 OK')
    expect(got.body).toBe('{"a":"12"}')
    expect(await chunked('{"a":"', '123"}')).toContain(' 413 ')
    expect(got.body).toBe('{"a":"12"}')
  })

  verifies('FLD-15', 'what is collected counts for the limit of its caller', async () => {
    // All callers may have 64 bodies of 1000 bytes collected, one of them 16.
    const { port, token, reported } = await startMirror({ maxBody: 1_000 })
    const half = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n3e7\r\n{${' '.repeat(998)}\r\n`
    const sockets = Array.from({ length: 17 }, () => connect({ port, host: '127.0.0.1' }))
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
    })
    for (const socket of sockets) socket.write(half)
    await eventually(() => reported('request.refused').length === 1)
    expect(reported('request.refused')[0]).toMatchObject({ code: 'ERR_REQUESTS_TOO_MANY' })
  })

  verifies('FLD-15', 'no coding is asked for, whatever the client accepts', async () => {
    const { got, call } = await startMirror()
    await call({ headers: { 'accept-encoding': 'gzip, br' } })
    expect(got.headers['accept-encoding']).toBe('identity')
  })

  verifies('FLD-15', 'an operator may ask for one', async () => {
    const upstreamHeaders = { 'accept-encoding': 'gzip' }
    const { got, call } = await startMirror({ upstreamHeaders })
    await call()
    expect(got.headers['accept-encoding']).toBe('gzip')
  })
})
