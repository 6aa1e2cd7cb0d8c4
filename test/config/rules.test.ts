/** What must hold of single values and between them: each rule with its near miss. */
import { describe, expect, test } from 'vitest'
import { verifies } from '../support/verifies.js'
import {
  CANARY,
  inFile,
  ISSUER,
  OAUTH,
  OPEN,
  problemsOf,
  read,
  RESOURCE,
  settingsOf,
} from './support.js'

const KEY = { files: { '/k': 'k\n' } }
const warningsOf = async (...input: Parameters<typeof read>) => (await read(...input)).warnings

describe('without tokens', () => {
  verifies(
    'CASE-61',
    'a listener that others can reach refuses to start, wherever its address comes from',
    async () => {
      const message = 'must be loopback without --auth oauth'
      for (const host of ['0.0.0.0', '::', '192.168.1.10', 'mcp.internal', 'app.localhost']) {
        expect(await problemsOf([...OPEN, '--host', host])).toEqual([`--host: ${message}`])
      }
      for (const host of ['127.1', '127.0.0.1.example.com', '::ffff:127.0.0.1', '128.0.0.1']) {
        expect(await problemsOf([...OPEN, '--auth=none', `--host=${host}`])).toHaveLength(1)
      }
      const env = { MCP_GATEHOUSE_HOST: '0.0.0.0' }
      expect(await problemsOf(OPEN, { env })).toEqual([`MCP_GATEHOUSE_HOST: ${message}`])
      expect(await problemsOf(OPEN, inFile('host: 0.0.0.0\n'))).toEqual([
        `gatehouse.yaml:1:1: host: ${message}`,
      ])
    },
  )

  test.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'])(
    '%s is reached by this machine only',
    async (host) => {
      expect(await problemsOf([...OPEN, '--host', host])).toEqual([])
    },
  )

  verifies('CASE-61', 'settings for tokens are a warning: nothing is protected', async () => {
    const idle = 'no token is checked: without --auth oauth these settings have no effect: '
    expect(await warningsOf([...OPEN, '--oauth-issuer', ISSUER, '--resource-name', 'x'])).toEqual([
      `${idle}--oauth-issuer, --resource-name`,
    ])
    const env = { MCP_GATEHOUSE_OAUTH_ISSUER: ISSUER }
    expect(await warningsOf(OPEN, { env })).toEqual([`${idle}MCP_GATEHOUSE_OAUTH_ISSUER`])
    const file = inFile('oauth: {wait: 3}\n')
    expect(await warningsOf(OPEN, file)).toEqual([`${idle}gatehouse.yaml:1:9: oauth.wait`])
    // An explicit none is meant, although environment and file may be shared with other programs.
    expect(await warningsOf([...OPEN, '--auth', 'none'], { env })).toEqual([])
    expect(await warningsOf(OPEN, inFile('auth: none\noauth: {wait: 3}\n'))).toEqual([])
    // The path of the endpoint, and who may call, matter without tokens too.
    const others = ['--resource', 'http://localhost:8080/x', '--allow-origin', 'https://a.example']
    expect(await warningsOf([...OPEN, ...others])).toEqual([])
  })

  test('the resource and the origins are judged, key files are not read', async () => {
    const argv = ['--resource', 'mcp', '--allow-origin', 'x', '--oauth-jwks-file', '/none']
    expect(await problemsOf([...OPEN, ...argv])).toEqual([
      '--resource: must be an absolute http(s) URL',
      '--allow-origin: value 1 is not an origin',
    ])
  })
})

