import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import {
  readAuthFlags,
  type AuthFlagDefaults,
  type AuthFlags,
  type ConfigurationProblem,
  type ProtectedResourceOptions,
} from 'mcp-gatehouse/flags'
import { checkResourceServer, OPTION_NAMES } from '../../src/rs/settings.js'
import { environmentNameOf, flagOf } from '../../src/config/names.js'
import { AUTH_SETTINGS as SETTINGS } from '../../src/config/setting-lists.js'
import { fakeKey, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const OTHER_ISSUER = 'https://other.example.com/'
const BASE = ['--auth', 'oauth', '--oauth-issuer', ISSUER, '--resource', RESOURCE]
const CANARY = 'eyJhbGciOiJub25lIn0.canary-hunter2'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-flags-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const jwks = { keys: [(await fakeKey()).jwk] }
const jwksFile = file('jwks.json', JSON.stringify(jwks))
const policy = { rules: [{ tools: ['a'], scopes: ['b'] }], unmatched: 'deny' }
const policyFile = file('policy.json', JSON.stringify(policy))
const apiKeys = {
  keys: [
    {
      id: 'key-1',
      digest: 'a'.repeat(64),
      subject: 'ci',
      resources: ['https://mcp.example.com/mcp'],
      expires: 'never',
    },
  ],
}
const keysFile = file('keys.json', JSON.stringify(apiKeys))
const secretFile = file('secret', 'hunter2\n')
const keyFile = file('rs.jwk', JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: 'x', d: 'd' }))

function read(
  argv: readonly string[],
  env: Record<string, string | undefined> = {},
  defaults?: AuthFlagDefaults,
): AuthFlags {
  return readAuthFlags({ argv, env, ...(defaults !== undefined && { defaults }) })
}

function optionsOf(...input: Parameters<typeof read>): ProtectedResourceOptions {
  const result = read(...input)
  if (result.auth !== 'oauth') throw new Error(JSON.stringify(result))
  return result.options
}

function problemsOf(...input: Parameters<typeof read>): readonly ConfigurationProblem[] {
  const result = read(...input)
  if (result.auth !== 'invalid') throw new Error(JSON.stringify(result))
  for (const { path, message, hint } of result.problems) {
    expect(path).toMatch(/^(?:--[a-z]|MCP_GATEHOUSE_|defaults\.)/)
    expect(message).not.toBe('')
    expect(hint).not.toBe('')
    expect(result.text).toContain(`${path}: ${message} (${hint})`)
  }
  expect(result.text.split('\n')).toHaveLength(result.problems.length)
  return result.problems
}

/** `source: message`, sorted. */
function briefly(...input: Parameters<typeof read>): readonly string[] {
  return problemsOf(...input)
    .map(({ path, message }) => `${path}: ${message}`)
    .sort()
}

describe('the command line', () => {
  test.each([
    [['--oauth-issuer']],
    [['--oauth-issuer', '--oauth-scopes', 'a']],
    [['--oauth-issuer', '--']],
  ])('a flag without its value is one problem and is not missing too: %j', (added) => {
    const argv = ['--auth', 'oauth', '--resource', RESOURCE, ...added]
    expect(briefly(argv)).toEqual(['--oauth-issuer: needs a value'])
  })

  test('a flag for one value that is given twice is a problem', () => {
    expect(briefly([...BASE, '--resource', RESOURCE])).toEqual([
      '--resource: is given more than once',
    ])
    expect(briefly([...BASE, '--auth=none'])).toEqual(['--auth: is given more than once'])
    expect(briefly([...BASE, '--oauth-require-type', '--oauth-require-type=false'])).toEqual([
      '--oauth-require-type: is given more than once',
    ])
    const [problem] = problemsOf([...BASE, '--oauth-scopes', 'a', '--oauth-scopes', 'b'])
    expect(problem).toMatchObject({
      path: '--oauth-scopes',
      hint: expect.stringContaining('blanks'),
    })
  })

  test('a flag of our namespace that does not exist is a problem, with what was meant', () => {
    for (const auth of [BASE, []]) {
      expect(problemsOf([...auth, '--oauth-isuer=x'])).toEqual([
        { path: '--oauth-isuer', message: 'no such flag', hint: 'did you mean --oauth-issuer?' },
      ])
    }
    expect(problemsOf(['--oauth-client-secret', 'x'])[0]?.hint).toContain('--help')
    expect(briefly(['--oauth-\u001b[2J"'])).toEqual(['--oauth-?[2J?: no such flag'])
  })

  test('flag and value may be two arguments or one, and a value may hold =', () => {
    const name = 'a=b=c'
    expect(optionsOf([...BASE, `--resource-name=${name}`]).resourceName).toBe(name)
    expect(optionsOf([...BASE, '--resource-name', name]).resourceName).toBe(name)
  })

  test('a value that begins with -- needs the form with =', () => {
    expect(optionsOf([...BASE, '--resource-name=--x']).resourceName).toBe('--x')
    expect(optionsOf([...BASE, '--resource-name', '-x']).resourceName).toBe('-x')
  })

  test("what is not ours stays, in order, for the server's own parser", () => {
    const foreign = ['serve', '--port', '3000', '-v', '--oauth', '--authority=x', '', '--no-auth']
    const argv = foreign.flatMap((each, index) => [...(index === 4 ? BASE : []), each])
    expect(read(argv)).toMatchObject({ auth: 'oauth', rest: foreign })
    expect(read(foreign)).toMatchObject({ auth: 'none', rest: foreign })
  })

  verifies('CASE-61', 'nothing after -- counts, and it stays untouched', () => {
    const tail = ['--', '--auth', 'none', '--oauth-nonsense', '--', '--transport', 'stdio']
    expect(read([...BASE, '--x', ...tail])).toMatchObject({ auth: 'oauth', rest: ['--x', ...tail] })
    expect(read(['--', ...BASE])).toMatchObject({ auth: 'none', rest: ['--', ...BASE] })
  })

  test('nothing that is handed in is changed', () => {
    const argv = Object.freeze([...BASE, '--x'])
    const env = Object.freeze({ MCP_GATEHOUSE_OAUTH_SCOPES: 'a' })
    const defaults = Object.freeze({ resource: RESOURCE })
    expect(readAuthFlags(Object.freeze({ argv, env, defaults })).auth).toBe('oauth')
  })
})

