/** Requests of the stateless revision: their message is read, compared with the header fields, and goes on as it came. */
import { describe, expect } from 'vitest'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import type { Limits } from '../../src/gateway/front-server.js'
import {
  bodyOf,
  eventually,
  exchangeBytes,
  startGateway,
  startUpstream,
} from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const MODERN = '2026-07-28'
const VERSION = 'io.modelcontextprotocol/protocolVersion'
const META = `"_meta":{"${VERSION}":"${MODERN}"}`

interface Sent {
  readonly status: number
  readonly body: string
  readonly contentType: string | undefined
  /** Bodies that reached the server. */
  readonly arrived: string[]
}

/** Field names and values as they are; the protocol version is the stateless one unless it is among them. */
async function startFixture(options: Partial<GatewayOptions> = {}, limits: Partial<Limits> = {}) {
  const arrived: string[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then((body) => {
      arrived.push(body.toString('latin1'))
      response.end(body)
    })
  })
  const fixture = await startGateway(upstream, options, limits)
  async function send(
    body: string | Buffer,
    fields: readonly string[] = [],
    { chunked = false, version = `MCP-Protocol-Version: ${MODERN}` } = {},
  ): Promise<Sent> {
    arrived.length = 0
    const bytes = Buffer.from(body as string)
    const lines = [
      'POST /mcp HTTP/1.1',
      'Host: localhost',
      'Connection: close',
      ...(options.auth === 'none' ? [] : [`Authorization: Bearer ${fixture.token}`]),
      'Content-Type: application/json',
      ...(version === '' ? [] : [version]),
      ...fields,
      chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length}`,
    ]
    const framed = chunked
      ? Buffer.concat([
          Buffer.from(`${bytes.length.toString(16)}\r\n`),
          bytes,
          Buffer.from('\r\n0\r\n\r\n'),
        ])
      : bytes
    const answer = await exchangeBytes(
      fixture.port,
      Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), framed]),
    )
    const [head = '', ...rest] = answer.split('\r\n\r\n')
    return {
      status: Number(head.slice(9, 12)),
      body: rest.join('\r\n\r\n'),
      contentType: /^content-type: (.*)$/im.exec(head)?.[1],
      arrived,
    }
  }
  return { ...fixture, send }
}

const call = (name: string, id = '1', more = '') =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${name}",${META}${more}}}`

describe('what fits', () => {
  const CALL = ['Mcp-Method: tools/call', 'Mcp-Name: echo']
  for (const [name, body, fields] of [
    ['a call', call('echo'), CALL],
    ['names of fields in any case', call('echo'), ['MCP-METHOD: tools/call', 'mcp-name: echo']],
    ['blanks around values', call('echo'), ['Mcp-Method:   tools/call ', 'Mcp-Name: \t echo \t']],
    ['a name in Base64', call('gr\u00fc\u00df'), [CALL[0] ?? '', 'Mcp-Name: =?base64?Z3LDvMOf?=']],
    [
      'blanks and a large id in the body',
      `\n {"id" : 9007199254740993 ,${call('echo').slice(1).replace('"id":1,', '')} \n`,
      CALL,
    ],
    [
      'fields that nobody here knows',
      call('echo'),
      [...CALL, 'Mcp-Param-Region: =?base64?eA==?=', 'Mcp-Param-X: 1'],
    ],
    [
      'members of arguments that differ in case',
      call('echo', '1', ',"arguments":{"a":1,"A":2}'),
      CALL,
    ],
    [
      'a notification without Mcp-Method',
      `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
      [],
    ],
  ] as const) {
    verifies(['HDR-01', 'HDR-03', 'HDR-04', 'HDR-08'], `${name}: byte for byte`, async () => {
      for (const auth of ['oauth', 'none'] as const) {
        const fixture = await startFixture(
          auth === 'none' ? { auth, resource: 'http://localhost/mcp' } : {},
        )
        for (const chunked of [false, true]) {
          const { status, arrived } = await fixture.send(body, fields, { chunked })
          expect(status).toBe(200)
          expect(arrived).toEqual([Buffer.from(body).toString('latin1')])
        }
      }
    })
  }

  verifies(
    ['HDR-01', 'CHL-13'],
    'a client that waits for 100 Continue, and a body of 1.5 MiB',
    async () => {
      const fixture = await startFixture()
      const body = call('echo', '1', `,"arguments":{"x":"${'x'.repeat(1.5 * 2 ** 20)}"}`)
      const { status, arrived } = await fixture.send(body, [...CALL, 'Expect: 100-continue'])
      // The interim answer comes first.
      expect([100, 200]).toContain(status)
      expect(arrived).toEqual([body])
    },
  )

  verifies(['HDR-01', 'TRN-07'], 'a later version is stateless as well', async () => {
    const fixture = await startFixture()
    const version = '2027-01-31'
    const body = call('echo').replace(MODERN, version)
    const sent = await fixture.send(body, CALL, { version: `MCP-Protocol-Version: ${version}` })
    expect(sent.arrived).toEqual([body])
    const other = await fixture.send(call('echo'), CALL, {
      version: `MCP-Protocol-Version: ${version}`,
    })
    expect([other.status, other.arrived]).toEqual([400, []])
  })
})

describe('what does not', () => {
  const METHOD = 'Mcp-Method: tools/call'
  const NAME = 'Mcp-Name: echo'
  for (const [name, body, fields, code] of [
    ['another method', call('echo'), ['Mcp-Method: tools/list', NAME], -32020],
    ['the method in other letters', call('echo'), ['Mcp-Method: TOOLS/CALL', NAME], -32020],
    ['no Mcp-Method', call('echo'), [NAME], -32020],
    ['two Mcp-Method', call('echo'), [METHOD, METHOD, NAME], -32020],
    ['another name', call('delete'), [METHOD, NAME], -32020],
    ['no Mcp-Name', call('echo'), [METHOD], -32020],
    ['two Mcp-Name', call('echo'), [METHOD, NAME, 'mcp-name: echo'], -32020],
    ['Base64 that is none', call('echo'), [METHOD, 'Mcp-Name: =?base64?ZWNob?='], -32020],
    [
      'another version in the body',
      call('echo').replace(MODERN, '2025-11-25'),
      [METHOD, NAME],
      -32020,
    ],
    ['no version in the body', call('echo').replace(VERSION, 'x'), [METHOD, NAME], -32602],
  ] as const) {
    verifies(
      ['HDR-01', 'HDR-02', 'HDR-03', 'CASE-58'],
      `${name}: 400, with the id as it was written`,
      async () => {
        const fixture = await startFixture()
        const {
          status,
          body: answer,
          contentType,
          arrived,
        } = await fixture.send(body.replace('"id":1', '"id":9007199254740993'), fields)
        expect(status).toBe(400)
        expect(contentType).toBe('application/json')
        expect(answer).toMatch(
          new RegExp(`^\\{"jsonrpc":"2.0","id":9007199254740993,"error":\\{"code":${code},`),
        )
        expect(arrived).toEqual([])
        expect(fixture.reported('request.refused')).toEqual([
          expect.objectContaining({
            status: 400,
            code: code === -32020 ? 'ERR_HEADER_MISMATCH' : 'ERR_BODY_UNREADABLE',
          }),
        ])
        // What was sent is not said again.
        expect(answer).not.toContain('delete')
      },
    )
  }

  for (const [name, body, code] of [
    ['not JSON', 'x', -32700],
    ['nothing', '', -32700],
    ['JSON in Latin-1', Buffer.from(call('gr\u00fcn'), 'latin1'), -32700],
    ['a byte order mark', `\ufeff${call('echo')}`, -32700],
    ['a batch', `[${call('echo')}]`, -32600],
    ['a batch with a call that nobody named', `[${call('echo')},${call('delete')}]`, -32600],
    ['two methods', call('echo').replace('"method"', '"method":"tools/list","method"'), -32600],
    ['two names', call('echo').replace('"name"', '"name":"delete","name"'), -32600],
    [
      'a name for parsers that ignore case',
      call('echo').replace('"name"', '"Name":"delete","name"'),
      -32600,
    ],
    ['an answer', '{"jsonrpc":"2.0","id":1,"result":{}}', -32600],
  ] as const) {
    verifies(['HDR-08', 'HDR-09', 'CASE-58', 'CASE-59'], `${name}: 400 ${code}`, async () => {
      const fixture = await startFixture()
      const sent = await fixture.send(body, [METHOD, NAME])
      expect([sent.status, sent.arrived]).toEqual([400, []])
      expect(JSON.parse(sent.body)).toMatchObject({ jsonrpc: '2.0', error: { code } })
      expect(fixture.reported('request.refused')).toEqual([
        expect.objectContaining({ code: 'ERR_BODY_UNREADABLE' }),
      ])
    })
  }

  verifies(
    'HDR-08',
    'several Content-Type, another charset, several versions are refused',
    async () => {
      const fixture = await startFixture()
      for (const version of [MODERN, '2025-11-25']) {
        const two = await fixture.send(call('echo'), ['Content-Type: text/plain', METHOD, NAME], {
          version: `MCP-Protocol-Version: ${version}`,
        })
        expect([two.status, two.arrived]).toEqual([version === MODERN ? 415 : 400, []])
      }
      for (const [first, second] of [
        [MODERN, '2025-11-25'],
        ['2025-11-25', MODERN],
        [MODERN, MODERN],
      ]) {
        const version = `MCP-Protocol-Version: ${first}\r\nmcp-protocol-version: ${second}`
        const two = await fixture.send(call('echo'), [METHOD, NAME], { version })
        expect([two.status, two.arrived]).toEqual([400, []])
        expect(JSON.parse(two.body)).toMatchObject({ id: null, error: { code: -32020 } })
      }
      for (const [type, status] of [
        ['application/json; charset=utf-16', 415],
        ['application/json;charset="utf-7"', 415],
        ['application/json; charset="utf-8"; x=1', 415],
        ['application/json; charset=utf8', 415],
        ['application/json; charset=UTF-8', 200],
        ['Application/JSON;charset="utf-8"', 200],
      ] as const) {
        const response = await fixture.call({
          method: 'POST',
          body: call('echo'),
          headers: {
            'content-type': type,
            'mcp-protocol-version': MODERN,
            'mcp-method': 'tools/call',
            'mcp-name': 'echo',
          },
        })
        expect(response.status, type).toBe(status)
      }
    },
  )

  verifies(['HDR-08', 'CASE-70'], 'a body beyond the limit: 413, announced or not', async () => {
    const fixture = await startFixture({ maxBody: 1_000 })
    const body = call('echo', '1', `,"arguments":{"x":"${'x'.repeat(1_000)}"}`)
    for (const chunked of [false, true]) {
      const sent = await fixture.send(body, [METHOD, NAME], { chunked })
      expect([sent.status, sent.arrived]).toEqual([413, []])
      expect(sent.body).toContain('content_too_large')
    }
    expect(fixture.reported('request.refused').map(({ code }) => code)).toEqual([
      'ERR_BODY_TOO_LARGE',
      'ERR_BODY_TOO_LARGE',
    ])
  })

  verifies(['HDR-08', 'TOK-01', 'CASE-69'], 'before the token nothing is read', async () => {
    const fixture = await startFixture()
    const response = await fixture.call({
      method: 'POST',
      body: 'x',
      headers: { authorization: 'Bearer garbage', 'mcp-protocol-version': MODERN },
    })
    expect(response.status).toBe(401)
  })

  verifies(
    'TRN-05',
    'a client that leaves in the middle of its body: told, and nothing is open',
    async () => {
      const fixture = await startFixture({}, { drain: 3_600_000 })
      await exchangeBytes(
        fixture.port,
        `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${fixture.token}\r\nMCP-Protocol-Version: ${MODERN}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
        { timeout: 200 },
      ).catch(() => undefined)
      await eventually(() => fixture.reported('request.completed').length === 1)
      expect(fixture.reported('request.completed')[0]).toMatchObject({
        status: 0,
        end: 'client left',
      })
      // Running answers would have an hour.
      await fixture.gateway.close()
    },
  )
})

describe('older revisions', () => {
  const ANYTHING = [
    call('delete'),
    `[${call('echo')},${call('delete')}]`,
    '{x',
    '{"method":"a","method":"b"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"dangerous"}}',
  ]
  for (const version of ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', 'DRAFT', '']) {
    verifies(
      ['HDR-05', 'TRN-06', 'TRN-07', 'HDR-09'],
      `${version === '' ? 'no version' : version}: unread, and no field decides anything`,
      async () => {
        const fixture = await startFixture()
        for (const body of ANYTHING) {
          const { status, arrived } = await fixture.send(
            body,
            ['Mcp-Method: tools/list', 'Mcp-Name: harmless'],
            { version: version === '' ? '' : `MCP-Protocol-Version: ${version}` },
          )
          expect(status).toBe(200)
          expect(arrived).toEqual([body])
        }
      },
    )
  }

  verifies(
    ['TRN-06', 'TRN-07'],
    'GET and DELETE of the stateless revision are the server’s',
    async () => {
      const upstream = await startUpstream((request, response) => {
        response.writeHead(405, { allow: 'POST' }).end(`no ${request.method}`)
      })
      const fixture = await startGateway(upstream)
      for (const method of ['GET', 'DELETE']) {
        const response = await fixture.call({ method, headers: { 'mcp-protocol-version': MODERN } })
        expect([response.status, await response.text()]).toEqual([405, `no ${method}`])
      }
    },
  )
})
