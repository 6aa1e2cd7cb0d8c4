/** Each way in which a login ends early is told with its cause and what to do; no code and no token is in it. */
import { describe, expect, test } from 'vitest'
import { discoverResource } from '../../../src/cli/login/resource.js'
import { runLogin } from '../../../src/cli/login/command.js'
import { verifies } from '../../support/verifies.js'
import { writeTemporary } from '../../support/cli.js'
import { CODE, REFRESH, startFake, TOKEN, tokens, type FakeOptions } from './fake.js'
import { login, nobody, passer } from './support.js'

interface Failure {
  readonly name: string
  readonly options: FakeOptions
  readonly flags?: readonly string[]
  /** Of the message and its hint. */
  readonly says: readonly RegExp[]
}

const refused = (error: string, description?: string): FakeOptions => ({
  redirect: { code: undefined, error, error_description: description },
})
const tokenError = (status: number, body: object): FakeOptions => ({
  token: () => ({ status, body }),
})
const metadata = (members: object): FakeOptions => ({ metadata: { ...members } })

const DISCOVERY: readonly Failure[] = [
  {
    name: 'a server without protection',
    options: { knock: { body: {} } },
    says: [/answers without a token/, /not protected/],
  },
  {
    name: 'a redirect',
    options: { knock: { status: 307, body: '', headers: { location: '/other' } } },
    says: [/answered 307, a redirect, which is not followed/],
  },
  {
    name: 'another path',
    options: { knock: { status: 404, body: '' } },
    says: [/answered 404 /, /exact endpoint/],
  },
  {
    name: 'a 401 without a challenge',
    options: { knock: { status: 401, body: '' } },
    says: [/401 without a Bearer challenge/, /doctor/],
  },
  {
    name: 'another scheme first',
    options: {
      knock: { status: 401, body: '', headers: { 'www-authenticate': 'DPoP, Bearer realm="x"' } },
    },
    says: [/401 without a Bearer challenge/],
  },
  {
    name: 'metadata in clear text elsewhere',
    options: {
      knock: {
        status: 401,
        body: '',
        headers: { 'www-authenticate': 'Bearer resource_metadata="http://mcp.example.com/x"' },
      },
    },
    says: [/names the metadata "http:\/\/mcp\.example\.com\/x", not an https URL/],
  },
  {
    name: 'metadata of another resource',
    options: { resourceMetadata: { resource: 'https://mcp.example.com/mcp' } },
    says: [/is about "https:\/\/mcp\.example\.com\/mcp"/, /--resource/],
  },
  {
    name: 'metadata of a path that only begins like it',
    options: { resourceMetadata: { resource: '/mc' } },
    says: [/is about "http:\/\/127\.0\.0\.1:\d+\/mc"/],
  },
  {
    name: 'metadata without a resource',
    options: { resourceMetadata: { resource: undefined } },
    says: [/is about /],
  },
  {
    name: 'no authorization server',
    options: { resourceMetadata: { authorization_servers: [] } },
    says: [/names no authorization server/],
  },
  {
    name: 'an authorization server in clear text elsewhere',
    options: { resourceMetadata: { authorization_servers: ['http://sso.example.com'] } },
    says: [
      /names the authorization server "http:\/\/sso\.example\.com", which is not an https URL/,
    ],
  },
  {
    name: 'another issuer',
    options: metadata({ issuer: 'https://sso.example.com' }),
    says: [/names the issuer "https:\/\/sso\.example\.com"/, /slash at the end/],
  },
  {
    name: 'no S256',
    options: metadata({ code_challenge_methods_supported: ['plain'] }),
    says: [/does not support PKCE with S256/],
  },
  {
    name: 'an authorization endpoint that a browser would run',
    options: metadata({ authorization_endpoint: 'javascript:alert(1)' }),
    says: [/names the authorization_endpoint "javascript:alert\(1\)", which is not an https URL/],
  },
  {
    name: 'a token endpoint in clear text',
    options: metadata({ token_endpoint: 'http://sso.example.com/token' }),
    says: [/names the token_endpoint "http:\/\/sso\.example\.com\/token"/],
  },
]

const REGISTRATION: readonly Failure[] = [
  {
    name: 'registration closed',
    options: metadata({ registration_endpoint: undefined }),
    says: [/lets no client register itself/, /--client-id/, /clients register/],
  },
  {
    name: 'registration refused',
    options: {
      register: {
        status: 403,
        body: { error: 'insufficient_scope', error_description: "Policy 'Trusted Hosts' rejected" },
      },
    },
    says: [/refused with 403: "Policy 'Trusted Hosts' rejected"/, /--client-id/],
  },
  {
    name: 'registration without an id',
    options: { register: { body: {} } },
    says: [/returned no client_id/],
  },
  {
    name: 'documents of clients are not read',
    options: {},
    flags: ['--client-metadata-url', 'https://app.example.com/client.json'],
    says: [/does not say that it reads documents of clients/],
  },
]