describe('auth none', () => {
  verifies(
    'CASE-61',
    'flags that do nothing are a warning and no error, even with wrong values',
    () => {
      const argv = ['--oauth-issuer', 'nonsense', '--oauth-wait=soon', '--port', '1']
      for (const auth of [[], ['--auth', 'none']]) {
        const result = read([...auth, ...argv])
        expect(result).toMatchObject({ auth: 'none', rest: ['--port', '1'] })
        expect(result.warnings).toHaveLength(1)
        expect(result.warnings[0]).toMatch(/no token is checked.*--oauth-issuer, --oauth-wait$/)
      }
    },
  )

  verifies('CASE-61', 'environment without auth is a warning, unless none was chosen', () => {
    const env = { MCP_GATEHOUSE_OAUTH_ISSUER: ISSUER }
    expect(read([], env).warnings[0]).toContain('MCP_GATEHOUSE_OAUTH_ISSUER')
    expect(read(['--auth', 'none'], env).warnings).toEqual([])
    expect(read([], { ...env, MCP_GATEHOUSE_AUTH: 'none' }).warnings).toEqual([])
  })

  test('nothing given: nothing said', () => {
    expect(read([], { HOME: '/', MCP: 'x' }, { resource: 'nonsense' })).toEqual({
      auth: 'none',
      rest: [],
      warnings: [],
    })
  })

  test('a stdio transport is no problem', () => {
    const argv = ['--transport', 'stdio']
    expect(read(argv)).toMatchObject({ auth: 'none', rest: argv })
  })
})

describe('the environment', () => {
  test('an unknown name with our prefix is a warning with what was meant, and its value is not shown', () => {
    const env = { MCP_GATEHOUSE_OAUTH_ISSUERS: CANARY, MCP_GATEHOUSE_UPSTREAM: CANARY, OTHER: 'x' }
    const { auth, warnings } = read(BASE, env)
    expect(auth).toBe('oauth')
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toMatch(/^MCP_GATEHOUSE_OAUTH_ISSUERS: .*MCP_GATEHOUSE_OAUTH_ISSUER\?/)
    expect(warnings[1]).toMatch(/^MCP_GATEHOUSE_UPSTREAM: /)
    expect(warnings.join()).not.toContain(CANARY)
    // Nothing that names a variable is lost when there are problems as well.
    expect(read(['--auth', 'x'], env).warnings).toEqual(warnings)
  })

  test('what Kubernetes injects as …_PORT is ignored, and only that', () => {
    const port = 'tcp://10.0.0.1:80'
    expect(
      read([], { MCP_GATEHOUSE_PORT: port, MCP_GATEHOUSE_SERVICE_PORT: port }).warnings,
    ).toEqual([])
    expect(read([], { MCP_GATEHOUSE_PORT: '80' }).warnings).toHaveLength(1)
    expect(read([], { MCP_GATEHOUSE_PORTAL: port }).warnings).toHaveLength(1)
  })

  test('a variable that is there but empty is a problem: what it should say failed to get there', () => {
    const env = {
      MCP_GATEHOUSE_OAUTH_AUDIENCE: '',
      MCP_GATEHOUSE_OAUTH_SCOPES: ' , ',
      MCP_GATEHOUSE_RESOURCE_NAME: '',
      MCP_GATEHOUSE_OAUTH_JWKS_FILE: '',
      MCP_GATEHOUSE_OAUTH_WAIT: undefined,
    }
    expect(briefly(BASE, env)).toEqual([
      'MCP_GATEHOUSE_OAUTH_AUDIENCE: is empty',
      'MCP_GATEHOUSE_OAUTH_JWKS_FILE: is empty',
      'MCP_GATEHOUSE_OAUTH_SCOPES: is empty',
      'MCP_GATEHOUSE_RESOURCE_NAME: is empty',
    ])
    expect(briefly([], { MCP_GATEHOUSE_AUTH: '' })).toEqual([
      'MCP_GATEHOUSE_AUTH: must be none or oauth',
    ])
  })
})

