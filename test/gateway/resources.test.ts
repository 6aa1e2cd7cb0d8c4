/** Several resources behind one gateway: which one a request is for, and that nothing of one opens the other. */
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createGateway, type AuditRecord, type GatewayOptions } from 'mcp-gatehouse/gateway'
import { createMetrics } from '../../src/gateway/metrics.js'
import { createFindRoute } from '../../src/gateway/find-route.js'
import { eventually, startGateway, startUpstream } from '../support/gateway.js'
import { FakeIdp, ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { commandOf } from './stdio/support.js'

const GITHUB = 'https://mcp.example.com/github/mcp'
const FILES = 'https://mcp.example.com/files/mcp'
const WELL_KNOWN = '/.well-known/oauth-protected-resource'

interface Answer {
  readonly status: number
  readonly body: string
  readonly challenge: string | undefined
}

interface Asked {
  readonly method?: string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** `fetch` cannot say which host it means. */
function ask(port: number, host: string, path: string, asked: Asked = {}): Promise<Answer> {
  const { method = 'GET', token, headers, body: sentBody } = asked
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method, headers: { host, ...authorization, ...headers } },
      (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('end', () => {
          const challenge = response.headers['www-authenticate']
          resolve({ status: response.statusCode ?? 0, body, challenge })
        })
      },
    )
    sent.on('error', reject)
    sent.end(sentBody ?? (method === 'POST' ? '{}' : undefined))
  })
}

/** Two servers that say which they are and what they were sent, and a gateway with a resource for each. */
async function startTwo(
  first: string,
  second: string,
  options: Partial<GatewayOptions> = {},
  own: readonly Partial<GatewayOptions>[] = [],
) {
  const names = ['first', 'second']
  const servers = await Promise.all(
    names.map((name) =>
      startUpstream(({ headers }, response) => {
        response.end(JSON.stringify({ name, headers }))
      }),
    ),
  )
  const fixture = await startGateway('', {
    upstream: undefined as never,
    resource: undefined as never,
    resources: [first, second].map((resource, index) => ({
      resource,
      upstream: servers[index] ?? '',
      ...own[index],
    })),
    ...options,
  })
  const tokenFor = (aud: string, claims = {}) => fixture.idp.token({ claims: { aud, ...claims } })
  return { ...fixture, tokenFor, servers }
}

const nameOf = ({ body }: Answer) => (JSON.parse(body) as { name?: string }).name

