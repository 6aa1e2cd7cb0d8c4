/** Providers that answer in their own way, and the ways in which they know us. */
import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { decodeProtectedHeader } from 'jose'
import { createResourceServer, type ResourceServerOptions } from 'mcp-gatehouse'
import { createGateway } from 'mcp-gatehouse/gateway'
import { createTokenIntrospector, type TokenIntrospectorOptions } from 'mcp-gatehouse/introspect'
import { describe, expect, test } from 'vitest'
import { RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createFixture } from './fixture.js'

const TOKEN = 'gho_0123456789abcdef'
const NOW = 1_800_000_000_000

interface Asked {
  readonly url: string
  readonly init: RequestInit | undefined
}

interface Scene {
  readonly asked: readonly Asked[]
  readonly introspector: ReturnType<typeof createTokenIntrospector>
  readonly verdict: () => Promise<string>
}

const CLIENT = { google: '123.apps.googleusercontent.com', github: 'Iv1.0123' } as const
const ISSUERS = {
  google: 'https://accounts.google.com',
  github: 'https://github.com/login/oauth',
} as const
const SCOPES = { google: 'openid', github: 'read:user' } as const

function startScene(
  dialect: 'google' | 'github',
  answer: () => Response,
  options: Partial<TokenIntrospectorOptions> = {},
  serverOptions: Partial<ResourceServerOptions> = {},
): Scene {
  const asked: Asked[] = []
  const fetchAnswer: typeof fetch = (url, init) => {
    asked.push({ url: String(url), init })
    return Promise.resolve(answer())
  }
  const shared = { fetch: fetchAnswer, now: () => NOW, onEvent: false, wait: 0 } as const
  const issuer = ISSUERS[dialect]
  const introspector = createTokenIntrospector({
    issuer,
    dialect,
    clientId: CLIENT[dialect],
    ...(dialect === 'github' && { clientSecret: 'hunter2' }),
    ...shared,
    ...options,
  })
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    audience: CLIENT[dialect],
    scopes: SCOPES[dialect],
    authorizationServers: { issuer, introspector },
    ...shared,
    ...serverOptions,
  })
  async function verdict() {
    const decision = await resourceServer.authenticate({ authorization: `Bearer ${TOKEN}` })
    return decision.outcome === 'authenticated'
      ? `${decision.token.subject} of ${decision.token.clientId}`
      : `${decision.status} ${decision.code}`
  }
  return { asked, introspector, verdict }
}

const ofGoogle = (members: object = {}) =>
  Response.json({
    azp: CLIENT.google,
    aud: CLIENT.google,
    sub: '1106999',
    scope: 'openid https://www.googleapis.com/auth/userinfo.email',
    exp: String(NOW / 1000 + 300),
    expires_in: '300',
    email: 'ada@example.com',
    email_verified: 'true',
    access_type: 'offline',
    ...members,
  })

const ofGitHub = (members: object = {}) =>
  Response.json({
    id: 1,
    token: TOKEN,
    hashed_token: 'f00',
    scopes: ['read:user', 'repo'],
    app: { client_id: CLIENT.github, name: 'tools', url: 'https://mcp.example.com' },
    user: { id: 583_231, login: 'octocat' },
    expires_at: null,
    ...members,
  })

describe('Google', () => {
  verifies('IDN-41', 'is asked by POST, without credentials, and names the person', async () => {
    const { asked, verdict } = startScene('google', ofGoogle)
    expect(await verdict()).toBe(`1106999 of ${CLIENT.google}`)
    expect(asked[0]?.url).toBe('https://oauth2.googleapis.com/tokeninfo')
    expect(asked[0]?.init?.method).toBe('POST')
    expect(String(asked[0]?.init?.body)).toBe(`access_token=${TOKEN}`)
    expect(new Headers(asked[0]?.init?.headers).has('authorization')).toBe(false)
  })

  const answers: Readonly<Record<string, readonly [() => Response, string]>> = {
    'a token of another client': [
      () => ofGoogle({ aud: 'other', azp: 'other' }),
      '401 ERR_TOKEN_AUDIENCE',
    ],
    'an expired token': [() => ofGoogle({ exp: String(NOW / 1000 - 60) }), '401 ERR_TOKEN_EXPIRED'],
    'an end that is not a number': [() => ofGoogle({ exp: 'soon' }), '401 ERR_TOKEN_CLAIM'],
    'a missing scope': [() => ofGoogle({ scope: 'email' }), '403 ERR_SCOPE_INSUFFICIENT'],
    'an unknown token': [
      () => Response.json({ error: 'invalid_token' }, { status: 400 }),
      '401 ERR_TOKEN_INACTIVE',
    ],
    'an unknown token, in the words of v3': [
      () => Response.json({ error_description: 'Invalid Value' }, { status: 400 }),
      '401 ERR_TOKEN_INACTIVE',
    ],
    'another error of 400': [
      () => Response.json({ error: 'invalid_request' }, { status: 400 }),
      '503 ERR_INTROSPECTION_UNAVAILABLE',
    ],
    'an outage': [() => new Response('', { status: 500 }), '503 ERR_INTROSPECTION_UNAVAILABLE'],
  }
  for (const [name, [answer, expected]] of Object.entries(answers)) {
    verifies('IDN-41', name, async () => {
      expect(await startScene('google', answer).verdict()).toBe(expected)
    })
  }
})

