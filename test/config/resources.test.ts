/** `resources` of the config file: several resources, each with a server and settings of its own. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { runCheck } from '../../src/cli/check.js'
import { toGatewayOptions } from '../../src/config/to-gateway-options.js'
import { verifies } from '../support/verifies.js'
import { POLICY } from './examples.js'
import { inFile, ISSUER, problemsOf, read, readerOf, type Surroundings } from './support.js'

const OTHER = 'https://auth.example.com'
const GITHUB = 'https://mcp.example.com/github/mcp'
const FILES = 'https://mcp.example.com/files/mcp'
const BASE = `auth: oauth
oauth:
  issuer: ${ISSUER}
`
const TWO = `${BASE}resources:
  - resource: ${GITHUB}
    upstream: http://127.0.0.1:8001/mcp
  - resource: ${FILES}
    upstream: http://127.0.0.1:8002/mcp
`

/** Further lines for the first of two. */
const first = (...lines: readonly string[]) =>
  TWO.replace(/(8001\/mcp\n)/, `$1${lines.map((line) => `    ${line}\n`).join('')}`)

async function optionsOf(
  file: string,
  argv: readonly string[] = [],
  files: Surroundings['files'] = {},
  env: Surroundings['env'] = {},
) {
  const surroundings = inFile(file, files)
  const configuration = await read(argv, { ...surroundings, env: { ...surroundings.env, ...env } })
  expect(configuration.problems).toEqual([])
  return { ...toGatewayOptions(configuration), warnings: configuration.warnings }
}

/** contract.md, "Several servers in one gateway". */
const CONTRACT = `auth: oauth
host: 0.0.0.0
port: 8080
adminPort: 9464
oauth:                                   # for all resources, unless a resource says otherwise
  issuers:                               # or \`issuer: URL\` with the settings of the flags beside it
    - issuer: https://sso.example.com/realms/mcp
      clientId: gatehouse
      clientSecretFile: /run/secrets/gatehouse
resources:                               # instead of resource, upstream, command at the top level
  - resource: https://mcp.example.com/github/mcp
    upstream: http://127.0.0.1:8001/mcp
    oauth: { scopes: [github:read], policy: github.policy.yaml }
  - resource: https://mcp.example.com/files/mcp
    command: [npx, -y, '@modelcontextprotocol/server-filesystem', /srv]
`
const SECRETS = { '/run/secrets/gatehouse': 'hunter2\n' }

verifies('AUD-06', 'the example of the contract is understood', async () => {
  expect(await problemsOf([], inFile(CONTRACT, SECRETS))).toEqual([
    `gatehouse.yaml:13:37: resources[0].oauth.policy: ${process.cwd()}/github.policy.yaml cannot be read (ENOENT)`,
  ])
  const files = { ...SECRETS, [`${process.cwd()}/github.policy.yaml`]: POLICY }
  const options = await optionsOf(CONTRACT, [], files)
  expect(options).toMatchObject({ host: '0.0.0.0', port: 8080 })
  expect(options).not.toHaveProperty('resource')
  expect(options).not.toHaveProperty('authorizationServers')
  expect(options.resources).toMatchObject([
    {
      resource: GITHUB,
      upstream: 'http://127.0.0.1:8001/mcp',
      scopes: ['github:read'],
      policy: { rules: [{ tools: ['a'], scopes: ['b'] }], unmatched: 'deny' },
    },
    {
      resource: FILES,
      command: ['npx', '-y', '@modelcontextprotocol/server-filesystem', '/srv'],
      children: { maxChildren: 100 },
    },
  ])
  for (const each of options.resources ?? []) {
    expect(each.authorizationServers).toMatchObject([
      { issuer: ISSUER, introspector: expect.any(Function) },
    ])
    expect(each).not.toHaveProperty('audience')
  }
  expect(options.resources?.[1]).not.toHaveProperty('scopes')
})

verifies('AUD-06', 'the example of docs/gateway.md is right', async () => {
  const page = readFileSync('docs/gateway.md', 'utf8')
  const example = /```yaml\n(auth: oauth\n.*?\nresources:\n.*?)```/s.exec(page)?.[1] ?? 'none'
  const { resources, warnings } = await optionsOf(example)
  expect(warnings).toEqual([])
  expect(resources).toMatchObject([
    { resource: GITHUB, scopes: ['github:read'], authorizationServers: [{ issuer: ISSUER }] },
    {
      resource: FILES,
      command: ['npx', '-y', '@modelcontextprotocol/server-filesystem', '/srv'],
    },
  ])
})

