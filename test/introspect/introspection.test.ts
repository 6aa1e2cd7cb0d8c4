/** Tokens that only the authorization server can judge: what is asked, what is believed, and whose fault it is. */
import { inspect } from 'node:util'
import { exportJWK, exportPKCS8, generateKeyPair, jwtVerify, decodeProtectedHeader } from 'jose'
import { createResourceServer, ConfigurationError, type ResourceServerOptions } from 'mcp-gatehouse'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { describe, expect, test, vi } from 'vitest'
import { deepFreeze } from '../../src/base/json.js'
import { tally } from '../support/server.js'
import { drive, pass, simulateTime } from '../support/simulated-time.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createFixture, TOKEN } from './fixture.js'
import { FakeIntrospection } from './server.js'

describe('what is asked', () => {
  verifies('INT-01', 'a form by POST, with our credentials, for JSON', async () => {
    const fixture = createFixture({ clientId: RESOURCE, clientSecret: 'a+b%c:d' })
    expect(await fixture.verdict()).toBe('authenticated')
    const [call] = fixture.server.calls
    expect(call).toMatchObject({ method: 'POST', accept: 'application/json' })
    expect(Object.fromEntries(call?.form ?? [])).toEqual({
      token: TOKEN,
      token_type_hint: 'access_token',
    })
    // RFC 6749 §2.3.1: form-encoded before Base64, which matters for a client id that is a URL.
    const [, basic = ''] = call?.authorization?.split(' ') ?? []
    const pair = Buffer.from(basic, 'base64').toString().split(':')
    expect(pair.map(decodeURIComponent)).toEqual([RESOURCE, 'a+b%c:d'])
  })

  verifies('INT-01', 'client_secret_post, none and private_key_jwt', async () => {
    const post = createFixture({ authentication: 'client_secret_post' })
    await post.verdict()
    expect(post.server.calls[0]?.authorization).toBeNull()
    expect(post.server.calls[0]?.form.get('client_secret')).toBe('secret')
    const none = createFixture({ authentication: 'none' })
    await none.verdict()
    expect(none.server.calls[0]?.form.get('client_id')).toBe('rs')
    expect(none.server.calls[0]?.form.has('client_secret')).toBe(false)
    for (const algorithm of ['RS256', 'ES256', 'EdDSA']) {
      const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
      const jwk = { ...(await exportJWK(privateKey)), kid: 'k' }
      for (const clientKey of [await exportPKCS8(privateKey), jwk, JSON.stringify(jwk)]) {
        const fixture = createFixture({ authentication: 'private_key_jwt', clientKey })
        expect(await fixture.verdict()).toBe('authenticated')
        const assertion = fixture.server.calls[0]?.form.get('client_assertion') ?? ''
        expect(decodeProtectedHeader(assertion).alg).toBe(algorithm)
        const { payload } = await jwtVerify(assertion, publicKey, {
          issuer: 'rs',
          audience: ISSUER,
        })
        expect(payload.sub).toBe('rs')
      }
    }
    const { privateKey } = await generateKeyPair('Ed25519', { extractable: true })
    const named = { ...(await exportJWK(privateKey)), alg: 'Ed25519' }
    const modern = createFixture({ authentication: 'private_key_jwt', clientKey: named })
    await modern.verdict()
    const assertion = modern.server.calls[0]?.form.get('client_assertion') ?? ''
    expect(decodeProtectedHeader(assertion).alg).toBe('Ed25519')
    const broken = createFixture({ authentication: 'private_key_jwt', clientKey: 'canary' })
    expect(await broken.verdict()).toBe('ERR_INTROSPECTION_UNAVAILABLE')
    expect(JSON.stringify(broken.events)).toContain('the client key holds no private key')
    expect(JSON.stringify(broken.events)).not.toContain('canary')
  })

  verifies('INT-01', 'the endpoint of the metadata, or the one that was configured', async () => {
    const configured = createFixture({ introspectionUrl: 'https://inside.example/introspect' })
    expect(await configured.verdict()).toBe('authenticated')
    for (const introspection_endpoint of [undefined, 'http://evil.example/x', 'javascript:1', 5]) {
      const fixture = createFixture()
      fixture.server.metadata = { introspection_endpoint }
      expect(await fixture.verdict()).toBe('ERR_INTROSPECTION_UNAVAILABLE')
      expect(fixture.server.calls).toEqual([])
    }
  })

  test('wrong options are listed at once', () => {
    const options = {
      issuer: 'x',
      clientId: '',
      authentication: 'basic' as never,
      cache: -1,
      concurrency: 0,
    }
    let problems: readonly string[] = []
    try {
      createTokenIntrospector(options)
    } catch (error) {
      if (error instanceof ConfigurationError) problems = error.problems.map(({ path }) => path)
    }
    expect(problems).toEqual(['issuer', 'clientId', 'authentication', 'cache', 'concurrency'])
    expect(() => createTokenIntrospector({ issuer: ISSUER, clientId: 'rs' })).toThrow(
      /clientSecret/,
    )
  })
})