describe('with tokens', () => {
  test('an issuer is required, and a resource where others reach us', async () => {
    const auth = [...OPEN, '--auth', 'oauth']
    expect(await problemsOf(auth)).toEqual(['--oauth-issuer: is missing'])
    expect(await problemsOf([...auth, '--host', '0.0.0.0'])).toEqual([
      '--oauth-issuer: is missing',
      '--resource: is missing',
    ])
    expect(await problemsOf([...OAUTH, '--host', '::'])).toEqual(['--resource: is missing'])
    expect(await problemsOf([...OAUTH, '--host', '::', '--resource', RESOURCE])).toEqual([])
    expect((await settingsOf([...OAUTH, '--host', '::1'])).resource).toBeUndefined()
  })

  test('a value that is wrong is not missing too', async () => {
    const argv = [...OPEN, '--auth', 'oauth', '--oauth-issuer=', '--host=0.0.0.0', '--resource']
    expect(await problemsOf(argv)).toEqual([
      '--resource: needs a value',
      '--oauth-issuer: is empty',
    ])
    expect(await problemsOf([...OAUTH, '--host', 'a b'])).toEqual([
      '--host: is neither an IP address nor a host name',
    ])
  })

  test('what is wrong with auth itself hides nothing else', async () => {
    expect(await problemsOf([...OPEN, '--auth=on', '--oauth-jwks-uri=x', '--host=::'])).toEqual([
      '--auth: must be none or oauth',
      '--oauth-jwks-uri: must be an absolute https URL',
    ])
  })

  test('the kernel’s own checks speak of settings', async () => {
    const argv = [
      '--oauth-scopes=offline_access',
      '--oauth-jwks-uri=https://a.example/keys',
      '--oauth-discovery-url=https://a.example/meta',
      '--allow-origin=https://a.example/',
      '--resource=http://mcp.example.com/mcp',
    ]
    expect(await problemsOf([...OAUTH, ...argv])).toEqual([
      '--resource: must be https',
      '--oauth-scopes: must not contain offline_access',
      '--oauth-jwks-uri, --oauth-discovery-url: --oauth-jwks-file, --oauth-jwks-uri and --oauth-discovery-url exclude each other',
      '--allow-origin: value 1 is not an origin',
    ])
    const file = inFile('auth: oauth\noauth: {issuer: "http://sso.internal"}\n')
    const { problems } = await read(OPEN, file)
    expect(problems).toEqual([
      {
        path: 'gatehouse.yaml:2:9: oauth.issuer',
        message: 'must be https',
        hint: 'or name sso.internal in --allow-http if its network is private',
      },
    ])
  })

  test('where keys are is for one issuer', async () => {
    const several = [...OAUTH, '--oauth-issuer', 'https://other.example.com']
    expect(await problemsOf(several)).toEqual([])
    expect(await problemsOf([...several, '--oauth-jwks-uri', 'https://a.example/keys'])).toEqual([
      '--oauth-jwks-uri: applies to one issuer, but there are several',
    ])
  })

  verifies('FLD-07', 'a placeholder is loud: no token names it', async () => {
    const warned = async (issuer: string) =>
      warningsOf(['--auth', 'oauth', '--oauth-issuer', issuer, '--resource', RESOURCE])
    for (const tenant of ['{tenant}', '%7Btenantid%7D', '*', '<tenant>']) {
      const warnings = await warned(`https://login.microsoftonline.com/${tenant}/v2.0`)
      expect(warnings, tenant).toEqual([
        expect.stringMatching(/^--oauth-issuer: this looks like a placeholder .* will be refused$/),
      ])
    }
    expect(await warned('https://login.microsoftonline.com/contoso/v2.0')).toEqual([])
  })

  test('without TLS is loud', async () => {
    expect(await warningsOf([...OAUTH, '--allow-http', 'keycloak'])).toEqual([
      '--allow-http: keys may be fetched without TLS; only for a private network',
    ])
  })
})

describe('--transport stdio', () => {
  const STDIO = ['--transport', 'stdio']
  const COMMAND = ['--', 'uvx', 'server']

  verifies('CASE-61', 'cannot ask for tokens, wherever that was said', async () => {
    const message = 'stdio has no HTTP request that could carry a token'
    expect(await problemsOf([...STDIO, '--auth', 'oauth', ...COMMAND])).toEqual([
      `--transport, --auth: ${message}`,
    ])
    expect(
      await problemsOf([...STDIO, ...COMMAND], { env: { MCP_GATEHOUSE_AUTH: 'oauth' } }),
    ).toEqual([`--transport, MCP_GATEHOUSE_AUTH: ${message}`])
    expect(await problemsOf(COMMAND, inFile('transport: stdio\nauth: oauth\n'))).toEqual([
      `gatehouse.yaml:1:1: transport, gatehouse.yaml:2:1: auth: ${message}`,
    ])
    expect(await problemsOf([...STDIO, '--auth', 'none', ...COMMAND])).toEqual([])
  })

  test('needs a command', async () => {
    expect(await problemsOf(STDIO)).toEqual(['--transport: stdio needs a command'])
    expect(await problemsOf([...STDIO, '--'])).toEqual(['--: has no command after it'])
    expect((await read([...STDIO, ...COMMAND])).command).toEqual(['uvx', 'server'])
  })

  test('has no upstream, and nothing else that is for HTTP', async () => {
    expect(await problemsOf([...STDIO, ...OPEN, ...COMMAND])).toEqual([
      '--upstream: is reached by HTTP, and the transport is stdio',
    ])
    const env = { MCP_GATEHOUSE_PORT: '80', PORT: 'x' }
    const argv = [...STDIO, '--host', '::', '--log-level', 'warn', '--ca-file', '/none', ...COMMAND]
    expect(await problemsOf(argv, { env })).toEqual([])
    expect(await warningsOf(argv, { env })).toEqual([
      'with stdio these settings have no effect: MCP_GATEHOUSE_PORT, --host, --ca-file',
    ])
  })

  test('a transport that is wrong hides no other wrong value', async () => {
    expect(await problemsOf(['--transport=sse', '--port=x'])).toEqual([
      '--transport: must be streamable-http or stdio',
      '--port: is not a port',
    ])
  })
})