describe('what a resource names', () => {
  test('is its own; what it does not name is of all', async () => {
    const file = first(
      'resourceName: GitHub',
      'resourceDocumentation: https://docs.example.com/',
      'upstreamHeader: X-Api-Key=key',
      'upstreamTimeout: 5m',
      'forwardHeader: X-Tenant',
      'allowOrigin: https://app.example.com',
      'oauth: {audience: github, scopes: a b, clockTolerance: 1m}',
    ).replace('oauth:\n', 'upstreamTimeout: 10s\noauth:\n  scopes: base\n  requireType: true\n')
    const { resources } = await optionsOf(file, [], { [`${process.cwd()}/key`]: 'hunter2' })
    expect(resources).toMatchObject([
      {
        resourceName: 'GitHub',
        resourceDocumentation: 'https://docs.example.com/',
        upstreamHeaders: { 'X-Api-Key': 'hunter2' },
        upstreamTimeout: 300,
        forwardHeaders: ['X-Tenant'],
        allowOrigins: ['https://app.example.com'],
        audience: ['github'],
        scopes: ['a', 'b'],
        clockTolerance: 60,
        requireType: true,
      },
      { upstreamTimeout: 10, scopes: ['base'], clockTolerance: 30, requireType: true },
    ])
    for (const name of ['resourceName', 'forwardHeaders', 'allowOrigins', 'audience']) {
      expect(resources?.[1]).not.toHaveProperty(name)
    }
    expect(resources?.[1]?.upstreamHeaders).toEqual({})
  })

  test('comes after flags and environment', async () => {
    const file = first('upstreamTimeout: 5m', 'oauth: {scopes: own, wait: 1s}')
    const argv = ['--oauth-scopes', 'of the flag', '--upstream-timeout', '7s']
    const env = { MCP_GATEHOUSE_OAUTH_WAIT: '2s' }
    const { resources } = await optionsOf(file, argv, {}, env)
    const typed = { scopes: ['of', 'the', 'flag'], upstreamTimeout: 7, wait: 2 }
    expect(resources).toMatchObject([typed, typed])
  })

  test('comes before what the top says of one issuer', async () => {
    const file = `auth: oauth
oauth:
  issuers:
    - {issuer: ${ISSUER}, audience: of the issuer, scopeClaim: permissions}
resources:
  - resource: ${GITHUB}
    upstream: http://127.0.0.1:8001/mcp
    oauth: {audience: of the resource}
  - resource: ${FILES}
    upstream: http://127.0.0.1:8002/mcp
    oauth: {issuers: [{issuer: ${OTHER}, audience: of its issuer}], audience: of the resource}
`
    const { resources } = await optionsOf(file)
    expect(resources).toMatchObject([
      {
        audience: ['of the resource'],
        authorizationServers: [{ issuer: ISSUER, scopeClaims: ['permissions'] }],
      },
      { authorizationServers: [{ issuer: OTHER, audience: ['of its issuer'] }] },
    ])
    const [server] = (resources?.[0]?.authorizationServers ?? []) as object[]
    expect(server).not.toHaveProperty('audience')
  })
})

