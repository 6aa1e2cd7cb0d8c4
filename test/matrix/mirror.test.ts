/** The mirrored metadata of the authorization server, through every host that has paths. */
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { afterEach, describe, expect } from 'vitest'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createHosts, type Host, type HostOptions } from './hosts.js'

const ROOT = '/.well-known/oauth-authorization-server'
const FORMS = [ROOT, `${ROOT}/mcp`, `${ROOT}/mcp/`]
const SOURCE = 'https://sso.example.com/.well-known/oauth-authorization-server/realms/mcp'

/** Odd blanks, another order than ours, an escape, and a letter outside of ASCII. */
const DOCUMENT = `{ "token_endpoint":"${ISSUER}/token",\r\n\t"x": [1.0, 1e2, "\\u00e9é"],
  "authorization_endpoint" : "${ISSUER}/authorize","issuer":"${ISSUER}"  }\n\n`

/** Given, so that what is fetched is fetched for the mirror. */
const { jwks } = await FakeIdp.start()

let hosts: Host[] = []
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.close()))
})

const ON: Partial<HostOptions> = { mirrorMetadata: true }

/** Every host before a provider that publishes this. */
async function hostsBefore(first: string | (() => Response), options: Partial<HostOptions> = ON) {
  const state = { answer: first, at: Date.now() }
  const asked: string[] = []
  const events: GatewayEvent[] = []
  const all = await createHosts({
    resource: RESOURCE,
    authorizationServers: { issuer: ISSUER, jwks },
    fetch: (input) => {
      asked.push(String(input))
      const { answer } = state
      if (typeof answer === 'function') return Promise.resolve(answer())
      if (String(input) === SOURCE) return Promise.resolve(new Response(answer))
      return Promise.resolve(new Response('', { status: 404 }))
    },
    now: () => state.at,
    wait: 0,
    onEvent: (event) => events.push(event),
    ...options,
  })
  hosts = all
  // The kernel has no paths.
  const served = all.filter(({ layer }) => layer !== 'kernel')
  const request = (method: string, path: string, fields: readonly [string, string][] = []) =>
    Promise.all(served.map((host) => host.send({ method, path, headers: fields })))
  return { state, asked, events, served, request, get: (path = ROOT) => request('GET', path) }
}

/** What all of them answered: one entry when they agree. */
function statuses(answers: readonly { readonly status: number }[]): readonly number[] {
  return [...new Set(answers.map(({ status }) => status))]
}

const down = () => new Response('', { status: 500 })

function documentWith(members: object): string {
  return JSON.stringify({ issuer: ISSUER, token_endpoint: `${ISSUER}/token`, ...members })
}