/** What the server says, and what becomes of the token. */
const ANSWERS: readonly (readonly [name: string, claims: object, verdict: string])[] = [
  ['everything right', {}, 'authenticated'],
  ['no iss', { iss: undefined }, 'authenticated'],
  ['no exp', { exp: undefined }, 'authenticated'],
  ['an audience list', { aud: ['account', RESOURCE] }, 'authenticated'],
  ['token_type Bearer', { token_type: 'Bearer' }, 'authenticated'],
  ['token_type bearer', { token_type: 'bearer' }, 'authenticated'],
  ['Keycloak typ Bearer', { typ: 'Bearer', token_type: 'Bearer' }, 'authenticated'],
  ['Dex token_use', { token_use: 'access_token' }, 'authenticated'],
  ['no client', { client_id: undefined }, 'authenticated'],
  ['inactive', { active: false }, 'ERR_TOKEN_INACTIVE'],
  ['another iss', { iss: 'https://other.example' }, 'ERR_TOKEN_ISSUER_UNTRUSTED'],
  ['iss with a slash', { iss: `${ISSUER}/` }, 'ERR_TOKEN_ISSUER_UNTRUSTED'],
  ['no aud', { aud: undefined }, 'ERR_TOKEN_AUDIENCE'],
  ['an empty aud', { aud: [] }, 'ERR_TOKEN_AUDIENCE'],
  ['another aud', { aud: 'https://mcp.example.com/mcp2' }, 'ERR_TOKEN_AUDIENCE'],
  ['a broken aud', { aud: 5 }, 'ERR_TOKEN_CLAIM'],
  ['expired', { exp: 1_000_000 }, 'ERR_TOKEN_EXPIRED'],
  ['exp as text', { exp: '9999999999' }, 'ERR_TOKEN_CLAIM'],
  ['not yet valid', { nbf: 9_999_999_999 }, 'ERR_TOKEN_NOT_YET_VALID'],
  ['a scope with a blank', { scope: undefined, scp: ['a b'] }, 'ERR_TOKEN_CLAIM'],
  ['bound by DPoP', { cnf: { jkt: 'x' } }, 'ERR_TOKEN_BOUND'],
  ['token_type DPoP without cnf', { token_type: 'DPoP' }, 'ERR_TOKEN_BOUND'],
  ['bound by mTLS', { cnf: { 'x5t#S256': 'x' } }, 'ERR_TOKEN_BOUND'],
  ['a Keycloak refresh token', { typ: 'Refresh', token_type: 'Refresh' }, 'ERR_TOKEN_TYPE'],
  ['a Keycloak offline token', { typ: 'Offline', token_type: 'Offline' }, 'ERR_TOKEN_TYPE'],
  ['a Keycloak ID token', { typ: 'ID', token_type: 'ID' }, 'ERR_TOKEN_TYPE'],
  ['token_type alone', { token_type: 'Refresh' }, 'ERR_TOKEN_TYPE'],
  ['token_type N_A', { token_type: 'N_A' }, 'ERR_TOKEN_TYPE'],
  ['a Dex refresh token', { token_use: 'refresh_token' }, 'ERR_TOKEN_TYPE'],
  ['an ID token by its claims', { at_hash: 'x' }, 'ERR_TOKEN_TYPE'],
  ['a logout token', { events: {} }, 'ERR_TOKEN_TYPE'],
]

describe('what is believed', () => {
  for (const [name, claims, verdict] of ANSWERS) {
    verifies(
      ['INT-03', 'INT-06', 'CASE-27', 'CASE-28'],
      `${name}: ${verdict}, also when it is remembered`,
      async () => {
        const fixture = createFixture()
        fixture.server.answer = () => fixture.server.active(claims as Record<string, unknown>)
        expect([await fixture.verdict(), await fixture.verdict()]).toEqual([verdict, verdict])
        expect(fixture.server.calls).toHaveLength(1)
        const reported = JSON.stringify(fixture.events) + inspect(fixture.events, { depth: 9 })
        expect(reported).not.toContain(TOKEN)
      },
    )
  }

  verifies(
    'INT-02',
    'what is not active, in every wording, is a 401 with a challenge',
    async () => {
      const fixture = createFixture()
      fixture.server.answer = () => ({ active: false })
      const decision = await fixture.send()
      expect(decision).toMatchObject({ outcome: 'denied', status: 401 })
      expect(JSON.stringify(decision)).toContain('invalid_token')
    },
  )

  verifies(['CHL-07', 'SCP-01'], 'scopes of the answer are judged', async () => {
    const fixture = createFixture({}, {}, { scopes: 'mcp:tools mcp:write' })
    expect(await fixture.send()).toMatchObject({ status: 403 })
    fixture.server.answer = () =>
      fixture.server.active({ scope: undefined, scp: ['mcp:tools', 'mcp:write'] })
    expect(await fixture.verdict('another_opaque_token_1')).toBe('authenticated')
  })

  test('the answer is what `claims` shows, and nothing can change it', async () => {
    const fixture = createFixture()
    fixture.server.answer = () => fixture.server.active({ username: 'alice' })
    const decision = await fixture.send()
    if (decision.outcome !== 'authenticated') throw new Error(decision.code)
    expect(decision.token.claims).toMatchObject({ active: true, username: 'alice' })
    expect(() => Object.assign(decision.token.claims, { sub: 'evil' })).toThrow()
    expect(inspect(decision.token)).not.toContain(TOKEN)
  })
})

