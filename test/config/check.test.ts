/** `mcp-gatehouse check`: what is printed, and that it can be read again. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runCheck } from '../../src/cli/check.js'
import { verifies } from '../support/verifies.js'
import { EXAMPLES, FILES } from './examples.js'
import {
  inFile,
  ISSUER,
  OAUTH,
  OPEN,
  read,
  readerOf,
  settingsOf,
  type Surroundings,
} from './support.js'

async function check(argv: readonly string[], { env = {}, files }: Surroundings = {}) {
  let stdout = ''
  let stderr = ''
  const code = await runCheck(argv, env, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    readFile: readerOf(files),
  })
  return { code, stdout, stderr }
}

/** Except where they were read from. */
async function withoutConfig(...input: Parameters<typeof read>): Promise<object> {
  const { config: _, ...settings } = await settingsOf(...input)
  return settings
}

const ALL = Object.entries(EXAMPLES)
  .filter(([path]) => !/^oauth\.(?:issuer|jwksUri|discoveryUrl)$/.test(path))
  .flatMap(([, { flags }]) => flags)
  .concat('--oauth-issuer', ISSUER)

test('each value has its origin; what has none by itself is a comment', async () => {
  const { env, files } = inFile('logLevel: warn\noauth: {wait: 500ms}\n')
  const surroundings = {
    env: { ...env, PORT: '9000', MCP_GATEHOUSE_OAUTH_SCOPES: 'a,b' },
    files: { ...files, '/k': 'hunter2\n' },
  }
  const argv = [...OAUTH, '--upstream-header', 'X-Api-Key=/k', '--resource-name', 'a # b: "c"\nd']
  expect(await check(argv, surroundings)).toEqual({
    code: 0,
    stderr: '',
    stdout: `auth: oauth # --auth
transport: streamable-http # default
host: 127.0.0.1 # default
port: 9000 # PORT
# resource: http://HOST:PORT/mcp if HOST is loopback, else it is required
resourceName: "a # b: \\"c\\"\\nd" # --resource-name
maxBody: 4MiB # default
maxRequests: 10000 # default
maxRequestsPerCaller: 1000 # default
upstream: http://127.0.0.1:8000/mcp # --upstream
upstreamHeader: # --upstream-header
  - X-Api-Key=/k
upstreamTimeout: 1m # default
# sessionKeyFile: random: sessions end with the process
streamGrace: 5m # default
sseKeepAlive: 15s # default
childStartTimeout: 30s # default
childWarm: false # default
childIdle: 10m # default
maxChildren: 100 # default
maxChildrenPerPrincipal: 10 # default
maxAnonymousChildren: 0 # default
childMaxMessage: 16MiB # default
childQueue: 4MiB # default
oauth:
  issuer: # --oauth-issuer
    - https://sso.example.com/realms/mcp
  # audience: the resource
  scopes: # MCP_GATEHOUSE_OAUTH_SCOPES
    - a
    - b
  # advertiseScopes: the required ones
  # policy: the base scopes suffice
  # jwksUri: from discovery
  # discoveryUrl: its well-known places
  requireType: false # default
  # scopeClaim: scope, scp
  soleAudience: false # default
  audienceClaim: aud # default
  acceptIdTokenClaims: false # default
  validation: auto # default
  # introspectionUrl: from discovery
  introspectionAuth: client_secret_basic # default
  introspectionDialect: rfc7662 # default
  introspectionCache: 30s # default
  introspectionConcurrency: 20 # default
  clockTolerance: 30s # default
  jwksMaxAge: 10m # default
  jwksStaleFor: 24h # default
  wait: 500ms # gatehouse.yaml:2:9: oauth.wait
  mirrorMetadata: false # default
# allowOrigin: loopback if the resource is
# allowHost: if HOST is loopback, the host of the resource and loopback names; else any
# refusalForm: http
# allowHttp: loopback hosts
adminHost: 127.0.0.1 # default
# adminPort: off
# adminTokenFile: no page
auditArguments: false # default
accessLog: on # default
# userClaim: none: only subject and client
logLevel: warn # gatehouse.yaml:1:1: logLevel
logFormat: auto # default
`,
  })
})

