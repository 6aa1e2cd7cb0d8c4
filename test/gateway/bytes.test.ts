/** Every kind of answer, direct and through the gateway: the same status, type and bytes, in stateless and older revisions. */
import { describe, expect } from 'vitest'
import { bodyOf, startGateway, startUpstream } from '../support/gateway.js'
import { someTurns } from '../support/turns.js'
import { verifies } from '../support/verifies.js'

const SSE = 'text/event-stream'
const JSON_TYPE = 'application/json'

interface Kind {
  readonly status: number
  readonly type: string | undefined
  /** In the pieces in which they are written. */
  readonly body: readonly (string | Buffer)[]
}

const KINDS: Readonly<Record<string, Kind>> = {
  JSON: {
    status: 200,
    type: JSON_TYPE,
    body: ['{"jsonrpc":"2.0","id":1,"result":{"ä":"\u2028"}}'],
  },
  'JSON with odd blanks': {
    status: 200,
    type: JSON_TYPE,
    body: [' {"id" :1 ,\r\n"result":{} }\n'],
  },
  'JSON in pieces': { status: 200, type: JSON_TYPE, body: ['{"id":1,', '"result"', ':{}}'] },
  'JSON of 200 KiB': { status: 200, type: JSON_TYPE, body: ['x'.repeat(200 * 1024)] },
  'not UTF-8': { status: 200, type: JSON_TYPE, body: [Buffer.from([0xff, 0x00, 0x0a])] },
  'events with ids and retry': {
    status: 200,
    type: SSE,
    body: [
      ': hello\n\n',
      'id: 1-1\nretry: 3000\ndata: \n\n',
      'id: 1-2\r\ndata: {"a":\r\n',
      'data: 1}\r\n\r\n',
    ],
  },
  'events cut in the middle of a line': {
    status: 200,
    type: `${SSE}; charset=utf-8`,
    body: ['da', 'ta: x\n\n'],
  },
  'events without an end': { status: 200, type: SSE, body: ['data: no blank line'] },
  '202 without a body': { status: 202, type: undefined, body: [] },
  '202 with a body': { status: 202, type: 'text/plain', body: ['Accepted'] },
  '400': {
    status: 400,
    type: JSON_TYPE,
    body: ['{"error":{"code":-32022,"data":{"supported":[]}}}'],
  },
  '404': {
    status: 404,
    type: JSON_TYPE,
    body: ['{"jsonrpc":"2.0","id":1,"error":{"code":-32601}}'],
  },
  '405': { status: 405, type: 'text/html', body: ['<p>Method Not Allowed</p>'] },
  '409': { status: 409, type: JSON_TYPE, body: ['{"error":{"code":-32000}}'] },
  '500': { status: 500, type: 'text/plain; charset=utf-8', body: ['Grüße\n'] },
}

const MODERN = {
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/list',
}
const BODIES = {
  '2025-11-25': {
    headers: { 'mcp-protocol-version': '2025-11-25' },
    body: ' {"id":1, "method":"tools/list"}\n',
  },
  '2026-07-28': {
    headers: MODERN,
    body: ' {"jsonrpc":"2.0","id":1, "method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}\n',
  },
}

describe.each(Object.entries(BODIES))('a request of %s', (_, { headers, body }) => {
  describe.each(Object.entries(KINDS))('answered by %s', (_, kind) => {
    verifies(['TRN-04', 'TRN-06'], 'is answered by the same status, type and bytes', async () => {
      const received: Buffer[] = []
      const upstream = await startUpstream(async (request, response) => {
        received.push(await bodyOf(request))
        response.writeHead(kind.status, {
          ...(kind.type !== undefined && { 'content-type': kind.type }),
        })
        for (const piece of kind.body) {
          response.write(piece)
          // So that they are read one by one.
          await someTurns()
        }
        response.end()
      })
      const fixture = await startGateway(upstream)
      const init = {
        method: 'POST',
        headers: { 'content-type': JSON_TYPE, accept: `${JSON_TYPE}, ${SSE}`, ...headers },
        body,
      }
      const read = async (answer: Response) => ({
        status: answer.status,
        type: answer.headers.get('content-type'),
        body: Buffer.from(await answer.arrayBuffer()).toString('latin1'),
      })
      const direct = await read(await fetch(upstream, init))
      expect(await read(await fixture.call(init))).toEqual(direct)
      expect(received.map(String)).toEqual([body, body])
    })
  })
})

describe('other methods', () => {
  verifies(
    ['TRN-06', 'TRN-07'],
    'GET and DELETE reach the server in every revision, and so does its answer',
    async () => {
      const methods: string[] = []
      const upstream = await startUpstream((request, response) => {
        methods.push(`${request.method} ${String(request.headers['mcp-protocol-version'])}`)
        response
          .writeHead(405, { allow: 'POST', 'content-type': JSON_TYPE })
          .end('{"error":{"code":-32000}}')
      })
      const fixture = await startGateway(upstream)
      for (const version of ['2025-03-26', '2026-07-28', 'nonsense']) {
        for (const method of ['GET', 'DELETE']) {
          const answer = await fixture.call({
            method,
            headers: { 'mcp-protocol-version': version },
          })
          expect(answer.status).toBe(405)
          expect(answer.headers.get('allow')).toBe('POST')
          expect(await answer.text()).toBe('{"error":{"code":-32000}}')
          expect(methods.at(-1)).toBe(`${method} ${version}`)
        }
      }
    },
  )
})