const ASKING = [...BASE, '--oauth-client-id', 'mcp-rs', '--oauth-client-secret-file', secretFile]
const INTROSPECTOR = {
  authorizationServers: [{ issuer: ISSUER, introspector: expect.any(Function) as unknown }],
}

/** For each setting: what is typed, what is in the environment, and the option that comes of it. */
const EXAMPLES: Readonly<
  Record<
    string,
    { flags: readonly string[]; env: string; option: object; base?: readonly string[] }
  >
> = {
  auth: { flags: ['--auth', 'oauth'], env: 'oauth', option: {}, base: BASE.slice(2) },
  resource: {
    flags: ['--resource', 'https://mcp.example.com'],
    env: 'https://mcp.example.com',
    option: { resource: 'https://mcp.example.com' },
    base: BASE.slice(0, 4),
  },
  resourceName: {
    flags: ['--resource-name', 'My files, all'],
    env: 'My files, all',
    option: { resourceName: 'My files, all' },
  },
  resourceDocumentation: {
    flags: ['--resource-documentation', 'https://docs.example.com'],
    env: 'https://docs.example.com',
    option: { resourceDocumentation: 'https://docs.example.com' },
  },
  'oauth.issuer': {
    flags: ['--oauth-issuer', ISSUER, `--oauth-issuer=${OTHER_ISSUER}`],
    env: `${ISSUER}, ${OTHER_ISSUER}`,
    option: { authorizationServers: [{ issuer: ISSUER }, { issuer: OTHER_ISSUER }] },
    base: ['--auth', 'oauth', '--resource', RESOURCE],
  },
  'oauth.audience': {
    flags: ['--oauth-audience', 'api://mcp', '--oauth-audience', RESOURCE],
    env: `api://mcp ${RESOURCE}`,
    option: { audience: ['api://mcp', RESOURCE] },
  },
  'oauth.scopes': {
    flags: ['--oauth-scopes', 'mcp:read  mcp:write'],
    env: 'mcp:read,mcp:write',
    option: { scopes: ['mcp:read', 'mcp:write'] },
  },
  'oauth.advertiseScopes': {
    flags: ['--oauth-advertise-scopes', 'api://APP/read  api://APP/write'],
    env: 'api://APP/read,api://APP/write',
    option: { advertiseScopes: ['api://APP/read', 'api://APP/write'] },
  },
  'oauth.policy': {
    flags: ['--oauth-policy', policyFile],
    env: policyFile,
    option: { policy },
  },
  'oauth.jwksUri': {
    flags: ['--oauth-jwks-uri', 'https://sso.internal/keys'],
    env: 'https://sso.internal/keys',
    option: { authorizationServers: [{ issuer: ISSUER, jwksUri: 'https://sso.internal/keys' }] },
  },
  'oauth.discoveryUrl': {
    flags: ['--oauth-discovery-url', 'https://sso.internal/meta'],
    env: 'https://sso.internal/meta',
    option: {
      authorizationServers: [{ issuer: ISSUER, discoveryUrl: 'https://sso.internal/meta' }],
    },
  },
  'oauth.jwksFile': {
    flags: ['--oauth-jwks-file', jwksFile],
    env: jwksFile,
    option: { authorizationServers: [{ issuer: ISSUER, jwks }] },
  },
  'oauth.requireType': {
    flags: ['--oauth-require-type'],
    env: '1',
    option: { requireType: true },
  },
  'oauth.scopeClaim': {
    flags: ['--oauth-scope-claim', 'permissions', '--oauth-scope-claim', 'https://x.example/scope'],
    env: 'permissions https://x.example/scope',
    option: { scopeClaims: ['permissions', 'https://x.example/scope'] },
  },
  'oauth.scopePrefix': {
    flags: ['--oauth-scope-prefix', 'api://APP/'],
    env: 'api://APP/',
    option: { authorizationServers: [{ issuer: ISSUER, scopePrefix: 'api://APP/' }] },
  },
  'oauth.requireClaim': {
    flags: ['--oauth-require-claim', 'tid=contoso', '--oauth-require-claim', 'tid=a=b'],
    env: 'tid=contoso tid=a=b',
    option: { requiredClaims: { tid: ['contoso', 'a=b'] } },
  },
  'oauth.soleAudience': {
    flags: ['--oauth-sole-audience'],
    env: '1',
    option: { soleAudience: true },
  },
  'oauth.alsoAudience': {
    flags: ['--oauth-also-audience', 'account'],
    env: 'account',
    option: { alsoAudience: ['account'] },
  },
  'oauth.audienceClaim': {
    flags: ['--oauth-audience-claim', 'client_id'],
    env: 'client_id',
    option: { audienceClaim: 'client_id' },
    base: [...BASE, '--oauth-audience', 'client-1', '--oauth-scopes', 'a'],
  },
  'oauth.acceptIdTokenClaims': {
    flags: ['--oauth-accept-id-token-claims'],
    env: '1',
    option: { acceptIdTokenClaims: true },
  },
  'oauth.validation': {
    flags: ['--oauth-validation', 'introspection'],
    env: 'introspection',
    option: { authorizationServers: [{ validation: 'introspection' }] },
    base: ASKING,
  },
  'oauth.introspectionUrl': {
    flags: ['--oauth-introspection-url', 'https://sso.internal/ask'],
    env: 'https://sso.internal/ask',
    option: INTROSPECTOR,
    base: ASKING,
  },
  'oauth.introspectionAuth': {
    flags: ['--oauth-introspection-auth', 'client_secret_post'],
    env: 'client_secret_post',
    option: INTROSPECTOR,
    base: ASKING,
  },
  'oauth.introspectionDialect': {
    flags: ['--oauth-introspection-dialect', 'rfc7662'],
    env: 'rfc7662',
    option: INTROSPECTOR,
    base: ASKING,
  },
  'oauth.introspectionCache': {
    flags: ['--oauth-introspection-cache', '0'],
    env: '0s',
    option: INTROSPECTOR,
    base: ASKING,
  },
  'oauth.introspectionConcurrency': {
    flags: ['--oauth-introspection-concurrency', '5'],
    env: '5',
    option: INTROSPECTOR,
    base: ASKING,
  },
  'oauth.clientId': {
    flags: ['--oauth-client-id', 'mcp-rs'],
    env: 'mcp-rs',
    option: INTROSPECTOR,
    base: [...BASE, '--oauth-client-secret-file', secretFile],
  },
  'oauth.clientSecretFile': {
    flags: ['--oauth-client-secret-file', secretFile],
    env: secretFile,
    option: INTROSPECTOR,
    base: [...BASE, '--oauth-client-id', 'mcp-rs'],
  },
  'oauth.clientKeyFile': {
    flags: ['--oauth-client-key-file', keyFile],
    env: keyFile,
    option: INTROSPECTOR,
    base: [...BASE, '--oauth-client-id', 'mcp-rs', '--oauth-introspection-auth', 'private_key_jwt'],
  },
  'oauth.clientKeyId': {
    flags: ['--oauth-client-key-id', 'key-1'],
    env: 'key-1',
    option: INTROSPECTOR,
    base: ASKING,
  },
  'oauth.keysFile': {
    flags: ['--oauth-keys-file', keysFile],
    env: keysFile,
    option: { apiKeys },
  },
  'oauth.tokenPrefix': {
    flags: ['--oauth-token-prefix', 'authelia_at_'],
    env: 'authelia_at_',
    option: { authorizationServers: [{ issuer: ISSUER, tokenPrefix: 'authelia_at_' }] },
    base: ASKING,
  },
  'oauth.clockTolerance': {
    flags: ['--oauth-clock-tolerance', '5m'],
    env: '300',
    option: { clockTolerance: 300 },
  },
  'oauth.jwksMaxAge': {
    flags: ['--oauth-jwks-max-age', '1h'],
    env: '3600s',
    option: { jwksMaxAge: 3600 },
  },
  'oauth.jwksStaleFor': {
    flags: ['--oauth-jwks-stale-for', '0'],
    env: '0h',
    option: { jwksStaleFor: 0 },
  },
  'oauth.wait': { flags: ['--oauth-wait', '500ms'], env: '500ms', option: { wait: 0.5 } },
  'oauth.mirrorMetadata': {
    flags: ['--oauth-mirror-metadata'],
    env: '1',
    option: { mirrorMetadata: true },
  },
  allowOrigin: {
    flags: ['--allow-origin', 'https://a.example', '--allow-origin', 'http://localhost:6274'],
    env: 'https://a.example,http://localhost:6274',
    option: { allowOrigins: ['https://a.example', 'http://localhost:6274'] },
  },
  trustedProxy: {
    flags: ['--trusted-proxy', '10.0.0.0/8', '--trusted-proxy', '2001:db8::1'],
    env: '10.0.0.0/8 2001:db8::1',
    option: { trustedProxies: ['10.0.0.0/8', '2001:db8::1'] },
  },
  refusalForm: {
    flags: ['--refusal-form', 'auto'],
    env: 'auto',
    option: { refusalForm: 'auto' },
  },
  allowHttp: {
    flags: ['--allow-http', 'sso.internal', '--allow-http', 'keycloak'],
    env: 'sso.internal keycloak',
    option: { allowHttp: ['sso.internal', 'keycloak'] },
  },
}

