import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  ConfigurationError,
  createResourceServer,
  type ConfigurationProblem,
  type IntrospectorContext,
} from 'mcp-gatehouse'
import { protectedResource as honoEntry } from 'mcp-gatehouse/hono'
import { protectedResource as nodeEntry } from 'mcp-gatehouse/node'
import { checkProtectedResource } from '../../src/web/options.js'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { verifies, type Citation } from '../support/verifies.js'

const GOOD = { resource: RESOURCE, authorizationServers: ISSUER }

function problemsOf(make: () => unknown): readonly ConfigurationProblem[] {
  try {
    make()
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
    throw error
  }
  return []
}

/** The path of the one problem that these options have. */
const WRONG: [ids: Citation[], options: object, path: string][] = [
  [['PRM-01'], { authorizationServers: [] }, 'authorizationServers'],
  [['PRM-01'], { authorizationServers: undefined }, 'authorizationServers'],
  [['PRM-01'], { authorizationServers: '' }, 'authorizationServers'],
  [['PRM-01'], { authorizationServers: [7] }, 'authorizationServers[0]'],
  [['PRM-15'], { authorizationServers: 'http://sso.example.com' }, 'authorizationServers'],
  [
    ['KEY-03'],
    { authorizationServers: [{ issuer: ISSUER, jwksUri: 'http://sso.example.com/k' }] },
    'authorizationServers[0].jwksUri',
  ],
  [
    ['KEY-03'],
    { authorizationServers: { issuer: ISSUER, discoveryUrl: '/meta' } },
    'authorizationServers.discoveryUrl',
  ],
  [['KEY-01'], { authorizationServers: `${ISSUER}?x=1` }, 'authorizationServers'],
  [['KEY-01'], { authorizationServers: [ISSUER, ISSUER] }, 'authorizationServers[1]'],
  [
    ['KEY-04'],
    { authorizationServers: { issuer: ISSUER, jwks: { keys: [] } } },
    'authorizationServers.jwks',
  ],
  [
    ['KEY-04'],
    { authorizationServers: { issuer: ISSUER, jwks: { keys: [{}] }, jwksUri: ISSUER } },
    'authorizationServers',
  ],
  [['PRM-04'], { resource: undefined }, 'resource'],
  [['PRM-04', 'CASE-41'], { resource: 'urn:mcp:server' }, 'resource'],
  [['PRM-04', 'CASE-41'], { resource: 'mcp.example.com/mcp' }, 'resource'],
  [['PRM-04'], { resource: `${RESOURCE}#top` }, 'resource'],
  [['PRM-04'], { resource: `${RESOURCE}#` }, 'resource'],
  [['ATK-15'], { resource: `${RESOURCE}?tenant=1` }, 'resource'],
  [['ATK-15'], { resource: `${RESOURCE}?` }, 'resource'],
  [['PRM-04'], { resource: 'https://user@mcp.example.com/mcp' }, 'resource'],
  [['PRM-15'], { resource: 'http://mcp.example.com/mcp' }, 'resource'],
  [['PRM-15'], { resource: 'http://localhost.example.com/mcp' }, 'resource'],
  [['AUD-04'], { resource: 'https://MCP.example.com/mcp' }, 'resource'],
  [['AUD-04'], { resource: 'https://mcp.example.com:443/mcp' }, 'resource'],
  [['AUD-04'], { resource: 'https://mcp.example.com/a/../mcp' }, 'resource'],
  [['AUD-05', 'CASE-1'], { audience: [] }, 'audience'],
  [['AUD-05', 'CASE-1'], { audience: '' }, 'audience'],
  [['AUD-05', 'CASE-1'], { audience: null }, 'audience'],
  [['AUD-05', 'CASE-1'], { audience: [RESOURCE, ''] }, 'audience'],
  [['AUD-05', 'CASE-1'], { audience: false }, 'audience'],
  [
    ['AUD-05'],
    { authorizationServers: { issuer: ISSUER, audience: [] } },
    'authorizationServers.audience',
  ],
  [
    ['KEY-01'],
    { authorizationServers: 'https://sso.example.com/realms/a b' },
    'authorizationServers',
  ],
  [['KEY-01'], { authorizationServers: 'https://sso.example.com\r' }, 'authorizationServers'],
  [
    ['KEY-04'],
    { authorizationServers: { issuer: ISSUER, jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } } },
    'authorizationServers.jwks',
  ],
  [['JWT-01'], { requireType: 'false' }, 'requireType'],
  [['AUD-05', 'CASE-1'], { audiences: 'x' }, 'audiences'],
  [['AUD-05'], { skipAudience: true }, 'skipAudience'],
  [
    ['KEY-01'],
    { authorizationServers: { issuer: ISSUER, issuers: [] } },
    'authorizationServers.issuers',
  ],
  [['JWT-03', 'CASE-13'], { algorithms: ['none'] }, 'algorithms'],
  [['JWT-03', 'CASE-13'], { algorithms: ['HS256'] }, 'algorithms'],
  [['JWT-03'], { algorithms: [] }, 'algorithms'],
  [['JWT-07'], { clockTolerance: 301 }, 'clockTolerance'],
  [['JWT-07'], { clockTolerance: -1 }, 'clockTolerance'],
  [['JWT-07'], { clockTolerance: Number.NaN }, 'clockTolerance'],
  [['JWT-07'], { clockTolerance: '30' }, 'clockTolerance'],
  [['JWT-15'], { scopeClaims: [] }, 'scopeClaims'],
  [['PRM-08', 'CHL-09'], { scopes: 'a"b' }, 'scopes'],
  [['CHL-09'], { scopes: ['a b'] }, 'scopes'],
  [['CHL-09'], { scopes: 'a\r\nb' }, 'scopes'],
  [['PRM-09'], { scopes: 'mcp:tools offline_access' }, 'scopes'],
  [
    ['PRM-11', 'CASE-65'],
    { resourceDocumentation: 'javascript:alert(1)' },
    'resourceDocumentation',
  ],
  [
    ['PRM-11', 'CASE-65'],
    { additionalMetadata: { resource_policy_uri: 'javascript:alert(1)' } },
    'additionalMetadata.resource_policy_uri',
  ],
  [['PRM-03'], { resourceName: '' }, 'resourceName'],
  [
    ['PRM-03'],
    { additionalMetadata: { resource_tos_uri: null } },
    'additionalMetadata.resource_tos_uri',
  ],
  [['PRM-03'], { additionalMetadata: { tags: [] } }, 'additionalMetadata.tags'],
  [
    ['PRM-12'],
    { additionalMetadata: { resource: 'https://evil.example' } },
    'additionalMetadata.resource',
  ],
  [
    ['PRM-12'],
    { additionalMetadata: { dpop_bound_access_tokens_required: true } },
    'additionalMetadata.dpop_bound_access_tokens_required',
  ],
  [['KEY-05'], { jwksMaxAge: Number.POSITIVE_INFINITY }, 'jwksMaxAge'],
  [['KEY-05'], { jwksStaleFor: '24h' }, 'jwksStaleFor'],
]

