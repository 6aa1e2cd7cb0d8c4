/** The files that settings name, and what the gateway gets of it all. */
import { rootCertificates } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { readConfiguration } from '../../src/config/read-configuration.js'
import { secretParts } from '../../src/config/file-parts.js'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import { verifies } from '../support/verifies.js'
import { EXAMPLES, FILES, SESSION_KEY } from './examples.js'
import { ISSUER, OAUTH, OPEN, problemsOf, read, readerOf, RESOURCE, UPSTREAM } from './support.js'

const [CERTIFICATE = ''] = rootCertificates
const JWKS = FILES['/etc/gatehouse/jwks.json'] ?? ''

describe('the value of a header', () => {
  const header = (...values: string[]) => {
    const argv = values.flatMap((_, index) => ['--upstream-header', `X-${index}=/${index}`])
    const files = Object.fromEntries(values.map((value, index) => [`/${index}`, value]))
    return [[...OPEN, ...argv], { files }] as const
  }

  test.each([
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    ['Basic dTpw=', 'Basic dTpw='],
    ['a\tb', 'a\tb'],
  ])('%j is %j', async (content, value) => {
    const { files, problems } = await read(...header(content))
    expect(problems).toEqual([])
    expect(files.resources[0]?.upstreamHeaders).toEqual({ 'X-0': value })
  })

  test.each([
    ['', 'is empty'],
    ['\n', 'is empty'],
    [' hunter2', 'has blanks around its content'],
    ['hunter2\t\n', 'has blanks around its content'],
    ['hunter2\n\n', 'has more than one line of plain ASCII'],
    ['a\r\nX-Injected: hunter2', 'has more than one line of plain ASCII'],
    ['hunter2\0', 'has more than one line of plain ASCII'],
    ['hünter2', 'has more than one line of plain ASCII'],
    ['\ufeffhunter2', 'has more than one line of plain ASCII'],
  ])('%j %s', async (content, message) => {
    expect(await problemsOf(...header('ok', content))).toEqual([
      `--upstream-header: value 2: /1 ${message}`,
    ])
  })

  test('a file that is not there, and a header that is written twice', async () => {
    const argv = ['X-A=/none', 'X-B=/k', 'x-b=/k'].flatMap((each) => ['--upstream-header', each])
    expect(await problemsOf([...OPEN, ...argv], { files: { '/k': 'k' } })).toEqual([
      '--upstream-header: value 1: /none cannot be read (ENOENT)',
      '--upstream-header: value 3: this header is set already',
    ])
  })
})

describe('certificates', () => {
  const problems = (content: string) =>
    problemsOf([...OPEN, '--ca-file', '/ca.pem'], { files: { '/ca.pem': content } })

  test('one or several, with text around', async () => {
    expect(await problems(CERTIFICATE)).toEqual([])
    expect(await problems(`# ours\n${CERTIFICATE}\n\nold:\n${CERTIFICATE}`)).toEqual([])
  })

  test('none, or a broken one', async () => {
    expect(await problems('hunter2')).toEqual(['--ca-file: /ca.pem holds no certificate'])
    expect(await problems('')).toEqual(['--ca-file: /ca.pem holds no certificate'])
    const broken = CERTIFICATE.replace(/^.{64}\n/m, '')
    expect(await problems(`${CERTIFICATE}\n${broken.replace(/\n.*\n/, '\nhunter2\n')}`)).toEqual([
      '--ca-file: /ca.pem holds a broken certificate (number 2)',
    ])
    expect(await problemsOf([...OPEN, '--ca-file', '/none'])).toEqual([
      '--ca-file: /none cannot be read (ENOENT)',
    ])
  })
})

describe('keys of sessions', () => {
  const keys = (content: string) =>
    [[...OAUTH, '--session-key-file', '/keys'], { files: { '/keys': content } }] as const
  const [first, second] = ['hunter2'.padEnd(32, '+'), 'hunter2'.padEnd(64, '~')]

  test('a line each, in the order of the file', async () => {
    for (const content of [
      `${first}\n${second}`,
      `${first}\r\n${second}\r\n`,
      `${first}\n${second}\n\n`,
    ]) {
      const { files, problems } = await read(...keys(content))
      expect(problems).toEqual([])
      expect(files.sessionKeys).toEqual([first, second])
    }
  })

  test.each([
    ['', '/keys line 1 has fewer than 32 characters'],
    [`${first}\n${first.slice(1)}`, '/keys line 2 has fewer than 32 characters'],
    [`${first}\n\n${second}`, '/keys line 2 has fewer than 32 characters'],
    [`${first} `, '/keys line 1 has characters other than visible ASCII'],
    [`${first}\n${first}ü`, '/keys line 2 has characters other than visible ASCII'],
  ])('%j', async (content, message) => {
    expect(await problemsOf(...keys(content))).toEqual([`--session-key-file: ${message}`])
  })

  test('a file that is not there', async () => {
    const problems = await problemsOf([...OAUTH, '--session-key-file', '/none'])
    expect(problems).toEqual(['--session-key-file: /none cannot be read (ENOENT)'])
  })
})