describe('issuers', () => {
  const CLIENT = `${BASE}  clientId: gatehouse
  clientSecretFile: /run/secrets/gatehouse
  tokenPrefix: top_
`
  verifies(
    'TOK-07',
    'of a resource replace those of all, with their client and secret',
    async () => {
      const file = CLIENT + first(`oauth: {issuer: ${OTHER}}`).slice(BASE.length)
      const { resources, warnings } = await optionsOf(file, [], SECRETS)
      expect(resources).toMatchObject([
        { authorizationServers: [{ issuer: OTHER }] },
        { authorizationServers: [{ issuer: ISSUER, tokenPrefix: 'top_' }] },
      ])
      const [other] = (resources?.[0]?.authorizationServers ?? []) as object[]
      // Our secret at the one is for nobody else.
      expect(Object.keys(other ?? {})).toEqual(['issuer'])
      expect(warnings).toEqual([])
    },
  )

  test('of flags are those at the top: a resource keeps its own', async () => {
    const file = first(`oauth: {issuer: ${OTHER}}`)
    const flagged = 'https://flag.example.com'
    const { resources } = await optionsOf(file, ['--oauth-issuer', flagged])
    expect(resources).toMatchObject([
      { authorizationServers: [{ issuer: OTHER }] },
      { authorizationServers: [{ issuer: flagged }] },
    ])
  })

  test('at the top that every resource replaces do nothing, loudly', async () => {
    const own = `upstream: http://127.0.0.1:8002/mcp\n    oauth: {issuer: ${OTHER}}`
    const file = first(`oauth: {issuer: ${OTHER}}`).replace(/upstream: .*8002.*/, own)
    const { warnings } = await optionsOf(file)
    expect(warnings).toEqual([
      'each resource has issuers of its own, so these settings have no effect: gatehouse.yaml:3:3: oauth.issuer',
    ])
  })

  verifies('IDN-09', 'and a URL that parsers print otherwise is said', async () => {
    const origin = 'https://mcp.example.com'
    const warningsOf = async (file: string) => (await optionsOf(file)).warnings
    const warning = expect.stringContaining(`URL parsers print ${origin}/`) as string
    const bare = TWO.replace(GITHUB, origin)
    expect(await warningsOf(bare)).toContainEqual(warning)
    expect(await warningsOf(TWO.replace(GITHUB, `${origin}/`))).not.toContainEqual(warning)
    const named = first(`oauth: {audience: ['${origin}', '${origin}/']}`).replace(GITHUB, origin)
    expect(await warningsOf(named)).not.toContainEqual(warning)
  })

  verifies('AUD-06', 'and one audience for two is said loudly', async () => {
    const warning = `a token for ${GITHUB} is accepted at ${FILES}, too: they accept the same audience`
    const warningsOf = async (file: string) => (await optionsOf(file)).warnings
    expect(await warningsOf(TWO)).toEqual([])
    expect(await warningsOf(TWO.replace('oauth:\n', 'oauth:\n  audience: api\n'))).toEqual([
      warning,
    ])
    expect(await warningsOf(first(`oauth: {audience: [github, ${FILES}]}`))).toEqual([warning])
    // The same name from another issuer is another audience.
    expect(await warningsOf(first(`oauth: {audience: ${FILES}, issuer: ${OTHER}}`))).toEqual([])
  })
})

test('files that a resource names are found from the folder of the file', async () => {
  const file = first('oauth: {issuers: [{issuer: https://a.example.com, jwksFile: keys.json}]}')
  const { resources } = await read([], inFile(file, { [`${process.cwd()}/keys.json`]: '{}' }))
  const [issuer] = resources[0]?.issuers ?? []
  expect(issuer?.settings.oauth.jwksFile).toBe(`${process.cwd()}/keys.json`)
})

test('without tokens, or with stdio, what a resource says of them does nothing, loudly', async () => {
  const open = first('oauth: {scopes: a}').replace(BASE, 'auth: none\n')
  const local = open.replaceAll('https://mcp.example.com', 'http://localhost:8080')
  const { resources, warnings } = await optionsOf(local)
  expect(resources).toMatchObject([{ resource: 'http://localhost:8080/github/mcp' }, {}])
  expect(warnings).toEqual([])
  const unsaid = local.replace('auth: none\n', '')
  expect((await optionsOf(unsaid)).warnings).toEqual([
    expect.stringMatching(/^no token is checked: .*:4:\d+: resources\[0\]\.oauth\.scopes$/),
  ])
  const stdio = await read(['--transport', 'stdio', '--', 'true'], inFile(unsaid))
  expect(stdio.problems).toEqual([])
  expect(stdio.warnings).toEqual([
    expect.stringMatching(/^with stdio these settings have no effect: .*: resources$/),
  ])
})

