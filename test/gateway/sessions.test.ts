/** Sessions of an HTTP server behind the gateway: whose they are, and that nobody else can tell that they exist. */
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import type { ConfigurationError } from 'mcp-gatehouse'
import { createGateway, type GatewayOptions } from 'mcp-gatehouse/gateway'
import { createSessionIds } from '../../src/web/session-ids.js'
import {
  exchangeBytes,
  startGateway,
  startTcpUpstream,
  startUpstream,
  type GatewayFixture,
} from '../support/gateway.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE, type TokenSpec } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const KEY = 'k'.repeat(32)
const OTHER_KEY = 'o'.repeat(32)
const NO_SUBJECT: TokenSpec = { claims: { sub: undefined } as never }
const NOBODY: TokenSpec = { claims: { sub: undefined, client_id: undefined } as never }
const NOT_FOUND = '{"error":"session_not_found","error_description":"There is no such session"}'

interface Sessions {
  readonly url: string
  /** Ids of the sessions that requests came with; `undefined` for none. */
  readonly seen: (string | undefined)[]
}

/** A server with sessions: an id for who has none, 404 for one that it forgot. */
async function startSessions(next: () => string = counter()): Promise<Sessions> {
  const seen: (string | undefined)[] = []
  const known = new Set<string>()
  const url = await startUpstream((request, response) => {
    const id = request.headers['mcp-session-id']?.toString()
    seen.push(id)
    request.resume()
    if (id === undefined) {
      const created = next()
      known.add(created)
      return response.setHeader('Mcp-Session-Id', created).end('{"created":true}')
    }
    if (!known.has(id)) return response.writeHead(404).end('forgotten')
    if (request.method === 'DELETE') known.delete(id)
    response.end(`{"method":"${request.method}"}`)
  })
  return { url, seen }
}

function counter(): () => string {
  let count = 0
  return () => `session-${++count}`
}

interface Visit {
  readonly status: number
  readonly body: string
  readonly session: string | undefined
  readonly headers: Record<string, string>
}

async function visit(
  fixture: Pick<GatewayFixture, 'url'>,
  token: string,
  session?: string,
  method = 'POST',
  headers: Readonly<Record<string, string>> = {},
): Promise<Visit> {
  const response = await fetch(`${fixture.url}/mcp`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...headers,
      ...(session !== undefined && { 'mcp-session-id': session }),
    },
    ...(method === 'POST' && { body: '{}' }),
  })
  const { 'x-request-id': _id, date: _date, ...rest } = Object.fromEntries(response.headers)
  return {
    status: response.status,
    body: await response.text(),
    session: response.headers.get('mcp-session-id') ?? undefined,
    headers: rest,
  }
}

/** A session of `user-1`. */
async function begin(options: Partial<GatewayOptions> = {}) {
  const upstream = await startSessions()
  const fixture = await startGateway(upstream.url, { sessionKeys: [KEY], ...options })
  const { session = '' } = await visit(fixture, fixture.token)
  upstream.seen.length = 0
  return { upstream, fixture, session }
}