for (const [ids, options, path] of WRONG) {
  verifies(ids, `refused: ${JSON.stringify(options)}`, () => {
    const problems = problemsOf(() => createResourceServer({ ...GOOD, ...options }))
    expect(problems.map((problem) => problem.path)).toContain(path)
    for (const problem of problems) {
      expect(problem.message).not.toBe('')
      expect(problem.hint).not.toBe('')
    }
  })
}

for (const options of [undefined, null, 'https://mcp.example.com', []]) {
  test(`refused: ${JSON.stringify(options)} as options`, () => {
    for (const make of [createResourceServer, honoEntry, nodeEntry]) {
      expect(problemsOf(() => make(options as never))).not.toEqual([])
    }
  })
}

const cycle: Record<string, unknown> = {}
cycle['self'] = { deep: [cycle] }

/** Values of the wrong kind, by option: each is one problem and no other error. */
const WRONG_KINDS: Record<string, unknown[]> = {
  allowOrigins: [null, {}, 5, new Set(['https://app.example.com']), 'https://app.example.com'],
  path: [
    null,
    5,
    ['/mcp'],
    '',
    'mcp',
    '//',
    '//mcp',
    '/x//mcp',
    '/*',
    '/mcp/*',
    '/:tenant/mcp',
    '/{mcp}',
    '/x/../mcp',
    '/./mcp',
    '/mcp/..',
    '/mcp/.',
    '/%6dcp',
    '/mcp?x',
    '/mcp#x',
    '/m cp',
    '\\mcp',
    '/x\\mcp',
  ],
  rootMetadata: [null, 0, 'false'],
  mirrorMetadata: [null, 1, 'true'],
  allowHttp: [
    null,
    5,
    {},
    'sso',
    [''],
    [5],
    ['http://sso'],
    ['sso:8080'],
    ['sso/x'],
    ['SSO'],
    ['*'],
  ],
  rememberedTokens: [null, 1.5, 0.5, Number.NaN, '10', -1, 1e8],
  jwksMaxAge: [null, '10m', Number.NaN],
  wait: [null, Number.NaN, -1],
  resourceName: [null, '', 5, {}, ['a']],
  resourceDocumentation: [null, '', 5, new URL('https://docs.example.com')],
  additionalMetadata: [
    null,
    [],
    new Map([['a', 1]]),
    new URL('https://a.example'),
    { a: cycle },
    { a: () => 1 },
    { a: { b: () => 1 } },
    { a: 1n },
    { a: Symbol('a') },
    { a: Number.NaN },
    { a: [Number.POSITIVE_INFINITY] },
    { a: { b: null } },
    { a: [null] },
    { a: { b: undefined } },
    { a: new Date() },
    { a: { toJSON: () => 1 } },
  ],
  onEvent: [null, 'x', {}],
  now: [null, 5, 'x'],
  fetch: [null, 'x'],
  randomUUID: [null, 'x'],
  authorizationServers: [
    null,
    5,
    [[]],
    [null],
    new Set([ISSUER]),
    { issuer: ISSUER, jwks: null },
    { issuer: ISSUER, jwks: { keys: 'x' } },
    { issuer: ISSUER, jwks: { keys: cycle } },
  ],
}

