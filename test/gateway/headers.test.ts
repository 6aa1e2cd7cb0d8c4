/** Which header fields cross the gateway, in both directions, and who says who is calling. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAnswerHead } from '../../src/gateway/http/answer-headers.js'
import { encodeIdentity } from '../../src/gateway/identity.js'
import { createHeadReader } from '../../src/gateway/request/head.js'
import { createUpstreamTarget, parseTarget } from '../../src/gateway/request/target.js'
import { exchangeBytes, startGateway, startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

/** What an upstream saw: names in lower case. */
async function seenByUpstream(
  fields: readonly string[],
  options: Parameters<typeof startGateway>[1] = {},
  claims: Record<string, unknown> = {},
): Promise<{
  readonly headers: readonly (readonly [string, string])[]
  readonly url: string
  readonly answer: string
}> {
  let seen: string[] = []
  let url = ''
  const upstream = await startUpstream((request, response) => {
    seen = request.rawHeaders
    url = request.url ?? ''
    response.end()
  })
  const { port, idp } = await startGateway(upstream, options)
  const bearer = await idp.token({ claims })
  const authorization = options.auth === 'none' ? '' : `Authorization: Bearer ${bearer}\r\n`
  const answer = await exchangeBytes(
    port,
    Buffer.from(
      `GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${authorization}${fields.map((field) => `${field}\r\n`).join('')}\r\n`,
      'latin1',
    ),
  )
  const headers: (readonly [string, string])[] = []
  for (let i = 0; i < seen.length; i += 2) {
    headers.push([(seen[i] ?? '').toLowerCase(), seen[i + 1] ?? ''])
  }
  return { headers, url, answer }
}

const ALWAYS = new Set(['host', 'connection'])

