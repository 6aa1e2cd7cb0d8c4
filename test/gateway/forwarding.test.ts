/** Bytes go through as they came, both ways, whatever the answer is. */
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import {
  bodyOf,
  eventually,
  exchangeBytes,
  startGateway,
  startTcpUpstream,
  startUpstream,
} from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const JSON_RPC = '{"jsonrpc":"2.0","id":1,"result":{"text":"gr\u00fc\u00dfe \\u2028"}}'
const EVENTS =
  'retry: 3000\n\nid: 7\nevent: message\ndata: {"jsonrpc":"2.0",\ndata: "id":1}\n\n: a comment\n\nid\ndata\n\n'

interface UpstreamAnswer {
  readonly name: string
  /** Status line and fields; the length is added unless the body is chunked. */
  readonly head: string
  readonly body: string | Buffer
}

const ANSWERS: readonly UpstreamAnswer[] = [
  {
    name: 'JSON',
    head: '200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: session-1',
    body: JSON_RPC,
  },
  {
    name: 'an event stream with ids and retry, in chunks',
    head: '200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked',
    body: `${EVENTS.length.toString(16)}\r\n${EVENTS}\r\n0\r\n\r\n`,
  },
  { name: '202 without a body', head: '202 Accepted', body: '' },
  { name: '204', head: '204 No Content', body: '' },
  {
    name: '400 with -32022',
    head: '400 Bad Request\r\nContent-Type: application/json',
    body: '{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"version"}}',
  },
  {
    name: '404 with -32601',
    head: '404 Not Found\r\nContent-Type: application/json',
    body: '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"what"}}',
  },
  { name: '404 in text', head: '404 Nope\r\nContent-Type: text/plain', body: 'gone' },
  { name: '405', head: '405 Method Not Allowed\r\nAllow: POST', body: 'no' },
  { name: '409 in no encoding', head: '409 Conflict', body: Buffer.from([0, 255, 128, 10, 13]) },
  { name: '500 in HTML', head: '500 Oh\r\nContent-Type: text/html', body: '<h1>no</h1>' },
  { name: '503', head: '503 Busy\r\nRetry-After: 7', body: '{}' },
  { name: 'an odd status', head: '299 Odd\r\nX-Odd: gr\u00fcn', body: 'x' },
]

function bytesOf({ head, body }: UpstreamAnswer): Buffer {
  const isFramed = head.includes('chunked') || head.startsWith('204')
  const length = isFramed ? '' : `\r\nContent-Length: ${Buffer.byteLength(body)}`
  const fields = `HTTP/1.1 ${head}${length}\r\nConnection: close\r\n\r\n`
  return Buffer.concat([Buffer.from(fields, 'latin1'), Buffer.from(body as string)])
}

const MESSAGE =
  '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}'
/** What follows the fields that all requests have. */
const ENDS: Readonly<Record<string, string>> = {
  POST: 'Content-Length: 2\r\n\r\n{}',
  'POST without state': `MCP-Protocol-Version: 2026-07-28\r\nContent-Type: application/json\r\nMcp-Method: tools/list\r\nContent-Length: ${MESSAGE.length}\r\n\r\n${MESSAGE}`,
}

/** Fields that we add or that belong to one connection. */
const NOT_COMPARED =
  /^(?:Connection|Keep-Alive|Date|X-Request-Id|Cache-Control|X-Accel-Buffering): .*\r\n/gim

function comparable(answer: string): string {
  // The id of a session is ours, with the server's behind it: see sessions.test.ts.
  return answer.replace(NOT_COMPARED, '').replace(/(?<=Mcp-Session-Id: )[\w-]{43}\./, '')
}

describe('answers', () => {
  for (const answer of ANSWERS) {
    for (const method of ['POST', 'POST without state', 'GET']) {
      const what = `${answer.name}, to a ${method}: direct and through, the same bytes`
      verifies(['TRN-04', 'TRN-06'], what, async () => {
        const upstream = await startTcpUpstream((socket) => {
          socket.once('data', () => socket.end(bytesOf(answer)))
        })
        const { port, token } = await startGateway(upstream)
        const end = ENDS[method] ?? '\r\n'
        const request = `${method.split(' ', 1).join()} /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n${end}`
        const direct = await exchangeBytes(Number(new URL(upstream).port), request)
        const through = await exchangeBytes(port, request)
        expect(comparable(through)).toBe(comparable(direct))
      })
    }
  }
})

