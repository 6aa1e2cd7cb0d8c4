/** `login` with a real identity provider and real MCP servers of both generations of the SDK. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startIdp, type Idp } from '../../../examples/demo/idp.js'
import { SCOPE, startHono, startHonoV2, type Running } from '../../interop/support.js'
import { freePort, startCli, writeTemporary } from '../../support/cli.js'
import { eventually } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
import { login, nobody } from './support.js'

const SECRET = 'a-secret-of-a-client-4711'
const PORT = await freePort()
const TOOLS = 'whoami  Says who is calling, as the access token has it\nadd     Adds two numbers\n'

let idp: Idp
let v1: Running
let v2: Running

beforeAll(async () => {
  idp = await startIdp([SCOPE], {
    clients: [
      {
        client_id: 'public',
        token_endpoint_auth_method: 'none',
        redirect_uris: [`http://127.0.0.1:${PORT}/callback`],
        grant_types: ['authorization_code', 'refresh_token'],
      },
      {
        client_id: 'confidential',
        client_secret: SECRET,
        redirect_uris: [`http://127.0.0.1:${PORT}/callback`],
      },
    ],
  })
  const options = { authorizationServers: idp.issuer, scopes: SCOPE }
  v1 = await startHono(options)
  v2 = await startHonoV2(options)
  for (const { url } of [v1, v2]) idp.resources.set(url, { scope: SCOPE })
})
afterAll(() => Promise.all([v1.stop(), v2.stop(), idp.stop()]))

function newFile(): string {
  return join(mkdtempSync(join(tmpdir(), 'gatehouse-login-')), 'login.json')
}

/** Everything of a token that must not be shown. */
function expectNoToken({ stderr, stdout }: { stderr: string; stdout: string }): void {
  expect(stderr + stdout).not.toMatch(/eyJ[\w-]+\./)
}

describe('with nothing but the URL', () => {
  verifies(
    'FLD-41',
    'registers, logs in with PKCE for this resource, lists the tools',
    async () => {
      const { code, stdout, stderr, visits, shown } = await login([v1.url])
      expect({ code, stdout }).toEqual({ code: 0, stdout: TOOLS })
      expect(visits.map(({ forms }) => forms)).toEqual([['Who are you?', 'Do you agree?']])
      const asked = new URL(shown[0] ?? '').searchParams
      expect(asked.get('code_challenge_method')).toBe('S256')
      expect(asked.get('resource')).toBe(v1.url)
      expect(asked.get('scope')).toBe(SCOPE)
      expect(asked.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/)
      expect(stderr).toContain(`resource ${v1.url}, authorization server ${idp.issuer}\n`)
      expect(stderr).toMatch(/^registered as \S+$/m)
      expect(stderr).toMatch(/^logged in with the scopes mcp:tools, for 300 s$/m)
      expect(stderr).toMatch(/^demo 1\.0\.0: 2 tools$/m)
      expect(stderr).not.toContain(visits[0]?.callback.searchParams.get('code'))
      expectNoToken({ stderr, stdout })
    },
  )

  verifies('FLD-42', 'calls one tool, only when asked to, with these arguments', async () => {
    const { code, stdout } = await login([v1.url, '--call', 'add', '--args', '{"a":2,"b":3}'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ content: [{ type: 'text', text: '5' }] })
  })

  test('says with its exit code that the tool reported an error', async () => {
    const { code, stdout } = await login([v1.url, '--call', 'add', '--args', '{"a":"two"}'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ isError: true })
  })

  test('a server of the second generation is called in the same way', async () => {
    const { code, stdout } = await login([v2.url, '--call', 'whoami'])
    expect(code).toBe(0)
    const { content } = JSON.parse(stdout) as { content: { text: string }[] }
    expect(JSON.parse(content[0]?.text ?? '')).toMatchObject({ subject: 'alice' })
  })
})

describe('--print-token', () => {
  verifies('FLD-42', 'writes the token alone to stdout, and says that it is a secret', async () => {
    const { code, stdout, stderr } = await login([v1.url, '--print-token'])
    expect(code).toBe(0)
    const token = stdout.trimEnd()
    expect(stdout).toBe(`${token}\n`)
    expect(decodeJwt(token)).toMatchObject({ aud: v1.url, sub: 'alice', scope: SCOPE })
    expect(stderr).toContain('is a secret')
    expect(stderr).not.toContain(token)
  })
})

describe('a client that is registered already', () => {
  const port = ['--redirect-port', String(PORT)]

  test('--client-id', async () => {
    const { code, stdout, stderr } = await login([v1.url, '--client-id', 'public', ...port])
    expect({ code, stdout }).toEqual({ code: 0, stdout: TOOLS })
    expect(stderr).toContain(`client public, redirect URI http://127.0.0.1:${PORT}/callback\n`)
    expect(stderr).not.toContain('registered as')
  })

  test('--client-secret-file', async () => {
    const file = writeTemporary('secret', `${SECRET}\n`)
    const client = ['--client-id', 'confidential', '--client-secret-file', file]
    const { code, stdout, stderr } = await login([v1.url, ...client, ...port])
    expect({ code, stdout }).toEqual({ code: 0, stdout: TOOLS })
    expect(stderr).not.toContain(SECRET)
  })

  test('without its secret: the token endpoint says no, and what to check is told', async () => {
    const { code, stderr } = await login([v1.url, '--client-id', 'confidential', ...port])
    expect(code).toBe(1)
    expect(stderr).toMatch(/token endpoint answered 401[\s\S]*--client-secret-file/)
  })
})