const ANSWERS: readonly Failure[] = [
  {
    name: 'the person refuses',
    options: refused('access_denied', 'The user refused it'),
    says: [/refused the login: "access_denied: The user refused it"/, /the person refused/],
  },
  {
    name: 'an unknown scope',
    options: refused('invalid_scope'),
    says: [/"invalid_scope"/, /--scope/],
  },
  {
    name: 'an unknown resource',
    options: refused('invalid_target'),
    says: [/"invalid_target"/, /does not know the resource/],
  },
  {
    name: 'a redirect URI that is not allowed',
    options: refused('invalid_request', 'redirect_uri did not match'),
    says: [/--redirect-port/],
  },
  {
    name: 'another issuer in the redirect',
    options: { redirect: { iss: 'https://sso.example.com' } },
    says: [/unexpected ..?iss/, /RFC 9207/],
  },
  {
    name: 'no issuer in the redirect, though the metadata promises it',
    options: { redirect: { iss: undefined } },
    says: [/iss. \(issuer\) missing/, /RFC 9207/],
  },
]

const TOKENS: readonly Failure[] = [
  {
    name: 'the client is unknown',
    options: tokenError(401, { error: 'invalid_client' }),
    says: [/token endpoint answered 401: "invalid_client"/, /--register/],
  },
  {
    name: 'an error that repeats the code',
    options: tokenError(400, { error: 'invalid_grant', error_description: `${CODE} is expired` }),
    says: [/token endpoint answered 400: "invalid_grant: \*\*\* is expired"/],
  },
  {
    name: 'a page in place of a token',
    options: { token: () => ({ status: 502, body: '<h1>Bad gateway</h1>' }) },
    says: [/502|status code/],
  },
  {
    name: 'an answer without an end',
    options: { token: () => tokens({ padding: 'x'.repeat(2 ** 20) }) },
    says: [/token endpoint answered with more than 1048576 bytes/],
  },
  {
    name: 'a token with a line end',
    options: { token: () => tokens({ access_token: `${TOKEN}\r\nx` }) },
    says: [/gave an access token that no request can carry/],
  },
  {
    name: 'a token that acts on a terminal, to be printed',
    options: { token: () => tokens({ access_token: `${TOKEN}\u001b[2J` }) },
    flags: ['--print-token'],
    says: [/gave an access token that no request can carry/],
  },
  {
    name: 'a bound token',
    options: { token: () => tokens({ token_type: 'DPoP' }) },
    says: [/of type "dpop", not Bearer|DPoP/i],
  },
]

const SERVER: readonly Failure[] = [
  {
    name: 'a challenge that repeats the token',
    options: {
      mcp: () => ({
        status: 401,
        body: '',
        headers: {
          'www-authenticate': `Bearer error="invalid_token", error_description="${TOKEN}, expired"`,
        },
      }),
    },
    says: [/answered 401 after the login: "invalid_token: \*\*\*, expired"/],
  },
  {
    name: 'a scope that repeats the token',
    options: {
      mcp: () => ({
        status: 403,
        body: '',
        headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${TOKEN}"` },
      }),
    },
    says: [/→ --scope \*\*\*$/m],
  },
  {
    name: 'a scope that a shell would run',
    options: {
      mcp: () => ({
        status: 403,
        body: '',
        headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="$(id) a"' },
      }),
    },
    says: [/→ --scope '\$\(id\) a'$/m],
  },
  {
    name: 'an error that repeats the beginning of the token',
    options: {
      mcp: () => ({
        body: { jsonrpc: '2.0', id: 1, error: { code: 1, message: `${'x'.repeat(60)} ${TOKEN}` } },
      }),
    },
    says: [/x{60} \*\*\*/],
  },
  {
    name: '401 after the login',
    options: {
      mcp: () => ({
        status: 401,
        body: '',
        headers: {
          'www-authenticate': 'Bearer error="invalid_token", error_description="Not valid here"',
          'x-request-id': 'request-77',
        },
      }),
    },
    says: [
      /answered 401 after the login: "invalid_token: Not valid here" \(request request-77\)/,
      /explain/,
    ],
  },
  {
    name: '403 after the login',
    options: {
      mcp: () => ({
        status: 403,
        body: '',
        headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="a b"' },
      }),
    },
    says: [/answered 403 after the login: "insufficient_scope"/, /→ --scope 'a b'$/m],
  },
  {
    name: 'a server that fails',
    options: { mcp: () => ({ status: 502, body: '' }) },
    says: [/answered 502/],
  },
]