describe('requests', () => {
  verifies(
    ['HDR-04', 'TRN-06'],
    'any body of any size arrives whole, announced or in chunks',
    async () => {
      const seen: Buffer[] = []
      const upstream = await startUpstream((request, response) => {
        void bodyOf(request).then((body) => {
          seen.push(body)
          response.end()
        })
      })
      const fixture = await startGateway(upstream)
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ maxLength: 3000 }),
          fc.constantFrom(1, 60, 120),
          fc.boolean(),
          async (bytes, times, chunked) => {
            const body = Buffer.concat([
              Buffer.from(' ['),
              ...Array.from({ length: times }, () => bytes),
            ])
            seen.length = 0
            const response = await fixture.call({
              method: 'POST',
              body: chunked ? new Blob([body]).stream() : body,
              ...(chunked && { duplex: 'half' }),
            } as RequestInit)
            expect(response.status).toBe(200)
            await response.arrayBuffer()
            expect(seen[0]?.equals(body)).toBe(true)
          },
        ),
        { numRuns: 60 },
      )
    },
  )

  verifies(['TRN-06'], 'a DELETE goes through with its session', async () => {
    const upstream = await startUpstream((request, response) => {
      response.setHeader('mcp-session-id', 's-1')
      response.end(`${request.method} ${String(request.headers['mcp-session-id'])}`)
    })
    const fixture = await startGateway(upstream)
    const session =
      (await fixture.call({ method: 'POST', body: '{}' })).headers.get('mcp-session-id') ?? ''
    expect(session).toMatch(/^[\w-]{43}\.s-1$/)
    const response = await fixture.call({
      method: 'DELETE',
      headers: { 'mcp-session-id': session },
    })
    expect(await response.text()).toBe('DELETE s-1')
  })

  verifies(
    'CHL-13',
    'a client that waits for 100 Continue is let on after its token was judged',
    async () => {
      const upstream = await startUpstream((request, response) => {
        void bodyOf(request).then((body) => response.end(body))
      })
      const { port, token } = await startGateway(upstream)
      const head = (bearer: string) =>
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\nAuthorization: Bearer ${bearer}\r\n\r\n`
      const refused = await exchangeBytes(port, head('garbage'))
      expect(refused).toMatch(/^HTTP\/1\.1 401 /)
      expect(refused).toMatch(/\r\nConnection: close\r\n/i)
      const continued = await exchangeBytes(port, [head(token)], { until: /100 Continue\r\n\r\n/ })
      expect(continued).toMatch(/^HTTP\/1\.1 100 Continue/)
      const accepted = await exchangeBytes(port, [head(token), '{hel}'])
      expect(accepted).toMatch(/100 Continue\r\n\r\nHTTP\/1\.1 200 OK[^]*{hel}$/)
    },
  )
})

describe('time', () => {
  verifies(
    'TRN-04',
    'the header leaves when the upstream sends it, without a byte of a body',
    async () => {
      const upstream = await startUpstream((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      })
      const fixture = await startGateway(upstream)
      const controller = new AbortController()
      const response = await fixture.call({ signal: controller.signal })
      expect(response.headers.get('x-accel-buffering')).toBe('no')
      controller.abort()
      await eventually(() => fixture.reported('request.completed').length === 1)
      expect(fixture.reported('request.completed')[0]).toMatchObject({
        end: 'client left',
        status: 200,
      })
    },
  )

  verifies('TRN-04', 'each event goes on before the next one comes', async () => {
    let next: (() => void) | undefined
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      let sent = 0
      next = () => (sent < 5 ? response.write(`data: ${sent++}\n\n`) : response.end())
      next()
    })
    const fixture = await startGateway(upstream)
    const response = await fixture.call()
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    for (let i = 0; i < 5; i++) {
      const { value } = await reader.read()
      expect(Buffer.from(value ?? []).toString()).toBe(`data: ${i}\n\n`)
      next?.()
    }
    expect((await reader.read()).done).toBe(true)
  })
})