describe('keys', () => {
  const argv = [...OAUTH, '--oauth-jwks-file', '/keys.json']

  test.each([
    ['hunter2', 'cannot be read (not JSON)'],
    ['{}', 'must be a JWK Set with at least one key'],
    ['{"keys":[]}', 'must be a JWK Set with at least one key'],
    ['{"keys":[{"kty":"oct"}]}', 'has no usable key'],
  ])('%j %s', async (content, message) => {
    expect(await problemsOf(argv, { files: { '/keys.json': content } })).toEqual([
      `--oauth-jwks-file: /keys.json ${message}`,
    ])
  })

  verifies('FLD-16', 'stay until newer ones are taken, and all of them are good', async () => {
    const files: Record<string, string> = { '/keys.json': JWKS }
    const configuration = await read(argv, { files })
    const { authorizationServers } = toGatewayOptions(configuration)
    const [{ jwks }] = authorizationServers as unknown as [{ jwks: () => unknown }]
    let refreshed = 0
    const [part] = secretParts({
      configuration,
      resources: [RESOURCE],
      gateway: {
        refreshKeys: () => Promise.resolve(void refreshed++),
        replaceSecrets: () => undefined,
      },
      readFile: readerOf(files),
    })
    expect(part).toMatchObject({ sources: ['--oauth-jwks-file'], files: ['/keys.json'] })
    for (const content of ['hunter2', '{"keys":[]}', '{"keys":[{"kty":"oct"}]}', undefined]) {
      if (content === undefined) delete files['/keys.json']
      else files['/keys.json'] = content
      const problems = (await part?.read())?.problems ?? []
      expect(problems).toHaveLength(1)
      expect(JSON.stringify(problems)).not.toContain('hunter2')
    }
    files['/keys.json'] = JWKS.replace('"keys"', '"new":1,"keys"')
    const good = await part?.read()
    expect(good?.problems).toEqual([])
    expect(jwks()).toEqual(JSON.parse(JWKS))
    await good?.take()
    expect([jwks(), refreshed]).toEqual([JSON.parse(files['/keys.json']), 1])
  })
})

test('files are read from the disk when nobody says otherwise', async () => {
  const argv = [...OPEN, '--config', '/nonexistent/gatehouse.yaml']
  const { problems } = await readConfiguration({ argv, env: {} })
  expect(problems.map(({ message }) => message)).toEqual([
    '/nonexistent/gatehouse.yaml cannot be read (ENOENT)',
  ])
  const manifest = await readConfiguration({ argv: [...OPEN, '--config=package.json'], env: {} })
  expect(manifest.problems[0]?.path).toBe('package.json:2:3: name')
})

