/** What the doctor says from inside: all is right but for one thing. */
import type { IncomingMessage } from 'node:http'
import { describe, expect } from 'vitest'
import { runDoctor, runLiveCheck } from '../../src/cli/doctor/command.js'
import type { Finding } from '../../src/cli/doctor/finding.js'
import type { JsonReport } from '../../src/cli/doctor/json-report.js'
import { freePort, writeTemporary } from '../support/cli.js'
import { runHere, startListeningProvider } from '../support/doctor-command.js'
import { guideBlock } from '../support/guides.js'
import { bodyOf, startGateway, startTcpUpstream, startUpstream } from '../support/gateway.js'
import { mcpServer } from '../support/mcp-server.js'
import { verifies } from '../support/verifies.js'

const SECRET = 'canarySecretOfTheGateway'

function answer(status: number, type: string, body: string, headers = {}): () => Promise<string> {
  return () =>
    startUpstream((_request, response) => {
      response.writeHead(status, { 'content-type': type, ...headers }).end(body)
    })
}

async function live(argv: readonly string[], patience = 5_000, env = {}) {
  const run = await runHere(['--live', '--json', ...argv], { patience, env }, runLiveCheck)
  const findings =
    run.stdout === ''
      ? []
      : (JSON.parse(run.stdout) as JsonReport).diagnoses.flatMap((each) => each.findings)
  return { ...run, findings }
}

function ofId(findings: readonly Finding[], id: string): Finding | undefined {
  return findings.find((each) => each.id === id)
}

const NO_AUTH = ['--auth', 'none']
const STDIO_SERVER = [
  process.execPath,
  '-e',
  `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line)
    const result = method === 'initialize' ? { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'piped' } } : undefined
    if (id === undefined) return
    const error = { code: -32601, message: 'no' }
    console.log(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error }) }))
  })`,
]