describe('on one host, told by the path', () => {
  verifies('IDN-34', 'keys that one reaches with a token are not those of the other', async () => {
    const idp = await FakeIdp.start()
    const withToken: typeof fetch = (input, init) =>
      new Headers(init?.headers).has('authorization')
        ? idp.fetch(String(input), init)
        : Promise.resolve(new Response('', { status: 401 }))
    const issuer = { issuer: ISSUER, discoveryToken: 'eyJ.a.b' }
    const { port, tokenFor } = await startTwo(GITHUB, FILES, { fetch: withToken, wait: 0 }, [
      { authorizationServers: issuer },
      { authorizationServers: ISSUER },
    ])
    const statusAt = async (path: string, audience: string) => {
      const token = await tokenFor(audience)
      return (await ask(port, 'mcp.example.com', path, { token, method: 'POST' })).status
    }
    expect(await statusAt('/github/mcp', GITHUB)).toBe(200)
    expect(await statusAt('/files/mcp', FILES)).toBe(503)
  })

  verifies('IDN-37', 'the mirror of each is at its own path, and none at the root', async () => {
    const idp = await FakeIdp.start()
    const { port } = await startTwo(GITHUB, FILES, { fetch: idp.fetch, mirrorMetadata: true }, [
      {},
      { mirrorMetadata: false },
    ])
    const statusAt = async (path: string) =>
      (await ask(port, 'mcp.example.com', `/.well-known/oauth-authorization-server${path}`)).status
    expect(await statusAt('/github/mcp')).toBe(200)
    expect(await statusAt('/github/mcp/')).toBe(200)
    expect(await statusAt('/files/mcp')).toBe(404)
    expect(await statusAt('')).toBe(404)
  })

  verifies('AUD-06', 'a token for one opens that one, and is 401 at the other', async () => {
    const { port, tokenFor } = await startTwo(GITHUB, FILES)
    /** Twice: what is remembered of a token must not let it in elsewhere. */
    const askTwice = async (path: string, audience: string) => {
      const token = await tokenFor(audience)
      const answer = await ask(port, 'mcp.example.com', path, { token, method: 'POST' })
      const again = await ask(port, 'mcp.example.com', path, { token, method: 'POST' })
      return { answer, statuses: [answer.status, again.status] }
    }
    const places = [
      ['/github/mcp', GITHUB, 'first', FILES],
      ['/files/mcp', FILES, 'second', GITHUB],
    ] as const
    for (const [path, resource, name, another] of places) {
      const own = await askTwice(path, resource)
      expect(own.statuses).toEqual([200, 200])
      expect(nameOf(own.answer)).toBe(name)
      const foreign = await askTwice(path, another)
      expect(foreign.statuses).toEqual([401, 401])
      expect(foreign.answer.challenge).toContain(
        `resource_metadata="https://mcp.example.com${WELL_KNOWN}${path}"`,
      )
    }
  })

  verifies(
    'AUD-06',
    'each has its own scopes and issuers; what it does not name is of all',
    async () => {
      const other = 'https://other.example.com'
      const { port, tokenFor } = await startTwo(GITHUB, FILES, { scopes: 'base' }, [
        { scopes: ['github:read'], authorizationServers: [ISSUER, other] },
      ])
      const documentOf = async (path: string) =>
        JSON.parse((await ask(port, 'localhost', WELL_KNOWN + path)).body) as object
      expect(await documentOf('/github/mcp')).toMatchObject({
        resource: GITHUB,
        authorization_servers: [ISSUER, other],
        scopes_supported: ['github:read'],
      })
      expect(await documentOf('/files/mcp')).toMatchObject({
        resource: FILES,
        authorization_servers: [ISSUER],
        scopes_supported: ['base'],
      })
      const token = await tokenFor(GITHUB, { scope: 'base' })
      expect((await ask(port, 'localhost', '/github/mcp', { token })).status).toBe(403)
      const files = await tokenFor(FILES, { scope: 'base' })
      expect((await ask(port, 'localhost', '/files/mcp', { token: files })).status).toBe(200)
    },
  )

  verifies('PRM-06', 'metadata at its own path only: the root form is nobody’s', async () => {
    const { port } = await startTwo(GITHUB, FILES)
    for (const path of [WELL_KNOWN, `${WELL_KNOWN}/`, '/mcp', '/', '/github', '/files/mcp/x']) {
      expect([path, (await ask(port, 'mcp.example.com', path)).status]).toEqual([path, 404])
    }
    const alone = await startGateway('', {
      upstream: undefined as never,
      resource: undefined as never,
      resources: [{ resource: GITHUB, upstream: 'http://127.0.0.1:9/mcp' }],
    })
    const [own, root] = await Promise.all(
      [`${WELL_KNOWN}/github/mcp`, WELL_KNOWN].map((path) =>
        ask(alone.port, 'mcp.example.com', path),
      ),
    )
    expect(own?.status).toBe(200)
    expect(root?.body).toBe(own?.body)
  })

  verifies(
    'PRM-18',
    'nothing that a client sends changes a byte of what is published',
    async () => {
      const { port } = await startTwo(GITHUB, FILES, { allowHosts: ['evil.example'] })
      const plain = await ask(port, 'mcp.example.com', `${WELL_KNOWN}/files/mcp`)
      const challenge = await ask(port, 'mcp.example.com', '/files/mcp')
      const headers = {
        forwarded: 'host=evil.example;proto=http',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-prefix': '/evil',
        'x-original-url': '/github/mcp',
      }
      for (const host of ['evil.example', 'localhost:1', 'MCP.EXAMPLE.COM:443']) {
        const document = await ask(port, host, `${WELL_KNOWN}/files/mcp?resource=x`, { headers })
        expect(document.body).toBe(plain.body)
        const refused = await ask(port, host, '/files/mcp?x=1', { headers })
        expect(refused.challenge).toBe(challenge.challenge)
      }
      expect((await ask(port, 'other.example', '/files/mcp')).status).toBe(403)
    },
  )

  test('each server gets its own headers, and of the client’s what it is to get', async () => {
    const { port, tokenFor } = await startTwo(GITHUB, FILES, { forwardHeaders: ['X-Tenant'] }, [
      { upstreamHeaders: { 'X-Api-Key': 'key of github' } },
      { forwardHeaders: ['X-Api-Key', 'X-Region'] },
    ])
    const headers = { 'x-tenant': 't', 'x-region': 'r', 'x-api-key': 'of the client' }
    const sent = async (path: string, aud: string) => {
      const { body } = await ask(port, 'localhost', path, { token: await tokenFor(aud), headers })
      return (JSON.parse(body) as { headers: Record<string, string> }).headers
    }
    expect(await sent('/github/mcp', GITHUB)).toMatchObject({
      'x-tenant': 't',
      'x-api-key': 'key of github',
    })
    expect(await sent('/github/mcp', GITHUB)).not.toHaveProperty('x-region')
    expect(await sent('/files/mcp', FILES)).toMatchObject({
      'x-region': 'r',
      'x-api-key': 'of the client',
    })
    expect(await sent('/files/mcp', FILES)).not.toHaveProperty('x-tenant')
  })

  test('without tokens each has its path, and no metadata', async () => {
    const { port } = await startTwo('http://localhost/a', 'http://localhost/b', { auth: 'none' })
    expect(nameOf(await ask(port, 'localhost', '/a'))).toBe('first')
    expect(nameOf(await ask(port, 'localhost', '/b'))).toBe('second')
    expect((await ask(port, 'localhost', `${WELL_KNOWN}/a`)).status).toBe(404)
  })
})