/** Functions are made anew each time. */
function comparable(options: object): unknown {
  return JSON.parse(
    JSON.stringify(options, (_, value: unknown) =>
      typeof value === 'function' ? 'function' : value,
    ),
  )
}

describe('every setting', () => {
  test('has an example here', () => {
    expect(Object.keys(EXAMPLES)).toEqual(SETTINGS.map(({ path }) => path))
  })

  test.each(Object.entries(EXAMPLES))(
    '%s can be given as flag or in the environment',
    (path, each) => {
      const { flags, env, option, base = BASE } = each
      const byFlag = optionsOf([...base, ...flags])
      expect(byFlag).toMatchObject(option)
      const byEnvironment = optionsOf(base, { [environmentNameOf(path)]: env })
      expect(comparable(byEnvironment)).toEqual(comparable(byFlag))
    },
  )

  test.each(Object.entries(EXAMPLES).filter(([path]) => path !== 'auth'))(
    '%s as a flag wins over the environment',
    (path, { flags, base = BASE }) => {
      const env = { [environmentNameOf(path)]: 'https://never.example' }
      const argv = [...base, ...flags]
      expect(comparable(optionsOf(argv, env))).toEqual(comparable(optionsOf(argv)))
    },
  )

  test.each(SETTINGS.map(({ path }) => path))('%s that is empty names its source', (path) => {
    const name = environmentNameOf(path)
    const { base = BASE } = EXAMPLES[path] ?? {}
    expect(problemsOf([...base, `${flagOf(path)}=`]).map((each) => each.path)).toContain(
      flagOf(path),
    )
    expect(problemsOf(base, { [name]: '' }).map((each) => each.path)).toContain(name)
  })

  test('auth as a flag wins over the environment, both ways', () => {
    expect(read(['--auth', 'none'], { MCP_GATEHOUSE_AUTH: 'oauth' }).auth).toBe('none')
    expect(read(BASE, { MCP_GATEHOUSE_AUTH: 'none' }).auth).toBe('oauth')
  })

  test.each([
    ['=true', '1', true],
    ['=1', 'true', true],
    ['=false', '0', false],
    ['=0', 'false', false],
  ])('the switch %s', (suffix, env, expected) => {
    expect(optionsOf([...BASE, `--oauth-require-type${suffix}`]).requireType).toBe(expected)
    expect(optionsOf(BASE, { MCP_GATEHOUSE_OAUTH_REQUIRE_TYPE: env }).requireType).toBe(expected)
  })

  test('a switch takes no second argument', () => {
    const result = read([...BASE, '--oauth-require-type', 'false'])
    expect(result).toMatchObject({ options: { requireType: true }, rest: ['false'] })
  })

  test('a comma in a scope is kept where it can be: on the command line', () => {
    expect(optionsOf([...BASE, '--oauth-scopes', 'a,b c']).scopes).toEqual(['a,b', 'c'])
  })
})