describe('the server behind the gateway', () => {
  verifies(['DOC-08', 'DOC-03'], 'is asked for what it offers, and no tool is called', async () => {
    const seen: string[] = []
    const upstream = await startUpstream(mcpServer(seen))
    const { code, findings, stderr } = await live([...NO_AUTH, '--upstream', upstream])
    expect(findings.map(({ id }) => id)).toEqual(['upstream-offers'])
    expect(findings[0]?.seen).toBe(
      'demo: 1 tools, 0 prompts, 0 resources; it speaks 2025-11-25; it answers server/discover (2026-07-28).',
    )
    expect(seen).not.toContain('tools/call')
    expect([code, stderr]).toEqual([0, ''])
  })

  verifies('DOC-08', 'speaks the oldest revision, which is said', async () => {
    const [node = '', flag = '', code = ''] = STDIO_SERVER
    const old = [node, flag, code.replace('2025-11-25', '2024-11-05')]
    const { findings } = await live([...NO_AUTH, '--', ...old])
    expect(findings[0]?.seen).toContain('it speaks 2024-11-05, and newer clients may refuse that;')
  })

  verifies(['DOC-08', 'DOC-03'], 'keeps none of our sessions', async () => {
    const open = new Set<string>()
    let opened = 0
    const answers = mcpServer()
    const upstream = await startUpstream((request, response) => {
      const session = request.headers['mcp-session-id']
      if (request.method === 'DELETE') {
        open.delete(String(session))
        // It takes its time.
        return void setImmediate(() => response.writeHead(204).end())
      }
      if (session === undefined && request.headers['mcp-protocol-version'] !== '2026-07-28') {
        const id = `session-${++opened}`
        open.add(id)
        response.setHeader('mcp-session-id', id)
      }
      return answers(request, response)
    })
    await live([...NO_AUTH, '--upstream', upstream])
    expect(opened).toBeGreaterThan(1)
    expect([...open]).toEqual([])
  })

  verifies('DOC-08', 'is a command, and is asked, too', async () => {
    const { code, findings } = await live([...NO_AUTH, '--', ...STDIO_SERVER])
    expect(findings.map(({ seen }) => seen)).toEqual([
      'piped: 0 tools, 0 prompts, 0 resources; it speaks 2025-11-25; it has no server/discover.',
    ])
    expect(code).toBe(0)
  })

  verifies('DOC-05', 'may repeat its credentials: they are not shown', async () => {
    const message = `unknown token ${SECRET}`
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -32_000, message } })
    const upstream = await answer(200, 'application/json', body)()
    const file = writeTemporary('credentials', `Bearer ${SECRET}`)
    const header = ['--upstream-header', `Authorization=${file}`]
    const { findings, stdout } = await live([...NO_AUTH, '--upstream', upstream, ...header])
    expect(findings.map(({ seen }) => seen).join()).toContain('unknown token ***')
    expect(stdout).not.toContain(SECRET)
  })

  verifies('DOC-06', 'is a command that hangs: it is told of as too slow', async () => {
    const { findings } = await live(
      [...NO_AUTH, '--', process.execPath, '-e', 'process.stdin.resume()'],
      500,
    )
    expect(ofId(findings, 'command-fault')?.seen).toMatch(/did not answer within 0\.5 s/)
  })

  verifies('DOC-05', 'is a command, and repeats what is in its environment', async () => {
    const server = `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const error = { code: -32000, message: 'unknown key ' + process.env.API_KEY }
      console.log(JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(line).id, error }))
    })`
    const argv = [...NO_AUTH, '--child-env', 'API_KEY', '--', process.execPath, '-e', server]
    const { findings, stdout } = await live(argv, 5_000, { API_KEY: SECRET })
    expect(findings.map(({ seen }) => seen).join()).toContain('unknown key ***')
    expect(stdout).not.toContain(SECRET)
  })

  for (const [name, start, id, seen, change] of [
    [
      'is down',
      async () => `http://127.0.0.1:${await freePort()}/mcp`,
      'upstream-fault',
      /ECONNREFUSED/,
      /start the server/,
    ],
    [
      'wants a token of its own',
      answer(401, 'application/json', '{}'),
      'upstream-answer',
      /answered 401/,
      /--upstream-header/,
    ],
    [
      'does not accept our Host',
      answer(421, 'text/plain', 'Misdirected'),
      'upstream-answer',
      /421/,
      /--upstream-host/,
    ],
    [
      'is a web page',
      answer(200, 'text/html', '<h1>Hi</h1>'),
      'upstream-answer',
      /200 with HTML/,
      /exact endpoint/,
    ],
    [
      'has another path',
      answer(404, 'text/plain', 'Not Found'),
      'upstream-answer',
      /404/,
      /correct the path/,
    ],
    ['speaks 2024-11-05', answer(405, 'text/plain', ''), 'upstream-answer', /405/, /2024-11-05/],
    [
      'redirects',
      answer(307, 'text/plain', '', { location: '/mcp/' }),
      'upstream-answer',
      /redirect/,
      /exact endpoint/,
    ],
    ['fails', answer(500, 'text/plain', ''), 'upstream-fault', /answered 500/, /its own log/],
    [
      'answers with other JSON',
      answer(200, 'application/json', '{"hello":1}'),
      'upstream-answer',
      /did not answer with JSON-RPC/,
      /exact endpoint/,
    ],
  ] as const) {
    verifies('DOC-08', `${name}: ${id}`, async () => {
      const { code, findings } = await live([...NO_AUTH, '--upstream', await start()])
      expect(ofId(findings, id)?.seen).toMatch(seen)
      expect(ofId(findings, id)?.change).toMatch(change)
      expect(code).toBe(1)
    })
  }

  verifies(['DOC-08', 'DOC-06'], 'hangs after initialize', async () => {
    const upstream = await startUpstream((request, response) => {
      void bodyOf(request).then((bytes) => {
        if (request.method !== 'POST') return response.writeHead(204).end()
        const { id, method } = JSON.parse(bytes.toString()) as { id: number; method: string }
        if (method !== 'initialize') return undefined
        const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} } }
        response.writeHead(200, { 'content-type': 'application/json' })
        return response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
      })
    })
    const { findings } = await live([...NO_AUTH, '--upstream', upstream], 200)
    expect(ofId(findings, 'upstream-answer')?.seen).toMatch(/did not answer within 0\.2 s/)
  })

  verifies('DOC-08', 'is a command that is not there', async () => {
    const { code, findings } = await live([...NO_AUTH, '--', 'no-such-command'])
    expect(ofId(findings, 'command-fault')?.seen).toBe('There is no command no-such-command.')
    expect(code).toBe(1)
  })

  verifies('DOC-08', 'is a command that lacks a variable', async () => {
    const lacking = [process.execPath, '-e', 'process.exit(3)']
    const { findings } = await live([...NO_AUTH, '--', ...lacking])
    expect(ofId(findings, 'command-fault')?.seen).toMatch(/exit code 3/)
    expect(ofId(findings, 'command-fault')?.change).toMatch(/--child-env/)
  })

  verifies(['DOC-08', 'DOC-05'], 'is a command that names the variable that it lacks', async () => {
    const needs = "if (!process.env.GITHUB_TOKEN) throw new Error('GITHUB_TOKEN is not set')"
    const argv = ['--live', '--json', ...NO_AUTH, '--', process.execPath, '-e', needs]
    const env = { GITHUB_TOKEN: 'canary' }
    const { stdout } = await runHere(argv, { env }, runLiveCheck)
    expect(stdout).toMatch(/set here and not passed to it: GITHUB_TOKEN; --child-env NAME/)
    expect(stdout).not.toContain('canary')
  })

  verifies(
    ['DOC-08', 'DOC-05'],
    'is a command that names a variable that nobody has set',
    async () => {
      const needs = "throw new Error('GITHUB_TOKEN is not set; ' + process.env.MY_KEY)"
      const env = { MY_KEY: 'canary-in-a-variable' }
      const argv = ['--live', '--json', ...NO_AUTH, '--child-env', 'MY_KEY']
      const command = ['--', process.execPath, '-e', needs]
      const { stdout } = await runHere([...argv, ...command], { env }, runLiveCheck)
      expect(stdout).toContain('it names GITHUB_TOKEN, and that is not set here')
      expect(stdout).toContain('It wrote ')
      expect(stdout).not.toContain('canary')
    },
  )
})

