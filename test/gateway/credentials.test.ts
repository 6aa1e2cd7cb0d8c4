/** The headers that an embedder's function gives for one request of one caller. */
import { createHash } from 'node:crypto'
import { describe, expect } from 'vitest'
import { AuthorizationServerError, ConfigurationError, principalOf } from 'mcp-gatehouse'
import {
  createGateway,
  type AuditRecord,
  type GatewayOptions,
  type UpstreamCaller,
  type UpstreamCredentials,
} from 'mcp-gatehouse/gateway'
import { askForCredentials, PendingCredentials } from '../../src/gateway/http/credentials.js'
import type { Caller } from '../../src/gateway/request/caller.js'
import { REAL_TIME } from '../../src/gateway/clock.js'
import {
  bodyOf,
  eventually,
  exchangeBytes,
  startGateway,
  startUpstream,
  type GatewayFixture,
} from '../support/gateway.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const SECRET = 'hunter2'

interface Seen {
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
}

/** A gateway with the function, and what its upstream saw. */
async function startWith(
  upstreamCredentials: UpstreamCredentials,
  options: Partial<GatewayOptions> = {},
): Promise<GatewayFixture & { readonly seen: Seen[] }> {
  const seen: Seen[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then((body) => {
      const { rawHeaders } = request
      const headers = rawHeaders.flatMap((name, index) =>
        index % 2 === 0 ? [[name.toLowerCase(), rawHeaders[index + 1] ?? ''] as const] : [],
      )
      seen.push({ headers, body })
      response.end('done')
    })
  })
  return { ...(await startGateway(upstream, { upstreamCredentials, ...options })), seen }
}

const named = ({ headers }: Seen, ...names: readonly string[]) =>
  headers.filter(([name]) => names.includes(name))

const POST = { method: 'POST', body: '{}' }

describe('the headers of one request', () => {
  verifies('GW-01', 'are those of its caller, asked for each time', async () => {
    const asked: (UpstreamCaller & { readonly resource: string })[] = []
    const fixture = await startWith((caller, resource) => {
      asked.push({ ...caller, resource })
      return { Authorization: `Bearer for-${caller.token.subject}` }
    })
    const other = await fixture.idp.token({ claims: { sub: 'user-2' } })
    await fixture.call(POST)
    await fixture.call(POST)
    await fixture.call({ ...POST, headers: { authorization: `Bearer ${other}` } })
    expect(fixture.seen.map((each) => named(each, 'authorization'))).toEqual(
      ['user-1', 'user-1', 'user-2'].map((user) => [['authorization', `Bearer for-${user}`]]),
    )
    expect(asked.map(({ bearer }) => bearer)).toEqual([fixture.token, fixture.token, other])
    expect(new Set(asked.map(({ resource }) => resource))).toEqual(new Set([RESOURCE]))
    const [first] = asked
    expect(first?.principal).toEqual(principalOf(first?.token as UpstreamCaller['token']))
    expect(JSON.stringify(fixture.events)).not.toContain('Bearer for-')
  })

  verifies('CASE-55', "replace the client's and the operator's, in any spelling", async () => {
    const fixture = await startWith(
      () => Promise.resolve({ 'x-api-key': 'own', 'X-Tenant': 'own', Accept: 'own' }),
      {
        upstreamHeaders: { 'X-Api-Key': 'shared', 'X-Kept': 'shared' },
        forwardHeaders: ['X-Tenant', 'x_tenant', 'X-Tenants'],
      },
    )
    await fixture.call({
      headers: {
        'x-tenant': 'client',
        x_tenant: 'client',
        'x-tenants': 'client',
        accept: 'client',
      },
    })
    const [seen] = fixture.seen
    const names = ['x-api-key', 'x-kept', 'x-tenant', 'x_tenant', 'x-tenants', 'accept']
    expect(named(seen as Seen, ...names)).toEqual([
      ['x-tenants', 'client'],
      ['x-kept', 'shared'],
      ['x-api-key', 'own'],
      ['x-tenant', 'own'],
      ['accept', 'own'],
    ])
    expect(named(seen as Seen, 'x-gatehouse-subject')).toEqual([['x-gatehouse-subject', 'user-1']])
  })

  verifies('GW-01', 'may be none: nothing of the client takes their place', async () => {
    const fixture = await startWith(() => ({}))
    expect((await fixture.call(POST)).status).toBe(200)
    expect(named(fixture.seen[0] as Seen, 'authorization')).toEqual([])
  })

  for (const size of [10, 64 * 1024 + 1, 1_000_000]) {
    verifies(
      'TRN-04',
      `come while a body of ${size} bytes waits, which arrives whole`,
      async () => {
        const fixture = await startWith(async () => {
          await new Promise((resolve) => setImmediate(resolve))
          return { 'X-Key': 'k' }
        })
        const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(size) }))
        expect((await fixture.call({ method: 'POST', body })).status).toBe(200)
        const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
        expect(digest((fixture.seen[0] as Seen).body)).toBe(digest(body))
        expect(named(fixture.seen[0] as Seen, 'x-key')).toEqual([['x-key', 'k']])
      },
    )
  }

  verifies('GW-01', 'need no promise if the function makes none', () => {
    const caller = {
      resource: RESOURCE,
      authenticated: { token: { issuer: ISSUER, subject: 's' }, bearer: 'b' },
    } as unknown as Caller
    const ask = (credentials: UpstreamCredentials) =>
      askForCredentials({ ask: credentials, timeout: 1, clock: REAL_TIME }, caller)
    expect(ask(() => ({ A: 'b' }))).toEqual(['A', 'b'])
    expect(ask(() => Promise.resolve({ A: 'b' }))).toBeInstanceOf(PendingCredentials)
  })
})