/** Everything but an answer. */
const FAULTS: readonly (readonly [name: string, answer: () => Response | object, code: string])[] =
  [
    ['500', () => new Response('', { status: 500 }), 'ERR_INTROSPECTION_UNAVAILABLE'],
    ['429', () => new Response('', { status: 429 }), 'ERR_INTROSPECTION_UNAVAILABLE'],
    ['404', () => new Response('', { status: 404 }), 'ERR_INTROSPECTION_UNAVAILABLE'],
    [
      'HTML',
      () => new Response('<h1>', { headers: { 'content-type': 'text/html' } }),
      'ERR_INTROSPECTION_UNAVAILABLE',
    ],
    [
      'half of JSON',
      () => new Response('{"active":tr', { headers: { 'content-type': 'application/json' } }),
      'ERR_INTROSPECTION_UNAVAILABLE',
    ],
    ['a list', () => Response.json([true]), 'ERR_INTROSPECTION_UNAVAILABLE'],
    ['null', () => Response.json(null), 'ERR_INTROSPECTION_UNAVAILABLE'],
    ['active as text', () => ({ active: 'true' }), 'ERR_INTROSPECTION_UNAVAILABLE'],
    ['active as a number', () => ({ active: 1 }), 'ERR_INTROSPECTION_UNAVAILABLE'],
    ['no active', () => ({}), 'ERR_INTROSPECTION_UNAVAILABLE'],
    [
      'a redirect',
      () => new Response('', { status: 302, headers: { location: 'https://x' } }),
      'ERR_INTROSPECTION_UNAVAILABLE',
    ],
    ['two megabytes', () => new Response('x'.repeat(2e6)), 'ERR_INTROSPECTION_UNAVAILABLE'],
    [
      'a signed JWT',
      () =>
        new Response('e.e.e', {
          headers: { 'content-type': 'application/token-introspection+jwt' },
        }),
      'ERR_INTROSPECTION_UNAVAILABLE',
    ],
    [
      '401',
      () => Response.json({ error: 'invalid_client' }, { status: 401 }),
      'ERR_INTROSPECTION_CLIENT_REJECTED',
    ],
    [
      '401 without a body',
      () => new Response('', { status: 401 }),
      'ERR_INTROSPECTION_CLIENT_REJECTED',
    ],
    [
      '403 for a public client',
      () => Response.json({ error: 'invalid_request' }, { status: 403 }),
      'ERR_INTROSPECTION_CLIENT_REJECTED',
    ],
    [
      '400 invalid_client',
      () => Response.json({ error: 'invalid_client' }, { status: 400 }),
      'ERR_INTROSPECTION_CLIENT_REJECTED',
    ],
  ]

describe('whose fault it is', () => {
  for (const [name, answer, code] of FAULTS) {
    verifies(
      ['INT-02', 'CASE-24', 'CASE-26'],
      `${name}: 503 with Retry-After, never 401`,
      async () => {
        const fixture = createFixture()
        fixture.server.answer = answer
        const decision = await fixture.send()
        expect(decision).toMatchObject({ outcome: 'unavailable', status: 503, code })
        if (decision.outcome !== 'unavailable') throw new Error(decision.outcome)
        expect(Number(decision.headers['Retry-After'])).toBeGreaterThanOrEqual(1)
        expect(decision.headers).not.toHaveProperty('WWW-Authenticate')
        const failed = fixture.events.find(({ type }) => type === 'introspection.failed')
        expect(failed).toMatchObject({ code, issuer: ISSUER })
        expect(JSON.stringify(fixture.events)).not.toContain(TOKEN)
        // It is over when the server is well again.
        fixture.server.answer = () => fixture.server.active()
        fixture.wait(2)
        expect(await fixture.verdict()).toBe('authenticated')
      },
    )
  }

  verifies('INT-02', 'a server that hangs, or is not there', async () => {
    const gone = createFixture({
      fetch: () => Promise.reject(new TypeError('fetch failed')),
      introspectionUrl: 'https://x.example/i',
    })
    expect(await gone.verdict()).toBe('ERR_INTROSPECTION_UNAVAILABLE')
    const hangs = createFixture({
      fetch: () => new Promise(() => undefined),
      introspectionUrl: 'https://x.example/i',
    })
    simulateTime()
    expect(await drive(hangs.verdict())).toBe('ERR_INTROSPECTION_UNAVAILABLE')
  })

  for (const wait of [1, 3]) {
    verifies(
      'FLD-03',
      `metadata that hang do not hide the next, with a wait of ${wait} s`,
      async () => {
        await createFixture().verdict()
        simulateTime()
        const server = new FakeIntrospection()
        const asked: string[] = []
        const fetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
          asked.push(String(input))
          return String(input).includes('/oauth-authorization-server')
            ? new Promise(() => undefined)
            : server.fetch(input, init)
        }
        const clock = { now: () => Date.now() }
        const fixture = createFixture({ ...clock, fetch, wait }, {}, clock)
        expect(await drive(fixture.verdict())).toBe('authenticated')
        expect(asked[0]).toContain('/oauth-authorization-server')
        expect(asked.filter((url) => url.includes('/openid-configuration')).length).toBeGreaterThan(
          0,
        )
      },
    )
  }

  verifies('INT-02', 'Retry-After of the server is what the client gets', async () => {
    const fixture = createFixture()
    fixture.server.answer = () =>
      new Response('', { status: 429, headers: { 'retry-after': '17' } })
    const first = await fixture.send()
    const second = await fixture.send('another_opaque_token_1')
    expect(second).toMatchObject({ outcome: 'unavailable', retryAfter: 17 })
    expect(first.outcome).toBe('unavailable')
    // The token, and the constant that tells whose fault it is.
    expect(fixture.server.calls).toHaveLength(2)
  })

  verifies('CASE-24', 'a fault of a moment is waited out', async () => {
    await createFixture().verdict()
    simulateTime()
    const fixture = createFixture({ now: () => Date.now(), wait: 3 }, {}, { now: () => Date.now() })
    fixture.server.answer = () => new Response('', { status: 503 })
    const verdict = fixture.verdict()
    await pass(400)
    expect(fixture.events).toMatchObject([{ type: 'introspection.failed' }])
    fixture.server.answer = () => fixture.server.active()
    expect(await drive(verdict)).toBe('authenticated')
  })

  verifies(
    ['INT-02', 'INT-07'],
    'the reason names the setting when the answer is signed',
    async () => {
      const fixture = createFixture()
      fixture.server.answer = () =>
        new Response('e.e.e', {
          headers: { 'content-type': 'application/token-introspection+jwt' },
        })
      await fixture.verdict()
      expect(JSON.stringify(fixture.events)).toContain('introspection_signed_response_alg')
    },
  )
})