describe('what is wrong, and where', () => {
  const second = (line: string) => TWO.replace(/upstream: .*8002.*/, line)
  const cases: Record<string, [file: string, problems: readonly unknown[], argv?: string[]]> = {
    'no list': [
      `${BASE}resources: {resource: ${GITHUB}}\n`,
      ['gatehouse.yaml:4:1: resources: is not a list of resources'],
    ],
    empty: [`${BASE}resources: []\n`, ['gatehouse.yaml:4:1: resources: is empty']],
    'no map': [
      `${BASE}resources: [${GITHUB}]\n`,
      ['gatehouse.yaml:4:13: resources[0]: is not a list of names with values'],
    ],
    'no resource': [
      `${BASE}resources: [{upstream: http://127.0.0.1:8001/mcp}]\n`,
      ['gatehouse.yaml:4:13: resources[0]: has no resource'],
    ],
    'no server': [
      second('resourceName: Files'),
      ['gatehouse.yaml:7:5: resources[1]: has neither upstream nor command'],
    ],
    'two servers': [
      first('command: "true"'),
      ['gatehouse.yaml:7:5: resources[0].command: is given together with upstream'],
    ],
    'a server that cannot be': [
      second('upstream: ftp://127.0.0.1/'),
      ['gatehouse.yaml:8:5: resources[1].upstream: must be an absolute http(s) URL'],
    ],
    'a server without a value': [
      second('upstream:'),
      ['gatehouse.yaml:8:5: resources[1].upstream: has no value'],
    ],
    'a resource that cannot be': [
      TWO.replace(FILES, 'http://mcp.example.com/files/mcp'),
      ['gatehouse.yaml:7:5: resources[1].resource: must be https'],
    ],
    'the same twice': [
      TWO.replace(FILES, GITHUB),
      ['gatehouse.yaml:7:5: resources[1].resource: is the same as resources[0]'],
    ],
    'the same host and path': [
      TWO.replace(FILES, `${GITHUB}?x=1`),
      [
        'gatehouse.yaml:7:5: resources[1].resource: has the host and path of resources[0]',
        'gatehouse.yaml:7:5: resources[1].resource: must not have a query',
      ],
    ],
    'no issuer': [
      first(`oauth: {issuer: ${OTHER}}`).replace(`  issuer: ${ISSUER}\n`, '  wait: 1s\n'),
      ['gatehouse.yaml:8:5: resources[1]: has no issuer, and there is none for all resources'],
    ],
    'what is one resource’s, for all': [
      `resourceName: MCP\nupstreamHeader: X-Key=/k\n${TWO}`,
      [
        'gatehouse.yaml:1:1: resourceName: belongs to one of resources',
        'gatehouse.yaml:2:1: upstreamHeader: belongs to one of resources',
        '--resource: belongs to one of resources',
        '--upstream: belongs to one of resources',
        '--: is given together with resources of the config file',
      ],
      ['--resource', GITHUB, '--upstream', 'http://127.0.0.1:1/mcp', '--', 'true'],
    ],
    'what is for all, with one resource': [
      first('port: 80', 'oauth: {allowHttp: a, clientSecret: hunter2}'),
      [
        'gatehouse.yaml:7:5: resources[0].port: no such setting',
        'gatehouse.yaml:8:13: resources[0].oauth.allowHttp: no such setting',
        'gatehouse.yaml:8:27: resources[0].oauth.clientSecret: no such setting',
      ],
    ],
    'issuers in both forms': [
      first(`oauth: {issuer: ${OTHER}, issuers: [{issuer: ${ISSUER}}]}`),
      [
        'gatehouse.yaml:7:13: resources[0].oauth.issuer: is given together with oauth.issuers of the config file',
      ],
    ],
    'an issuer in the list of one': [
      first(`oauth: {issuers: [{issuer: ${OTHER}, scopes: a}, {clientId: a}]}`),
      [
        expect.stringMatching(
          /:7:\d+: resources\[0\]\.oauth\.issuers\[0\]\.scopes: no such setting$/,
        ),
        expect.stringMatching(/:7:\d+: resources\[0\]\.oauth\.issuers\[1\]: has no issuer$/),
        expect.stringMatching(
          /:7:\d+: resources\[0\]\.oauth\.issuers\[1\]\.clientId: has no secret$/,
        ),
      ],
    ],
    'a claim that needs more': [
      first('oauth: {audienceClaim: azp}'),
      [
        'gatehouse.yaml:7:13: resources[0].oauth.audienceClaim: needs audience',
        'gatehouse.yaml:7:13: resources[0].oauth.audienceClaim: needs scopes',
      ],
    ],
    'what is of all, once': [
      TWO.replace('oauth:\n', 'oauth:\n  scopes: a"b\n  clientId: a\n  jwksFile: nowhere\n'),
      [
        expect.stringMatching(/^gatehouse\.yaml:5:3: oauth\.jwksFile: \S+nowhere cannot be read/),
        'gatehouse.yaml:4:3: oauth.clientId: has no secret',
        expect.stringMatching(/^gatehouse\.yaml:3:3: oauth\.scopes: /),
      ],
    ],
    'a secret file of one': [
      first('upstreamHeader: X-Key=/nowhere'),
      [
        expect.stringMatching(
          /^gatehouse\.yaml:7:5: resources\[0\]\.upstreamHeader: value 1: \/nowhere cannot/,
        ),
      ],
    ],
    'all at once': [
      `${BASE}resources:
  - {resource: ${GITHUB}, resource: ${FILES}, tokn: 1}
  - {resource: [a, b], upstream: http://x/y, upstreamTimeout: 1 day}
  - 7
`,
      [
        'gatehouse.yaml:5:52: resources[0].resource: is written twice',
        'gatehouse.yaml:5:97: resources[0].tokn: no such setting',
        'gatehouse.yaml:6:6: resources[1].resource: takes one value',
        'gatehouse.yaml:7:5: resources[2]: is not a list of names with values',
        'gatehouse.yaml:6:46: resources[1].upstreamTimeout: is not a duration',
        'gatehouse.yaml:5:5: resources[0]: has neither upstream nor command',
      ],
    ],
  }

  test.each(Object.entries(cases))('%s', async (_, [file, problems, argv = []]) => {
    expect(await problemsOf(argv, inFile(file))).toEqual(problems)
  })

  test('hints lead to where a setting belongs', async () => {
    const hintOf = async (file: string) => (await read([], inFile(file))).problems[0]?.hint
    expect(await hintOf(first('scopes: a'))).toBe('write it below oauth:')
    expect(await hintOf(first('port: 80'))).toBe('it applies to all: write it beside resources:')
    expect(await hintOf(first('upstraem: x'))).toBe('did you mean upstream?')
    expect(await hintOf(first('oauth: {scope: a}'))).toBe('did you mean scopes?')
    expect(await hintOf(first('resources: []'))).toBe('did you mean resource?')
    expect(await hintOf(`command: "true"\n${TWO}`)).toBe('write it below resources:')
  })
})