describe('the owner', () => {
  verifies(['STA-01', 'CASE-46', 'TRN-06'], 'comes back with every method', async () => {
    const { upstream, fixture, session } = await begin()
    expect(session).toMatch(/^[\w-]{43}\.session-1$/)
    for (const method of ['POST', 'GET', 'DELETE']) {
      const { status, body } = await visit(fixture, fixture.token, session, method)
      expect([status, body]).toEqual([200, `{"method":"${method}"}`])
    }
    expect(upstream.seen).toEqual(['session-1', 'session-1', 'session-1'])
    // What it forgot is its own to say.
    const gone = await visit(fixture, fixture.token, session)
    expect([gone.status, gone.body]).toEqual([404, 'forgotten'])
  })

  verifies(['STA-01', 'CASE-47'], 'keeps it with a refreshed token', async () => {
    const { upstream, fixture, session } = await begin()
    const exp = Math.floor(Date.now() / 1000) + 900
    const refreshed = await fixture.idp.token({ claims: { exp, jti: 'id-2', scope: 'mcp:more' } })
    expect(refreshed).not.toBe(fixture.token)
    expect((await visit(fixture, refreshed, session)).status).toBe(200)
    expect(upstream.seen).toEqual(['session-1'])
  })

  verifies(
    'STA-01',
    'keeps it through a restart, and at a replica, with the same keys',
    async () => {
      const { upstream, fixture, session } = await begin()
      await fixture.gateway.close()
      for (const sessionKeys of [[KEY], [OTHER_KEY, KEY]]) {
        const next = await startGateway(upstream.url, { sessionKeys })
        expect((await visit(next, next.token, session)).status).toBe(200)
        // And it stays the one that the client knows.
        expect((await visit(next, next.token, session)).session).toBeUndefined()
      }
      expect(upstream.seen).toEqual(Array.from({ length: 4 }, () => 'session-1'))
    },
  )

  verifies('STA-01', 'loses it with the key: other keys, or none that was given', async () => {
    const { upstream, session } = await begin()
    for (const options of [{ sessionKeys: [OTHER_KEY] }, {}]) {
      const next = await startGateway(upstream.url, options)
      const refused = await visit(next, next.token, session)
      expect([refused.status, refused.body]).toEqual([404, NOT_FOUND])
    }
    expect(upstream.seen).toEqual([])
  })

  verifies(['STA-01', 'TRN-06'], 'gets the same id wherever the server repeats it', async () => {
    const url = await startUpstream((_request, response) => {
      response.setHeader('mcp-session-id', 'always').end()
    })
    const fixture = await startGateway(url, { sessionKeys: [OTHER_KEY, KEY] })
    const old = await startGateway(url, { sessionKeys: [KEY] })
    const { session } = await visit(old, old.token)
    // Signed with a key that is about to go: the client keeps the id that it has.
    expect((await visit(fixture, fixture.token, session)).session).toBe(session)
    expect((await visit(fixture, fixture.token)).session).not.toBe(session)
  })
})