describe('how often', () => {
  verifies(
    ['INT-04', 'INT-05', 'CASE-28'],
    '1000 at once with one token: one call, and none more within the time',
    async () => {
      const fixture = createFixture()
      fixture.server.delay = 20
      const verdicts = await Promise.all(Array.from({ length: 1000 }, () => fixture.verdict()))
      expect(tally(verdicts)).toEqual({ authenticated: 1000 })
      expect(fixture.server.calls).toHaveLength(1)
      fixture.wait(29)
      expect(await fixture.verdict()).toBe('authenticated')
      expect(fixture.server.calls).toHaveLength(1)
      fixture.wait(2)
      fixture.server.answer = () => ({ active: false })
      expect(await fixture.verdict()).toBe('ERR_TOKEN_INACTIVE')
    },
  )

  verifies(
    'CASE-23',
    'what one resource server may have is not for another that shares the answers, and each endpoint is asked itself',
    async () => {
      const server = new FakeIntrospection()
      const other = new FakeIntrospection()
      other.answer = () => ({ active: false })
      const ask = ({ fetch }: FakeIntrospection) =>
        createTokenIntrospector({ issuer: ISSUER, clientId: 'rs', clientSecret: 'secret', fetch })
      const introspector = ask(server)
      const verdictAt = async (options: Partial<ResourceServerOptions>, asking = introspector) => {
        const resourceServer = createResourceServer({
          resource: RESOURCE,
          authorizationServers: { issuer: ISSUER, introspector: asking },
          fetch: server.fetch,
          wait: 0,
          ...options,
        })
        const decision = await resourceServer.authenticate({ authorization: `Bearer ${TOKEN}` })
        return decision.outcome === 'authenticated' ? decision.outcome : decision.code
      }
      expect(await verdictAt({})).toBe('authenticated')
      expect(await verdictAt({ resource: 'https://other.example.com/mcp' })).toBe(
        'ERR_TOKEN_AUDIENCE',
      )
      expect(await verdictAt({ scopes: ['other:admin'] })).toBe('ERR_SCOPE_INSUFFICIENT')
      expect(await verdictAt({})).toBe('authenticated')
      expect(server.calls).toHaveLength(1)
      expect(await verdictAt({}, ask(other))).toBe('ERR_TOKEN_INACTIVE')
      expect(other.calls).toHaveLength(1)
    },
  )

  verifies('INT-04', 'never past its end, whatever the time to keep it', async () => {
    const fixture = createFixture({ cache: 300 })
    fixture.server.answer = () =>
      fixture.server.active({ exp: Math.floor(fixture.server.now() / 1000) + 10 })
    await fixture.verdict()
    fixture.wait(11)
    await fixture.verdict()
    expect(fixture.server.calls).toHaveLength(2)
  })

  verifies(
    'INT-05',
    'a refusal is believed for a moment only, a fault not at all, and 0 asks always',
    async () => {
      const fixture = createFixture()
      fixture.server.answer = () => ({ active: false })
      await fixture.verdict()
      await fixture.verdict()
      expect(fixture.server.calls).toHaveLength(1)
      fixture.wait(6)
      fixture.server.answer = () => fixture.server.active()
      expect(await fixture.verdict()).toBe('authenticated')
      const off = createFixture({ cache: 0 })
      await off.verdict()
      await off.verdict()
      expect(off.server.calls).toHaveLength(2)
    },
  )

  verifies(
    'CASE-29',
    '10,000 garbage tokens: a bounded number at once, and users go on',
    async () => {
      const fixture = createFixture(
        { concurrency: 20, wait: 1, now: Date.now },
        {},
        { now: Date.now },
      )
      fixture.server.answer = (token) =>
        token.startsWith('garbage') ? { active: false } : fixture.server.active()
      fixture.server.delay = 5
      expect(await fixture.verdict('a_good_token_of_alice')).toBe('authenticated')
      const heapBefore = process.memoryUsage().heapUsed
      const flood = Promise.all(
        Array.from({ length: 10_000 }, (_, i) => fixture.verdict(`garbage_token_number_${i}`)),
      )
      // In the midst of it a token that was seen before is asked about again, and gets its answer.
      expect(await fixture.verdict('a_good_token_of_alice')).toBe('authenticated')
      const verdicts = tally(await flood)
      expect(verdicts).not.toHaveProperty('authenticated')
      // Ten strangers, ten whose calls take long where the machine is busy, and the user.
      expect(fixture.server.mostInFlight).toBeLessThanOrEqual(21)
      expect(fixture.server.calls.length).toBeLessThan(1_000)
      // What other tests of this process leave is counted, too.
      expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(200e6)
    },
  )

  verifies(
    'CASE-29',
    'while strangers wait, a known token whose answer is old is asked about at once',
    async () => {
      await createFixture().verdict()
      simulateTime()
      const now = () => Date.now()
      const fixture = createFixture({ concurrency: 4, cache: 0, wait: 5, now }, {}, { now })
      expect(await drive(fixture.verdict())).toBe('authenticated')
      fixture.server.delay = 200
      const strangers = Array.from({ length: 50 }, (_, i) =>
        fixture.verdict(`stranger_token_no_${i}`),
      )
      const began = Date.now()
      expect(await drive(fixture.verdict())).toBe('authenticated')
      expect(Date.now() - began).toBeLessThan(1_000)
      await drive(Promise.all(strangers))
    },
  )

  verifies(
    ['INT-02', 'CASE-24'],
    'after a long absence it is found again within seconds; refused credentials are left alone for longer',
    async () => {
      const fixture = createFixture()
      for (const [answer, longest] of [
        [() => new Response('', { status: 500 }), 4_000],
        [() => Response.json({ error: 'invalid_client' }, { status: 401 }), 30_000],
      ] as const) {
        fixture.events.length = 0
        fixture.server.answer = answer
        for (let second = 0; second < 200; second++) {
          fixture.wait(1)
          await fixture.verdict()
        }
        const pauses = fixture.events.flatMap((event) =>
          event.type === 'introspection.failed' ? [event.retryIn] : [],
        )
        expect(Math.max(...pauses)).toBe(longest)
        fixture.server.answer = () => fixture.server.active()
        fixture.wait(longest / 1000)
        expect(await fixture.verdict()).toBe('authenticated')
        await vi.waitFor(() => expect(fixture.server.inFlight).toBe(0))
        fixture.wait(60)
      }
    },
  )

  verifies('INT-02', 'while the server is down, requests do not add calls', async () => {
    const fixture = createFixture()
    fixture.server.answer = () => new Response('', { status: 500 })
    for (let i = 0; i < 300; i++) await fixture.verdict(`some_opaque_token_${i}`)
    // One, and the constant that tells whose fault it is.
    expect(fixture.server.calls).toHaveLength(2)
    // One probe when the time has come, not one for each that waits, and the constant once more.
    fixture.wait(1)
    fixture.server.delay = 20
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => fixture.verdict(`more_opaque_tokens_${i}`)),
    )
    expect(fixture.server.calls).toHaveLength(4)
  })
})

