/** The mistakes of the first day. */
import type { JsonReport } from '../../../src/cli/doctor/json-report.js'
import { BROWSER_ORIGIN } from '../../../src/cli/doctor/resource-view.js'
import { freePort } from '../../support/cli.js'
import { runHere, startListeningProvider } from '../../support/doctor-command.js'
import { startUpstream } from '../../support/gateway.js'
import { RESOURCE } from '../../support/idp.js'
import { mcpServer } from '../../support/mcp-server.js'
import { AT, byExplain } from '../explained.js'
import type { Failure } from '../failure.js'
import { lookAtGateway } from '../gateway.js'
import { fromInside } from '../inside.js'
import { byRegistration, fromOutside, said } from '../outside.js'

const NO_AUTH = ['--auth', 'none']

/** A server behind the gateway that gives one answer to all. */
function answering(status: number, type: string, body: string): () => Promise<string> {
  return () =>
    startUpstream((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end(body)
    })
}

const OF_SERVERS: readonly Failure[] = (
  [
    [
      'An MCP server that does not run',
      async () => `http://127.0.0.1:${await freePort()}/mcp`,
      'upstream-fault',
      /ECONNREFUSED.*start the server, or correct --upstream/,
    ],
    [
      'https for an MCP server that speaks http',
      async () => (await startUpstream(mcpServer())).replace('http:', 'https:'),
      'upstream-fault',
      /the port speaks http, and the URL says https.*write http in --upstream/,
    ],
    [
      'A wrong path of the MCP server',
      answering(404, 'text/plain', 'Not Found'),
      'upstream-answer',
      /answered 404.*correct the path of --upstream/,
    ],
    [
      'A web page in place of the MCP server',
      answering(200, 'text/html', '<h1>Welcome</h1>'),
      'upstream-answer',
      /answered 200 with HTML.*--upstream must be the exact endpoint/,
    ],
    [
      'An MCP server that wants a token of its own',
      answering(401, 'application/json', '{"error":"invalid_token"}'),
      'upstream-answer',
      /answered 401.*--upstream-header/,
    ],
    [
      'An MCP server that does not accept the Host of the gateway',
      answering(421, 'text/plain', 'Invalid Host header'),
      'upstream-answer',
      /answered 421.*--upstream-host/,
    ],
    [
      'An MCP server of 2024-11-05',
      answering(405, 'text/plain', ''),
      'upstream-answer',
      /answered 405.*2024-11-05/,
    ],
  ] as const
).map(([name, start, finding, advice]) =>
  fromInside(
    { number: 'mistake', name, made: 'behind the gateway', finding, advice },
    async (isBroken) => {
      const url = isBroken ? await start() : await startUpstream(mcpServer())
      return [...NO_AUTH, '--upstream', url]
    },
  ),
)

const NEEDS_VARIABLE = `
if (process.env.GITHUB_TOKEN === undefined) throw new Error('GITHUB_TOKEN is not set')
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line)
  const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'x' } }
  if (method === 'initialize') console.log(JSON.stringify({ jsonrpc: '2.0', id, result }))
  else if (id !== undefined)
    console.log(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }))
})`

const OF_COMMANDS: readonly Failure[] = [
  fromInside(
    {
      number: 'mistake',
      name: 'A variable that the command lacks',
      made: 'GITHUB_TOKEN in the shell, and not passed on',
      finding: 'command-fault',
      advice: /set here and not passed to it: GITHUB_TOKEN.*--child-env NAME passes/,
    },
    (isBroken) => {
      const command = ['--', process.execPath, '-e', NEEDS_VARIABLE]
      const passed = isBroken ? [] : ['--child-env', 'GITHUB_TOKEN']
      return Promise.resolve([...NO_AUTH, ...passed, ...command])
    },
    { env: { GITHUB_TOKEN: 'canary' } },
  ),
]

const OF_ISSUERS: readonly Failure[] = (
  [
    ['A slash too many at the end of the issuer', (issuer: string) => `${issuer}/`],
    ['https for an issuer that speaks http', (issuer: string) => issuer.replace('http:', 'https:')],
  ] as const
).map(([name, spell]) =>
  fromInside(
    {
      number: 'mistake',
      name,
      made: 'in --oauth-issuer',
      finding: 'gateway-keys',
      advice: /Correct --oauth-issuer/,
    },
    async (isBroken) => {
      const { issuer } = await startListeningProvider()
      const upstream = await startUpstream(mcpServer())
      const spelled = isBroken ? spell(issuer) : issuer
      const fixed = ['--auth', 'oauth', '--oauth-issuer', spelled]
      return [...fixed, '--resource', RESOURCE, '--upstream', upstream]
    },
  ),
)

