/**
 * The mistakes of the first day. Each is made with the command line itself and followed by one request, and one line of
 * the log for people names its cause and what cures it. `NEWCOMER_TABLE=1` prints the lines as a table.
 */
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { freePort, startCli, type Cli } from '../support/cli.js'
import { eventually, startUpstream } from '../support/gateway.js'
import { FakeIdp, type TokenSpec } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'newcomer', version: '1' },
  },
})

/** Identity providers on loopback, told apart by their paths: one like Keycloak, and one that nobody knows. */
const providers: FakeIdp[] = []
const [KEYCLOAK, UNKNOWN] = ['/realms/mcp', '/op'] as const

const server: Server = createServer((request, response) => {
  const { url = '/', headers } = request
  if (url.endsWith('/register')) {
    response.writeHead(403).end('{"error":"invalid_client_metadata"}')
    return
  }
  const provider = providers.find(({ issuer }) => url.includes(new URL(issuer).pathname))
  if (provider === undefined) {
    response.writeHead(404).end()
    return
  }
  void provider.fetch(`http://${headers.host}${url}`).then(async (answer) => {
    const date = new Date(provider.now()).toUTCString()
    const type = answer.headers.get('content-type') ?? 'text/plain'
    response.writeHead(answer.status, { 'content-type': type, date }).end(await answer.text())
  })
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  for (const path of [KEYCLOAK, UNKNOWN]) {
    providers.push(await FakeIdp.start(`http://127.0.0.1:${port}${path}`))
  }
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

function providerAt(path: string): FakeIdp {
  const found = providers.find(({ issuer }) => issuer.endsWith(path))
  if (found === undefined) throw new Error(`no provider at ${path}`)
  return found
}

/** An MCP server that gives every request the same answer. */
function startServer(
  status = 200,
  type = 'application/json',
  body = '{"jsonrpc":"2.0","id":1,"result":{}}',
): Promise<string> {
  return startUpstream((_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(body)
  })
}

/** A POST with any `Host` and `Origin`. */
function post(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const accepted = { accept: 'application/json, text/event-stream' }
    const type = { 'content-type': 'application/json' }
    const options = { method: 'POST', agent: false, headers: { ...accepted, ...type, ...headers } }
    const request = httpRequest(url, options, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('error', reject)
    request.end(INITIALIZE)
  })
}

/** Where it listens, as its first line says. */
async function addressOf(cli: Cli): Promise<string> {
  const found = () => / at (http:\/\/127\.0\.0\.1:\d+), /.exec(cli.stderr())?.[1]
  await eventually(() => found() !== undefined, 20_000)
  return found() ?? ''
}

/** What people see of each event: its line, with the hint below it. */
function shown(cli: Cli): readonly string[] {
  return cli
    .stderr()
    .split(/\n(?! )/)
    .filter((lines) => lines !== '')
}

interface Mistake {
  readonly name: string
  /** Settings in place of the right ones. */
  readonly wrong?: (port: number) => Readonly<Record<string, string>>
  /** The path of the identity provider. */
  readonly provider?: string
  /** Seconds by which its clock is ahead. */
  readonly ahead?: number
  /** Starts the MCP server, and gives its URL. */
  readonly upstream?: () => Promise<string>
  /** The MCP server, started by the gateway. */
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly token?: TokenSpec
  readonly headers?: Readonly<Record<string, string>>
  /** What the client gets. */
  readonly status: number
  readonly cause: RegExp
  readonly cure: RegExp
}

async function commandLine(mistake: Mistake, issuer: string, port: number) {
  const { wrong, command, upstream = startServer } = mistake
  const settings = {
    '--auth': 'oauth',
    '--oauth-issuer': issuer,
    '--resource': `http://127.0.0.1:${port}/mcp`,
    '--port': String(port),
    '--log-format': 'pretty',
    ...(command === undefined && { '--upstream': await upstream() }),
    ...wrong?.(port),
  }
  const flags = Object.entries(settings).flat()
  return command === undefined ? flags : [...flags, '--', ...command]
}

/** Rows of the table. */
const rows: string[] = []

function addRow({ name }: Mistake, lines: string, milliseconds: number): void {
  rows.push(
    `| ${name} | ${lines.trim().replaceAll(/\n */g, '<br>')} | ${Math.round(milliseconds)} |`,
  )
}

/** Makes the mistake and one request. Returns its status, and the line that names the cause. */
async function make(mistake: Mistake): Promise<readonly [status: number, line: string]> {
  const { provider: path = KEYCLOAK, ahead = 0, cause } = mistake
  const provider = providerAt(path)
  provider.now = () => Date.now() + ahead * 1000
  const port = await freePort()
  const cli = startCli(await commandLine(mistake, provider.issuer, port), mistake.environment)
  const url = await addressOf(cli)
  const aud = `http://127.0.0.1:${port}/mcp`
  const token = await provider.token({ claims: { aud, ...mistake.token?.claims } })
  const began = performance.now()
  const found = () => shown(cli).find((lines) => cause.test(lines)) ?? ''
  const status = await post(`${url}/mcp`, { authorization: `Bearer ${token}`, ...mistake.headers })
  // Line and hint are written at once.
  await eventually(() => found() !== '')
  addRow(mistake, found(), performance.now() - began)
  for (const part of token.split('.').slice(1)) expect(cli.stderr()).not.toContain(part)
  return [status, found()]
}

const NEEDS_TOKEN = `
if (process.env.GITHUB_TOKEN === undefined) {
  console.error('Error: GITHUB_TOKEN is not set')
  process.exit(1)
}`

const MISTAKES: readonly Mistake[] = [
  {
    name: 'a slash too many at the end of the issuer',
    wrong: () => ({ '--oauth-issuer': `${providerAt(KEYCLOAK).issuer}/` }),
    status: 401,
    cause: /denied: iss "http:\S+\/realms\/mcp" is not "http:\S+\/realms\/mcp\/"/,
    cure: /→ they differ in the last slash: correct --oauth-issuer/,
  },
  {
    name: 'https for an issuer that speaks http',
    wrong: () => ({ '--oauth-issuer': providerAt(KEYCLOAK).issuer.replace('http:', 'https:') }),
    status: 401,
    cause: /denied: iss "http:\S+" is not "https:\S+"/,
    cure: /→ they differ in http and https: correct --oauth-issuer/,
  },
  {
    name: 'no audience mapper',
    token: { claims: { aud: 'account' } },
    status: 401,
    cause: /denied: aud "account"; expected "http:\S+\/mcp"/,
    cure: /→ Keycloak: add an Audience mapper/,
  },
  {
    name: 'no audience mapper, at a provider that we do not know',
    provider: UNKNOWN,
    token: { claims: { aud: 'account' } },
    status: 401,
    cause: /denied: aud "account"; expected "http:\S+\/mcp"/,
    cure: /→ let the identity provider .* aud, .* --oauth-audience/,
  },
  {
    name: 'a scope that the token lacks',
    wrong: () => ({ '--oauth-scopes': 'mcp:admin' }),
    status: 403,
    cause: /denied: lacks mcp:admin/,
    cure: /→ Keycloak: make the client scope Default/,
  },
  {
    name: 'a scope that the token lacks, at a provider that we do not know',
    provider: UNKNOWN,
    wrong: () => ({ '--oauth-scopes': 'mcp:admin' }),
    status: 403,
    cause: /denied: lacks mcp:admin/,
    cure: /→ let the identity provider grant .* --oauth-scopes/,
  },
  {
    name: 'a clock that is two minutes behind',
    ahead: 120,
    status: 401,
    cause: /denied: nbf or iat is \d+ s ahead of our clock/,
    cure: /→ our clock is probably 1\d\d s behind: .*synchronise the clocks \(NTP\)/,
  },
  {
    name: 'a clock that is ten minutes ahead',
    ahead: -600,
    status: 401,
    cause: /denied: expired \d+ s ago/,
    cure: /→ our clock is probably \d{3} s ahead: .*synchronise the clocks \(NTP\)/,
  },
  {
    name: 'a wrong path in the resource',
    wrong: (port) => ({ '--resource': `http://127.0.0.1:${port}/mpc` }),
    status: 404,
    cause: /not found: POST "\/mcp" .*; served: http:\S+\/mpc\b/,
    cure: /→ correct the URL of the client; to serve another URL: --resource/,
  },
  {
    name: 'a host that is not allowed',
    headers: { host: 'mcp.example.com' },
    status: 403,
    cause: /refused: Host "mcp\.example\.com"/,
    cure: /→ .* --allow-host/,
  },
  {
    name: 'an origin that is not allowed',
    headers: { origin: 'https://app.example.com' },
    status: 403,
    cause: /refused: Origin "https:\/\/app\.example\.com"/,
    cure: /→ to allow it: --allow-origin/,
  },
  {
    name: 'an MCP server that does not run',
    upstream: async () => `http://127.0.0.1:${await freePort()}/mcp`,
    status: 502,
    cause: /upstream: ECONNREFUSED: no server listens there/,
    cure: /→ start the server, or correct --upstream/,
  },
  {
    name: 'https for an MCP server that speaks http',
    upstream: async () => (await startServer()).replace('http:', 'https:'),
    status: 502,
    cause: /upstream: the port speaks http, and the URL says https/,
    cure: /→ write http in --upstream/,
  },
  {
    name: 'a wrong path of the MCP server (Starlette)',
    upstream: () => startServer(404, 'text/plain; charset=utf-8', 'Not Found'),
    status: 404,
    cause: /upstream: it answered 404 without JSON/,
    cure: /→ correct the path of --upstream/,
  },
  {
    name: 'a wrong path of the MCP server (FastAPI)',
    upstream: () => startServer(404, 'application/json', '{"detail":"Not Found"}'),
    status: 404,
    cause: /upstream: it answered 404 with JSON/,
    cure: /→ correct the path of --upstream/,
  },
  {
    name: 'a wrong path of the MCP server (Express)',
    upstream: () => startServer(404, 'text/html; charset=utf-8', '<pre>Cannot POST /mpc</pre>'),
    status: 404,
    cause: /upstream: it answered 404 with HTML/,
    cure: /→ .* --upstream must be the exact endpoint/,
  },
  {
    name: 'a web page in place of the MCP server',
    upstream: () => startServer(200, 'text/html', '<h1>Welcome</h1>'),
    status: 200,
    cause: /upstream: it answered 200 with HTML/,
    cure: /→ .* --upstream must be the exact endpoint/,
  },
  {
    name: 'an MCP server that wants a token of its own',
    upstream: () => startServer(401, 'application/json', '{"error":"invalid_token"}'),
    status: 502,
    cause: /upstream: it answered 401/,
    cure: /→ .*does not forward its token: .* --upstream-header/,
  },
  {
    name: 'a variable that the command lacks',
    command: [process.execPath, '-e', NEEDS_TOKEN],
    environment: { GITHUB_TOKEN: 'canary' },
    status: 502,
    cause: /child \w+ ended with exit code 1/,
    cure: /→ set here and not passed to it: GITHUB_TOKEN; --child-env NAME passes a variable/,
  },
]

describe('the log of a newcomer names cause and cure', () => {
  for (const mistake of MISTAKES) {
    verifies(['FLD-07', 'FLD-21'], mistake.name, async () => {
      const [status, line] = await make(mistake)
      expect(status).toBe(mistake.status)
      expect(line).toMatch(mistake.cure)
      expect(line).not.toContain('canary')
    })
  }

  /** A client that cannot register never comes back: we see that it asked, and nothing of the refusal. */
  for (const [name, metadata, outcome] of [
    ['has no registration endpoint', {}, 'nowhere'],
    ['refuses to register clients', { registration_endpoint: 'register' }, 403],
  ] as const) {
    verifies('FLD-21', `of a provider that ${name} only the 401 is seen, at debug`, async () => {
      const provider = providerAt(KEYCLOAK)
      const urls = Object.entries(metadata).map(([key, path]) => [
        key,
        `${provider.issuer}/${path}`,
      ])
      provider.metadata = Object.fromEntries(urls) as Record<string, unknown>
      const port = await freePort()
      const wrong = () => ({ '--log-level': 'debug' })
      const mistake: Mistake = { name, wrong, status: 401, cause: /denied/, cure: /denied/ }
      const cli = startCli(await commandLine(mistake, provider.issuer, port))
      const url = await addressOf(cli)
      const began = performance.now()
      expect(await post(`${url}/mcp`, {})).toBe(401)
      expect(await register(`${url}/.well-known/oauth-protected-resource/mcp`)).toBe(outcome)
      const denials = () => shown(cli).filter((line) => line.includes('denied'))
      await eventually(() => denials().length > 0)
      addRow(mistake, denials().join('\n'), performance.now() - began)
      expect(denials()).toEqual([expect.stringMatching(/DEBUG.*denied: no Authorization field/)])
      expect(cli.stderr()).not.toMatch(/regist/)
    })
  }
})

/** What a client does after a 401, up to its registration (RFC 7591). */
async function register(metadataUrl: string): Promise<number | 'nowhere'> {
  const resource = (await (await fetch(metadataUrl)).json()) as Record<string, string[]>
  const [issuer = ''] = resource['authorization_servers'] ?? []
  const found = await fetch(`${issuer}/.well-known/openid-configuration`)
  const { registration_endpoint: endpoint } = (await found.json()) as Record<string, string>
  if (endpoint === undefined) return 'nowhere'
  return (await fetch(endpoint, { method: 'POST', body: '{}' })).status
}

afterAll(() => {
  if (process.env['NEWCOMER_TABLE'] !== '1') return
  const head = '| mistake | line | ms from the request to the line |\n| --- | --- | --- |'
  process.stdout.write(`${head}\n${rows.join('\n')}\n`)
})