describe.each([
  ['discovery', DISCOVERY],
  ['registration', REGISTRATION],
  ['the answer to the login', ANSWERS],
  ['the token endpoint', TOKENS],
  ['the server', SERVER],
])('%s', (_, failures) => {
  for (const { name, options, flags = [], says } of failures) {
    verifies(['FLD-41', 'FLD-45', 'ATK-23', 'ATK-24'], name, async () => {
      const { url } = await startFake(options)
      const { code, stdout, stderr } = await login([url, ...flags], passer)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      for (const part of says) expect(stderr).toMatch(part)
      expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^ {2}→ \S/)
      for (const secret of [CODE, TOKEN, REFRESH]) expect(stderr).not.toContain(secret)
    })
  }
})

describe('a server elsewhere that names what runs on this machine', () => {
  const url = 'https://mcp.example.com/mcp'

  async function discover(issuer: string) {
    const asked: string[] = []
    const send: typeof fetch = (input, init) => {
      asked.push(String(input))
      const headers = { 'www-authenticate': 'Bearer' }
      return Promise.resolve(
        init?.method === 'POST'
          ? new Response(null, { status: 401, headers })
          : Response.json({ resource: url, authorization_servers: [issuer] }),
      )
    }
    const { signal } = new AbortController()
    const found = discoverResource(url, { fetch: send, signal, limit: () => signal })
    return found.then(({ issuer: named }) => named).catch((error: Error) => error.message)
  }

  verifies('ATK-22', 'ends the login', async () => {
    for (const issuer of ['http://127.0.0.1:8080', 'http://localhost/realms/mcp', 'http://[::1]']) {
      expect(await discover(issuer)).toContain(`names the authorization server "${issuer}"`)
    }
    expect(await discover('https://sso.example.com')).toBe('https://sso.example.com')
  })
})

test('the same fake lets a right login in', async () => {
  const { url, requests } = await startFake()
  const { code, stdout } = await login([url], passer)
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'echo  Says it again\n' })
  const exchange = new URLSearchParams(requests.find(({ path }) => path === '/token')?.body)
  expect(exchange.get('code')).toBe(CODE)
  expect(exchange.get('resource')).toBe(url)
  expect(exchange.get('code_verifier')).toMatch(/^[\w-]{43}$/)
  expect(requests.some(({ body }) => body.includes('tools/call'))).toBe(false)
})

describe('what others can send to the redirect URI', () => {
  verifies('FLD-45', 'another state changes nothing: the right answer still counts', async () => {
    const { url } = await startFake()
    const { code, stderr } = await login([url], async (shown) => {
      const { headers } = await fetch(shown, { redirect: 'manual' })
      const callback = new URL(headers.get('location') ?? '')
      const forged = new URL(callback)
      forged.searchParams.set('state', 'guessed')
      forged.searchParams.set('error', 'access_denied')
      expect((await fetch(forged)).status).toBe(400)
      expect((await fetch(new URL('/other', callback))).status).toBe(404)
      const answer = await fetch(callback)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
      return { callback, forms: [] }
    })
    expect(code).toBe(0)
    expect(stderr).toContain('with another state was ignored\n')
  })
})

describe('--device', () => {
  const device = {
    body: {
      device_code: 'device-code-0815',
      user_code: 'WDJB-MJHT',
      verification_uri: 'https://sso.example.com/device',
      expires_in: 60,
      interval: 0.01,
    },
  }
  const pendingThen = (last: { status?: number; body: unknown }) => {
    let asked = 0
    const pending = { status: 400, body: { error: 'authorization_pending' } }
    return () => (++asked < 3 ? pending : last)
  }

  verifies('FLD-44', 'shows page and code, and waits until they were entered', async () => {
    const { url, requests } = await startFake({ device, token: pendingThen(tokens()) })
    const { code, stdout, stderr, shown } = await login([url], nobody, ['--device'])
    expect({ code, stdout, shown }).toEqual({ code: 0, stdout: 'echo  Says it again\n', shown: [] })
    expect(stderr).toContain('  https://sso.example.com/device\n  WDJB-MJHT\n')
    expect(stderr).not.toContain('device-code-0815')
    const asked = requests.filter(({ path }) => path === '/token')
    expect(asked).toHaveLength(3)
    expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).toMatchObject({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'device-code-0815',
      resource: url,
    })
    const registered = requests.find(({ path }) => path === '/register')
    expect(JSON.parse(registered?.body ?? '')).toMatchObject({ redirect_uris: [] })
  })

  test.each([
    ['refused', 'access_denied', /the person refused/],
    ['too late', 'expired_token', /start again/],
  ])('%s', async (_, error, hint) => {
    const token = pendingThen({ status: 400, body: { error } })
    const { url } = await startFake({ device, token })
    const { code, stderr } = await login([url], nobody, ['--device'])
    expect(code).toBe(1)
    expect(stderr).toContain(`answered 400: "${error}"`)
    expect(stderr).toMatch(hint)
  })

  test('a server that does not offer it', async () => {
    const { url } = await startFake(metadata({ device_authorization_endpoint: undefined }))
    const { code, stderr } = await login([url], nobody, ['--device'])
    expect(code).toBe(1)
    expect(stderr).toContain('has no device_authorization_endpoint\n')
  })

  test('a page whose address is not a web address is not shown', async () => {
    const body = { ...device.body, verification_uri: 'javascript:alert(1)' }
    const { url } = await startFake({ device: { body } })
    const { code, stderr } = await login([url], nobody, ['--device'])
    expect(code).toBe(1)
    expect(stderr).not.toContain('javascript')
  })
})