verifies(
  ['INT-05', 'CASE-28'],
  'by itself, without a resource server, it shares calls and answers as well',
  async () => {
    const server = new FakeIntrospection()
    server.delay = 10
    const { introspect } = createTokenIntrospector({
      issuer: ISSUER,
      clientId: 'rs',
      clientSecret: 'secret',
      fetch: server.fetch,
    })
    const answers = await Promise.all(Array.from({ length: 100 }, () => introspect(TOKEN)))
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]?.claims['active']).toBe(true)
    await introspect(TOKEN)
    expect(server.calls).toHaveLength(1)
  },
)

describe('which tokens', () => {
  async function jwtFixture(validation: 'auto' | 'jwt' | 'introspection') {
    const idp = await FakeIdp.start()
    const fixture = createFixture({}, { jwks: idp.jwks as { keys: unknown[] }, validation })
    return { ...fixture, idp }
  }

  verifies(['TOK-07'], 'auto: a JWT by its signature, and nobody is asked', async () => {
    const { verdict, idp, server } = await jwtFixture('auto')
    expect(await verdict(await idp.token())).toBe('authenticated')
    expect(await verdict()).toBe('authenticated')
    expect(server.tokens).toEqual([TOKEN])
  })

  verifies(
    ['TOK-07', 'CASE-14'],
    'a JWT of a stranger, of another issuer or forged is shown to nobody',
    async () => {
      const other = await FakeIdp.start('https://other.example')
      for (const validation of ['auto', 'introspection'] as const) {
        const { verdict, server, idp } = await jwtFixture(validation)
        expect(await verdict(await other.token())).toBe('ERR_TOKEN_ISSUER_UNTRUSTED')
        expect(await verdict(await idp.token({ claims: { iss: undefined } as never }))).toBe(
          'ERR_TOKEN_ISSUER_UNTRUSTED',
        )
        expect(server.calls).toEqual([])
      }
      const { verdict, server, idp } = await jwtFixture('auto')
      expect(await verdict(`${(await idp.token()).slice(0, -4)}AAAA`)).toBe('ERR_TOKEN_SIGNATURE')
      expect(server.calls).toEqual([])
    },
  )

  verifies(
    ['REV-01', 'CASE-12'],
    'introspection: every JWT, so that a logout takes effect within the time',
    async () => {
      const { verdict, idp, server, wait } = await jwtFixture('introspection')
      const token = await idp.token({ claims: { aud: undefined, scope: undefined } as never })
      expect(await verdict(token)).toBe('authenticated')
      server.answer = () => ({ active: false })
      expect(await verdict(token)).toBe('authenticated')
      wait(31)
      expect(await verdict(token)).toBe('ERR_TOKEN_INACTIVE')
    },
  )

  verifies(
    'JWT-02',
    'introspection: what a JWT says of its own kind and end holds as well',
    async () => {
      const { verdict, idp } = await jwtFixture('introspection')
      const past = Math.floor(Date.now() / 1000) - 100
      expect(await verdict(await idp.token({ claims: { exp: past } }))).toBe('ERR_TOKEN_EXPIRED')
      expect(await verdict(await idp.token({ header: { typ: 'logout+jwt' } }))).toBe(
        'ERR_TOKEN_TYPE',
      )
      expect(
        await verdict(await idp.token({ header: { typ: 'JWT' }, claims: { nonce: 'n' } })),
      ).toBe('ERR_TOKEN_TYPE')
    },
  )

  verifies('TOK-07', 'jwt: an opaque token is refused and nobody is asked', async () => {
    const { verdict, server } = await jwtFixture('jwt')
    expect(await verdict()).toBe('ERR_TOKEN_OPAQUE')
    expect(server.calls).toEqual([])
  })

  verifies('CASE-29', 'what cannot be a token is refused without a call', async () => {
    const fixture = createFixture({}, { tokenPrefix: 'authelia_at_' })
    for (const token of [
      'short',
      'authelia_rt_0123456789abcdef',
      'AUTHELIA_AT_0123456789abcdef',
      'x'.repeat(100),
    ]) {
      expect(await fixture.verdict(token)).toBe('ERR_TOKEN_OPAQUE')
    }
    expect(fixture.server.calls).toEqual([])
    expect(await fixture.verdict('authelia_at_0123456789abcdef')).toBe('authenticated')
  })

  verifies(
    'TOK-07',
    'an opaque token goes to the one issuer whose it can be, and options that leave it open are refused',
    async () => {
      const other = createTokenIntrospector({
        issuer: 'https://other.example',
        clientId: 'x',
        clientSecret: 'y',
      })
      const mine = createTokenIntrospector({ issuer: ISSUER, clientId: 'x', clientSecret: 'y' })
      const create = (one: string | undefined, two: string | undefined) =>
        createResourceServer({
          resource: RESOURCE,
          authorizationServers: [
            { issuer: ISSUER, introspector: mine, ...(one !== undefined && { tokenPrefix: one }) },
            {
              issuer: 'https://other.example',
              introspector: other,
              ...(two !== undefined && { tokenPrefix: two }),
            },
          ],
        })
      for (const [one, two] of [
        [undefined, undefined],
        ['a_', undefined],
        [undefined, 'b_'],
        ['a_', 'a_b'],
        ['a_', 'a_'],
      ]) {
        expect(() => create(one, two)).toThrow(/tokenPrefix/)
      }
      expect(() => create('a_', 'b_')).not.toThrow()
      await Promise.resolve()
    },
  )
})