describe('everybody else', () => {
  const STRANGERS: readonly (readonly [string, TokenSpec])[] = [
    ['another user', { claims: { sub: 'user-2' } }],
    ['another client', { claims: { client_id: 'client-2' } }],
    ['a client without a user', NO_SUBJECT],
    ['a user without a client', { claims: { client_id: undefined } }],
    ['nobody in particular', NOBODY],
  ]
  for (const [name, spec] of STRANGERS) {
    verifies(['STA-01', 'CASE-46'], `${name} gets 404, and the server is not reached`, async () => {
      const { upstream, fixture, session } = await begin()
      const stranger = await fixture.idp.token(spec)
      for (const method of ['POST', 'GET', 'DELETE']) {
        for (const version of ['2025-11-25', '2026-07-28']) {
          const headers = method === 'GET' ? { 'mcp-protocol-version': version } : {}
          const { status, body } = await visit(fixture, stranger, session, method, headers)
          expect([status, body]).toEqual([404, NOT_FOUND])
        }
      }
      expect(upstream.seen).toEqual([])
      const [refused] = fixture.reported('request.refused')
      expect(refused).toMatchObject({ status: 404, code: 'ERR_SESSION_UNKNOWN' })
      expect(refused?.reason).toMatch(/[\da-f]{8}…\)$/)
      expect(JSON.stringify(fixture.events)).not.toContain(session)
      expect(JSON.stringify(fixture.events)).not.toContain('session-1')
      // The owner is none the worse for it.
      expect((await visit(fixture, fixture.token, session)).status).toBe(200)
    })
  }

  verifies(['STA-01', 'CASE-46'], 'the same subject and client of another issuer', async () => {
    const other = await FakeIdp.start('https://other.example')
    const first = await FakeIdp.start()
    other.keys = [await fakeKey('key-2')]
    const { upstream, fixture, session } = await begin({
      authorizationServers: [ISSUER, other.issuer],
      fetch: (input, init) =>
        String(input).startsWith('https://other')
          ? other.fetch(input, init)
          : first.fetch(input, init),
    })
    const { status, body } = await visit(fixture, await other.token(), session)
    expect([status, body]).toEqual([404, NOT_FOUND])
    expect(upstream.seen).toEqual([])
  })

  verifies(['STA-01', 'AUD-06'], 'a session of another resource with the same keys', async () => {
    const { upstream, session } = await begin()
    const resource = 'https://mcp.example.com/other'
    const other = await startGateway(upstream.url, { resource, sessionKeys: [KEY] })
    const token = await other.idp.token({ claims: { aud: resource } })
    const response = await fetch(`${other.url}/other`, {
      headers: { authorization: `Bearer ${token}`, 'mcp-session-id': session },
    })
    expect(response.status).toBe(404)
    expect(await response.text()).toBe(NOT_FOUND)
    expect(upstream.seen).toEqual([])
  })

  verifies('STA-01', 'a token that names nobody is a caller of its own', async () => {
    const { fixture, upstream } = await begin()
    const nobody = (jti: string) => fixture.idp.token({ claims: { ...NOBODY.claims, jti } })
    const first = await nobody('1')
    const { session } = await visit(fixture, first)
    expect((await visit(fixture, first, session)).status).toBe(200)
    upstream.seen.length = 0
    expect((await visit(fixture, await nobody('2'), session)).status).toBe(404)
    expect(upstream.seen).toEqual([])
  })

  verifies(
    ['STA-01', 'CASE-46', 'CASE-48'],
    'what is malformed, unknown, foreign or repeated gets the same bytes',
    async () => {
      const { upstream, fixture, session } = await begin()
      const stranger = await fixture.idp.token({ claims: { sub: 'user-2' } })
      const mac = session.slice(0, 43)
      const answers = [
        await visit(fixture, stranger, session),
        ...(await Promise.all(
          [
            'session-1',
            'session-2',
            mac,
            `${mac}.`,
            `${mac}.session-2`,
            `${mac}!session-1`,
            `${mac.slice(1)}.session-1`,
            `${mac.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))}.session-1`,
            session.toLowerCase(),
            `${session} `.repeat(2).trim(),
            `${session}, ${session}`,
            'x'.repeat(20_000),
            '',
          ].map((id) => visit(fixture, fixture.token, id)),
        )),
      ]
      for (const answer of answers) {
        expect(answer).toEqual(answers[0])
        expect(answer.body).toBe(NOT_FOUND)
        expect(answer.headers).toMatchObject({
          'content-type': 'application/json',
          'cache-control': 'no-store',
        })
      }
      const twice = await exchangeBytes(
        fixture.port,
        `GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${fixture.token}\r\nMcp-Session-Id: ${session}\r\nmcp-session-id: ${session}\r\n\r\n`,
      )
      expect(twice).toMatch(/^HTTP\/1\.1 404 /)
      expect(twice).toContain(NOT_FOUND)
      expect(upstream.seen).toEqual([])
      const { 'x-request-id': _, ...reported } = Object.fromEntries(
        new Headers((answers[0] as Visit).headers),
      )
      expect(Object.keys(reported)).not.toContain('mcp-session-id')
    },
  )

  verifies(['STA-01', 'CASE-46'], '10,000 guesses: nothing is kept of them', async () => {
    const { upstream, fixture, session } = await begin()
    const ids = createSessionIds([KEY])
    const owner = { resource: RESOURCE, key: 'a' }
    const guess = (n: number) => `${'A'.repeat(38)}${String(n).padStart(5, '0')}.session-1`
    for (let n = 0; n < 100; n++) {
      const { status } = await visit(fixture, fixture.token, guess(n))
      expect(status).toBe(404)
    }
    expect(upstream.seen).toEqual([])
    expect((await visit(fixture, fixture.token, session)).status).toBe(200)
    const sealed = ids.seal(owner, 'x') ?? ''
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < 10_000; n++) expect(ids.open(owner, guess(n))).toBeUndefined()
    globalThis.gc?.()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 2 ** 20)
    expect(ids.open(owner, sealed)).toBe('x')
  })

  verifies(
    ['STA-01', 'CASE-49'],
    'two users at once: no answer and no session crosses',
    async () => {
      const url = await startUpstream((request, response) => {
        const user = String(request.headers['x-gatehouse-subject'])
        const id = request.headers['mcp-session-id']
        if (id === undefined) response.setHeader('mcp-session-id', `of-${user}`)
        setTimeout(() => response.end(`${user} ${String(id ?? 'none')}`), Math.random() * 5)
      })
      const fixture = await startGateway(url)
      const users = await Promise.all(
        ['user-1', 'user-2'].map(async (sub) => {
          const token = await fixture.idp.token({ claims: { sub } })
          return { sub, token, session: (await visit(fixture, token)).session }
        }),
      )
      const calls = Array.from({ length: 400 }, async (_, index) => {
        const user = users[index % 2]
        if (user === undefined) throw new Error('no user')
        const { body } = await visit(fixture, user.token, user.session)
        expect(body).toBe(`${user.sub} of-${user.sub}`)
      })
      await Promise.all(calls)
    },
  )
})