describe('check', () => {
  const check = async (argv: readonly string[], { env = {}, files }: Surroundings) => {
    let stdout = ''
    const io = { stderr: () => undefined, readFile: readerOf(files) }
    const code = await runCheck(argv, env, { ...io, stdout: (text) => (stdout += text) })
    expect(code).toBe(0)
    return stdout
  }
  const file = first(
    'resourceName: GitHub',
    `oauth: {scopes: [github:read], wait: 1s, issuers: [{issuer: ${OTHER}, audience: mcp}]}`,
  )

  test('says of each what is its own, and where it is from', async () => {
    const text = await check(['--oauth-wait', '2s'], inFile(file))
    expect(text).toContain('logFormat: auto # default\nresources:\n')
    expect(text).not.toMatch(/^# resource:/m)
    expect(text.slice(text.indexOf('resources:'))).toBe(`resources:
  - resource: ${GITHUB} # gatehouse.yaml:5:5: resources[0].resource
    resourceName: GitHub # gatehouse.yaml:7:5: resources[0].resourceName
    upstream: http://127.0.0.1:8001/mcp # gatehouse.yaml:6:5: resources[0].upstream
    oauth:
      issuers:
        - issuer: ${OTHER} # gatehouse.yaml:8:57: resources[0].oauth.issuers[0].issuer
          audience: # gatehouse.yaml:8:91: resources[0].oauth.issuers[0].audience
            - mcp
      scopes: # gatehouse.yaml:8:13: resources[0].oauth.scopes
        - github:read
  - resource: ${FILES} # gatehouse.yaml:9:5: resources[1].resource
    upstream: http://127.0.0.1:8002/mcp # gatehouse.yaml:10:5: resources[1].upstream
`)
  })

  test('prints a file that says the same', async () => {
    const { warnings: _, ...options } = await optionsOf(file, ['--oauth-wait', '2s'])
    const json = await check(['--oauth-wait', '2s', '--json'], inFile(file))
    const { settings, origins } = JSON.parse(json) as { settings: object; origins: object }
    expect(origins).toMatchObject({
      'oauth.wait': '--oauth-wait',
      'resources[0].oauth.issuers[0].audience': expect.stringContaining('gatehouse.yaml:8:'),
      'resources[1].upstream': 'gatehouse.yaml:10:5: resources[1].upstream',
    })
    for (const printed of [
      await check(['--oauth-wait', '2s'], inFile(file)),
      JSON.stringify(settings),
    ]) {
      expect(await optionsOf(printed)).toMatchObject(options)
    }
  })
})