const OF_TOKENS: readonly Failure[] = [
  byExplain(
    {
      number: 'mistake',
      name: 'A slash too many at the end of the issuer',
      made: 'in the token, and not in --oauth-issuer',
      finding: 'ERR_TOKEN_ISSUER_UNTRUSTED',
      advice: /differ in the last slash: correct --oauth-issuer/,
    },
    { token: { claims: { iss: 'https://sso.example.com/realms/mcp/' } } },
  ),
  byExplain(
    {
      number: 'mistake',
      name: 'No audience mapper',
      made: 'a token of Keycloak as it comes out of the box',
      finding: 'ERR_TOKEN_AUDIENCE',
      advice: /Keycloak: add an Audience mapper.*--oauth-audience/,
    },
    { token: { claims: { aud: 'account' } } },
  ),
  byExplain(
    {
      number: 'mistake',
      name: 'A scope that the token lacks',
      made: 'a token of Keycloak with openid alone',
      finding: 'ERR_SCOPE_INSUFFICIENT',
      advice: /lacks mcp:tools.*Keycloak: make the client scope Default.*--oauth-scopes/,
    },
    { token: { claims: { scope: 'openid' } } },
  ),
  byExplain(
    {
      number: 'mistake',
      name: 'A clock that is behind',
      made: 'a token that is issued in the future',
      finding: 'ERR_TOKEN_NOT_YET_VALID',
      advice: /ahead of our clock.*\(NTP\).*--oauth-clock-tolerance/,
    },
    { token: { claims: { iat: AT + 120, exp: AT + 420 } } },
  ),
]

const OF_URLS: readonly Failure[] = [
  {
    number: 'mistake',
    name: 'https for a server that speaks http',
    made: 'in the URL',
    command: 'doctor',
    finding: 'tls-not-spoken',
    advice: /Write http, or the port that speaks TLS/,
    async run(isBroken) {
      const url = await startUpstream(mcpServer())
      const typed = isBroken ? url.replace('http:', 'https:') : url
      const { stdout } = await runHere([typed, '--json'])
      return (JSON.parse(stdout) as JsonReport).diagnoses.flatMap(said)
    },
  },
  {
    number: 'mistake',
    name: 'A wrong path in the resource',
    made: 'a gateway with --resource …/mpc',
    command: 'doctor',
    finding: 'no-endpoint',
    advice: /Use the exact URL of the endpoint.*--resource/,
    run: (isBroken) =>
      lookAtGateway({ resource: isBroken ? RESOURCE.replace(/mcp$/, 'mpc') : RESOURCE }),
  },
  {
    number: 'mistake',
    name: 'A Host that the gateway does not know',
    made: 'a proxy that passes its internal name on',
    command: 'doctor',
    finding: 'host-refused',
    advice: /Let the proxy in front pass Host on unchanged, or add the name \(--allow-host\)/,
    run: (isBroken) => lookAtGateway({}, isBroken ? { host: 'backend.internal' } : {}),
  },
  {
    number: 'mistake',
    name: 'CORS',
    made: 'a gateway without --allow-origin',
    command: 'doctor',
    finding: 'cors-endpoint',
    advice: /--allow-origin ORIGIN/,
    run: (isBroken) => lookAtGateway(isBroken ? {} : { allowOrigins: [BROWSER_ORIGIN] }),
  },
  fromOutside(
    {
      number: 'mistake',
      name: 'A server of 2024-11-05',
      made: 'a GET that begins with event: endpoint',
      finding: 'old-transport',
      advice: /Upgrade the server to Streamable HTTP/,
    },
    {
      replies: {
        'POST /mcp': { status: 405 },
        'GET /mcp': {
          headers: { 'content-type': 'text/event-stream' },
          body: 'event: endpoint\ndata: /messages?session=1\n\n',
        },
      },
    },
  ),
]

const OF_REGISTRATION: readonly Failure[] = [
  byRegistration(
    {
      number: 'mistake',
      name: 'Registration is closed',
      made: 'a provider that answers 403',
      finding: 'registration-refused',
      advice: /answered 403.*Client registration policies/,
    },
    { register: () => Response.json({ error: 'access_denied' }, { status: 403 }) },
  ),
]

export const MISTAKES: readonly Failure[] = [
  ...OF_ISSUERS,
  ...OF_TOKENS,
  ...OF_URLS,
  ...OF_SERVERS,
  ...OF_COMMANDS,
  ...OF_REGISTRATION,
]