describe('every host', () => {
  verifies('IDN-37', 'serves the bytes of the provider at every form', async () => {
    const { get, request } = await hostsBefore(DOCUMENT)
    for (const path of FORMS) {
      for (const { status, body, headers } of await get(path)) {
        expect([status, body]).toEqual([200, DOCUMENT])
        expect(headers.get('content-type')).toBe('application/json')
        expect(headers.get('cache-control')).toBe('max-age=300')
        expect(headers.get('access-control-allow-origin')).toBe('*')
      }
      const heads = await request('HEAD', path)
      expect([statuses(heads), heads.map(({ body }) => body).join('')]).toEqual([[200], ''])
    }
  })

  verifies('IDN-37', 'serves it to nobody unless it is switched on', async () => {
    const { get, asked, served } = await hostsBefore(DOCUMENT, {})
    // Middleware passes on what is not its own, and a gateway does not.
    const expected = served.map(({ layer }) => (layer === 'gateway' ? 404 : 200))
    for (const path of FORMS) {
      const answers = await get(path)
      expect(answers.map(({ status }) => status)).toEqual(expected)
      for (const { body } of answers) expect(body).not.toContain('issuer')
    }
    expect(asked).toEqual([])
  })

  verifies('IDN-37', 'answers other methods as at its own metadata, and asks nobody', async () => {
    const { request, asked } = await hostsBefore(DOCUMENT)
    const [preflights, posts] = [await request('OPTIONS', ROOT), await request('POST', ROOT)]
    expect([statuses(preflights), statuses(posts)]).toEqual([[204], [405]])
    for (const { headers } of posts) expect(headers.get('allow')).toBe('GET, HEAD, OPTIONS')
    expect(asked).toEqual([])
  })

  verifies('IDN-37', 'says 503 while the provider is down, without a challenge', async () => {
    const { state, get, events, served } = await hostsBefore(down)
    for (const { status, headers, body } of await get()) {
      expect([status, headers.get('retry-after')]).toEqual([503, '1'])
      expect(headers.get('www-authenticate')).toBeNull()
      expect(headers.get('cache-control')).toBe('no-store')
      expect(JSON.parse(body)).toMatchObject({ error: 'temporarily_unavailable' })
    }
    const told = events.filter(({ type }) => type === 'metadata.unmirrored')
    expect(told).toHaveLength(served.length)
    expect(told[0]).toMatchObject({ status: 503, code: 'ERR_DISCOVERY_FAILED', issuer: ISSUER })
    state.answer = DOCUMENT
    expect(statuses(await get())).toEqual([503])
    state.at += 1000
    expect(statuses(await get())).toEqual([200])
  })

  verifies('IDN-37', 'serves a document within its age alone, whatever happened', async () => {
    const { state, get } = await hostsBefore(DOCUMENT)
    await get()
    state.answer = down
    state.at += 600_000
    expect(statuses(await get())).toEqual([200])
    state.at += 1
    expect(statuses(await get())).toEqual([503])
    state.answer = documentWith({ issuer: 'https://evil.example' })
    state.at += 1000
    expect(statuses(await get())).toEqual([502])
  })

  verifies('IDN-37', 'asks the provider once, and not for each request', async () => {
    const { state, asked, get, served } = await hostsBefore(DOCUMENT)
    await Promise.all([get(), get(`${ROOT}/mcp`), get()])
    await get()
    expect(asked).toEqual(served.map(() => SOURCE))
    state.answer = down
    state.at += 600_001
    await Promise.all([get(), get(), get()])
    const inOutage = asked.length
    await get()
    expect(asked).toHaveLength(inOutage)
    // Each form once.
    expect(inOutage).toBe(served.length * 4)
  })

  verifies(
    'IDN-37',
    'asks again when the clock was set back, because the age is unknown',
    async () => {
      const { state, asked, get, served } = await hostsBefore(DOCUMENT)
      await get()
      state.at -= 3_600_000
      expect(statuses(await get())).toEqual([200])
      expect(asked).toHaveLength(served.length * 2)
    },
  )

  verifies('IDN-37', 'is changed by nothing that a client sends', async () => {
    const { request, asked } = await hostsBefore(DOCUMENT)
    const answers = await request('GET', `${ROOT}?issuer=https://evil.example`, [
      ['x-forwarded-host', 'evil.example'],
      ['origin', 'https://evil.example'],
      ['authorization', 'Bearer canary'],
    ])
    expect(answers.map(({ status, body }) => [status, body])).toEqual(
      answers.map(() => [200, DOCUMENT]),
    )
    expect(new Set(asked)).toEqual(new Set([SOURCE]))
  })
})