describe('towards the upstream', () => {
  verifies(['GW-01', 'GW-02', 'CASE-55'], 'nothing but the list, byte for byte', async () => {
    const { headers } = await seenByUpstream([
      'Content-Type: application/json',
      'ACCEPT: application/json, text/event-stream',
      'Accept-Language: de',
      'User-Agent: gr\xfcn',
      'Last-Event-ID: 7',
      'MCP-Protocol-Version: 2025-11-25',
      'Mcp-Method: tools/call',
      'Mcp-Param-Region: =?base64?eA==?=',
      'traceparent: 00-1-2-01',
      'tracestate: a=b',
      'baggage: c=d',
      'DPoP: x',
      'Cookie: a=b',
      'Proxy-Authorization: Basic eA==',
      'Forwarded: host=evil.example',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: evil.example',
      'X-Real-IP: 127.0.0.1',
      'Client-Cert: :eA==:',
      'X-Tenant: 1',
      'Accept-Encoding: gzip',
      'If-None-Match: "x"',
      'Upgrade: h2c',
      'TE: trailers',
      'X-Api-Key: stolen',
    ])
    expect(
      headers.filter(([name]) => !ALWAYS.has(name) && !name.startsWith('x-gatehouse')),
    ).toEqual([
      ['content-type', 'application/json'],
      ['accept', 'application/json, text/event-stream'],
      ['accept-language', 'de'],
      ['user-agent', 'gr\xfcn'],
      ['last-event-id', '7'],
      ['mcp-protocol-version', '2025-11-25'],
      ['mcp-method', 'tools/call'],
      ['mcp-param-region', '=?base64?eA==?='],
      ['traceparent', '00-1-2-01'],
      ['tracestate', 'a=b'],
      ['baggage', 'c=d'],
      ['accept-encoding', 'identity'],
    ])
    expect(headers.find(([name]) => name === 'host')?.[1]).toMatch(/^127\.0\.0\.1:\d+$/)
  })

  const TWINS = [
    'X-Gatehouse-Subject: evil',
    'x-gatehouse-subject: evil',
    'X_Gatehouse_Subject: evil',
    'X-Gatehouse_Subject: evil',
    'X-GATEHOUSE-ISSUER: evil',
    'X-Gatehouse-Scope: evil',
    'X-Gatehouse-New: evil',
    'Mcp_Session_Id: evil',
    'Mcp-Session_Id: evil',
    'mcp-_x: evil',
  ]
  for (const twin of TWINS) {
    verifies(['CASE-56', 'GW-02'], `a client's ${twin} does not arrive`, async () => {
      const { headers } = await seenByUpstream([twin])
      expect(JSON.stringify(headers)).not.toContain('evil')
      expect(headers.filter(([name]) => name === 'x-gatehouse-subject')).toEqual([
        ['x-gatehouse-subject', 'user-1'],
      ])
    })
  }

  verifies(
    'CASE-56',
    'who is calling, from the token alone; what it does not say is no header',
    async () => {
      const whole = await seenByUpstream([], {}, { sub: 'J\u00fcrgen M %', scope: 'a b' })
      expect(whole.headers.filter(([name]) => name.startsWith('x-gatehouse'))).toEqual([
        ['x-gatehouse-issuer', 'https://sso.example.com/realms/mcp'],
        ['x-gatehouse-subject', 'J%C3%BCrgen%20M%20%25'],
        ['x-gatehouse-client-id', 'client-1'],
        ['x-gatehouse-scope', 'a b'],
      ])
      const bare = await seenByUpstream(
        [],
        {},
        { sub: undefined, client_id: undefined, scope: undefined },
      )
      expect(bare.headers.filter(([name]) => name.startsWith('x-gatehouse'))).toEqual([
        ['x-gatehouse-issuer', 'https://sso.example.com/realms/mcp'],
      ])
    },
  )

  verifies('CASE-57', 'a scope with a blank in it never becomes two', async () => {
    const upstream = await startUpstream((_request, response) => response.end())
    const fixture = await startGateway(upstream)
    const token = await fixture.idp.token({ claims: { scope: undefined, scp: ['a b'] } as never })
    const response = await fixture.call({ headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(401)
  })

  verifies(
    'CASE-55',
    'a header of the operator: forwarded by name, or set by them and by nobody else',
    async () => {
      const { headers } = await seenByUpstream(
        ['X-Tenant: 1', 'x_tenant: 2', 'X-Api-Key: stolen', 'User-Agent: u'],
        {
          forwardHeaders: ['x-tenant'],
          upstreamHeaders: {
            'X-Api-Key': 'key',
            Authorization: 'Basic eA==',
            'User-Agent': 'ours',
          },
        },
      )
      const names = new Set(['x-tenant', 'x_tenant', 'x-api-key', 'authorization', 'user-agent'])
      expect(headers.filter(([name]) => names.has(name))).toEqual([
        ['x-tenant', '1'],
        ['x-api-key', 'key'],
        ['authorization', 'Basic eA=='],
        ['user-agent', 'ours'],
      ])
    },
  )

  verifies(
    ['GW-02', 'ATK-04'],
    'Connection names no field that we read or set; what it may name is for us alone',
    async () => {
      const { headers } = await seenByUpstream([
        'Connection: keep-alive, upgrade, TE, HTTP2-Settings, X-Odd,close',
        'X-Odd: 1',
        'Mcp-Even: 2',
      ])
      const text = JSON.stringify(headers)
      expect(text).not.toContain('x-odd')
      expect(text).toContain('mcp-even')
      expect(text).toContain('x-gatehouse-subject')
      const readHead = createHeadReader(['X-Tenant'], ['X-Api-Key'])
      const nominated = (field: string) => readHead(['Connection', field]).nominated
      for (const name of [
        'keep-alive',
        'close',
        'upgrade',
        'te',
        'x-odd',
        'cookie',
        'accept-charset',
        '',
      ]) {
        expect(nominated(`close, ${name}`)).toBeUndefined()
      }
      const refused = [
        ...['Mcp-Protocol-Version', 'mcp-session-id', 'Mcp-Odd', 'MCP_METHOD', 'Accept'],
        ...['Last-Event-ID', 'content-type', 'Content-Length', 'Transfer-Encoding', 'traceparent'],
        ...['Authorization', 'Host', 'Origin', 'X-Gatehouse-Subject', 'x_gatehouse_scope'],
        ...['X-Tenant', 'x_tenant', 'X-Api-Key', 'Accept-Encoding', 'accept_encoding'],
      ]
      for (const name of refused) {
        for (const field of [name, `close,${name}`, `x-odd ,\t${name} , te`]) {
          expect(nominated(field), field).toBe(name.toLowerCase())
        }
      }
      const of = await seenByUpstream(['Connection: Mcp-Protocol-Version'])
      expect(of.answer).toMatch(/^HTTP\/1\.1 400 [^]*"The request is malformed"/)
      expect(of.headers).toEqual([])
    },
  )

  verifies(
    ['GW-01', 'CASE-61'],
    'without tokens the list is the same, and nobody is named',
    async () => {
      const { headers } = await seenByUpstream(
        ['Cookie: a=b', 'X-Gatehouse-Subject: evil', 'Mcp-X: 1', 'Authorization: Bearer x'],
        { auth: 'none', resource: 'http://127.0.0.1/mcp' },
      )
      expect(headers.filter(([name]) => !ALWAYS.has(name))).toEqual([
        ['mcp-x', '1'],
        ['accept-encoding', 'identity'],
      ])
    },
  )

  test('any value becomes one word of printable ASCII that decodes to it, and no two the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const encoded = encodeIdentity(value)
        expect(encoded).toMatch(/^[\x21-\x7e]*$/)
        expect(decodeURIComponent(encoded)).toBe(value)
      }),
    )
    // Halves of a pair have no UTF-8, and still differ.
    const halves = ['\ud800', '\ud801', '\udc00', '\ufffd', 'a\ud800b'].map(encodeIdentity)
    expect(new Set(halves).size).toBe(5)
    for (const half of halves) expect(half).toMatch(/^[\x21-\x7e]+$/)
  })

  test('of any header list no foreign name gets through', () => {
    const read = createHeadReader(['X-Tenant'], [])
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.stringMatching(/^[A-Za-z_-]{1,20}$/), fc.string()), { maxLength: 8 }),
        (fields) => {
          const { forwarded } = read(fields.flat())
          for (let i = 0; i < forwarded.length; i += 2) {
            expect(forwarded[i]).toMatch(
              /^(?:mcp-[^_]*|content-type|accept|accept-language|user-agent|last-event-id|traceparent|tracestate|baggage|x-tenant)$/i,
            )
          }
        },
      ),
    )
  })
})