describe('the options of the gateway', () => {
  const optionsOf = async (argv: readonly string[], env: Record<string, string> = {}) => {
    const configuration = await read(argv, { env, files: FILES })
    expect(configuration.problems).toEqual([])
    return toGatewayOptions(configuration)
  }

  verifies('CASE-61', 'without tokens, nothing about tokens', async () => {
    const argv = [...OPEN, '--oauth-issuer', ISSUER, '--resource', 'http://localhost:1/x']
    expect(await optionsOf(argv)).toEqual({
      auth: 'none',
      host: '127.0.0.1',
      port: 8080,
      upstream: UPSTREAM,
      maxRequests: 10_000,
      maxRequestsPerCaller: 1_000,
      upstreamTimeout: 60,
      upstreamHeaders: {},
      proxyEnvironment: {},
      resource: 'http://localhost:1/x',
      sseKeepAlive: 15,
    })
  })

  test('a resource that nobody named is not made up', async () => {
    expect(await optionsOf(OAUTH)).not.toHaveProperty('resource')
    expect(await optionsOf(OAUTH)).toMatchObject({
      auth: 'oauth',
      authorizationServers: [{ issuer: ISSUER }],
    })
  })

  verifies('FLD-11', 'a command is run before the first client if that is asked for', async () => {
    const argv = ['--child-start-timeout', '5m', '--child-warm', '--', 'server', '-v']
    expect(await optionsOf(argv)).toMatchObject({
      command: ['server', '-v'],
      children: { startTimeout: 300 },
      childWarm: true,
    })
    expect(await optionsOf(['--', 'server'])).toMatchObject({ childWarm: false })
  })

  test('every setting that is the gateway’s arrives', async () => {
    const own = Object.entries(EXAMPLES)
      .filter(([path]) => !/^(?:upstream|oauth\.(?:issuer|jwksUri|discoveryUrl))$/.test(path))
      .flatMap(([, { flags }]) => flags)
    const env = { HTTPS_PROXY: 'http://proxy:1', no_proxy: 'a', NO_PROXY: 'b', HTTP_PROXYX: 'c' }
    const argv = [...OPEN, '--oauth-issuer', ISSUER, ...own, '--', 'server']
    expect(await optionsOf(argv, env)).toEqual({
      auth: 'oauth',
      host: '::1',
      port: 0,
      resource: 'https://mcp.example.com',
      resourceName: '2024',
      resourceDocumentation: 'https://docs.example.com/#a',
      maxBody: 65_536,
      maxRequests: 500,
      maxRequestsPerCaller: 50,
      auditArguments: true,
      upstream: UPSTREAM,
      upstreamHeaders: { Authorization: 'secret-1' },
      upstreamHost: 'localhost:8000',
      upstreamTimeout: 120,
      sessionKeys: [SESSION_KEY],
      streamGrace: 600,
      sseKeepAlive: 60,
      healthPath: '/healthz',
      path: '/served',
      apiKeys: {
        keys: [
          {
            id: 'key-1',
            digest: 'a'.repeat(64),
            subject: 'ci',
            resources: ['https://mcp.example.com'],
            expires: 'never',
          },
        ],
      },
      forwardHeaders: ['X-Tenant', 'X-Trace'],
      forwardClaims: [
        { claim: 'email', header: 'Email' },
        { claim: 'a.b', header: 'Roles' },
      ],
      authorizationServers: [
        {
          issuer: ISSUER,
          scopePrefix: 'api://APP/',
          validation: 'introspection',
          jwks: expect.any(Function),
          introspector: expect.any(Function),
          tokenPrefix: 'authelia_at_',
        },
      ],
      audience: ['0123'],
      audienceClaim: 'aud',
      requiredClaims: { tid: ['a=b', 'c'] },
      soleAudience: true,
      alsoAudience: ['account'],
      advertiseScopes: ['api://APP/a', 'api://APP/b'],
      acceptIdTokenClaims: true,
      scopes: ['a', 'b'],
      policy: { rules: [{ tools: ['a'], scopes: ['b'] }], unmatched: 'deny' },
      requireType: true,
      scopeClaims: ['permissions'],
      userClaims: ['preferred_username', 'upn'],
      clockTolerance: 300,
      jwksMaxAge: 3600,
      jwksStaleFor: 0,
      wait: 0.5,
      mirrorMetadata: true,
      allowOrigins: ['https://app.example.com'],
      allowHosts: ['mcp.internal:8080', '[::1]'],
      trustedProxies: ['10.0.0.0/8', '2001:db8::1'],
      refusalForm: 'auto',
      allowHttp: ['keycloak'],
      ca: FILES['/etc/gatehouse/ca.pem'],
      proxyEnvironment: { HTTPS_PROXY: 'http://proxy:1', no_proxy: 'a', NO_PROXY: 'b' },
    })
    expect((await optionsOf([...OAUTH, '--resource', RESOURCE])).resource).toBe(RESOURCE)
  })
})

describe('a message about a file names it', () => {
  const faultOf = async (...argv: string[]) => problemsOf([...OAUTH, ...argv])

  verifies('FLD-07', 'but not what is probably a secret, given in place of its file', async () => {
    const ofKeys = (file: string) => faultOf('--session-key-file', file)
    const random = 'hunter2hunter2hunter2'
    for (const secret of [
      random,
      'aB3/hunter2hunter2hunter2==',
      'a1b2c3d4-0000-4000-8000-0123456789ab',
      'eyJhbGciOiJub25lIn0.e30.x',
    ]) {
      const fault = '--session-key-file: the file cannot be read (ENOENT)'
      expect(await ofKeys(secret)).toEqual([fault])
    }
    for (const file of [
      '/run/secrets/client-secret',
      '/keys.2026-11-30.txt',
      '/session_keys',
      '/averylongnameofafile',
      '/tmp/gatehouse-123456/k2',
    ]) {
      expect(await ofKeys(file)).toEqual([`--session-key-file: ${file} cannot be read (ENOENT)`])
    }
    const header = await faultOf('--upstream-header', `X-Key=${random}`)
    expect(header).toEqual(['--upstream-header: value 1: the file cannot be read (ENOENT)'])
    const client = await faultOf('--oauth-client-id=rs', '--oauth-client-secret-file', random)
    expect(client).toEqual(['--oauth-client-secret-file: the file cannot be read (ENOENT)'])
  })

  verifies('FLD-07', 'in one line', async () => {
    expect(await faultOf('--ca-file', '/a\nb\u001b[2J.pem')).toEqual([
      '--ca-file: /a?b?[2J.pem cannot be read (ENOENT)',
    ])
  })
})