describe('a command that writes its secret to stderr', () => {
  for (const [name, secret, before] of [
    ['in several lines', 'canary-BEGIN KEY-----\ncanaryMIIEvQIBADAN\ncanaryBKcwggSj', ''],
    ['with a quote', 'canary"pa"ssword', ''],
    ['with other letters', 'canäry-pässwörd', ''],
    ['at the place where lines are cut', 'canary-hunter-2', 'x'.repeat(108)],
  ] as const) {
    verifies(['DOC-05', 'DOC-08'], `${name}: it is not shown`, async () => {
      const writes = `console.error(${JSON.stringify(before)} + process.env.MY_KEY); process.exit(3)`
      const argv = ['--live', '--json', ...NO_AUTH, '--child-env', 'MY_KEY']
      const command = ['--', process.execPath, '-e', writes]
      const env = { MY_KEY: secret }
      const { stdout } = await runHere([...argv, ...command], { env }, runLiveCheck)
      expect(stdout).toContain('It wrote ')
      expect(stdout).toContain('***')
      expect(stdout).not.toMatch(/can[aä?]|ssw[oö?]rd|hunter/)
    })
  }
})

/** An introspection endpoint that compares credentials, or not. */
async function startIntrospection(takes: (request: IncomingMessage) => boolean): Promise<string> {
  return startUpstream((request, response) => {
    const isClient = takes(request)
    response.writeHead(isClient ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isClient ? { active: false } : { error: 'invalid_client' }))
  })
}

const RIGHT = `Basic ${Buffer.from(`gatehouse:${SECRET}`).toString('base64')}`
const takesOurs = ({ headers }: IncomingMessage) => headers.authorization === RIGHT

async function oauth(issuer: string, more: readonly string[] = []): Promise<readonly string[]> {
  const upstream = await startUpstream(mcpServer())
  const fixed = ['--auth', 'oauth', '--oauth-issuer', issuer, '--upstream', upstream]
  return [...fixed, ...more]
}

function credentials(url: string, secret = SECRET): readonly string[] {
  const file = writeTemporary('secret', secret)
  return [
    '--oauth-client-id',
    'gatehouse',
    '--oauth-client-secret-file',
    file,
    '--oauth-introspection-url',
    url,
  ]
}