describe('GitHub', () => {
  verifies('IDN-41', 'is asked about tokens of our app, with its secret', async () => {
    const { asked, verdict } = startScene('github', ofGitHub)
    expect(await verdict()).toBe(`583231 of ${CLIENT.github}`)
    expect(asked[0]?.url).toBe(`https://api.github.com/applications/${CLIENT.github}/token`)
    const fields = new Headers(asked[0]?.init?.headers)
    expect(fields.get('authorization')).toBe(`Basic ${btoa(`${CLIENT.github}:hunter2`)}`)
    expect(asked[0]?.init?.body).toBe(JSON.stringify({ access_token: TOKEN }))
  })

  verifies('IDN-41', 'GitHub Enterprise Server has an address of its own', async () => {
    const introspectionUrl = 'https://ghe.example.com/api/v3/applications/Iv1.0123/token'
    const { asked, verdict } = startScene('github', ofGitHub, { introspectionUrl })
    expect(await verdict()).toBe(`583231 of ${CLIENT.github}`)
    expect(asked[0]?.url).toBe(introspectionUrl)
  })

  verifies('IDN-41', 'the token in its answer is not kept', async () => {
    const { introspector } = startScene('github', ofGitHub)
    const answer = await introspector.introspect(TOKEN)
    expect(inspect(answer, { depth: 9 })).not.toContain(TOKEN)
    expect(answer.claims).toMatchObject({ sub: '583231', username: 'octocat' })
  })

  const past = new Date(NOW - 60_000).toISOString()
  const answers: Readonly<Record<string, readonly [() => Response, string]>> = {
    'an unknown token': [() => Response.json({}, { status: 404 }), '401 ERR_TOKEN_INACTIVE'],
    'no token at all': [() => Response.json({}, { status: 422 }), '401 ERR_TOKEN_INACTIVE'],
    'our secret is wrong': [
      () => Response.json({ message: 'Bad credentials' }, { status: 401 }),
      '503 ERR_INTROSPECTION_CLIENT_REJECTED',
    ],
    'an expired token': [() => ofGitHub({ expires_at: past }), '401 ERR_TOKEN_EXPIRED'],
    'an end that is not a time': [() => ofGitHub({ expires_at: 'soon' }), '401 ERR_TOKEN_CLAIM'],
    'an end that only a lenient parser reads': [
      () => ofGitHub({ expires_at: 'foo 3000' }),
      '401 ERR_TOKEN_CLAIM',
    ],
    'a token of the app itself': [() => ofGitHub({ user: null }), '401 ERR_TOKEN_INACTIVE'],
    'an answer without a person': [() => ofGitHub({ user: undefined }), '401 ERR_TOKEN_INACTIVE'],
    'a person whose number is a text': [
      () => ofGitHub({ user: { id: '583231', login: 'octocat' } }),
      '503 ERR_INTROSPECTION_UNAVAILABLE',
    ],
    'a person without a number': [
      () => ofGitHub({ user: { login: 'octocat' } }),
      '503 ERR_INTROSPECTION_UNAVAILABLE',
    ],
    'a token of another app': [
      () => ofGitHub({ app: { client_id: 'Iv1.9999' } }),
      '401 ERR_TOKEN_AUDIENCE',
    ],
    'a missing scope': [() => ofGitHub({ scopes: ['repo'] }), '403 ERR_SCOPE_INSUFFICIENT'],
    'a redirect': [
      () => new Response(null, { status: 302, headers: { location: 'https://evil.example' } }),
      '503 ERR_INTROSPECTION_UNAVAILABLE',
    ],
  }
  for (const [name, [answer, expected]] of Object.entries(answers)) {
    verifies('IDN-41', name, async () => {
      expect(await startScene('github', answer).verdict()).toBe(expected)
    })
  }
})

