/** `clients register`: what it prints for each provider, and what it registers for real. */
import { execFile } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startIdp } from '../../../examples/demo/idp.js'
import { PROVIDER_REGISTRATIONS } from '../../../src/advice/client-registration.js'
import { SCOPE, startHono } from '../../interop/support.js'
import { freePort, writeTemporary } from '../../support/cli.js'
import { verifies } from '../../support/verifies.js'
import { login } from '../login/support.js'
import { register } from './support.js'

const ISSUERS: Readonly<Record<string, string>> = {
  keycloak: 'https://sso.example.com/realms/mcp',
  auth0: 'https://tenant.us.auth0.com/',
  okta: 'https://example.okta.com/oauth2/default',
  zitadel: 'https://example.zitadel.cloud',
  authentik: 'https://sso.example.com/application/o/mcp/',
  oidc: 'https://sso.example.com',
}
/** The end of the first URL of each, as its documentation has it. */
const ENDPOINTS: Readonly<Record<string, string>> = {
  keycloak: 'https://sso.example.com/admin/realms/mcp/clients',
  auth0: 'https://tenant.us.auth0.com/api/v2/clients',
  entra: 'https://graph.microsoft.com/v1.0/applications',
  okta: 'https://example.okta.com/api/v1/apps',
  zitadel:
    'https://example.zitadel.cloud/zitadel.application.v2.ApplicationService/CreateApplication',
  authentik: 'https://sso.example.com/api/v3/providers/oauth2/',
  oidc: 'REGISTRATION_ENDPOINT',
}

function issuerOf(name: string): readonly string[] {
  const issuer = ISSUERS[name]
  return issuer === undefined ? [] : ['--issuer', issuer]
}

/** A file that only we may read. */
function tokenFile(content: string, mode = 0o600): string {
  const file = writeTemporary('token', content)
  chmodSync(file, mode)
  return file
}