describe('wrong values', () => {
  test.each([
    ['--auth=yes', 'must be none or oauth'],
    ['--oauth-require-type=yes', 'must be true or false'],
    ['--oauth-wait=soon', 'is not a duration'],
    ['--oauth-wait=61s', 'is more than 1m'],
    ['--oauth-clock-tolerance=301', 'is more than 5m'],
    ['--oauth-jwks-max-age=25h', 'is more than 24h'],
    ['--oauth-jwks-stale-for=721h', 'is more than 720h'],
    ['--oauth-scopes=mcp:"x"', 'must be scopes'],
    ['--resource-documentation=docs', 'must be an http(s) URL'],
    ['--oauth-jwks-uri=http://sso.internal/keys', 'must be https'],
    ['--oauth-discovery-url=sso', 'must be an absolute https URL'],
  ])('%s: %s', (argument, message) => {
    const base = argument.startsWith('--auth') ? BASE.slice(2) : BASE
    expect(briefly([...base, argument])).toEqual([`${argument.replace(/=.*/, '')}: ${message}`])
  })

  verifies('PRM-15', 'a public resource without TLS is refused, a loopback one is not', () => {
    const base = BASE.slice(0, 4)
    expect(briefly([...base, '--resource', 'http://mcp.example.com/mcp'])).toEqual([
      '--resource: must be https',
    ])
    expect(optionsOf([...base, '--resource', 'http://localhost:3000/mcp']).resource).toBe(
      'http://localhost:3000/mcp',
    )
  })

  verifies('CASE-41', 'a resource that is not an http(s) URL is refused', () => {
    expect(briefly(BASE.slice(0, 4), { MCP_GATEHOUSE_RESOURCE: 'urn:mcp:files' })).toEqual([
      'MCP_GATEHOUSE_RESOURCE: must be an absolute http(s) URL',
    ])
  })

  verifies('PRM-09', 'offline_access is no scope of a resource', () => {
    expect(briefly(BASE, { MCP_GATEHOUSE_OAUTH_SCOPES: 'a offline_access' })).toEqual([
      'MCP_GATEHOUSE_OAUTH_SCOPES: must not contain offline_access',
    ])
  })

  test('a hint names flags, not options of the library', () => {
    const base = ['--auth=oauth', '--resource', RESOURCE]
    const [problem] = problemsOf([...base, '--oauth-issuer', 'http://keycloak:8080/realms/mcp'])
    expect(problem).toMatchObject({ path: '--oauth-issuer', message: 'must be https' })
    expect(problem?.hint).toContain('keycloak in --allow-http')
  })

  test('an origin with a path is none', () => {
    expect(briefly([...BASE, '--allow-origin', 'https://a.example/'])).toEqual([
      '--allow-origin: value 1 is not an origin',
    ])
  })
})