describe('a token that also opens the provider', () => {
  const start = (options: object) => () => startScene('google', ofGoogle, {}, options)

  verifies('IDN-42', 'needs an audience other than the resource, and scopes', () => {
    expect(start({})).not.toThrow()
    expect(start({ scopes: [] })).toThrow('scopes: must not be empty')
    expect(start({ audience: undefined })).toThrow('must be the client id at the provider')
    expect(start({ audience: [RESOURCE, CLIENT.google] })).toThrow('must be the client id')
  })

  verifies('IDN-42', 'the same at the gateway', () => {
    const { introspector } = startScene('google', ofGoogle)
    const make = (options: object) => () =>
      createGateway({
        resource: RESOURCE,
        upstream: 'http://127.0.0.1:8000/mcp',
        audience: CLIENT.google,
        scopes: 'openid',
        authorizationServers: { issuer: ISSUERS.google, introspector: () => introspector },
        ...options,
      })
    expect(make({})).not.toThrow()
    expect(make({ scopes: [] })).toThrow('scopes: must not be empty')
    expect(make({ audience: RESOURCE })).toThrow('must be the client id at the provider')
  })
})

describe('problems', () => {
  const make = (options: object) => () =>
    createTokenIntrospector({
      issuer: 'https://sso.example.com',
      clientId: 'rs',
      clientSecret: 'secret',
      ...options,
    })

  verifies('IDN-43', 'a UserInfo endpoint is no introspection endpoint', () => {
    for (const path of ['/userinfo', '/oauth/v2/userInfo', '/me/userinfo/']) {
      const introspectionUrl = `https://sso.example.com${path}`
      expect(make({ introspectionUrl })).toThrow('is a UserInfo endpoint')
    }
    const introspectionUrl = 'https://sso.example.com/userinfo/introspect'
    expect(make({ introspectionUrl })).not.toThrow()
  })

  test('a dialect that we do not know, and credentials that it does not want', () => {
    expect(make({ dialect: 'gitlab' })).toThrow('is not a supported dialect')
    expect(make({ dialect: 'github', authentication: 'none' })).toThrow(
      'must be client_secret_basic for the dialect github',
    )
    expect(make({ dialect: 'github', clientSecret: '' })).toThrow('clientSecret: is missing')
    expect(make({ dialect: 'google', clientSecret: '' })).not.toThrow()
    expect(make({ authentication: 'bearer', clientSecret: '' })).toThrow('is missing')
  })
})

describe('who we are', () => {
  const KEY = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const PEM = String(KEY.export({ type: 'pkcs1', format: 'pem' }))

  async function kidWith(options: Partial<TokenIntrospectorOptions>) {
    const fixture = createFixture({ authentication: 'private_key_jwt', ...options })
    expect(await fixture.verdict()).toBe('authenticated')
    const assertion = fixture.server.calls[0]?.form.get('client_assertion') ?? ''
    return decodeProtectedHeader(assertion).kid
  }

  verifies('IDN-40', 'a bearer token, and nothing else', async () => {
    const { server, verdict } = createFixture({
      authentication: 'bearer',
      clientSecret: 'sk_live_1',
    })
    expect(await verdict()).toBe('authenticated')
    expect(server.calls[0]?.authorization).toBe('Bearer sk_live_1')
    expect([...(server.calls[0]?.form.keys() ?? [])]).toEqual(['token_type_hint', 'token'])
  })

  verifies(
    'IDN-40',
    'a bearer token that is refused is no verdict about the caller’s',
    async () => {
      const { server, verdict } = createFixture({ authentication: 'bearer' })
      server.answer = () => Response.json({ error: 'invalid_token' }, { status: 401 })
      expect(await verdict()).toBe('ERR_INTROSPECTION_CLIENT_REJECTED')
    },
  )

  verifies('IDN-40', 'a PEM with its kid', async () => {
    expect(await kidWith({ clientKey: PEM })).toBeUndefined()
    expect(await kidWith({ clientKey: PEM, clientKeyId: 'key-1' })).toBe('key-1')
  })

  verifies('IDN-40', 'the key file of Zitadel', async () => {
    const file = { type: 'application', keyId: '81693565', key: PEM, clientId: 'rs', appId: '7' }
    expect(await kidWith({ clientKey: JSON.stringify(file) })).toBe('81693565')
    expect(await kidWith({ clientKey: JSON.stringify(file), clientKeyId: 'key-1' })).toBe('key-1')
  })
})