describe('the upstream', () => {
  test('is required', async () => {
    expect(await problemsOf([])).toEqual(['--upstream: is missing'])
  })

  test('a command alone is a stdio server behind HTTP', async () => {
    expect(await problemsOf(['--', 'uvx', 'server'])).toEqual([])
    expect(await problemsOf([...OPEN, '--', 'server'])).toEqual([])
    expect(await problemsOf([...OPEN, '--'])).toEqual(['--: has no command after it'])
  })

  test.each([
    ['mcp', 'must be an absolute http(s) URL'],
    ['127.0.0.1:8000/mcp', 'must be an absolute http(s) URL'],
    ['ftp://mcp/', 'must be an absolute http(s) URL'],
    ['http://127.0.0.1/mcp#', 'must not have a fragment'],
    ['http://user:hunter2@127.0.0.1/mcp', 'must not have a user name or password'],
    ['http://hunter2@127.0.0.1/mcp', 'must not have a user name or password'],
    ['http://127.0.0.1/m cp', 'has blanks, line ends or other characters that are not allowed'],
    ['http://127.0.0.1/mcp\n', 'has blanks, line ends or other characters that are not allowed'],
  ])('%j: %s', async (url, message) => {
    expect(await problemsOf(['--upstream', url])).toEqual([`--upstream: ${message}`])
  })

  test('plain http beyond this machine is a warning', async () => {
    expect(await warningsOf(['--upstream', 'http://mcp:8000/mcp?x=1'])).toEqual([
      '--upstream: without TLS; only for a private network',
    ])
    for (const url of ['https://mcp:8000/mcp', 'http://localhost/', 'http://[::1]:1/mcp']) {
      expect(await warningsOf(['--upstream', url])).toEqual([])
    }
  })

  test('what is for a command does nothing without one', async () => {
    const argv = [...OPEN, '--child-env', 'A', '--child-start-timeout', '5s']
    expect(await warningsOf(argv)).toEqual([
      'without a command after -- these settings have no effect: --child-env, --child-start-timeout',
    ])
    expect(await warningsOf([...argv, '--', 'server'])).toEqual([])
  })

  test('what is for a server reached by HTTP does nothing for a command', async () => {
    const argv = ['--upstream-timeout', '5s', '--forward-header', 'X-Tenant', '--child-env', 'A']
    expect(await warningsOf([...argv, '--', 'server'])).toEqual([
      'for a command these settings have no effect: --upstream-timeout, --forward-header',
    ])
    expect(await warningsOf([...OPEN, ...argv, '--', 'server'])).toEqual([])
  })

  test.each(['A=hunter2', '1A', 'A-B', 'A B', 'Ä'])(
    '%j is not the name of a variable',
    async (name) => {
      expect(await problemsOf([...OPEN, '--child-env', 'OK', '--child-env', name])).toEqual([
        '--child-env: value 2 is not the name of a variable',
      ])
    },
  )

  test.each(['upstream-timeout', 'child-start-timeout'])('--%s is not zero', async (name) => {
    expect(await problemsOf([...OPEN, `--${name}=0`])).toEqual([`--${name}: must be more than 0`])
    expect(await problemsOf([...OPEN, `--${name}=1ms`, '--', 'server'])).toEqual([])
  })
})