describe('the query', () => {
  const cases: readonly (readonly [upstream: string, query: string, target: string])[] = [
    ['/mcp', '', '/mcp'],
    ['/mcp', 'a=1', '/mcp?a=1'],
    ['/mcp', 'a=1&a=2', '/mcp?a=1&a=2'],
    ['/mcp', 'access_token=x', '/mcp'],
    ['/mcp', 'a=1&access_token=x&b=2', '/mcp?a=1&b=2'],
    ['/mcp', 'acc%65ss_token=x', '/mcp'],
    ['/mcp', 'ACCESS_TOKEN=x', '/mcp'],
    ['/mcp', 'access_token', '/mcp'],
    ['/mcp', 'a=1;access_token=x', '/mcp?a=1'],
    ['/mcp', 'access_token=x;a=1', '/mcp?a=1'],
    ['/mcp', 'a=access_token=x', '/mcp?a=access_token=x'],
    ['/mcp', '%', '/mcp?%'],
    ['/mcp', '&&', '/mcp'],
    ['/mcp?key=1', '', '/mcp?key=1'],
    ['/mcp?key=1', 'a=2', '/mcp?key=1&a=2'],
    ['/mcp?key=1', 'key=2&a=3', '/mcp?key=1&a=3'],
    ['/mcp?key=1', 'k%65y=2', '/mcp?key=1'],
    ['/mcp?key=1', 'a=1;key=2', '/mcp?key=1&a=1'],
    ['/mcp?key=1', 'KEY=2', '/mcp?key=1'],
    ['/mcp?key=1', 'keys=2', '/mcp?key=1&keys=2'],
    ['/mcp', '+access_token=x&a=1', '/mcp?a=1'],
    ['/mcp', 'access.token=x&access+token=y&access_token[]=z', '/mcp'],
    ['/mcp', 'access[token=x&access%5Btoken=y&%20access%5btoken=z', '/mcp'],
    ['/mcp', 'access_token%00=x&access_token%00%ff=y&access[token%00]=z', '/mcp'],
    [
      '/mcp',
      'access_token%ff=x&access%token=y&access_token_=z',
      '/mcp?access_token%ff=x&access%token=y&access_token_=z',
    ],
    ['/mcp', 'access_toke%6E%20=x', '/mcp'],
    [
      '/mcp?api_key=1',
      'api[key=2&api[key]=2&api.key=2&api%20key[a]=2',
      '/mcp?api_key=1&api[key]=2',
    ],
    ['/mcp?api_key=1', 'api_key[=2&api.key[0]=2&apikey=2', '/mcp?api_key=1&apikey=2'],
    ['/mcp?a[b=1', 'a_b=2&a=3&a[b]=4&ab=5', '/mcp?a[b=1&ab=5'],
    ['/mcp?k%ff=1', 'k%FF=2&k%fe=3', '/mcp?k%ff=1&k%fe=3'],
    ['/a%20b', 'a=%20+', '/a%20b?a=%20+'],
  ]
  for (const [upstream, query, target] of cases) {
    verifies(
      ['TOK-02', 'CASE-55', 'ATK-05'],
      `${upstream} asked with ?${query} is ${target}`,
      () => {
        expect(createUpstreamTarget(new URL(upstream, 'http://h'))(query)).toBe(target)
      },
    )
  }

  /** `php_register_variable_ex` of PHP 8, line by line: the name of the variable that is set. */
  function nameInPhp(parameter: string): string | undefined {
    const bytes = Buffer.from(parameter.split('=', 1)[0] ?? '', 'latin1').toString('latin1')
    const text = bytes
      .replaceAll('+', ' ')
      .replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    let name = (text.split('\0', 1)[0] ?? '').replace(/^ +/, '')
    const open = name.indexOf('[')
    const before = (open < 0 ? name : name.slice(0, open)).replaceAll(/[ .]/g, '_')
    if (open < 0) name = before
    else if (name.includes(']', open)) name = before
    else name = `${before}_${name.slice(open + 1).replaceAll(/[ .[]/g, '_')}`
    return open === 0 || name === '' ? undefined : name
  }

  test('no server that reads names as PHP does finds a token, or one of our parameters, in it', () => {
    const targetFor = createUpstreamTarget(new URL('http://h/mcp?api_key=1'))
    const piece = fc.constantFrom(
      ...[
        'access',
        'token',
        'api',
        'key',
        '_',
        '.',
        '+',
        '%20',
        '[',
        ']',
        '%5b',
        '%00',
        '%ff',
        '=',
        '&',
        'x',
      ],
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const [, query = ''] = targetFor(pieces.join('')).split('?')
        const names = query.split('&').map((parameter) => nameInPhp(parameter))
        expect(names).not.toContain('access_token')
        expect(names.filter((name) => name === 'api_key')).toEqual(['api_key'])
      }),
      { numRuns: 2_000 },
    )
  })

  test('whatever is asked, no token is in it, and none of our parameters twice', () => {
    const targetFor = createUpstreamTarget(new URL('http://h/mcp?key=1'))
    const piece = fc.constantFrom('access_token', 'key', 'a', '=', '&', ';', '%61', '+', '%', 'x')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const target = targetFor(pieces.join(''))
        expect(target.startsWith('/mcp?key=1')).toBe(true)
        const parameters = new URLSearchParams(target.slice(target.indexOf('?')))
        expect(parameters.get('access_token')).toBeNull()
        expect(parameters.getAll('key')).toEqual(['1'])
      }),
    )
  })

  test('a target is a path and a query, or refused', () => {
    expect(parseTarget('/mcp?a?b')).toEqual({ path: '/mcp', query: 'a?b' })
    expect(parseTarget('//evil.example/mcp')).toEqual({
      path: '//evil.example/mcp',
      query: undefined,
    })
    for (const target of ['', '*', 'http://h/mcp', 'mcp', '?x', 'evil.example:443']) {
      expect(parseTarget(target)).toBeUndefined()
    }
  })
})