describe('--store', () => {
  verifies(
    'FLD-43',
    'keeps the refresh token for its owner, and uses it the next time',
    async () => {
      const file = newFile()
      const first = await login([v1.url, '--store', file])
      expect({ code: first.code, stdout: first.stdout }).toEqual({ code: 0, stdout: TOOLS })
      expect(first.stderr).toContain(`the refresh token is in ${file}\n`)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const before = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
      expect(Object.keys(before)).toEqual([
        'url',
        'issuer',
        'client',
        'redirectUri',
        'refreshToken',
      ])
      expectNoToken({ stderr: readFileSync(file, 'utf8'), stdout: '' })

      const second = await login([v1.url, '--store', file], nobody)
      expect({ code: second.code, stdout: second.stdout }).toEqual({ code: 0, stdout: TOOLS })
      expect(second.shown).toEqual([])
      const after = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
      expect(after['client']).toEqual(before['client'])
      // It is rotated: the old one would end the whole login.
      expect(after['refreshToken']).not.toBe(before['refreshToken'])
      expect(second.stderr).not.toContain(after['refreshToken'])
    },
  )

  test('a refresh token that is no longer good leads to a new login', async () => {
    const file = newFile()
    await login([v1.url, '--store', file])
    const stored = readFileSync(file, 'utf8')
    const worn = stored.replace(/"refreshToken": "[^"]*"/, '"refreshToken": "worn-out"')
    const copy = writeTemporary('login.json', worn)
    chmodSync(copy, 0o600)
    const { code, stderr, shown } = await login([v1.url, '--store', copy])
    expect(code).toBe(0)
    expect(stderr).toContain('no longer good: log in again')
    expect(shown).toHaveLength(1)
    // It is the same client, at the same redirect URI.
    expect(stderr).not.toContain('registered as')
  })

  verifies('FLD-43', 'a file that others may read is not used', async () => {
    const file = newFile()
    await login([v1.url, '--store', file])
    chmodSync(file, 0o644)
    const { code, stderr, shown } = await login([v1.url, '--store', file])
    expect({ code, shown }).toEqual({ code: 1, shown: [] })
    expect(stderr).toContain(`has the mode 0644, so that others can use it\n  → chmod 600 ${file}`)
  })

  test('the file of another server is not used, and not overwritten', async () => {
    const file = newFile()
    await login([v1.url, '--store', file])
    const before = readFileSync(file, 'utf8')
    const { code, stderr } = await login([v2.url, '--store', file])
    expect(code).toBe(1)
    expect(stderr).toContain(`holds the login at ${v1.url}\n`)
    expect(readFileSync(file, 'utf8')).toBe(before)
  })

  test('without it nothing is stored, and no refresh token is asked for', async () => {
    const { shown } = await login([v1.url])
    expect(new URL(shown[0] ?? '').searchParams.get('scope')).toBe(SCOPE)
    const { shown: kept } = await login([v1.url, '--store', newFile()])
    const asked = new URL(kept[0] ?? '').searchParams
    expect(asked.get('scope')).toBe(`${SCOPE} offline_access`)
    expect(asked.get('prompt')).toBe('consent')
  })
})

describe('as a process', () => {
  verifies('FLD-44', '--headless: a command logs in, for CI', async () => {
    const command = `${process.execPath} --import tsx examples/demo/headless.ts`
    const cli = startCli(['login', v1.url, '--headless', command])
    expect(await cli.exited).toBe(0)
    expect(cli.stdout().toString()).toBe(TOOLS)
    expectNoToken({ stderr: cli.stderr(), stdout: '' })
  })

  test('--headless: a command that fails ends the login', async () => {
    const cli = startCli(['login', v1.url, '--headless', `${process.execPath} -e process.exit(3)`])
    expect(await cli.exited).toBe(1)
    expect(cli.stderr()).toContain('the command of --headless ended with code 3\n')
  })

  verifies('FLD-44', 'Ctrl-C ends it, and leaves nothing', async () => {
    const file = newFile()
    const cli = startCli(['login', v1.url, '--no-browser', '--store', file])
    await eventually(() => cli.stderr().includes('Log in here'), 20_000)
    const [, redirect = ''] = /redirect URI (\S+)/.exec(cli.stderr()) ?? []
    cli.process.kill('SIGINT')
    expect(await cli.exited).toBe(1)
    expect(cli.stderr()).toContain('interrupted\n')
    expect(existsSync(file)).toBe(false)
    await expect(fetch(redirect)).rejects.toThrow()
  })
})