describe('the server behind', () => {
  verifies(['CASE-48', 'TRN-06'], 'answers itself what comes without a session', async () => {
    const url = await startUpstream((request, response) => {
      response.writeHead(request.headers['mcp-session-id'] === undefined ? 400 : 200).end('mine')
    })
    const fixture = await startGateway(url)
    for (const method of ['POST', 'GET', 'DELETE']) {
      const { status, body } = await visit(fixture, fixture.token, undefined, method)
      expect([status, body]).toEqual([400, 'mine'])
    }
  })

  for (const [name, fields] of [
    ['two ids', ['a', 'b']],
    ['one id twice', ['a', 'a']],
    ['a blank in it', ['a b']],
    ['a letter beyond ASCII', ['gr\u00fcn']],
    ['more than anybody sends back', ['x'.repeat(5_000)]],
  ] as const) {
    verifies('STA-01', `hands out ${name}: 502, and the log says so`, async () => {
      const url = await startTcpUpstream((socket) => {
        const lines = fields.map((id) => `Mcp-Session-Id: ${id}\r\n`).join('')
        socket.once('data', () =>
          socket.end(
            Buffer.from(`HTTP/1.1 200 OK\r\n${lines}Content-Length: 2\r\n\r\n{}`, 'latin1'),
          ),
        )
      })
      const fixture = await startGateway(url)
      expect((await visit(fixture, fixture.token)).status).toBe(502)
      const [failed] = fixture.reported('upstream.failed')
      expect(failed?.code).toBe('ERR_UPSTREAM_INVALID')
      expect(failed?.reason).toContain('Mcp-Session-Id')
    })
  }

  verifies('STA-01', 'an empty id is none', async () => {
    const url = await startUpstream((_request, response) => {
      response.setHeader('mcp-session-id', '').end('ok')
    })
    const fixture = await startGateway(url)
    expect(await visit(fixture, fixture.token)).toMatchObject({ status: 200, session: undefined })
  })

  verifies('STA-01', 'any id of visible ASCII comes back as it was', async () => {
    const ids = fc.stringMatching(/^[\x21-\x7e]{1,200}$/)
    let next = ''
    const upstream = await startSessions(() => next)
    const fixture = await startGateway(upstream.url)
    await fc.assert(
      fc.asyncProperty(ids, async (id) => {
        next = id
        const { session } = await visit(fixture, fixture.token)
        expect(session).not.toBe(id)
        expect((await visit(fixture, fixture.token, session)).status).toBe(200)
        expect(upstream.seen.at(-1)).toBe(id)
      }),
      { numRuns: 50 },
    )
  })

  verifies('STA-01', 'without tokens all are one, and ids pass untouched', async () => {
    const upstream = await startSessions()
    const fixture = await startGateway(upstream.url, {
      auth: 'none',
      resource: 'http://localhost/mcp',
    })
    const { session } = await visit(fixture, 'any')
    expect(session).toBe('session-1')
    expect((await visit(fixture, 'other', session)).status).toBe(200)
    expect(upstream.seen).toEqual([undefined, 'session-1'])
  })
})