verifies(
  'AUD-06',
  'a command beside a server: a token for the one is 401 at the other',
  async () => {
    const command = commandOf('legacy')
    const childEnvironment = { PATH: process.env['PATH'] ?? '' }
    const { port, tokenFor, gateway } = await startTwo(GITHUB, FILES, {}, [
      {},
      { upstream: undefined as never, command, childEnvironment },
    ])
    const post = async (path: string, aud: string) => {
      const params = {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'test' },
      }
      return ask(port, 'localhost', path, {
        method: 'POST',
        token: await tokenFor(aud),
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
      })
    }
    expect((await post('/files/mcp', GITHUB)).status).toBe(401)
    expect((await post('/github/mcp', FILES)).status).toBe(401)
    expect(nameOf(await post('/github/mcp', GITHUB))).toBe('first')
    const answer = await post('/files/mcp', FILES)
    expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('serverInfo')])
    await gateway.refreshKeys()
    expect((await gateway.readiness()).checks.map(({ name, ok }) => [name, ok])).toEqual([
      ['keys', true],
      ['upstream', true],
      ['upstream', true],
    ])
  },
)

describe('on hosts of their own', () => {
  const A = 'https://a.example.com/mcp'
  const B = 'https://b.example.com:8443/mcp'
  const C = 'https://b.example.com/only/c'

  verifies('AUD-06', 'told by Host: a token for one is 401 at the other', async () => {
    const { port, tokenFor } = await startTwo(A, B)
    const places = [
      ['a.example.com', A, 'first', B],
      ['A.Example.com:8080', A, 'first', B],
      ['b.example.com:8443', B, 'second', A],
    ] as const
    for (const [host, resource, name, another] of places) {
      const own = await ask(port, host, '/mcp', { token: await tokenFor(resource) })
      expect([own.status, nameOf(own)]).toEqual([200, name])
      const foreign = await ask(port, host, '/mcp', { token: await tokenFor(another) })
      expect(foreign.status).toBe(401)
      const { origin } = new URL(resource)
      expect(foreign.challenge).toContain(`resource_metadata="${origin}${WELL_KNOWN}/mcp"`)
    }
  })

  verifies('PRM-04', 'each host publishes its own resource, byte for byte', async () => {
    const { port } = await startTwo(A, B)
    const resourceAt = async (host: string) => {
      const { status, body } = await ask(port, host, `${WELL_KNOWN}/mcp`)
      return status === 200 ? (JSON.parse(body) as { resource: string }).resource : status
    }
    expect(await resourceAt('a.example.com')).toBe(A)
    expect(await resourceAt('b.example.com:8443')).toBe(B)
    // Nobody's: the port counts when the resource has one.
    expect(await resourceAt('b.example.com')).toBe(404)
    expect(await resourceAt('b.example.com:8444')).toBe(404)
    expect(await resourceAt('127.0.0.1')).toBe(404)
    expect(await resourceAt('c.example.com')).toBe(403)
    expect((await ask(port, 'a.example.com', WELL_KNOWN)).status).toBe(404)
  })

  verifies('AUD-06', 'the path of another host’s resource is 404', async () => {
    const { port, tokenFor } = await startTwo(A, C)
    const token = await tokenFor(C)
    expect((await ask(port, 'b.example.com', '/only/c', { token })).status).toBe(200)
    // A proxy that has a name of its own for us leaves the path to tell.
    expect((await ask(port, 'localhost:8080', '/only/c', { token })).status).toBe(200)
    expect((await ask(port, 'a.example.com', '/only/c', { token })).status).toBe(404)
    expect((await ask(port, 'a.example.com', `${WELL_KNOWN}/only/c`)).status).toBe(404)
    expect((await ask(port, 'b.example.com', '/mcp')).status).toBe(404)
  })

  test('of two that a host names, the one with that port is meant', () => {
    const sites = ['https://h.example/mcp', 'https://h.example:8443/mcp'].map((resource) => ({
      resource,
      endpoint: '/mcp',
      metadataPaths: new Set<string>(),
    }))
    const find = createFindRoute(sites)
    expect(find('/mcp', 'h.example:8443')).toBe(sites[1])
    expect(find('/mcp', 'h.example:443')).toBe(sites[0])
    expect(find('/mcp', 'h.example')).toBe(sites[0])
    expect(find('/mcp', 'other.example')).toBeUndefined()
    expect(find('/mcp', '')).toBeUndefined()
    expect(find('/x', 'h.example')).toBeUndefined()
  })
})