describe('no host serves', () => {
  const cases: readonly (readonly [string, string | Uint8Array<ArrayBuffer>, string])[] = [
    ['another issuer', documentWith({ issuer: `${ISSUER}/` }), `names the issuer`],
    ['no issuer', '{}', 'names the issuer'],
    [
      'an http endpoint',
      documentWith({ authorization_endpoint: 'http://sso.example.com/authorize' }),
      'names the authorization_endpoint "http://sso.example.com/authorize"',
    ],
    [
      'a loopback endpoint',
      documentWith({ token_endpoint: 'http://127.0.0.1/token' }),
      'names the token_endpoint',
    ],
    [
      'a script',
      documentWith({ authorization_endpoint: 'javascript:alert(1)//https://x' }),
      'names the authorization_endpoint',
    ],
    ['a script with a tab', documentWith({ op_tos_uri: 'java\tscript:x' }), 'names the op_tos_uri'],
    ['http keys', documentWith({ jwks_uri: 'http://x/keys' }), 'names the jwks_uri'],
    ['an address that is a list', documentWith({ x_endpoint: ['https://x'] }), 'names the x_endpo'],
    [
      'an http alias',
      documentWith({ mtls_endpoint_aliases: { token_endpoint: 'http://x/token' } }),
      'names the token_endpoint',
    ],
    [
      'an http page in a language',
      documentWith({ 'op_policy_uri#de': 'http://x' }),
      'names the op_policy_uri#de',
    ],
    ['credentials', documentWith({ token_endpoint: 'https://a:b@x' }), 'names the token_endpoint'],
    ['a byte order mark', `\ufeff${DOCUMENT}`, 'is not JSON in UTF-8'],
    ['an issuer twice', `{"issuer":"https://evil.example","issuer":"${ISSUER}"}`, 'member twice'],
    [
      'what is not UTF-8',
      new Uint8Array(
        [...new TextEncoder().encode(DOCUMENT.replace('é', '\x7f'))].map((byte) =>
          byte === 0x7f ? 0xff : byte,
        ),
      ),
      'is not JSON in UTF-8',
    ],
  ]
  for (const [name, document, reason] of cases) {
    verifies('IDN-38', name, async () => {
      const { get, events, served } = await hostsBefore(() => new Response(document))
      const answers = await get()
      expect(statuses(answers)).toEqual([502])
      for (const { headers, body } of answers) {
        expect(JSON.parse(body)).toMatchObject({ error: 'bad_gateway' })
        expect(headers.get('cache-control')).toBe('no-store')
        expect(headers.get('www-authenticate')).toBeNull()
      }
      const told = events.filter((event) => event.type === 'metadata.unmirrored')
      expect(told).toHaveLength(served.length)
      expect(told[0]).toMatchObject({ status: 502, code: 'ERR_METADATA_UNFIT' })
      expect(told[0]?.reason).toContain(reason)
      expect(told[0]?.hint).toContain('--oauth-mirror-metadata')
    })
  }

  verifies('IDN-38', 'an address that only our own discoveryUrl may have', async () => {
    const { get } = await hostsBefore(
      () => new Response(documentWith({ token_endpoint: 'http://127.0.0.1:8080/token' })),
      {
        ...ON,
        authorizationServers: { issuer: ISSUER, discoveryUrl: 'http://127.0.0.1:8080/metadata' },
      },
    )
    expect(statuses(await get())).toEqual([502])
  })

  verifies('IDN-38', 'a plain address of a host that may not be reached so', async () => {
    const document = documentWith({ token_endpoint: 'http://keycloak/token' })
    const { get } = await hostsBefore(document, { ...ON, allowHttp: ['other'] })
    expect(statuses(await get())).toEqual([502])
  })
})

verifies('IDN-38', 'an address of a host that the configuration allows is served', async () => {
  const document = documentWith({ token_endpoint: 'http://keycloak/token' })
  const { get } = await hostsBefore(document, { ...ON, allowHttp: ['keycloak'] })
  expect((await get()).map(({ body }) => body)).toEqual((await get()).map(() => document))
})

verifies('IDN-38', 'the first published issuer alone is mirrored', async () => {
  const authorizationServers = [
    { issuer: 'https://machines.example', jwks, published: false, anySubject: true },
    { issuer: ISSUER, jwks },
    { issuer: 'https://second.example', jwks },
  ]
  const { get, asked } = await hostsBefore(DOCUMENT, { ...ON, authorizationServers })
  expect(statuses(await get())).toEqual([200])
  expect(new Set(asked)).toEqual(new Set([SOURCE]))
})

describe('where tokens name another issuer than the metadata (AD FS)', () => {
  const issuer = 'http://adfs.example.com/adfs/services/trust'
  const authorizationServers = { issuer, authorizationServer: ISSUER, jwks }

  verifies('IDN-37', 'the document of the authorization server is served', async () => {
    const document = documentWith({ access_token_issuer: issuer })
    const { get } = await hostsBefore(document, { ...ON, authorizationServers })
    expect(statuses(await get())).toEqual([200])
  })

  verifies('IDN-38', 'and no document for other tokens', async () => {
    const document = documentWith({ access_token_issuer: `${issuer}/` })
    const { get } = await hostsBefore(() => new Response(document), { ...ON, authorizationServers })
    expect(statuses(await get())).toEqual([502])
  })
})