describe('options', () => {
  const problemsOf = (options: object): unknown => {
    try {
      createGateway({ auth: 'none', upstream: 'http://127.0.0.1:1/mcp', ...options })
      return []
    } catch (error) {
      return (error as ConfigurationError).problems.map(({ path }) => path)
    }
  }

  verifies('STA-01', 'keys that are none are problems, and none of them is shown', () => {
    expect(problemsOf({ sessionKeys: [KEY, OTHER_KEY], streamGrace: 0 })).toEqual([])
    for (const sessionKeys of [[], [''], [KEY, 'hunter2'], [1], [null], KEY, [`${KEY} `]]) {
      expect(problemsOf({ sessionKeys })).toEqual(['sessionKeys'])
    }
    for (const streamGrace of [-1, 86_401, Number.NaN, '5m']) {
      expect(problemsOf({ streamGrace })).toEqual(['streamGrace'])
    }
    expect(() => createGateway({ sessionKeys: ['hunter2'] } as never)).toThrow(/^(?!.*hunter2)/s)
  })
})

describe('ids', () => {
  const owner = (resource: string, key: string) => ({ resource, key })

  verifies(['STA-01', 'GW-10'], 'open for their owner alone, with and without memory', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { minLength: 4, maxLength: 4 }),
        fc.stringMatching(/^[\x21-\x7e]{1,20}$/),
        ([resource = '', key = '', otherResource = '', otherKey = ''], id) => {
          const ids = createSessionIds([KEY])
          const sealed = ids.seal(owner(resource, key), id) ?? ''
          for (const reader of [ids, createSessionIds([OTHER_KEY, KEY])]) {
            expect(reader.open(owner(resource, key), sealed)).toBe(id)
            const isSame = resource === otherResource && key === otherKey
            const opened = reader.open(owner(otherResource, otherKey), sealed)
            expect(opened).toBe(isSame ? id : undefined)
          }
          expect(createSessionIds([OTHER_KEY]).open(owner(resource, key), sealed)).toBeUndefined()
        },
      ),
    )
  })

  verifies(
    'STA-01',
    'no field runs into the next, and no half of a surrogate pair is another',
    () => {
      const [ids, reader] = [createSessionIds([KEY]), createSessionIds([KEY])]
      for (const [first, second] of [
        [owner('ab', 'c'), owner('a', 'bc')],
        [owner('a","b', ''), owner('a', '","b')],
        [owner('a', '\ud800'), owner('a', '\ud801')],
        [owner('a', '\ud800'), owner('a', '\\ud800')],
        [owner('a', '\ufffd'), owner('a', '\udfff')],
      ] as const) {
        const sealed = ids.seal(first, 'x') ?? ''
        expect(reader.open(first, sealed)).toBe('x')
        expect(createSessionIds([KEY]).open(second, sealed)).toBeUndefined()
      }
    },
  )

  verifies('STA-01', 'a value that is not an id is not sealed', () => {
    const ids = createSessionIds([KEY])
    for (const id of ['', ' ', 'a b', 'a\tb', '\u007f', 'ü', 'x'.repeat(4_097)]) {
      expect(ids.seal(owner('a', 'b'), id)).toBeUndefined()
    }
    const long = 'x'.repeat(4_096)
    expect(ids.open(owner('a', 'b'), ids.seal(owner('a', 'b'), long) ?? '')).toBe(long)
  })
})