describe('a login that nobody finishes', () => {
  verifies('FLD-44', 'ends after --timeout, and tells the redirect URI', async () => {
    const { url } = await startFake()
    const { code, stderr } = await login([url, '--timeout', '50ms'], nobody)
    expect(code).toBe(1)
    expect(stderr).toMatch(/redirect URI http:\/\/127\.0\.0\.1:\d+\/callback/)
    expect(stderr).toContain('nobody logged in within 0.05 s\n')
    expect(stderr).toContain('allow the one above at the identity provider')
  })
})

describe('a client document (CIMD)', () => {
  test('its URL is the client id, and nothing is registered', async () => {
    const { url, requests } = await startFake({
      metadata: { client_id_metadata_document_supported: true },
    })
    const document = 'https://app.example.com/client.json'
    const argv = [url, '--client-metadata-url', document]
    const { code, shown } = await login(argv, passer)
    expect(code).toBe(0)
    expect(new URL(shown[0] ?? '').searchParams.get('client_id')).toBe(document)
    expect(requests.some(({ path }) => path === '/register')).toBe(false)
  })
})

describe('a stored login of another authorization server', () => {
  verifies('FLD-43', 'its refresh token is not sent there', async () => {
    const { url, requests } = await startFake()
    const stored = {
      url,
      issuer: 'https://old.example.com',
      client: { id: 'client-0' },
      refreshToken: REFRESH,
    }
    const file = writeTemporary('login.json', JSON.stringify(stored))
    const { chmodSync } = await import('node:fs')
    chmodSync(file, 0o600)
    const { code, stderr } = await login([url, '--store', file], passer)
    expect(code).toBe(0)
    expect(stderr).toContain('for another authorization server: log in again\n')
    expect(requests.some(({ body }) => body.includes(REFRESH))).toBe(false)
  })
})

describe('arguments', () => {
  const run = async (...argv: string[]) => {
    let [stdout, stderr] = ['', '']
    const code = await runLogin(argv, {
      stdout: (text) => (stdout += text),
      stderr: (text) => (stderr += text),
      readFile: () => 'content',
      env: {},
    })
    return { code, stdout, stderr }
  }
  const URL_OF_IT = 'https://mcp.example.com/mcp'

  test.each([
    [[], /^URL: is missing/],
    [['http://mcp.example.com/mcp'], /^URL: is not an https URL/],
    [['mcp.example.com'], /^URL: is not an https URL/],
    [['https://alice:pw@mcp.example.com/mcp'], /^URL: is not an https URL/],
    [[URL_OF_IT, 'more'], /^argument 2: is unexpected/],
    [[URL_OF_IT, '--clientid', 'x'], /^--clientid: no such flag\n.*--client-id/],
    [[URL_OF_IT, '--redirect-port', '0'], /^--redirect-port: cannot be read/],
    [[URL_OF_IT, '--redirect-port', '65536'], /^--redirect-port: cannot be read/],
    [[URL_OF_IT, '--timeout', '0'], /^--timeout: cannot be read/],
    [[URL_OF_IT, '--timeout', '25h'], /^--timeout: cannot be read/],
    [[URL_OF_IT, '--headless', ' '], /^--headless: cannot be read/],
    [[URL_OF_IT, '--call', 'x', '--args', '[1]'], /^--args: cannot be read/],
    [[URL_OF_IT, '--args', '{}'], /^--args: has no effect without --call/],
    [[URL_OF_IT, '--client-secret-file', 'x'], /no effect without --client-id/],
    [[URL_OF_IT, '--print-token', '--call', 'x'], /^--print-token: is given together with --call/],
    [[URL_OF_IT, '--device', '--headless', 'x'], /^--device: is given together with --headless/],
    [[URL_OF_IT, '--client-metadata-url', 'x'], /^--client-metadata-url: cannot be read/],
  ])('%j', async (argv, problem) => {
    const { code, stdout, stderr } = await run(...argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(problem)
  })

  test('--help teaches', async () => {
    const { code, stdout } = await run('--help')
    expect(code).toBe(0)
    expect(stdout).toContain('mcp-gatehouse login URL')
    expect(stdout).toContain('--headless')
  })
})
