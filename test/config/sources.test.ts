/** Where values come from, and which of them counts. */
import { describe, expect, test } from 'vitest'
import { environmentNameOf, flagOf } from '../../src/config/names.js'
import { FILE_SETTINGS } from '../../src/config/setting-lists.js'
import { EXAMPLES, FILES, fileLines } from './examples.js'
import { inFile, OAUTH, OPEN, problemsOf, read, RESOURCE, settingsOf, UPSTREAM } from './support.js'

const NONE = { files: FILES }

function valueOf(settings: object, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], settings)
}

/** What must be there beside an example. The kernel's rules are not the point here. */
const baseOf = (path: string) => (path === 'upstream' ? [] : OPEN)

describe('every setting', () => {
  test('has an example here', () => {
    expect(Object.keys(EXAMPLES)).toEqual(FILE_SETTINGS.map(({ path }) => path))
  })

  test.each(Object.entries(EXAMPLES))(
    '%s: flag before environment before file before default',
    async (path, { flags, env, file, value }) => {
      const name = environmentNameOf(path)
      const base = baseOf(path).filter((each) => !flags.includes(each) || path === 'upstream')
      const inEnv = { env: { [name]: env }, files: FILES }
      const both = inFile(fileLines(path, file), FILES)
      const byFlag = await read([...base, ...flags], NONE)
      const byEnv = await read(base, inEnv)
      const byFile = await read(base, both)
      for (const { settings } of [byFlag, byEnv, byFile]) {
        expect(valueOf(settings, path)).toEqual(value)
      }
      expect(byFlag.given.get(path)?.source).toBe(flagOf(path))
      expect(byEnv.given.get(path)?.source).toBe(name)
      expect(byFile.given.get(path)?.source).toMatch(
        new RegExp(`^gatehouse\\.yaml:[12]:[13]: ${path.replace('.', '\\.')}$`),
      )

      const others = { env: { ...both.env, [name]: env }, files: both.files ?? {} }
      expect((await read(base, others)).given.get(path)?.source).toBe(name)
      const all = await read([...base, ...flags], others)
      expect(all.given.get(path)?.source).toBe(flagOf(path))
      const none = await read(base, NONE)
      expect(none.given.has(path)).toBe(path === 'upstream' && base.length > 0)
    },
  )

  test.each(Object.keys(EXAMPLES))(
    '%s that is empty is a problem, with its source',
    async (path) => {
      const name = environmentNameOf(path)
      const base = path === 'upstream' ? [] : OPEN
      expect((await problemsOf([...base, `${flagOf(path)}=`])).join()).toContain(
        `${flagOf(path)}: `,
      )
      expect((await problemsOf(base, { env: { [name]: '' } })).join()).toContain(`${name}: `)
      const surroundings = inFile(fileLines(path, '""'))
      expect((await problemsOf(base, surroundings)).join()).toContain(`: ${path}: `)
    },
  )
})

test('the defaults', async () => {
  expect(await settingsOf(OPEN)).toEqual({
    auth: 'none',
    transport: 'streamable-http',
    host: '127.0.0.1',
    port: 8080,
    maxBody: 4_194_304,
    maxRequests: 10_000,
    maxRequestsPerCaller: 1_000,
    upstream: UPSTREAM,
    upstreamTimeout: 60,
    streamGrace: 300,
    sseKeepAlive: 15,
    childStartTimeout: 30,
    childWarm: false,
    childIdle: 600,
    maxChildren: 100,
    maxChildrenPerPrincipal: 10,
    maxAnonymousChildren: 0,
    childMaxMessage: 16_777_216,
    childQueue: 4_194_304,
    oauth: {
      requireType: false,
      published: true,
      anySubject: false,
      soleAudience: false,
      audienceClaim: 'aud',
      acceptIdTokenClaims: false,
      validation: 'auto',
      introspectionAuth: 'client_secret_basic',
      introspectionDialect: 'rfc7662',
      introspectionCache: 30,
      introspectionConcurrency: 20,
      clockTolerance: 30,
      jwksMaxAge: 600,
      jwksStaleFor: 86_400,
      wait: 3,
      mirrorMetadata: false,
    },
    adminHost: '127.0.0.1',
    auditArguments: false,
    accessLog: 'on',
    logLevel: 'info',
    logFormat: 'auto',
  })
})

describe('the command line', () => {
  test('what stands after -- is the command, untouched', async () => {
    const command = ['uvx', '--port', '1', '--', '--nonsense', '']
    const { command: read1, problems } = await read([...OPEN, '--', ...command])
    expect(read1).toEqual(command)
    expect(problems).toEqual([])
    expect((await read(OPEN)).command).toBeUndefined()
  })

  test('an unknown flag is a problem, with what was meant', async () => {
    const { problems } = await read([...OPEN, '--prot', '3', '--oauth-isuer=x', '-p', '--nonsense'])
    expect(problems).toEqual([
      { path: '--prot', message: 'no such flag', hint: 'did you mean --port?' },
      { path: '--oauth-isuer', message: 'no such flag', hint: 'did you mean --oauth-issuer?' },
      { path: '-p', message: 'no such flag', hint: 'see --help for all settings' },
      { path: '--nonsense', message: 'no such flag', hint: 'see --help for all settings' },
    ])
  })

  test('so is a stray argument, which is counted and not shown', async () => {
    expect(await problemsOf([...OPEN, 'hunter2', '--oauth-require-type', 'false'])).toEqual([
      'argument 3: is neither a flag nor its value',
      'argument 5: is neither a flag nor its value',
    ])
    // The value of an unknown flag is wrong only because the flag is; with = it has one already.
    expect(await problemsOf([...OPEN, '--tokn', 'hunter2', 'hunter2'])).toEqual([
      '--tokn: no such flag',
      'argument 5: is neither a flag nor its value',
    ])
    expect(await problemsOf([...OPEN, '--tokn=hunter2', 'hunter2'])).toEqual([
      '--tokn: no such flag',
      'argument 4: is neither a flag nor its value',
    ])
  })

  test('a flag without its value, or twice', async () => {
    expect(await problemsOf(['--upstream'])).toEqual(['--upstream: needs a value'])
    expect(await problemsOf([...OPEN, '--port=1', '--port=2'])).toEqual([
      '--port: is given more than once',
    ])
  })
})