describe('what is told', () => {
  test('events, metrics and the start name the resource', async () => {
    const reported: [type: string, resource: string | undefined][] = []
    const metrics = createMetrics(() => fixture.gateway.status())
    const fixture = await startTwo(GITHUB, FILES, {
      onEvent: (event, resource) => {
        reported.push([event.type, resource])
        metrics.count(event, resource)
      },
    })
    const { port, tokenFor } = fixture
    await ask(port, 'localhost', '/files/mcp', { token: await tokenFor(FILES) })
    await ask(port, 'localhost', '/github/mcp')
    await ask(port, 'localhost', '/nowhere')
    await eventually(() => reported.filter(([type]) => type === 'request.completed').length === 3)
    expect(reported).toEqual(
      expect.arrayContaining([
        ['request.authenticated', FILES],
        ['request.completed', FILES],
        ['request.denied', GITHUB],
        ['request.completed', GITHUB],
        ['request.completed', undefined],
      ]),
    )
    const { text } = await metrics.collect()
    const lines = text.split('\n').filter((line) => /^gatehouse_(requests|jwks_keys)/.test(line))
    expect(lines.sort()).toEqual([
      `gatehouse_jwks_keys{issuer="${ISSUER}",resource="${FILES}"} 1`,
      `gatehouse_jwks_keys{issuer="${ISSUER}",resource="${GITHUB}"} 1`,
      'gatehouse_requests_total{outcome="answered",reason="404"} 1',
      `gatehouse_requests_total{outcome="denied",reason="ERR_CREDENTIALS_MISSING",resource="${GITHUB}"} 1`,
      `gatehouse_requests_total{outcome="forwarded",reason="whole",resource="${FILES}"} 1`,
    ])
    expect(fixture.gateway.status().resources.map(({ resource }) => resource)).toEqual([
      GITHUB,
      FILES,
    ])
    const { resources } = await fixture.gateway.listen()
    expect(resources).toEqual([
      { resource: GITHUB, issuers: [ISSUER], upstream: fixture.servers[0] },
      { resource: FILES, issuers: [ISSUER], upstream: fixture.servers[1] },
    ])
  })

  verifies('GW-11', 'whatever is refused or fails names its resource', async () => {
    const reported: (readonly [what: string, resource: string | undefined])[] = []
    const lines: AuditRecord[] = []
    const { port, tokenFor } = await startTwo(
      GITHUB,
      FILES,
      {
        policy: { rules: [{ tools: ['read'], scopes: [] }], unmatched: 'deny' },
        onEvent: (event, resource) => {
          if (event.type !== 'request.authenticated' && !event.type.startsWith('keys.')) {
            reported.push([`${event.type} ${'code' in event ? event.code : ''}`, resource])
          }
        },
        onAudit: (line) => lines.push(line),
      },
      [{ upstream: 'http://127.0.0.1:9/mcp' }],
    )
    const token = await tokenFor(GITHUB)
    const json = { 'content-type': 'application/json' }
    const modern = { ...json, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' }
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
    const call = (name: string, meta = {}) =>
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, ...meta } })
    const requests: readonly (readonly [what: string, status: number, asked: Asked])[] = [
      ['request.denied ERR_CREDENTIALS_MISSING', 401, {}],
      ['origin.refused ', 403, { token, headers: { origin: 'https://elsewhere.example' } }],
      ['request.refused ERR_REQUEST_MALFORMED', 400, { token, headers: { connection: 'origin' } }],
      ['request.refused ERR_METHOD_NOT_ALLOWED', 405, { token, method: 'PATCH' }],
      ['request.refused ERR_SESSION_UNKNOWN', 404, { token, headers: { 'mcp-session-id': 'x' } }],
      [
        'request.refused ERR_BODY_ENCODED',
        415,
        { token, method: 'POST', headers: { 'content-encoding': 'gzip' } },
      ],
      [
        'request.refused ERR_HEADER_MISMATCH',
        400,
        { token, method: 'POST', headers: modern, body: call('read', { _meta }) },
      ],
      ['operation.unreadable ', 400, { token, method: 'POST', headers: json, body: '[' }],
      [
        'request.denied ERR_OPERATION_DENIED',
        403,
        { token, method: 'POST', headers: json, body: call('write') },
      ],
      [
        'upstream.failed ERR_UPSTREAM_UNREACHABLE',
        502,
        { token, method: 'POST', headers: json, body: call('read') },
      ],
    ]
    for (const [what, status, asked] of requests) {
      reported.length = 0
      lines.length = 0
      expect((await ask(port, 'localhost', '/github/mcp', asked)).status, what).toBe(status)
      await eventually(() => lines.length > 0)
      expect(reported).toContainEqual([what, GITHUB])
      expect(reported).toContainEqual(['request.completed ', GITHUB])
      expect(reported.filter(([, resource]) => resource !== GITHUB)).toEqual([])
      expect(lines).toEqual([expect.objectContaining({ resource: GITHUB, status })])
    }
  })

  verifies(
    'KEY-06',
    'ready while one can serve; each issuer and each server is told once',
    async () => {
      const down = 'http://127.0.0.1:9/mcp'
      const idp = await FakeIdp.start()
      const options = { fetch: idp.fetch }
      const one = await startTwo(GITHUB, FILES, options, [{ upstream: down }])
      await one.gateway.refreshKeys()
      expect(await one.gateway.readiness()).toEqual({
        ready: true,
        checks: [
          { name: 'keys', subject: ISSUER, ok: true },
          {
            name: 'upstream',
            subject: down,
            ok: false,
            reason: 'ECONNREFUSED: no server listens there',
          },
          { name: 'upstream', subject: one.servers[1], ok: true },
        ],
      })
      const both = await startTwo(GITHUB, FILES, options, [{ upstream: down }, { upstream: down }])
      await both.gateway.refreshKeys()
      const { ready, checks } = await both.gateway.readiness()
      expect(ready).toBe(false)
      expect(checks.filter(({ name }) => name === 'upstream')).toHaveLength(1)
      // A server that answers is of no use to whom no issuer lets in.
      const other = { issuer: 'https://other.example.com', jwks: () => Promise.reject(new Error()) }
      const crossed = await startTwo(GITHUB, FILES, options, [
        { upstream: down },
        { authorizationServers: other },
      ])
      await crossed.gateway.refreshKeys()
      expect((await crossed.gateway.readiness()).ready).toBe(false)
    },
  )

  verifies('KEY-05', 'who trusts an issuer in the same way shares its keys', async () => {
    const reported: (readonly [type: string, resource: string | undefined])[] = []
    const idp = await FakeIdp.start()
    const onEvent: GatewayOptions['onEvent'] = ({ type }, resource) =>
      reported.push([type, resource])
    const { gateway, port, tokenFor } = await startTwo(GITHUB, FILES, { fetch: idp.fetch, onEvent })
    await gateway.refreshKeys()
    const before = idp.jwksFetches
    for (const [path, aud] of [
      ['/github/mcp', GITHUB],
      ['/files/mcp', FILES],
    ] as const) {
      expect((await ask(port, 'localhost', path, { token: await tokenFor(aud) })).status).toBe(200)
    }
    await gateway.refreshKeys()
    expect(idp.jwksFetches - before).toBe(1)
    expect(reported.filter(([type]) => type === 'keys.loaded')).toEqual(
      Array.from({ length: idp.jwksFetches }, () => ['keys.loaded', undefined]),
    )
    const apart = await FakeIdp.start()
    const { gateway: other } = await startTwo(GITHUB, FILES, { fetch: apart.fetch }, [
      { jwksMaxAge: 60 },
    ])
    // At its start each asks by itself, which this may join or come after.
    await other.refreshKeys()
    const first = apart.jwksFetches
    await other.refreshKeys()
    expect(apart.jwksFetches - first).toBe(2)
  })

  test('keys of all are read anew', async () => {
    const read = [0, 0]
    const fixture = await startTwo(
      GITHUB,
      FILES,
      {},
      read.map((_, index) => ({
        authorizationServers: {
          issuer: ISSUER,
          jwks: () => {
            read[index] = (read[index] ?? 0) + 1
            return { keys: [] }
          },
        },
      })),
    )
    await eventually(() => read.every((times) => times > 0))
    const before = [...read]
    await fixture.gateway.refreshKeys()
    expect(read).toEqual(before.map((times) => times + 1))
  })
})

