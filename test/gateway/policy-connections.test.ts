/** What a policy judges where requests share a connection, come in pieces, or come in older and odder forms of HTTP. */
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import {
  bodyOf,
  eventually,
  exchangeBytes,
  socketsAt,
  startGateway,
  startUpstream,
} from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{}}'

const call = (name: string, id = 1) =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${name}"}}`

async function startFixture(options: Partial<GatewayOptions> = {}) {
  /** Bodies that the upstream saw. */
  const seen: string[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then(
      (body) => {
        seen.push(body.toString())
        expect(request.trailers).toEqual({})
        response.setHeader('content-type', 'application/json').end(ANSWER)
      },
      () => seen.push('half a body'),
    )
  })
  const policy = { rules: [{ tools: ['read_*'], scopes: [] }], unmatched: 'deny' as const }
  const fixture = await startGateway(upstream, { policy, ...options })
  const fields = (...more: string[]) => [
    'Host: localhost',
    `Authorization: Bearer ${fixture.token}`,
    'Content-Type: application/json',
    ...more,
  ]
  return {
    ...fixture,
    seen,
    /** A request with this body. */
    post: (body: string, ...more: string[]) =>
      ['POST /mcp HTTP/1.1', ...fields(`Content-Length: ${body.length}`, ...more), '', body].join(
        '\r\n',
      ),
    head: (line: string, ...more: string[]) => [line, ...fields(...more), '', ''].join('\r\n'),
  }
}

/** One of the chunks of a body. */
const chunk = (part: string) => `${part.length.toString(16)}\r\n${part}\r\n`

const statusesIn = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

describe('one connection with a policy', () => {
  verifies(
    ['SCP-05', 'GW-02'],
    'each of several requests in one packet is judged, and has its own answer',
    async () => {
      const { port, post, seen, reported } = await startFixture()
      const sent = ['drop_all', 'read_a', 'drop_b', 'read_b', 'drop_c'].map((name) => call(name))
      const packet = sent.map((body, i) => post(body, ...(i === 4 ? ['Connection: close'] : [])))
      const answer = await exchangeBytes(port, packet.join(''))
      expect(statusesIn(answer)).toEqual([403, 200, 403, 200, 403])
      expect([...seen].sort()).toEqual([call('read_a'), call('read_b')])
      expect(reported('operation.judged').map(({ outcome }) => outcome)).toEqual([
        'denied',
        'allowed',
        'denied',
        'allowed',
        'denied',
      ])
      await eventually(() => reported('request.completed').length === 5)
    },
  )

  verifies(
    ['HDR-08', 'GW-02'],
    'a body that is refused is never taken for the next request',
    async () => {
      const { port, post, seen, reported } = await startFixture()
      const inner = post(call('drop_all'))
      const refused = [
        post(inner),
        post(inner, 'Content-Type: text/plain'),
        post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}'),
        post(call('drop_all')),
      ]
      const answer = await exchangeBytes(
        port,
        [...refused, post(call('read_a'), 'Connection: close')].join(''),
      )
      expect(statusesIn(answer)).toEqual([400, 415, 400, 403, 200])
      expect(seen).toEqual([call('read_a')])
      await eventually(() => reported('request.completed').length === 5)
    },
  )

  verifies('SCP-07', 'requests that come together count together', async () => {
    const { port, post, seen } = await startFixture()
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const packet = Array.from({ length: 35 }, (_, i) => post(call('drop_all', i))).join('')
    const answer = await exchangeBytes(port, packet + post(call('read_a'), 'Connection: close'))
    const statuses = statusesIn(answer)
    expect(statuses).toHaveLength(36)
    expect(new Set(statuses.slice(0, 30))).toEqual(new Set([403]))
    expect(new Set(statuses.slice(31))).toEqual(new Set([429]))
    expect(seen).toEqual([])
    expect(warnings).toEqual([])
  })

  test('that come over many connections at once count together', async () => {
    const { port, post, seen } = await startFixture()
    const answers = await Promise.all(
      Array.from({ length: 35 }, async (_, i) => {
        const whole = post(call('drop_all', i), 'Expect: 100-continue', 'Connection: close')
        const end = whole.indexOf('\r\n\r\n') + 4
        const socket = connect({ port, host: '127.0.0.1' })
        let answer = ''
        socket.on('data', (piece: Buffer) => (answer += piece.toString()))
        const closed = new Promise((resolve) => socket.on('close', resolve))
        socket.write(whole.slice(0, end))
        return {
          isExpected: () => answer.includes('100 Continue'),
          finish: async () => {
            socket.write(whole.slice(end))
            await closed
            return Number(/HTTP\/1\.1 ([45]\d\d)/.exec(answer)?.[1])
          },
        }
      }),
    )
    // None was refused when the last of them was let in.
    await eventually(() => answers.every(({ isExpected }) => isExpected()))
    const statuses = await Promise.all(answers.map(({ finish }) => finish()))
    expect(statuses.filter((status) => status === 403)).toHaveLength(30)
    expect(statuses.filter((status) => status === 429)).toHaveLength(5)
    expect(seen).toEqual([])
  })

  verifies(
    'GW-03',
    'a body that is too large is read to its end, or ends the connection',
    async () => {
      const { port, post, head, seen } = await startFixture({ maxBody: 100 })
      const large = `${call('read_a')}${' '.repeat(100)}`
      const last = post(call('read_b'), 'Connection: close')
      expect(statusesIn(await exchangeBytes(port, post(large) + last))).toEqual([413, 200])
      const inChunks = head('POST /mcp HTTP/1.1', 'Transfer-Encoding: chunked')
      const answer = await exchangeBytes(port, `${inChunks}${chunk(large)}0\r\n\r\n${last}`)
      expect(statusesIn(answer)[0]).toBe(413)
      expect(new Set(seen)).toEqual(new Set([call('read_b')]))
    },
  )
})