describe('between values', () => {
  verifies(['PRM-01', 'CASE-61'], 'issuer and resource are required', () => {
    expect(briefly(['--auth', 'oauth'])).toEqual([
      '--oauth-issuer: is missing',
      '--resource: is missing',
    ])
    expect(briefly([], { MCP_GATEHOUSE_AUTH: 'oauth' })).toHaveLength(2)
  })

  test('the server may know its resource; flag and environment come before it', () => {
    const base = BASE.slice(0, 4)
    const defaults = { resource: 'http://localhost:3000/mcp' }
    expect(optionsOf(base, {}, defaults).resource).toBe(defaults.resource)
    expect(optionsOf(BASE, {}, defaults).resource).toBe(RESOURCE)
    expect(optionsOf(base, { MCP_GATEHOUSE_RESOURCE: RESOURCE }, defaults).resource).toBe(RESOURCE)
    expect(briefly(base, {}, { resource: 'localhost' })).toEqual([
      'defaults.resource: must be an absolute http(s) URL',
    ])
  })

  test.each([
    ['--oauth-jwks-uri', 'https://sso.internal/keys'],
    ['--oauth-discovery-url', 'https://sso.internal/meta'],
    ['--oauth-jwks-file', jwksFile],
  ])('%s is a problem with several issuers', (flag, value) => {
    const several = [...BASE, '--oauth-issuer', OTHER_ISSUER]
    const message = 'applies to one issuer, but there are several'
    expect(briefly([...several, flag, value])).toEqual([`${flag}: ${message}`])
    const name = `MCP_GATEHOUSE_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`
    expect(briefly(several, { [name]: value })).toEqual([`${name}: ${message}`])
    // What else is wrong with it is said once, not for each issuer.
    expect(briefly([...several, flag, './x'])).toHaveLength(2)
  })

  test('a policy without tokens, that is not there, or that is wrong', () => {
    const broken = file('broken.yaml', 'rules: []\nunmatched: denny\n')
    const inEnvironment = { MCP_GATEHOUSE_OAUTH_POLICY: policyFile }
    expect(briefly(['--oauth-policy', policyFile])).toEqual(['--oauth-policy: needs --auth oauth'])
    expect(briefly(['--auth', 'none'], inEnvironment)).toEqual([
      'MCP_GATEHOUSE_OAUTH_POLICY: needs --auth oauth',
    ])
    expect(briefly([...BASE, '--oauth-policy', './x'])).toEqual([
      '--oauth-policy: ./x cannot be read (ENOENT)',
    ])
    const result = read([...BASE, '--oauth-policy', broken])
    expect(result).toMatchObject({
      auth: 'invalid',
      problems: [{ path: `${broken}:2:1: unmatched`, message: 'must be deny or base' }],
    })
  })

  test('two places for the keys exclude each other, and both sources are named', () => {
    const env = { MCP_GATEHOUSE_OAUTH_DISCOVERY_URL: 'https://sso.internal/meta' }
    expect(briefly([...BASE, '--oauth-jwks-uri', 'https://sso.internal/keys'], env)).toEqual([
      '--oauth-jwks-uri, MCP_GATEHOUSE_OAUTH_DISCOVERY_URL: ' +
        '--oauth-jwks-file, --oauth-jwks-uri and --oauth-discovery-url exclude each other',
    ])
  })

  test('one issuer twice is a problem', () => {
    expect(briefly([...BASE, '--oauth-issuer', ISSUER])).toEqual([
      '--oauth-issuer: is listed twice',
    ])
  })

  test.each([
    [['--transport', 'stdio']],
    [['--transport=stdio']],
    [['-x', '--transport', 'stdio', 'y']],
  ])('a stdio server cannot ask for tokens: %j', (argv) => {
    const expected = ['--transport: stdio has no HTTP request that could carry a token']
    expect(briefly([...BASE, ...argv])).toEqual(expected)
    expect(briefly([...BASE.slice(2), ...argv], { MCP_GATEHOUSE_AUTH: 'oauth' })).toEqual(expected)
  })

  test.each([[['--transport', 'streamable-http']], [['--transport']], [['--transports', 'stdio']]])(
    'any other transport can: %j',
    (argv) => {
      expect(read([...BASE, ...argv])).toMatchObject({ auth: 'oauth', rest: argv })
    },
  )

  test('hosts without TLS are allowed loudly', () => {
    expect(read([...BASE, '--allow-http', 'keycloak']).warnings).toEqual([
      expect.stringMatching(/^--allow-http: .*TLS/),
    ])
    expect(read(BASE).warnings).toEqual([])
  })
})