for (const [option, values] of Object.entries(WRONG_KINDS)) {
  for (const value of values) {
    test(`refused: ${option} ${inspect(value)}`, () => {
      for (const entry of [honoEntry, nodeEntry]) {
        const problems = problemsOf(() => entry({ ...GOOD, [option]: value } as never))
        expect(problems.length).toBeGreaterThan(0)
        for (const { path } of problems) expect(path.startsWith(option)).toBe(true)
      }
    })
  }
}

test('accepted: what differs little from that', () => {
  const options = {
    ...GOOD,
    allowOrigins: [],
    path: '/v1.2/mcp/..a/.well-known/é',
    rootMetadata: false,
    mirrorMetadata: true,
    allowHttp: ['sso', 'sso.internal', '10.0.0.1', '[fd00::1]'],
    rememberedTokens: 0,
    jwksMaxAge: 0,
    resourceName: ' ',
    additionalMetadata: { a: [{ b: [0, false, ''] }, {}], twice: [cycle, cycle].map(() => 'x') },
    onEvent: () => undefined,
    randomUUID: () => 'a',
  }
  for (const entry of [honoEntry, nodeEntry]) expect(problemsOf(() => entry(options))).toEqual([])
})

describe.each([
  ['hono', honoEntry],
  ['node', nodeEntry],
])('%s', (_, entry) => {
  test('lists every problem at once, those of the entry too', () => {
    const problems = problemsOf(() =>
      entry({
        resource: 'http://mcp.example.com/mcp',
        authorizationServers: ['http://sso.example.com', { issuer: 'x', jwksUrl: 'y' }],
        audience: [],
        algorithms: ['HS256'],
        allowOrigins: ['https://app.example.com/', '*', 'app.example.com'],
        path: 'mcp?x',
      } as never),
    )
    expect(problems.map(({ path }) => path).sort()).toEqual([
      'algorithms',
      'allowOrigins[0]',
      'allowOrigins[1]',
      'allowOrigins[2]',
      'audience',
      'authorizationServers[0]',
      'authorizationServers[1].issuer',
      'authorizationServers[1].jwksUrl',
      'path',
      'resource',
    ])
  })

  test('a problem of the entry alone stops it as well', () => {
    expect(problemsOf(() => entry({ ...GOOD, allowOrigins: ['*'] }))).toHaveLength(1)
  })
})

verifies(['PRM-15', 'TRN-03'], 'accepted: plain http on loopback hosts only', () => {
  for (const host of ['localhost:3000', '127.0.0.1:3000', '[::1]:3000', 'mcp.localhost']) {
    const options = {
      resource: `http://${host}/mcp`,
      authorizationServers: `http://${host}/realms/mcp`,
    }
    expect(problemsOf(() => createResourceServer(options))).toEqual([])
  }
  const inside = { resource: RESOURCE, authorizationServers: 'http://keycloak:8080/realms/mcp' }
  expect(problemsOf(() => createResourceServer(inside))).toHaveLength(1)
  expect(problemsOf(() => createResourceServer({ ...inside, allowHttp: ['keycloak'] }))).toEqual([])
})