describe('a body with a policy', () => {
  verifies(
    ['HDR-08', 'GW-03'],
    'in chunks, each a packet, with trailers: the judged bytes go on, the trailers do not',
    async () => {
      const { port, head, seen } = await startFixture()
      const fields = ['Transfer-Encoding: chunked', 'Trailer: Mcp-Name', 'Connection: close']
      const text = call('read_a')
      const answer = await exchangeBytes(port, [
        head('POST /mcp HTTP/1.1', ...fields),
        ...[...text].map((char) => chunk(char)),
        '0\r\nMcp-Name: drop_all\r\nContent-Type: text/plain\r\n\r\n',
      ])
      expect(statusesIn(answer)).toEqual([200])
      expect(seen).toEqual([text])
      const denied = await exchangeBytes(port, [
        head('POST /mcp HTTP/1.1', ...fields),
        chunk(call('drop_all')),
        '0\r\nMcp-Name: read_a\r\n\r\n',
      ])
      expect(statusesIn(denied)).toEqual([403])
      expect(seen).toHaveLength(1)
    },
  )

  verifies('CHL-13', 'that waits for 100 Continue is judged as any other', async () => {
    const { port, post, seen } = await startFixture()
    const fields = ['Expect: 100-continue', 'Connection: close']
    const denied = await exchangeBytes(port, post(call('drop_all'), ...fields))
    expect(statusesIn(denied)).toEqual([100, 403])
    const allowed = await exchangeBytes(port, post(call('read_a'), ...fields))
    expect(statusesIn(allowed)).toEqual([100, 200])
    expect(seen).toEqual([call('read_a')])
  })

  verifies('GW-02', 'of HTTP/1.0 is judged as any other', async () => {
    const { port, post, seen } = await startFixture()
    const old = (body: string) => post(body).replace('HTTP/1.1', 'HTTP/1.0')
    expect(statusesIn(await exchangeBytes(port, old(call('drop_all'))))).toEqual([403])
    expect(statusesIn(await exchangeBytes(port, old(call('read_a'))))).toEqual([200])
    expect(seen).toEqual([call('read_a')])
  })

  verifies('TRN-05', 'whose client leaves, in the middle or at its end, is told once', async () => {
    const { port, post, seen, reported } = await startFixture()
    const bytes = post(call('read_a'))
    const served = socketsAt(port)
    const leaving = connect({ port, host: '127.0.0.1' })
    leaving.on('error', () => undefined)
    leaving.write(bytes.slice(0, -5))
    await eventually(() => served.size === 1)
    leaving.destroy()
    await eventually(() => reported('request.completed').length === 1)
    expect(reported('request.completed')[0]).toMatchObject({ status: 0, end: 'client left' })
    expect(seen).toEqual([])
    // Node takes one that says it will send no more for one that has left.
    const ending = connect({ port, host: '127.0.0.1' })
    ending.on('error', () => undefined)
    ending.end(bytes)
    await eventually(() => reported('request.completed').length === 2)
    await eventually(() => [...served].every(({ destroyed }) => destroyed))
    expect(reported('request.completed')).toHaveLength(2)
    expect(reported('operation.judged').length).toBeLessThan(2)
    ending.destroy()
  })

  verifies(
    ['SCP-05', 'HDR-08'],
    'that comes with a GET or a DELETE is refused: nobody judges it, and a server may read it',
    async () => {
      const { port, post, head, seen } = await startFixture()
      for (const method of ['GET', 'DELETE']) {
        const odd = post(call('drop_all'), 'Connection: close').replace('POST', method)
        expect(statusesIn(await exchangeBytes(port, odd))).toEqual([400])
        const line = `${method} /mcp HTTP/1.1`
        const inChunks = head(line, 'Transfer-Encoding: chunked', 'Connection: close')
        const answer = await exchangeBytes(port, `${inChunks}0\r\n\r\n`)
        expect(statusesIn(answer)).toEqual([400])
        const without = head(line, 'Content-Length: 0', 'Connection: close')
        expect(statusesIn(await exchangeBytes(port, without))).toEqual([200])
      }
      expect(seen).toEqual(['', ''])
    },
  )
})

test('an answer without a list passes as it is, although lists of its request are filtered', async () => {
  const upstream = await startUpstream((_request, response) => {
    response.statusCode = 405
    response.setHeader('content-length', '3').end('no!')
  })
  const rules = [{ tools: ['read_*'], scopes: [] }]
  const { call: ask } = await startGateway(upstream, { policy: { rules, unmatched: 'deny' } })
  const answer = await ask({ signal: AbortSignal.timeout(3_000) })
  expect([answer.status, answer.headers.get('content-length')]).toEqual([405, '3'])
  expect(await answer.text()).toBe('no!')
})