describe('claim shapes', () => {
  verifies(
    ['JWT-15'],
    'scopes lie where the operator says, flat or nested, and nowhere else',
    async () => {
      const claims = {
        scope: undefined,
        permissions: ['mcp:tools'],
        realm_access: { roles: ['mcp:admin'] },
        'https://x.example/roles': ['mcp:ns'],
      }
      const scopesOf = async (scopeClaims: readonly string[]) => {
        const fixture = createFixture({}, { scopeClaims })
        fixture.server.answer = () => fixture.server.active(claims)
        const decision = await fixture.send()
        return decision.outcome === 'authenticated' ? decision.token.scopes : decision.code
      }
      expect(await scopesOf(['scope', 'scp'])).toEqual([])
      expect(await scopesOf(['permissions'])).toEqual(['mcp:tools'])
      expect(await scopesOf(['realm_access.roles', 'permissions'])).toEqual([
        'mcp:admin',
        'mcp:tools',
      ])
      expect(await scopesOf(['https://x.example/roles'])).toEqual(['mcp:ns'])
      expect(await scopesOf(['realm_access', 'x'])).toBe('ERR_TOKEN_CLAIM')
      expect(await scopesOf(['realm_access.__proto__', 'constructor.name'])).toEqual([])
    },
  )

  verifies(
    ['AUD-05'],
    'a provider without aud: another claim, exactly, with an audience and scopes of its own',
    async () => {
      const rules = { audience: 'client-1', audienceClaim: 'client_id' } as const
      const fixture = createFixture({}, rules, { scopes: 'mcp:tools' })
      const verdict = async (claims: Record<string, unknown>, token: string) => {
        fixture.server.answer = () => fixture.server.active({ aud: undefined, ...claims })
        return fixture.verdict(token)
      }
      expect(await verdict({}, 'cognito_like_token_1')).toBe('authenticated')
      expect(await verdict({ client_id: 'client-2' }, 'cognito_like_token_2')).toBe(
        'ERR_TOKEN_AUDIENCE',
      )
      expect(await verdict({ client_id: undefined, aud: 'client-1' }, 'cognito_like_token_3')).toBe(
        'ERR_TOKEN_AUDIENCE',
      )
      expect(await verdict({ scope: 'other' }, 'cognito_like_token_4')).toBe(
        'ERR_SCOPE_INSUFFICIENT',
      )
      expect(() => createFixture({}, rules)).toThrow(/needs scopes/)
      expect(() => createFixture({}, { audienceClaim: 'client_id' }, { scopes: 'a' })).toThrow(
        /needs audience/,
      )
      expect(() => createFixture({}, { audienceClaim: 'sub' as never })).toThrow(/audienceClaim/)
    },
  )

  verifies(
    'JWT-02',
    'access tokens that look like ID tokens: only where the operator says so, and c_hash never',
    async () => {
      const idp = await FakeIdp.start()
      const verdict = async (acceptIdTokenClaims: boolean, claims: Record<string, unknown>) => {
        const fixture = createFixture(
          {},
          { jwks: idp.jwks as { keys: unknown[] }, acceptIdTokenClaims },
        )
        return fixture.verdict(await idp.token({ header: { typ: undefined }, claims }))
      }
      expect(await verdict(false, { at_hash: 'x' })).toBe('ERR_TOKEN_TYPE')
      expect(await verdict(true, { at_hash: 'x', nonce: 'n' })).toBe('authenticated')
      expect(await verdict(true, { c_hash: 'x' })).toBe('ERR_TOKEN_TYPE')
      expect(await verdict(true, { typ: 'Refresh' })).toBe('ERR_TOKEN_TYPE')
    },
  )
})