describe('printed', () => {
  test.each(PROVIDER_REGISTRATIONS.map(({ name }) => name))('%s', async (name) => {
    const argv = ['--idp', name, '--client', 'claude-code', ...issuerOf(name)]
    const { code, stdout, stderr } = await register(argv)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [, first] = /curl -sS -X POST (\S+) /.exec(stdout) ?? []
    expect(first).toBe(ENDPOINTS[name])
    expect(stdout).toMatch(/Authorization: (?:Bearer|SSWS) \$ADMIN_TOKEN"/)
    expect(stdout).toContain('"http://localhost:8765/callback"')
    expect(stdout).toMatch(/From the sources below \(\d{4}-\d\d-\d\d/)
    expect(stdout).not.toContain('undefined')
  })

  verifies('FLD-47', 'it is a script that sends the body as it is', async () => {
    const received: { url: string | undefined; headers: IncomingHttpHeaders; body: string }[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => (body += String(chunk)))
      request.on('end', () => {
        received.push({ url: request.url, headers: request.headers, body })
        response.end('{}')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/mcp`
    const uri = "https://example.com/it's/$HOME"
    const argv = ['--idp', 'keycloak', '--client', 'librechat', '--redirect-uri', uri]
    const { stdout } = await register([...argv, '--issuer', issuer])
    const env = { PATH: process.env['PATH'], ADMIN_TOKEN: 'admin-1' }
    await promisify(execFile)('sh', ['-c', stdout], { env })
    expect(received[0]?.url).toBe('/admin/realms/mcp/clients')
    expect(received[0]?.headers.authorization).toBe('Bearer admin-1')
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
      clientId: 'librechat',
      publicClient: true,
      redirectUris: [uri],
      attributes: { 'pkce.code.challenge.method': 'S256' },
    })
  })

  test('what differs has to be given', async () => {
    const argv = ['--idp', 'oidc', '--issuer', 'https://sso.example.com', '--client']
    for (const client of ['chatgpt', 'goose', 'librechat']) {
      const { code, stderr } = await register([...argv, client])
      expect(code).toBe(2)
      expect(stderr).toMatch(/^--redirect-uri: is missing\n {2}→ it differs: \S/)
    }
  })
})

describe('registered by RFC 7591 at oidc-provider', () => {
  verifies('FLD-47', 'the client logs in; its admin token is asked for', async () => {
    const secret = 'initial-access-token-4711'
    const idp = await startIdp([SCOPE], {
      features: { registration: { enabled: true, initialAccessToken: secret } },
    })
    onTestFinished(() => idp.stop())
    const port = await freePort()
    const argv = ['--idp', 'oidc', '--client', 'vscode', '--issuer', idp.issuer, '--apply']
    const uri = ['--redirect-uri', `http://127.0.0.1:${port}/callback`, '--scope', SCOPE]

    const without = await register([...argv, ...uri])
    expect(without.code).toBe(1)
    expect(without.stderr).toMatch(/\/reg answered 4\d\d/)

    const wrong = await register([...argv, ...uri, '--admin-token-file', tokenFile('wrong-token')])
    expect(wrong.code).toBe(1)
    expect(wrong.stderr).not.toContain('wrong-token')

    const file = tokenFile(`${secret}\n`)
    const { code, stdout, stderr } = await register([...argv, ...uri, '--admin-token-file', file])
    expect(code).toBe(0)
    expect(stderr).toContain(`registered at ${idp.issuer}`)
    expect(stderr + stdout).not.toContain(secret)
    expect(stdout).toMatch(/^\S+\n$/)
  })

  test('the id is that of a client that can log in', async () => {
    const idp = await startIdp([SCOPE])
    onTestFinished(() => idp.stop())
    const server = await startHono({ authorizationServers: idp.issuer, scopes: SCOPE })
    onTestFinished(() => server.stop())
    idp.resources.set(server.url, { scope: SCOPE })
    const port = await freePort()
    const { stdout } = await register([
      ...['--idp', 'oidc', '--client', 'vscode', '--issuer', idp.issuer, '--apply'],
      ...['--redirect-uri', `http://127.0.0.1:${port}/callback`, '--scope', SCOPE],
    ])
    const client = ['--client-id', stdout.trim(), '--redirect-port', String(port)]
    expect((await login([server.url, ...client])).code).toBe(0)
  })
})

describe('the admin token', () => {
  /** An issuer whose metadata name a registration endpoint at another origin. */
  async function startElsewhere() {
    const seen: (string | undefined)[] = []
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.end('{"client_id":"x"}')
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/register`
    const server = createServer((_request, response) => {
      const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ issuer, registration_endpoint: elsewhere }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.close()
      other.close()
    })
    return { issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
  }

  verifies('FLD-47', 'goes to no other origin than that of the issuer', async () => {
    const { issuer, seen } = await startElsewhere()
    const argv = ['--idp', 'oidc', '--client', 'vscode', '--issuer', issuer, '--apply']
    const file = tokenFile('admin-1')
    const { code, stderr } = await register([...argv, '--admin-token-file', file])
    expect(code).toBe(1)
    expect(stderr).toContain('is at another origin than the issuer\n')
    expect(seen).toEqual([])
    // Without a token there is nothing to give away.
    expect((await register(argv)).code).toBe(0)
    expect(seen).toEqual([undefined])
  })

  verifies('FLD-47', 'is not taken from a file that others may read', async () => {
    const argv = ['--idp', 'keycloak', '--client', 'vscode', '--issuer', ISSUERS['keycloak'] ?? '']
    const file = tokenFile('admin-1', 0o644)
    const { code, stderr } = await register([...argv, '--apply', '--admin-token-file', file])
    expect(code).toBe(1)
    expect(stderr).toContain('has the mode 0644, so that others can use it\n  → chmod 600')
  })

  test.each([
    ['two\nlines', /does not hold a token/],
    ['', /does not hold a token/],
  ])('%j is none', async (content, problem) => {
    const argv = ['--idp', 'keycloak', '--client', 'vscode', '--issuer', ISSUERS['keycloak'] ?? '']
    const file = tokenFile(content)
    const { code, stderr } = await register([...argv, '--apply', '--admin-token-file', file])
    expect(code).toBe(1)
    expect(stderr).toMatch(problem)
  })
})

describe('arguments', () => {
  const OIDC = ['--idp', 'oidc', '--issuer', 'https://sso.example.com']
  test.each([
    [[], /^--idp: is missing[\s\S]*^--client: is missing/m],
    [['--idp', 'keycloack', '--client', 'vscode'], /^--idp: is not .*\n.*did you mean keycloak\?/],
    [[...OIDC, '--client', 'vs-code'], /^--client: is not a known client/],
    [['--idp', 'oidc', '--client', 'vscode'], /^--issuer: is missing/],
    [
      ['--idp', 'keycloak', '--client', 'vscode', '--issuer', 'https://a.example'],
      /\/realms\/NAME/,
    ],
    [['--idp', 'okta', '--client', 'vscode', '--issuer', 'http://a.example'], /not an https URL/],
    [[...OIDC, '--client', 'vscode', '--redirect-uri', 'http://a.example/'], /^--redirect-uri/],
    [[...OIDC, '--client', 'vscode', '--redirect-uri', 'javascript:x'], /^--redirect-uri/],
    [[...OIDC, '--client', 'vscode', '--client-id', 'a b'], /^--client-id: cannot be used/],
    [[...OIDC, '--client', 'vscode', '--admin-token-file', 'x'], /no effect without --apply/],
    [['--idp', 'entra', '--client', 'vscode', '--apply'], /^--apply: does not work for entra/],
    [
      ['--idp', 'keycloak', '--client', 'vscode', '--issuer', ISSUERS['keycloak'] ?? '', '--apply'],
      /^--admin-token-file: is missing/,
    ],
    [[...OIDC, '--client', 'vscode', 'more'], /^argument 1: is unexpected/],
  ])('%j', async (argv, problem) => {
    const { code, stdout, stderr } = await register(argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(problem)
  })

  test('--help teaches', async () => {
    const { code, stdout } = await register(['--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('clients register --idp IDP --client NAME')
    expect(stdout.split('\n').every((line) => line.length <= 100)).toBe(true)
  })
})