describe('the key file', () => {
  test.each([
    ['that is not there', () => join(folder, 'none.json'), 'cannot be read (ENOENT)'],
    ['that is a folder', () => folder, 'cannot be read (EISDIR)'],
    ['that is not JSON', () => file('broken.json', CANARY), 'cannot be read (not JSON)'],
    [
      'without keys',
      () => file('empty.json', '{"keys":[]}'),
      'must be a JWK Set with at least one key',
    ],
    ['that holds null', () => file('null.json', 'null'), 'must be a JWK Set with at least one key'],
  ])('%s is a problem, and nothing of it is shown', (_, path, message) => {
    const [problem, ...others] = problemsOf([...BASE, '--oauth-jwks-file', path()])
    expect(others).toEqual([])
    expect(problem).toMatchObject({ path: '--oauth-jwks-file', message: `${path()} ${message}` })
    expect(JSON.stringify(problem)).not.toContain('canary')
  })

  test('is not read for nothing', () => {
    expect(read(['--oauth-jwks-file', join(folder, 'none.json')]).auth).toBe('none')
  })
})

describe('the problems', () => {
  test('come all at once, each with its source', () => {
    const argv = ['--oauth-wait=soon', '--oauth-jwks-uri', 'keys', '--oauth-isuer=x', '--resource']
    const env = {
      MCP_GATEHOUSE_AUTH: 'oauth',
      MCP_GATEHOUSE_OAUTH_CLOCK_TOLERANCE: '1h',
      MCP_GATEHOUSE_ALLOW_ORIGIN: 'https://a.example,b.example',
      MCP_GATEHOUSE_OAUTH_JWKS_FILE: join(folder, 'none.json'),
    }
    expect(briefly([...argv, '--transport', 'stdio'], env)).toEqual([
      '--oauth-issuer: is missing',
      '--oauth-isuer: no such flag',
      '--oauth-jwks-uri: must be an absolute https URL',
      '--oauth-wait: is not a duration',
      '--resource: needs a value',
      '--transport: stdio has no HTTP request that could carry a token',
      'MCP_GATEHOUSE_ALLOW_ORIGIN: value 2 is not an origin',
      'MCP_GATEHOUSE_OAUTH_CLOCK_TOLERANCE: is more than 5m',
      `MCP_GATEHOUSE_OAUTH_JWKS_FILE: ${join(folder, 'none.json')} cannot be read (ENOENT)`,
    ])
  })

  test('of the values are listed too when auth itself is wrong, but nothing is called missing', () => {
    expect(briefly(['--auth', 'on', '--oauth-wait=soon'])).toEqual([
      '--auth: must be none or oauth',
      '--oauth-wait: is not a duration',
    ])
    expect(briefly(['--auth', '--oauth-wait=soon'])).toEqual([
      '--auth: needs a value',
      '--oauth-wait: is not a duration',
    ])
  })

  verifies(['CASE-67', 'GW-08'], 'never show what was typed where a secret may have been', () => {
    const argv = [
      `--auth=${CANARY}`,
      `--oauth-client-secret=${CANARY}`,
      '--oauth-tokn',
      CANARY,
      `--oauth-require-type=${CANARY}`,
      `--oauth-wait=${CANARY}`,
      `--oauth-jwks-file=${CANARY}`,
      `--oauth-jwks-uri=${CANARY}`,
      `--oauth-scopes="${CANARY}"`,
      `--resource=https://user:${CANARY}@MCP.example.com/mcp`,
      `--allow-origin=https://user:${CANARY}@app.example.com`,
      `--allow-origin=${CANARY}`,
      `--oauth-issuer=https://user:${CANARY}@sso.example.com`,
    ]
    const result = read([...argv, '--transport=stdio'], { MCP_GATEHOUSE_TOKEN: CANARY })
    expect(result.auth).toBe('invalid')
    expect(JSON.stringify(result)).not.toContain('hunter2')
  })
})