describe('headers for the upstream', () => {
  const HOP_BY_HOP = [
    'Connection',
    'Keep-Alive',
    'Proxy-Authenticate',
    'Proxy-Authorization',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
  ]

  verifies('CASE-67', 'a name that only we set is refused, and never shown', async () => {
    const message = '--upstream-header: value 1 is a header that only the gateway sets'
    const names = [...HOP_BY_HOP, 'Host', 'content-length', 'X-Gatehouse-Subject', 'x_gatehouse-x']
    for (const name of [...names, 'content_length', 'X-GATEHOUSE_ISSUER']) {
      expect(await problemsOf([...OPEN, '--upstream-header', `${name}=/k`], KEY)).toEqual([message])
    }
  })

  test.each(['Authorization', 'Cookie', 'X-Api-Key', 'X-Gatehouse', 'api_key', 'x!#$%&*+.^`|~'])(
    '%s may be set',
    async (name) => {
      const { files, problems } = await read([...OPEN, '--upstream-header', `${name}=/k`], KEY)
      expect(problems).toEqual([])
      expect(files.resources[0]?.upstreamHeaders).toEqual({ [name]: 'k' })
    },
  )

  test.each([
    [CANARY, 'is not NAME=FILE'],
    ['=/k', 'is not NAME=FILE'],
    ['X-Key=', 'is not NAME=FILE'],
    ['X-Key: hunter2=', 'is not NAME=FILE'],
    ['X Key=/k', 'is not a header name'],
    ['X-Key:=/k', 'is not a header name'],
  ])('%j %s', async (text, message) => {
    expect(await problemsOf([...OPEN, '--upstream-header', text], KEY)).toEqual([
      `--upstream-header: value 1 ${message}`,
    ])
  })

  verifies(
    'CASE-67',
    'what a client must not bring along cannot be forwarded, in no spelling',
    async () => {
      const names = [
        ...HOP_BY_HOP,
        ...['Authorization', 'DPoP', 'Cookie', 'Forwarded', 'Origin', 'Host', 'Content-Length'],
        ...['Content-Encoding', 'Accept-Encoding', 'Expect', 'Client-Cert', 'Client-Cert-Chain'],
        ...['X-Forwarded-For', 'X-Forwarded-', 'X-Gatehouse-Scope', 'Mcp-Name', 'Mcp-Session-Id'],
      ]
      for (const name of names) {
        for (const spelling of [name, name.toUpperCase(), name.replace('-', '_')]) {
          expect(await problemsOf([...OPEN, '--forward-header', spelling])).toEqual([
            '--forward-header: value 1 is a header that is never forwarded',
          ])
        }
      }
      const given = ['X-Ok', 'X Key', '', 'X-Key: hunter2'].flatMap((each) => [
        '--forward-header',
        each,
      ])
      expect(await problemsOf([...OPEN, ...given])).toEqual([
        '--forward-header: is empty',
        '--forward-header: value 2 is not a header name',
        '--forward-header: value 4 is not a header name',
      ])
    },
  )

  test.each(['X-Tenant', 'X-Forwarded', 'X-Gatehouse', 'Mcp', 'Accept', 'X-Origin', 'Hosts'])(
    '%s may be forwarded',
    async (name) => {
      expect((await settingsOf([...OPEN, '--forward-header', name])).forwardHeader).toEqual([name])
    },
  )
})

describe('hosts and ports', () => {
  test.each(['0.0.0.0', '::', 'fe80::1%eth0', 'mcp.internal', 'my_host', 'a'])(
    '%s is an address to listen on',
    async (host) => {
      const argv = [...OAUTH, '--resource', RESOURCE, '--host', host, '--admin-host', host]
      expect(await problemsOf(argv)).toEqual([])
    },
  )

  test.each([
    '[::1]',
    '127.0.0.1:80',
    '256.0.0.1',
    '1.2.3',
    'http://a',
    'a b',
    '-a',
    'a..b',
    '*',
    ':',
  ])('%s is none', async (host) => {
    const message = 'is neither an IP address nor a host name'
    const argv = [...OAUTH, '--resource', RESOURCE, `--host=${host}`, `--admin-host=${host}`]
    expect(await problemsOf(argv)).toEqual([`--host: ${message}`, `--admin-host: ${message}`])
  })

  test.each([
    'mcp.internal',
    'mcp.internal:8080',
    '10.0.0.1:1',
    '[::1]',
    '[::1]:65535',
    'localhost',
  ])('%s is a Host', async (host) => {
    expect(await problemsOf([...OPEN, '--allow-host', host])).toEqual([])
  })

  test.each([
    'http://a',
    'a:',
    'a:0',
    'a:65536',
    'a:x',
    '::1',
    '[::1',
    '[a]',
    'a/b',
    '*.a',
    'a b',
    ':1',
  ])('%s is none', async (host) => {
    expect(await problemsOf([...OPEN, '--allow-host', host])).toEqual([
      '--allow-host: value 1 is not a host as in a Host header',
    ])
  })

  test('the second listener has a port of its own', async () => {
    const message = 'is the port of the MCP endpoint'
    expect(await problemsOf([...OPEN, '--admin-port', '8080'])).toEqual([
      `--admin-port: ${message}`,
    ])
    const env = { PORT: '9000', MCP_GATEHOUSE_ADMIN_PORT: '9000' }
    expect(await problemsOf(OPEN, { env })).toEqual([`MCP_GATEHOUSE_ADMIN_PORT: ${message}`])
    expect(await problemsOf([...OPEN, '--port=0', '--admin-port=0'])).toEqual([])
    expect(await problemsOf([...OPEN, '--port=x', '--admin-port=8080'])).toEqual([
      '--port: is not a port',
    ])
  })
})