describe('no headers', () => {
  async function failing(
    upstreamCredentials: unknown,
    options: Partial<GatewayOptions> = {},
  ): Promise<{
    readonly response: Response
    readonly text: string
    readonly fixture: GatewayFixture
  }> {
    const audit: AuditRecord[] = []
    const fixture = await startWith(upstreamCredentials as UpstreamCredentials, {
      onAudit: (record) => audit.push(record),
      ...options,
    })
    const response = await fixture.call(POST)
    const text = await response.text()
    await eventually(() => audit.length === 1)
    expect(fixture.seen).toEqual([])
    const [failed] = fixture.reported('upstream.failed')
    expect(failed).toMatchObject({ requestId: response.headers.get('x-request-id') })
    expect(audit[0]).toMatchObject({ code: failed?.code, status: response.status })
    expect(response.headers.get('www-authenticate')).toBeNull()
    expect(JSON.stringify([text, fixture.events, audit])).not.toContain(SECRET)
    return { response, text, fixture }
  }

  const INVALID: readonly (readonly [what: string, headers: unknown])[] = [
    ['a name that only we set', { 'X-Gatehouse-Subject': SECRET }],
    ['its twin', { x_gatehouse_subject: SECRET }],
    ['Host', { Host: SECRET }],
    ['a length', { 'Content-Length': '1' }],
    ['an invalid name', { [`a ${SECRET}`]: 'x' }],
    ['a value of two lines', { 'X-Key': `${SECRET}\r\nX-Gatehouse-Subject: evil` }],
    ['a value that is empty', { 'X-Key': '' }],
    ['a value that is not a text', { 'X-Key': 1 }],
    ['a value that is a list', { 'X-Key': [SECRET] }],
    ['one name twice', { 'X-Key': SECRET, 'x-key': SECRET }],
    ['a session of somebody else', { 'Mcp-Session-Id': SECRET }],
    ['another message than was checked', { mcp_name: SECRET }],
    ['another media type', { 'Content-Type': SECRET }],
    ['what authenticates the connection', { Authorization: `Negotiate ${SECRET}` }],
    ['the second of two', { 'X-Key': 'good', [SECRET]: '' }],
    ['Headers, which have no properties', new Headers({ 'X-Key': SECRET })],
    ['a map', new Map([['X-Key', SECRET]])],
    ['a list', [['X-Key', SECRET]]],
    ['a text', SECRET],
    ['nothing', undefined],
  ]
  for (const [what, headers] of INVALID) {
    for (const [when, given] of [
      ['at once', () => headers],
      ['later', () => Promise.resolve(headers)],
    ] as const) {
      verifies(['GW-02', 'GW-08'], `${what}, ${when}: 502`, async () => {
        const { response, text, fixture } = await failing(given)
        expect(response.status).toBe(502)
        expect(text).toContain('bad_gateway')
        expect(fixture.reported('upstream.failed')[0]?.code).toBe('ERR_UPSTREAM_CREDENTIALS')
      })
    }
  }

  class OddError extends Error {
    constructor() {
      super(`${SECRET}\n    at ${SECRET} (file:1:1)`)
    }
  }
  const FAILING: readonly (readonly [what: string, fail: () => unknown])[] = [
    [
      'throws',
      () => {
        throw new OddError()
      },
    ],
    ['rejects', () => Promise.reject(new OddError())],
    // oxlint-disable-next-line prefer-promise-reject-errors -- other values must be handled, too
    ['rejects with a text', () => Promise.reject(SECRET)],
    [
      'gives an object that throws',
      () => ({
        get key(): string {
          throw new OddError()
        },
      }),
    ],
  ]
  for (const [what, fail] of FAILING) {
    verifies(['GW-08', 'CASE-63'], `the function ${what}: 502`, async () => {
      const { response, fixture } = await failing(fail)
      expect(response.status).toBe(502)
      expect(fixture.reported('upstream.failed')[0]?.code).toBe('ERR_UPSTREAM_CREDENTIALS')
    })
  }

  for (const [retryAfter, sent] of [
    [7.5, '8'],
    [undefined, '5'],
    [Number.NaN, '5'],
    [-1, '5'],
  ] as const) {
    verifies(['GW-08', 'CASE-63'], `an outage of ${retryAfter} s: 503 with ${sent}`, async () => {
      const { response, text, fixture } = await failing(() =>
        Promise.reject(
          new AuthorizationServerError('ERR_DISCOVERY_FAILED', ISSUER, SECRET, retryAfter),
        ),
      )
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe(sent)
      expect(text).toContain('temporarily_unavailable')
      const [failed] = fixture.reported('upstream.failed')
      expect(failed).toMatchObject({
        code: 'ERR_UPSTREAM_CREDENTIALS_UNAVAILABLE',
        retryAfter: Number(sent),
      })
      expect(failed?.reason).toContain(ISSUER)
    })
  }

  verifies('CASE-63', 'in the time of the upstream: 502, and the signal is aborted', async () => {
    let signal: AbortSignal | undefined
    const { response } = await failing(
      (_caller: UpstreamCaller, _resource: string, given: AbortSignal) => {
        signal = given
        return new Promise(() => undefined)
      },
      { upstreamTimeout: 0.05 },
    )
    expect(response.status).toBe(502)
    expect(signal?.aborted).toBe(true)
  })
})