describe('time', () => {
  verifies(
    'ATK-17',
    'a clock that is set back makes no answer good for longer, for requests and for streams',
    async () => {
      const fixture = createFixture()
      expect(await fixture.verdict()).toBe('authenticated')
      fixture.wait(20)
      expect(await fixture.verdict()).toBe('authenticated')
      expect(fixture.server.calls).toHaveLength(1)
      fixture.server.answer = () => ({ active: false })
      fixture.wait(-3_600)
      // How old the answer is nobody knows.
      expect(await fixture.verdict()).toBe('ERR_TOKEN_INACTIVE')
      expect(fixture.server.calls).toHaveLength(2)
      // Time goes on from where it was: by the second what was said after is remembered, and not for longer.
      fixture.server.answer = () => fixture.server.active()
      fixture.wait(6)
      expect(await fixture.verdict()).toBe('authenticated')
      fixture.wait(29)
      expect(await fixture.verdict()).toBe('authenticated')
      expect(fixture.server.calls).toHaveLength(3)
      fixture.server.answer = () => ({ active: false })
      fixture.wait(2)
      expect(await fixture.verdict()).toBe('ERR_TOKEN_INACTIVE')
    },
  )

  verifies('ATK-17', 'nor does an introspector of somebody else’s', async () => {
    let clock = Date.now()
    const now = () => clock
    const server = new FakeIntrospection()
    let calls = 0
    const introspector = {
      introspect: async () => {
        calls++
        return { claims: server.active() as never, validUntil: clock + 30_000 }
      },
    }
    const resourceServer = createResourceServer({
      resource: RESOURCE,
      authorizationServers: { issuer: ISSUER, introspector },
      now,
    })
    const send = async () =>
      (await resourceServer.authenticate({ authorization: `Bearer ${TOKEN}` })).outcome
    expect([await send(), await send(), calls]).toEqual(['authenticated', 'authenticated', 1])
    clock -= 10
    expect([await send(), calls]).toEqual(['authenticated', 2])
    clock += 29_000
    expect([await send(), calls]).toEqual(['authenticated', 2])
    clock += 2_000
    expect([await send(), calls]).toEqual(['authenticated', 3])
  })

  verifies('ATK-17', 'nor a pause after a fault', async () => {
    const fixture = createFixture()
    fixture.server.answer = () => new Response('', { status: 500 })
    await fixture.verdict()
    fixture.wait(-3_600)
    await fixture.verdict()
    expect(fixture.server.calls).toHaveLength(2)
    fixture.server.answer = () => fixture.server.active()
    fixture.wait(1)
    expect(await fixture.verdict()).toBe('authenticated')
  })
})