describe('the issuer', () => {
  verifies('DOC-08', 'gives usable keys, and accepts the credentials of the gateway', async () => {
    const idp = await startListeningProvider()
    const url = await startIntrospection(takesOurs)
    const { code, findings, stdout } = await live(await oauth(idp.issuer, credentials(url)))
    expect(findings.map(({ id }) => id)).toEqual(['upstream-offers'])
    expect(stdout).not.toContain('canary')
    expect(code).toBe(0)
  })

  verifies('DOC-08', 'does not list the scopes of the resource', async () => {
    const idp = await startListeningProvider()
    idp.metadata = { ...idp.metadata, scopes_supported: ['mcp:tools', 'api://A/mcp:read'] }
    const seenOf = async (...more: string[]) => {
      const { findings } = await live(await oauth(idp.issuer, more))
      return ofId(findings, 'scope-unknown')?.seen
    }
    expect(await seenOf('--oauth-scopes', 'mcp:tools')).toBeUndefined()
    expect(await seenOf()).toBeUndefined()
    expect(await seenOf('--oauth-scopes', 'mcp:tools nosuch')).toMatch(/does not list "nosuch"/)
    const advertised = ['--oauth-scopes', 'nosuch', '--oauth-advertise-scopes']
    expect(await seenOf(...advertised, 'mcp:tools')).toBeUndefined()
    expect(await seenOf(...advertised, 'other')).toMatch(/does not list "other"/)
    const prefix = ['--oauth-scope-prefix', 'api://A/', '--oauth-scopes']
    expect(await seenOf(...prefix, 'mcp:read')).toBeUndefined()
    expect(await seenOf(...prefix, 'mcp:tools')).toMatch(/does not list "api:\/\/A\/mcp:tools"/)
  })

  verifies('DOC-08', 'is spelled with a slash too many', async () => {
    const idp = await startListeningProvider()
    const { code, findings } = await live(await oauth(`${idp.issuer}/`))
    expect(ofId(findings, 'gateway-keys')?.seen).toMatch(/names the issuer "http:\S+\/realms\/mcp"/)
    expect(code).toBe(1)
  })

  verifies('DOC-08', 'has no usable key', async () => {
    const idp = await startListeningProvider()
    idp.publishedKeys = [{ kty: 'oct', k: 'Y2FuYXJ5' }]
    const { findings } = await live(await oauth(idp.issuer))
    expect(ofId(findings, 'gateway-keys')?.seen).toMatch(/no usable key among 1/)
  })

  verifies('DOC-08', 'limits who asks for its keys', async () => {
    const idp = await startListeningProvider()
    idp.fault = (url) =>
      url === idp.jwksUri
        ? new Response('', { status: 429 })
        : Response.json({ issuer: idp.issuer, jwks_uri: idp.jwksUri })
    const { findings } = await live(await oauth(idp.issuer))
    expect(ofId(findings, 'gateway-keys')?.seen).toMatch(/answered 429/)
    expect(ofId(findings, 'gateway-keys')?.change).toMatch(
      /^Find out which program asks .* --oauth-jwks-file/,
    )
  })

  verifies('DOC-08', 'makes tokens for others that are accepted, too', async () => {
    const idp = await startListeningProvider()
    const resource = ['--resource', 'https://mcp.example.com/mcp', '--oauth-audience']
    const seenOf = async (audience: string) => {
      const { findings } = await live(await oauth(idp.issuer, [...resource, audience]))
      return ofId(findings, 'audience-wide')?.seen
    }
    expect(await seenOf('https://mcp.example.com/mcp')).toBeUndefined()
    expect(await seenOf('client-1')).toBeUndefined()
    expect(await seenOf('https://other.example.com/')).toBeUndefined()
    expect(await seenOf('https://mcp.example.com')).toMatch(/it is the whole host/)
    expect(await seenOf('account')).toMatch(/^"account": Keycloak puts it/)
  })

  verifies('DOC-08', 'makes one kind of token for two resources', async () => {
    const idp = await startListeningProvider()
    const upstream = await startUpstream(mcpServer())
    const of = (name: string, audience: string) => ({
      resource: `https://mcp.example.com/${name}`,
      upstream,
      oauth: { issuer: idp.issuer, audience },
    })
    const seenOf = async (other: string) => {
      const resources = [of('a', 'client-1'), of('b', other)]
      const file = writeTemporary('gatehouse.yaml', JSON.stringify({ auth: 'oauth', resources }))
      const { findings } = await live(['--config', file])
      return findings.filter(({ id }) => id === 'audience-wide').map(({ seen }) => seen)
    }
    expect(await seenOf('client-2')).toEqual([])
    const shared = '"client-1": another resource accepts it, too.'
    expect(await seenOf('client-1')).toEqual([shared, shared])
  })

  verifies(
    ['DOC-08', 'DOC-05'],
    'refuses the credentials of the gateway, and none is shown',
    async () => {
      const idp = await startListeningProvider()
      const url = await startIntrospection(takesOurs)
      const argv = await oauth(idp.issuer, credentials(url, 'canary-wrong-secret'))
      const { code, findings, stdout, stderr } = await live(argv)
      expect(ofId(findings, 'introspection-refused')?.seen).toMatch(/answered 401 "invalid_client"/)
      expect(`${stdout}${stderr}`).not.toContain('canary')
      expect(code).toBe(1)
    },
  )

  verifies('DOC-08', 'has no introspection', async () => {
    const idp = await startListeningProvider()
    const file = writeTemporary('secret', SECRET)
    const client = ['--oauth-client-id', 'gatehouse', '--oauth-client-secret-file', file]
    const { findings } = await live(await oauth(idp.issuer, client))
    expect(ofId(findings, 'introspection-fault')?.seen).toMatch(/has no introspection_endpoint/)
  })
})