test('no problem repeats a password', () => {
  const resource = 'https://user:s3cret@MCP.example.com/mcp'
  const make = () =>
    honoEntry({ ...GOOD, resource, allowOrigins: ['https://user:s3cret@app.example.com'] })
  expect(problemsOf(make).length).toBeGreaterThan(2)
  expect(JSON.stringify(problemsOf(make))).not.toContain('s3cret')
})

test('options are not changed, and later changes to them do not count', () => {
  const options = Object.freeze({
    resource: RESOURCE,
    authorizationServers: Object.freeze([Object.freeze({ issuer: ISSUER })]),
    scopes: Object.freeze(['mcp:tools', 'mcp:tools']),
    audience: Object.freeze(['a']),
  })
  expect(createResourceServer(options).scopes).toEqual(['mcp:tools'])
})

describe('an introspector that a function makes', () => {
  /** Counts how often it is called, and complains where it is told to. */
  function makerOf(problems: readonly ConfigurationProblem[] = []) {
    const calls: IntrospectorContext[] = []
    const introspector = (world: IntrospectorContext) => {
      calls.push(world)
      if (problems.length > 0) throw new ConfigurationError(problems)
      return { introspect: () => Promise.reject(new Error('not in this test')) }
    }
    return { calls, introspector }
  }

  verifies('INT-01', 'is made once, and by no check', () => {
    for (const entry of [createResourceServer, honoEntry, nodeEntry]) {
      const { calls, introspector } = makerOf()
      const options = { ...GOOD, authorizationServers: { issuer: ISSUER, introspector } }
      expect(checkProtectedResource(options).problems).toEqual([])
      expect(checkProtectedResource({ ...options, path: 'mcp' }).problems).toHaveLength(1)
      expect(calls).toHaveLength(0)
      entry(options)
      expect(calls).toHaveLength(1)
      expect(calls[0]).toMatchObject({ issuer: ISSUER, allowHttp: [], wait: 3 })
    }
  })

  test('is not made when anything else is wrong', () => {
    const { calls, introspector } = makerOf()
    const options = { ...GOOD, authorizationServers: { issuer: ISSUER, introspector } }
    expect(problemsOf(() => honoEntry({ ...options, maxBody: 0 }))).toHaveLength(1)
    expect(problemsOf(() => honoEntry({ ...options, wait: -1 }))).toHaveLength(1)
    expect(calls).toHaveLength(0)
  })

  test('has problems of its own at its issuer, those of all issuers at once', () => {
    const { introspector } = makerOf([{ path: 'cache', message: 'is odd', hint: 'leave it out' }])
    const servers = ['a', 'b'].map((name) => ({
      issuer: `https://${name}.example.com`,
      tokenPrefix: name,
      introspector,
    }))
    const make = () => createResourceServer({ ...GOOD, authorizationServers: servers })
    expect(problemsOf(make).map(({ path }) => path)).toEqual([
      'authorizationServers[0].cache',
      'authorizationServers[1].cache',
    ])
  })
})

test('a rule for all issuers is checked where each has one of its own, too', () => {
  const authorizationServers = [{ issuer: ISSUER, audienceClaim: 'aud' as const }]
  const make = () =>
    createResourceServer({ ...GOOD, authorizationServers, audienceClaim: 'sub' as never })
  expect(problemsOf(make).map(({ path }) => path)).toEqual(['audienceClaim'])
})

test('what else is wrong with an issuer is told when its name is wrong', () => {
  const authorizationServers = { issuer: 'sso', jwksUri: 'keys', tokenPrefix: ' ' }
  const make = () => createResourceServer({ ...GOOD, authorizationServers })
  expect(problemsOf(make).map(({ path }) => path)).toEqual([
    'authorizationServers.issuer',
    'authorizationServers.tokenPrefix',
    'authorizationServers.tokenPrefix',
    'authorizationServers.jwksUri',
  ])
})

test('words are those of the one who asks', () => {
  const options = { authorizationServers: [{ jwksUri: 'http://sso/keys' }] }
  const { settings, problems } = checkProtectedResource(options, {
    locate: (path, message) => ({ path: `~${path.join('/')}`, message: `${message}!` }),
    nameOf: (option) => `~${option}`,
    mayBeMissing: () => true,
  })
  expect(settings).toBeUndefined()
  expect(problems).toEqual([
    {
      path: '~authorizationServers/0/jwksUri',
      message: 'must be https!',
      hint: 'or name sso in ~allowHttp if its network is private',
    },
  ])
})