describe('how much', () => {
  verifies(
    'ATK-17',
    'an answer wider or deeper than any real one is 503, a large one is not',
    async () => {
      const wide = (count: number) => () => ({
        ...createFixture().server.active(),
        groups: Array.from({ length: count }, (_, i) => i),
      })
      const deep = (depth: number) => () =>
        new Response(
          `${JSON.stringify(createFixture().server.active()).slice(0, -1)},"x":${'['.repeat(depth)}${']'.repeat(depth)}}`,
          { headers: { 'content-type': 'application/json' } },
        )
      for (const [answer, verdict] of [
        [wide(9_000), 'authenticated'],
        [wide(11_000), 'ERR_INTROSPECTION_UNAVAILABLE'],
        [wide(150_000), 'ERR_INTROSPECTION_UNAVAILABLE'],
        [deep(60), 'authenticated'],
        [deep(70), 'ERR_INTROSPECTION_UNAVAILABLE'],
        [deep(400_000), 'ERR_INTROSPECTION_UNAVAILABLE'],
      ] as const) {
        const fixture = createFixture()
        const others = fixture.server.answer
        fixture.server.answer = (token) => (token === TOKEN ? answer() : others(token))
        expect(await fixture.verdict()).toBe(verdict)
        expect(await fixture.verdict('another_opaque_token_1')).toBe('authenticated')
      }
    },
  )

  verifies('ATK-17', 'freezing takes whatever was parsed', () => {
    const wide = { list: Array.from({ length: 500_000 }, () => ({})) }
    expect(Object.isFrozen(deepFreeze(wide).list[499_999])).toBe(true)
  })
})

describe('a JWT that is asked about', () => {
  /** Times are seconds from now. What the token says, what the answer says, and what becomes of it. */
  const cases: readonly (readonly [
    name: string,
    token: Record<string, unknown>,
    answer: Record<string, unknown>,
    verdict: string,
  ])[] = [
    ['nothing but who and until when', {}, {}, 'authenticated'],
    ['cnf in the token', { cnf: { jkt: 'x' } }, {}, 'ERR_TOKEN_BOUND'],
    ['a cnf of mTLS in the token', { cnf: { 'x5t#S256': 'x' } }, {}, 'ERR_TOKEN_BOUND'],
    ['cnf in the answer', {}, { cnf: { jkt: 'x' } }, 'ERR_TOKEN_BOUND'],
    ['token_type DPoP in the answer', {}, { token_type: 'DPoP' }, 'ERR_TOKEN_BOUND'],
    ['nbf of the token', { nbf: 100 }, {}, 'ERR_TOKEN_NOT_YET_VALID'],
    ['nbf of the token within the tolerance', { nbf: 20 }, {}, 'authenticated'],
    ['iat of the token', { iat: 100 }, {}, 'ERR_TOKEN_NOT_YET_VALID'],
    ['nbf of the answer', {}, { nbf: 100 }, 'ERR_TOKEN_NOT_YET_VALID'],
    ['exp of the token', { exp: -100 }, {}, 'ERR_TOKEN_EXPIRED'],
    ['exp of the token within the tolerance', { exp: -20 }, {}, 'authenticated'],
    ['exp of the answer', {}, { exp: -100 }, 'ERR_TOKEN_EXPIRED'],
    ['no exp in the token', { exp: undefined }, {}, 'authenticated'],
    ['exp of the token as text', { exp: '9999999999' }, {}, 'ERR_TOKEN_CLAIM'],
    ['nbf of the token as text', { nbf: '0' }, {}, 'ERR_TOKEN_CLAIM'],
    ['typ of the token', { typ: 'Refresh' }, {}, 'ERR_TOKEN_TYPE'],
    ['typ of the answer', {}, { typ: 'Refresh' }, 'ERR_TOKEN_TYPE'],
    [
      'an aud of the token is not the answer’s',
      { aud: RESOURCE },
      { aud: 'x' },
      'ERR_TOKEN_AUDIENCE',
    ],
    ['a foreign aud of the token says nothing', { aud: 'x' }, {}, 'authenticated'],
    ['scopes of the token are not the answer’s', {}, { scope: 'other' }, 'ERR_SCOPE_INSUFFICIENT'],
    ['scopes are the answer’s', { scope: 'other' }, {}, 'authenticated'],
  ]
  const at = (claims: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(claims).map(([name, value]) => [
        name,
        typeof value === 'number' ? Math.floor(Date.now() / 1000) + value : value,
      ]),
    )
  for (const [name, token, answer, verdict] of cases) {
    verifies(['ATK-18', 'INT-06'], `${name}: ${verdict}, also when it is remembered`, async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(
        {},
        { jwks: idp.jwks as { keys: unknown[] }, validation: 'introspection' },
        { scopes: 'mcp:tools' },
      )
      fixture.server.answer = () => fixture.server.active(at(answer))
      const claims = { aud: undefined, scope: undefined, ...at(token) } as never
      const text = await idp.token({ claims })
      expect([await fixture.verdict(text), await fixture.verdict(text)]).toEqual([verdict, verdict])
    })
  }
})