describe('wrong credentials', () => {
  const tried: string[] = []

  async function examined(takes: (request: IncomingMessage) => boolean, more: readonly string[]) {
    const idp = await startListeningProvider()
    tried.length = 0
    const url = await startIntrospection((request) => {
      tried.push(request.headers.authorization ?? '')
      return takes(request)
    })
    const port = await freePort()
    const argv = [...(await oauth(idp.issuer, credentials(url))), '--port', String(port), ...more]
    await startGateway(await startUpstream(mcpServer()), {
      port,
      resource: `http://127.0.0.1:${port}/mcp`,
      authorizationServers: idp.issuer,
      fetch: globalThis.fetch,
    })
    const run = await runHere([...argv, '--json', '--client', 'inspector'], {}, runDoctor)
    return (JSON.parse(run.stdout) as JsonReport).diagnoses
  }

  verifies(['DOC-08', 'DOC-03'], 'are never sent without --try-wrong-credentials', async () => {
    const diagnoses = await examined(() => true, [])
    expect(tried).toEqual([RIGHT])
    expect(diagnoses.map(({ view }) => view)).toEqual(['inside', 'outside'])
  })

  verifies('DOC-08', 'are told apart by a provider that compares them', async () => {
    const diagnoses = await examined(takesOurs, ['--try-wrong-credentials'])
    expect(new Set(tried).size).toBe(2)
    expect(diagnoses[0]?.findings.map(({ id }) => id)).toEqual(['upstream-offers'])
  })

  verifies('DOC-08', 'are told of where they look like a token that is not active', async () => {
    const diagnoses = await examined(() => true, ['--try-wrong-credentials'])
    expect(ofId(diagnoses[0]?.findings ?? [], 'introspection-lenient')?.seen).toMatch(
      /wrong secret/,
    )
  })
})

verifies('DOC-08', 'settings in a file, as the page says', async () => {
  const [npx, name, command, ...args] = guideBlock('docs/doctor', 'inside').trim().split(' ')
  expect([npx, name, command]).toEqual(['npx', 'mcp-gatehouse', 'doctor'])
  const settings = { auth: 'none', upstream: await startUpstream(mcpServer()) }
  const file = writeTemporary('gatehouse.yaml', JSON.stringify(settings))
  const { code, stdout } = await runHere(args.map((word) => word.replace('gatehouse.yaml', file)))
  expect(stdout).toMatch(/^the gateway, from inside$/m)
  expect(stdout).toMatch(/^note +The server behind the gateway answers {2}upstream-offers$/m)
  expect(code).toBe(0)
})

verifies('DOC-07', 'problems of the settings are listed, and nothing is asked', async () => {
  const { code, stdout, stderr, steps } = await live(['--auth', 'oauth', '--prot', '1'])
  expect(stderr).toMatch(/^--prot: no such flag/m)
  expect([code, stdout, steps]).toEqual([2, '', []])
})

verifies('DOC-07', 'a command that is passed through has no gateway to look at', async () => {
  const { code, stderr } = await live(['--transport', 'stdio', '--', 'node'])
  expect(stderr).toMatch(/^--transport: is stdio/)
  expect(code).toBe(2)
})

verifies(['DOC-08', 'DOC-06'], 'a silent server behind the gateway is told of', async () => {
  const upstream = await startTcpUpstream((socket) => socket.destroy())
  const { findings } = await live([...NO_AUTH, '--upstream', upstream])
  expect(ofId(findings, 'upstream-fault')?.seen).toMatch(/closed before an answer came/)
})