describe('towards the client', () => {
  const head = (isPrivate: boolean, ...fields: string[]) =>
    readAnswerHead(
      fields.map((field) => Buffer.from(field, 'latin1')),
      isPrivate ? (id) => id : undefined,
    ).headers

  verifies(
    ['CASE-63', 'GW-02', 'ATK-05'],
    'what would speak for us, or around us, is left out',
    () => {
      const dropped = [
        'Access-Control-Allow-Origin',
        'access-control-allow-credentials',
        'Set-Cookie',
        'WWW-Authenticate',
        'X-Request-ID',
        'X-Gatehouse-Subject',
        'Alt-Svc',
        'Refresh',
        'Clear-Site-Data',
        'Clear_Site_Data',
        'Strict-Transport-Security',
        'Public-Key-Pins',
        'Public-Key-Pins-Report-Only',
        'Expect-CT',
        'Report-To',
        'Reporting-Endpoints',
        'NEL',
        'Accept-CH',
        'Origin-Agent-Cluster',
        'Service-Worker-Allowed',
        'Set-Login',
        'Speculation-Rules',
        'Optional-WWW-Authenticate',
        'Authentication-Info',
        'Authentication-Control',
        'Set_Cookie',
        'X_Gatehouse_Subject',
        'CDN-Cache-Control',
        'Cloudflare-CDN-Cache-Control',
        'Surrogate-Control',
        'Connection',
        'Keep-Alive',
        'Transfer-Encoding',
        'Upgrade',
        'Trailer',
        'Proxy-Authenticate',
      ]
      expect(head(false, ...dropped.flatMap((name) => [name, 'x']))).toEqual([])
      const kept = [
        'Content-Type',
        'Mcp-Session-Id',
        'ETag',
        'Retry-After',
        'X-Odd',
        'Link',
        'Referrer-Policy',
      ]
      const fields = kept.flatMap((name) => [name, 'x'])
      expect(head(false, ...fields)).toEqual(fields)
    },
  )

  const CACHE: readonly (readonly [given: readonly string[], sent: string])[] = [
    [[], 'no-store'],
    [['no-store'], 'no-store'],
    [['private, max-age=5'], 'private, max-age=5'],
    [['no-cache, no-transform'], 'private, no-cache, no-transform'],
    [['public, max-age=60'], 'private, max-age=60'],
    [['max-age=60', 's-maxage=600'], 'private, max-age=60'],
    [['PUBLIC'], 'private'],
    [['private="x"'], 'no-store'],
    [['must-revalidate, ext="a, private, b"'], 'no-store'],
    [['x-no-store'], 'private, x-no-store'],
  ]
  for (const [given, sent] of CACHE) {
    verifies('STA-08', `Cache-Control ${JSON.stringify(given)} becomes ${sent}`, () => {
      const fields = given.flatMap((value) => ['Cache-Control', value])
      expect(head(true, ...fields)).toEqual(['Cache-Control', sent])
      expect(head(false, ...fields)).toEqual(fields)
    })
  }
})