describe('a client that leaves', () => {
  verifies('CASE-63', 'ends the wait: nothing is sent, even when headers come', async () => {
    let signal: AbortSignal | undefined
    let give: ((headers: Record<string, string>) => void) | undefined
    const fixture = await startWith((_caller, _resource, given) => {
      signal = given
      return new Promise((resolve) => (give = resolve))
    })
    const controller = new AbortController()
    const call = fixture.call({ ...POST, signal: controller.signal }).catch(() => 'left')
    await eventually(() => give !== undefined)
    expect(signal?.aborted).toBe(false)
    controller.abort()
    expect(await call).toBe('left')
    await eventually(() => signal?.aborted === true)
    await eventually(() => fixture.reported('request.completed').length === 1)
    expect(fixture.reported('request.completed')[0]).toMatchObject({
      status: 0,
      end: 'client left',
    })
    give?.({ 'X-Key': 'k' })
    // A later request arrives where this one would have.
    const next = fixture.call(POST)
    await eventually(() => fixture.reported('request.authenticated').length === 2)
    give?.({ 'X-Key': 'k' })
    expect((await next).status).toBe(200)
    expect(fixture.seen).toHaveLength(1)
    expect(fixture.gateway.status().active).toBe(0)
    expect(fixture.reported('upstream.failed')).toEqual([])
  })

  verifies('CASE-63', 'is told nothing, and no event, of an error that follows', async () => {
    let calls = 0
    const fixture = await startWith((_caller, _resource, signal) => {
      calls++
      if (calls > 1) return {}
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    })
    const controller = new AbortController()
    const call = fixture.call({ ...POST, signal: controller.signal }).catch(() => 'left')
    await eventually(() => calls === 1)
    controller.abort()
    expect(await call).toBe('left')
    await eventually(() => fixture.reported('request.completed').length === 1)
    expect((await fixture.call(POST)).status).toBe(200)
    expect(fixture.reported('upstream.failed')).toEqual([])
  })

  verifies(
    'CASE-63',
    'and one whose body turns out too large gets neither credentials nor the upstream',
    async () => {
      let asked = 0
      const fixture = await startWith(
        () => {
          asked++
          return {}
        },
        { maxBody: 1_000 },
      )
      const head = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${fixture.token}\r\nTransfer-Encoding: chunked\r\n\r\n`
      const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
      const parts = [head, chunk('{"a":"'), chunk('x'.repeat(1_000))]
      const answer = await exchangeBytes(fixture.port, parts, { until: /\r\n\r\n/ })
      expect(answer).toMatch(/^HTTP\/1\.1 413 /)
      expect(asked).toBe(0)
      expect(fixture.seen).toEqual([])
    },
  )
})

describe('the start', () => {
  const GOOD = { authorizationServers: ISSUER, resource: RESOURCE }
  const upstream = 'http://127.0.0.1:1/mcp'
  const upstreamCredentials = () => ({})

  function problemsOf(options: object): readonly string[] {
    try {
      createGateway({ ...GOOD, ...options } as GatewayOptions)
      return []
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      return error.problems.map(({ path }) => path)
    }
  }

  verifies('CASE-61', 'refuses them for a command, without tokens, and when no function', () => {
    const path = 'upstreamCredentials'
    const of = (...resources: readonly object[]) => ({
      resource: undefined,
      resources: resources.map((each, index) => ({
        resource: `https://mcp.example.com/${index}/mcp`,
        ...each,
      })),
    })
    expect(problemsOf({ upstream, upstreamCredentials })).toEqual([])
    expect(problemsOf({ command: ['node'], upstreamCredentials })).toEqual([path])
    expect(problemsOf({ upstream, upstreamCredentials: {} })).toEqual([path])
    expect(
      problemsOf({ upstream, upstreamCredentials, auth: 'none', authorizationServers: undefined }),
    ).toEqual([path])
    // Another resource must not get what was meant for one.
    expect(problemsOf({ ...of({ upstream }, { upstream }), upstreamCredentials })).toEqual([path])
    expect(problemsOf(of({ upstream, upstreamCredentials }, { upstream }))).toEqual([])
    expect(problemsOf({ ...of({ upstream }, { command: ['node'] }), upstreamCredentials })).toEqual(
      [path],
    )
    expect(problemsOf(of({ upstream, upstreamCredentials }, { command: ['node'] }))).toEqual([])
    expect(problemsOf(of({ upstream }, { command: ['node'], upstreamCredentials }))).toEqual([
      `resources[1].${path}`,
    ])
  })
})