describe('what is printed is a config file', () => {
  test.each([
    ['the least', OPEN],
    ['tokens', OAUTH],
    ['everything', ALL],
    [
      'oddities',
      [...OPEN, '--resource-name=- &a [x]: {y}', '--oauth-audience= 0x1', '--log-level=warn'],
    ],
  ])('that says the same: %s', async (_, argv) => {
    for (const flag of [[], ['--json']]) {
      const { stdout, code } = await check([...argv, ...flag], { files: FILES })
      expect(code).toBe(0)
      const json = (text: string) =>
        JSON.stringify((JSON.parse(text) as { settings: object }).settings)
      const content = flag.length === 0 ? stdout : json(stdout)
      expect(await withoutConfig([], inFile(content, FILES))).toEqual(
        await withoutConfig(argv, { files: FILES }),
      )
    }
  })

  test('with spaces that YAML drops', async () => {
    const spaces = ['\u00a0', '\u2003', '\u2028', '\u3000', '\ufeff', ' ']
    const argv = [...OPEN, '--resource-name=\u00a0a\ufeff']
    for (const each of spaces) {
      argv.push(
        `--oauth-audience=${each}`,
        `--oauth-audience=${each}a`,
        `--oauth-audience=a${each}`,
      )
    }
    const { stdout } = await check(argv)
    expect(stdout).toContain('resourceName: "\\u00a0a\\ufeff" # --resource-name')
    expect(await withoutConfig([], inFile(stdout))).toEqual(await withoutConfig(argv))
  })

  test('whatever the texts in it', async () => {
    const text = fc.oneof(fc.string({ minLength: 1 }), fc.string({ minLength: 1, unit: 'binary' }))
    await fc.assert(
      fc.asyncProperty(text, fc.array(text, { minLength: 1 }), async (name, audiences) => {
        const argv = [...OPEN, `--resource-name=${name}`]
        argv.push(...audiences.map((each) => `--oauth-audience=${each}`))
        const { stdout } = await check(argv)
        expect(await withoutConfig([], inFile(stdout))).toEqual(await withoutConfig(argv))
      }),
    )
  })
})

test('--json gives settings and origins', async () => {
  const { stdout } = await check(['--json', ...OAUTH, '--', 'server', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({
    settings: { auth: 'oauth', port: 8080, maxBody: '4MiB', oauth: { issuer: [ISSUER] } },
    origins: { auth: '--auth', port: 'default', 'oauth.issuer': '--oauth-issuer' },
  })
  // What stands after -- is not ours.
  expect((await check([...OPEN, '--', 'server', '--json'])).stdout).toMatch(/^auth: none # default/)
})

describe('problems', () => {
  test('are on stderr, a block each, and nothing else is printed', async () => {
    const argv = ['--auth', 'oauth', '--oauth-isuer', 'x', '--upstream', 'mcp']
    expect(await check(argv, { env: { MCP_GATEHOUSE_X: 'x' } })).toEqual({
      code: 2,
      stdout: '',
      stderr: `warning: MCP_GATEHOUSE_X: no such setting, it has no effect (see --help for all settings)
--oauth-isuer: no such flag
  → did you mean --oauth-issuer?
--upstream: must be an absolute http(s) URL
  → the endpoint of your MCP server: http://127.0.0.1:8000/mcp
--oauth-issuer: is missing
  → the issuer of your identity provider: https://sso.example.com/realms/mcp
`,
    })
  })

  verifies('CASE-67', 'secrets are in files, and stay there', async () => {
    const argv = [...OPEN, '--upstream-header', 'Authorization=/k', '--json']
    const { code, stdout, stderr } = await check(argv, { files: { '/k': 'hunter2' } })
    expect(code).toBe(0)
    expect(stdout).toContain('Authorization=/k')
    expect(stdout + stderr).not.toContain('hunter2')
  })
})

test('a command is shown, without its secrets', async () => {
  const argv = [
    ...OAUTH.filter((each) => !OPEN.includes(each)),
    '--',
    'node',
    'a b.js',
    '--api-key',
    'hunter2',
  ]
  const { code, stdout } = await check(argv)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^# -- node a b\.js --api-key \S+\n$/m)
  expect(stdout).not.toContain('hunter2')
  const [end] = [argv.indexOf('--')]
  const json = await check([...argv.slice(0, end), '--json', ...argv.slice(end)])
  expect(JSON.parse(json.stdout)).toMatchObject({
    command: ['node', 'a b.js', '--api-key', expect.any(String)],
  })
  expect(json.stdout).not.toContain('hunter2')
})