describe('the port', () => {
  const port = async (argv: readonly string[], env: Record<string, string>) => {
    const { settings, given } = await read([...OPEN, ...argv], { env })
    return `${settings.port} ${given.get('port')?.source ?? 'default'}`
  }

  test('PORT is read when nothing else sets it', async () => {
    expect(await port([], { PORT: '9000' })).toBe('9000 PORT')
    expect(await port(['--port', '1'], { PORT: '9000' })).toBe('1 --port')
    expect(await port([], { PORT: '9000', MCP_GATEHOUSE_PORT: '2' })).toBe('2 MCP_GATEHOUSE_PORT')
    const { env, files } = inFile('port: 3\n')
    const { settings } = await read(OPEN, { env: { ...env, PORT: '9000' }, files: files ?? {} })
    expect(settings.port).toBe(3)
    expect(await port([], { PORT: '' })).toBe('8080 default')
    expect(await problemsOf(OPEN, { env: { PORT: 'hunter2' } })).toEqual(['PORT: is not a port'])
  })

  test('what Kubernetes injects for a service of our name is no port', async () => {
    const tcp = 'tcp://10.0.0.1:80'
    expect(await port([], { MCP_GATEHOUSE_PORT: tcp })).toBe('8080 default')
    expect(await port([], { MCP_GATEHOUSE_PORT: tcp, PORT: '9000' })).toBe('9000 PORT')
    expect(await port([], { PORT: tcp })).toBe('8080 default')
    const injected = { MCP_GATEHOUSE_PORT: tcp, MCP_GATEHOUSE_ADMIN_PORT: tcp }
    const { warnings, settings } = await read(OPEN, { env: injected })
    expect(warnings).toEqual([])
    expect(settings.adminPort).toBeUndefined()
    expect((await read([...OPEN, '--port', tcp])).problems).toHaveLength(1)
  })

  test.each(['0', '1', '65535'])('%s is one', async (text) => {
    expect((await settingsOf([...OPEN, '--port', text])).port).toBe(Number(text))
  })

  test.each(['-1', '65536', '080808', '80.0', '0x50', ' 80', 'off', 'http'])(
    '%s is none',
    async (text) => {
      expect(await problemsOf([...OPEN, `--port=${text}`])).toEqual(['--port: is not a port'])
    },
  )

  test('off is a value of the second listener’s, and takes back what comes later', async () => {
    const { settings } = await read([...OPEN, '--admin-port', 'off'], inFile('adminPort: 9464\n'))
    expect(settings.adminPort).toBeUndefined()
    expect(await problemsOf([...OPEN, '--admin-port=of'])).toEqual(['--admin-port: is not a port'])
  })
})

test('an unknown name with our prefix in the environment is a warning', async () => {
  const env = { MCP_GATEHOUSE_UPSTREEM: 'hunter2', MCP_GATEHOUSE_SERVICE_HOST: '10.0.0.1' }
  const { warnings, problems } = await read(OPEN, { env })
  expect(problems).toEqual([])
  expect(warnings).toEqual([
    'MCP_GATEHOUSE_UPSTREEM: no such setting, it has no effect (did you mean MCP_GATEHOUSE_UPSTREAM?)',
    'MCP_GATEHOUSE_SERVICE_HOST: no such setting, it has no effect (see --help for all settings)',
  ])
})

test('files that settings name are found from the folder of the file that names them', async () => {
  const folder = process.cwd()
  const files = {
    ...FILES,
    [`${folder}/keys.json`]: FILES['/etc/gatehouse/jwks.json'] ?? '',
    '/srv/keys.json': FILES['/etc/gatehouse/jwks.json'] ?? '',
    '/srv/ca.pem': FILES['/etc/gatehouse/ca.pem'] ?? '',
    '/srv/secrets/key': 'k=1',
    '/srv/g.json': JSON.stringify({
      auth: 'oauth',
      upstream: UPSTREAM,
      resource: RESOURCE,
      caFile: './ca.pem',
      upstreamHeader: ['X-Key=secrets/key'],
      oauth: { issuer: 'https://sso.example.com', jwksFile: 'keys.json' },
    }),
  }
  const byFile = await read(['--config', '/srv/g.json'], { files })
  expect(byFile.problems).toEqual([])
  expect(byFile.settings).toMatchObject({
    caFile: '/srv/ca.pem',
    upstreamHeader: ['X-Key=/srv/secrets/key'],
    oauth: { jwksFile: '/srv/keys.json' },
  })
  expect(byFile.files.resources[0]?.upstreamHeaders).toEqual({ 'X-Key': 'k=1' })
  const argv = [...OAUTH, '--oauth-jwks-file', 'keys.json']
  expect((await settingsOf(argv, { files })).oauth.jwksFile).toBe(`${folder}/keys.json`)
})