test('a listener that throws or rejects ends nothing', async () => {
  let calls = 0
  const { port, tokenFor } = await startTwo(GITHUB, FILES, {
    onEvent: (): unknown => {
      calls++
      if (calls % 2 === 0) throw new Error('a broken log')
      return Promise.reject(new Error('a log that is away'))
    },
  })
  const token = await tokenFor(GITHUB)
  expect((await ask(port, 'localhost', '/github/mcp', { token })).status).toBe(200)
  expect((await ask(port, 'localhost', '/github/mcp')).status).toBe(401)
  expect(calls).toBeGreaterThan(3)
})

describe('what cannot be configured', () => {
  const UPSTREAM = 'http://127.0.0.1:8000/mcp'
  const problemsOf = (options: object): readonly string[] => {
    try {
      createGateway({ authorizationServers: ISSUER, ...options })
    } catch (error) {
      return (error as { problems: { path: string; message: string }[] }).problems.map(
        ({ path, message }) => `${path}: ${message}`,
      )
    }
    return []
  }
  const resources = [
    { resource: GITHUB, upstream: UPSTREAM },
    { resource: FILES, upstream: UPSTREAM },
  ]

  test('two are right', () => expect(problemsOf({ resources })).toEqual([]))

  test.each<[string, object, readonly string[]]>([
    ['no list', { resources: {} }, ['resources: must be a list of resources']],
    ['an empty list', { resources: [] }, ['resources: must be a list of resources']],
    ['no object', { resources: [GITHUB] }, ['resources[0]: must be an object']],
    [
      'both forms',
      { resources, resource: GITHUB, upstream: UPSTREAM, upstreamHeaders: { 'X-Key': 'k' } },
      ['resource', 'upstream', 'upstreamHeaders'].map(
        (name) => `${name}: is written beside resources, but belongs to one of them`,
      ),
    ],
    [
      'what is for the gateway',
      { resources: [{ ...resources[0], host: '::1', ca: '' }, resources[1]] },
      [
        'resources[0].host: applies to the whole gateway',
        'resources[0].ca: applies to the whole gateway',
      ],
    ],
    [
      'one twice',
      { resources: [...resources, resources[1]] },
      ['resources[2].resource: is the same as resources[1]'],
    ],
    [
      'another spelling of the same place',
      { resources: [...resources, { resource: `${FILES}?x=1`, upstream: UPSTREAM }] },
      [
        'resources[2].resource: must not have a query',
        'resources[2].resource: has the host and path of resources[1]',
      ],
    ],
    [
      'the place of the metadata of another',
      {
        resources: [
          ...resources,
          { resource: `https://mcp.example.com${WELL_KNOWN}/files/mcp`, upstream: UPSTREAM },
        ],
      },
      ['resources[2].resource: has the host and path of resources[1]'],
    ],
    [
      'all at once, each with its place',
      {
        resources: [
          { resource: GITHUB, scopes: 'a"b', tokn: 1 },
          { resource: 'mcp', upstream: 'ftp://x', upstreamTimeout: 0 },
          { resource: FILES, upstream: UPSTREAM, command: ['true'] },
        ],
      },
      [
        'resources[0].upstream: is missing',
        'resources[0].tokn: no such option',
        expect.stringMatching(/^resources\[0\]\.scopes\[?/) as string,
        'resources[1].upstream: must be an absolute http(s) URL',
        'resources[1].upstreamTimeout: must be a number from 0 to 86400',
        'resources[1].resource: must be an absolute http(s) URL',
        'resources[2].command: is given together with upstream',
      ],
    ],
    [
      'what is of all, once',
      { resources, clockTolerance: 900 },
      [expect.stringMatching(/^clockTolerance: /) as string],
    ],
  ])('%s', (_, options, problems) => {
    expect(problemsOf(options)).toEqual(problems)
  })
})