test.each([
  ['--max-body=0', 'must be more than 0'],
  ['--max-body=4MB', 'is not a size'],
  ['--max-body=-1', 'is not a size'],
  ['--max-body=2GiB', 'is more than 1GiB'],
  ['--upstream-timeout=25h', 'is more than 24h'],
  ['--upstream-timeout=1d', 'is not a duration'],
  ['--log-level=trace', 'must be error or warn or info or debug'],
  ['--log-format=text', 'must be auto or json or pretty'],
  ['--oauth-require-type=yes', 'must be true or false'],
])('%s: %s', async (argument, message) => {
  expect(await problemsOf([...OPEN, argument])).toEqual([
    `${argument.replace(/=.*/, '')}: ${message}`,
  ])
})

describe('all problems', () => {
  test('come at once, each with its source and what to do', async () => {
    const content = 'maxBody: big\nlogLevl: debug\noauth:\n  scopes: [offline_access]\n'
    const { env, files } = inFile(content)
    const surroundings = {
      env: { ...env, MCP_GATEHOUSE_AUTH: 'oauth', MCP_GATEHOUSE_UPSTREAM: 'mcp', PORT: '9464' },
      files: { ...files, '/k': 'a\nb\n' },
    }
    const argv = ['--host', '0.0.0.0', '--admin-port', '9464', '--nonsense', '--ca-file', '/none']
    argv.push('--upstream-header', 'X-Key=/k', '--forward-header', 'cookie', '--')
    expect(await problemsOf(argv, surroundings)).toEqual([
      '--nonsense: no such flag',
      'gatehouse.yaml:2:1: logLevl: no such setting',
      'gatehouse.yaml:1:1: maxBody: is not a size',
      'MCP_GATEHOUSE_UPSTREAM: must be an absolute http(s) URL',
      '--forward-header: value 1 is a header that is never forwarded',
      '--: has no command after it',
      '--oauth-issuer: is missing',
      '--resource: is missing',
      '--admin-port: is the port of the MCP endpoint',
      '--ca-file: /none cannot be read (ENOENT)',
      '--upstream-header: value 1: /k has more than one line of plain ASCII',
      'gatehouse.yaml:4:3: oauth.scopes: must not contain offline_access',
    ])
  })

  verifies(['CASE-67', 'GW-08'], 'never show what was typed, wherever it was', async () => {
    const { warnings, problems } = await read(
      [
        ...[`--auth=${CANARY}`, `--upstream=${CANARY}`, `--port=${CANARY}`, `--host=${CANARY}/`],
        ...[`--max-body=${CANARY}`, `--upstream-header=${CANARY}`, `--upstream-header=A=${CANARY}`],
        ...[`--forward-header=${CANARY}:`, `--child-env=${CANARY}`, `--allow-host=${CANARY}/`],
        ...[`--log-level=${CANARY}`, `--ca-file=${CANARY}`, `--oauth-jwks-file=${CANARY}`],
        ...[`--oauth-client-secret=${CANARY}`, CANARY, '--tokn', CANARY, '--', CANARY],
      ],
      inFile(`port: ${CANARY}\nhost: [${CANARY}]\nnonsense: ${CANARY}\nallowHost: "${CANARY}/"\n`),
    )
    expect(problems.length).toBeGreaterThan(15)
    expect(JSON.stringify([problems, warnings])).not.toContain('hunter2')
  })
})

describe('origins', () => {
  verifies('FLD-06', 'one that all apps of a framework share is a warning', async () => {
    const origins = ['capacitor://localhost', 'tauri://localhost', 'http://tauri.localhost']
    const argv = origins.flatMap((origin) => ['--allow-origin', origin])
    expect(await warningsOf([...OPEN, ...argv])).toEqual([
      `--allow-origin: every app of the same framework sends ${origins.join(' or ')}`,
    ])
    for (const own of ['app://obsidian.md', 'http://localhost:3000', 'https://localhost']) {
      expect(await warningsOf([...OPEN, '--allow-origin', own])).toEqual([])
    }
  })
})