describe('the options', () => {
  test('are those that the kernel has by itself when nothing else is given', () => {
    const { allowOrigins: _, ...options } = optionsOf(BASE)
    const { settings, problems } = checkResourceServer(options)
    expect(problems).toEqual([])
    expect(settings).toEqual(
      checkResourceServer({ resource: RESOURCE, authorizationServers: ISSUER }).settings,
    )
  })

  test.each([
    ['clockTolerance', '--oauth-clock-tolerance', '5m'],
    ['jwksMaxAge', '--oauth-jwks-max-age', '24h'],
    ['jwksStaleFor', '--oauth-jwks-stale-for', '720h'],
    ['wait', '--oauth-wait', '1m'],
  ] as const)('%s ends where the kernel says', (name, flag, most) => {
    const options = optionsOf([...BASE, flag, most])
    const tooMuch = { ...options, [name]: Number(options[name]) + 0.001 }
    expect(checkResourceServer(options).problems).toEqual([])
    expect(checkResourceServer(tooMuch).problems.map(({ path }) => path)).toEqual([name])
  })

  test('have no name that the kernel does not know', () => {
    const argv = Object.values(EXAMPLES)
      .filter(({ base }) => base === undefined)
      .flatMap(({ flags }) => flags)
      .filter((each) => !/jwks-(uri|file)|sso\.internal\/keys|jwks\.json/.test(each))
    const { allowOrigins, trustedProxies, refusalForm, ...options } = optionsOf([...BASE, ...argv])
    expect([allowOrigins?.length, trustedProxies?.length, refusalForm]).toEqual([2, 2, 'auto'])
    for (const name of Object.keys(options)) expect(OPTION_NAMES).toContain(name)
  })

  verifies(
    ['AUD-03', 'AUD-05', 'CASE-6'],
    'the audience is a list of its own, byte for byte',
    () => {
      const options = optionsOf([
        ...BASE,
        '--oauth-audience',
        'account',
        '--oauth-audience=api://X/',
      ])
      expect(options).toMatchObject({ resource: RESOURCE, audience: ['account', 'api://X/'] })
      expect(optionsOf(BASE)).not.toHaveProperty('audience')
    },
  )

  verifies('CASE-11', 'issuers keep their order and their last slash', () => {
    const argv = [...BASE, '--oauth-issuer', `${ISSUER}/`, '--oauth-issuer', OTHER_ISSUER]
    expect(optionsOf(argv).authorizationServers).toEqual([
      { issuer: ISSUER },
      { issuer: `${ISSUER}/` },
      { issuer: OTHER_ISSUER },
    ])
  })

  verifies('CASE-39', 'keys may come from inside while the issuer stays the public one', () => {
    const argv = [...BASE, '--oauth-jwks-uri=http://keycloak:8080/keys', '--allow-http=keycloak']
    expect(optionsOf(argv)).toMatchObject({
      authorizationServers: [{ issuer: ISSUER, jwksUri: 'http://keycloak:8080/keys' }],
      allowHttp: ['keycloak'],
    })
  })
})

describe('anything at all', () => {
  const own = SETTINGS.map(({ path }) => flagOf(path))
  const foreign = fc.oneof(
    fc.string().filter((each) => !each.startsWith('--')),
    fc.constantFrom(
      '--port',
      '--port=1',
      '-v',
      'serve',
      '--oauth',
      '--__proto__',
      '--constructor=x',
    ),
  )

  test('never throws, whatever is typed', () => {
    const argument = fc.oneof(
      foreign,
      fc.string(),
      fc.constantFrom(...own, '--', '--oauth-', '--oauth-x', 'oauth', '=', '--='),
      fc.tuple(fc.constantFrom(...own), fc.string()).map((parts) => parts.join('=')),
    )
    const env = fc.dictionary(
      fc.oneof(
        fc.constantFrom(...SETTINGS.map(({ path }) => environmentNameOf(path))),
        fc.string().map((each) => `MCP_GATEHOUSE_${each}`),
      ),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(argument), env, fc.boolean(), (argv, variables, isOAuth) => {
        const before = [...argv]
        const result = read(isOAuth ? ['--auth=oauth', ...argv] : argv, variables)
        expect(['none', 'oauth', 'invalid']).toContain(result.auth)
        expect(argv).toEqual(before)
        expect(result).not.toMatchObject({ auth: 'invalid', problems: [] })
      }),
    )
  })

  test('foreign arguments are never lost nor reordered', () => {
    const example = fc.constantFrom(
      ...Object.entries(EXAMPLES)
        // A policy without tokens is a problem.
        .filter(
          ([path, { base }]) => base === undefined && !/^oauth\.(?:policy|keysFile)$/.test(path),
        )
        .map(([, { flags }]) => flags),
    )
    const part = fc.oneof(
      foreign.map((each) => ({ own: [] as readonly string[], foreign: [each] })),
      example.map((flags) => ({ own: flags, foreign: [] as string[] })),
    )
    const tail = fc.array(fc.oneof(foreign, fc.constantFrom(...own, '--', '--oauth-x')))
    fc.assert(
      fc.property(fc.array(part), tail, (parts, after) => {
        // Single-valued flags may be given once only.
        const seen = new Set<unknown>()
        const once = parts.filter(
          ({ own: flags }) => flags.length === 0 || (!seen.has(flags) && seen.add(flags)),
        )
        const argv = once.flatMap(({ own: flags, foreign: others }) => [...flags, ...others])
        const rest = [...once.flatMap(({ foreign: others }) => others), '--', ...after]
        expect(read([...argv, '--', ...after])).toMatchObject({ auth: 'none', rest })
      }),
    )
  })
})
