/** `mcp-gatehouse` as people start it. */
import { createServer } from 'node:net'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort, startCli, writeTemporary, type Cli } from '../support/cli.js'
import { eventually, startUpstream } from '../support/gateway.js'
import { fakeKey, FakeIdp, ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const RESOURCE = 'https://mcp.example.com/mcp'

/** Arguments that let tokens of the fake IdP in without anybody being contacted. */
async function oauth(upstream: string): Promise<readonly string[]> {
  const { jwk } = await fakeKey('key-1')
  const keys = writeTemporary('keys.json', JSON.stringify({ keys: [jwk] }))
  return [
    ...['--auth', 'oauth', '--oauth-issuer', ISSUER, '--oauth-jwks-file', keys],
    ...['--resource', RESOURCE, '--port', '0', '--upstream', upstream],
  ]
}

/** The same, with the issuer in the list of a config file. */
function listed(upstream: string, jwksFile: string): readonly string[] {
  const oauth = { issuers: [{ issuer: ISSUER, jwksFile }] }
  const settings = { auth: 'oauth', resource: RESOURCE, port: 0, upstream, oauth }
  return ['--config', writeTemporary('gatehouse.json', JSON.stringify(settings))]
}

async function call(url: string, token: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}/mcp`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...(init.headers as object) },
  })
}

const tokenOf = async (key?: string) => {
  const idp = await FakeIdp.start()
  return idp.token(key === undefined ? {} : { key: await fakeKey(key) })
}

describe('serve', () => {
  verifies(
    ['CASE-61', 'GW-08', 'CASE-67'],
    'guards, says what it does in one line, and ends clean at SIGTERM',
    async () => {
      let finish: (() => void) | undefined
      const upstream = await startUpstream((request, response) => {
        if (request.method === 'POST') finish = () => response.end('done')
        else response.setHeader('mcp-session-id', 'canary-session').end('ok')
      })
      const cli = startCli([...(await oauth(`${upstream}?key=canary-key`)), '--log-level', 'debug'])
      const url = await cli.listening()
      const token = await tokenOf()
      expect((await fetch(`${url}/mcp`)).status).toBe(401)
      const first = await call(url, token)
      expect(await first.text()).toBe('ok')
      const session = first.headers.get('mcp-session-id') ?? ''
      const foreign = { headers: { 'mcp-session-id': `${session}-of-another` } }
      expect((await call(url, token, foreign)).status).toBe(404)
      expect((await call(url, `${token}x`)).status).toBe(401)
      const running = call(url, token, {
        method: 'POST',
        body: '{"canary":"canary-body"}',
        headers: { 'mcp-session-id': session, 'content-type': 'application/json' },
      })
      await eventually(() => finish !== undefined)
      cli.process.kill('SIGTERM')
      await eventually(() => cli.stderr().includes('shutting down'))
      finish?.()
      expect(await (await running).text()).toBe('done')
      expect(await cli.exited).toBe(0)

      const [line] = cli.log().filter((entry) => entry['url'] !== undefined)
      for (const part of [RESOURCE, url, ISSUER, upstream]) expect(line?.['msg']).toContain(part)
      expect(cli.stdout().toString()).toBe('')
      const log = cli.stderr()
      expect(log).not.toContain('canary')
      expect(log).not.toContain(session.slice(0, 43))
      expect(cli.log().find(({ code }) => code === 'ERR_SESSION_UNKNOWN')).toBeDefined()
      for (const part of token.split('.').slice(1)) expect(log).not.toContain(part)
      const denied = cli.log().find(({ event }) => event === 'request.denied')
      // Each client begins without a token.
      expect(denied).toMatchObject({ level: 'debug', code: 'ERR_CREDENTIALS_MISSING' })
      const denials = cli.log().filter(({ event }) => event === 'request.denied')
      expect(denials.at(-1)).toMatchObject({ level: 'info' })
      expect(denied?.['requestId']).toMatch(/^[\da-f-]{36}$/)
    },
  )

  verifies(
    'CASE-61',
    'in the environment alone, with the port that the platform gives',
    async () => {
      const upstream = await startUpstream((_request, response) => response.end('ok'))
      const port = await freePort()
      const cli = startCli(['--log-format', 'json'], {
        MCP_GATEHOUSE_AUTH: 'oauth',
        MCP_GATEHOUSE_OAUTH_ISSUER: ISSUER,
        MCP_GATEHOUSE_OAUTH_JWKS_FILE: writeTemporary(
          'keys.json',
          JSON.stringify({ keys: [(await fakeKey('key-1')).jwk] }),
        ),
        MCP_GATEHOUSE_UPSTREAM: upstream,
        MCP_GATEHOUSE_PORT: 'tcp://10.0.0.1:80',
        MCP_GATEHOUSE_RESOURCE: RESOURCE,
        PORT: String(port),
      })
      expect(await cli.listening()).toBe(`http://127.0.0.1:${port}`)
      expect(await (await call(`http://127.0.0.1:${port}`, await tokenOf())).text()).toBe('ok')
    },
  )

  verifies(
    'CASE-61',
    'a wrong configuration: all problems, exit code 2, and no socket',
    async () => {
      const port = await freePort()
      const cli = startCli([
        ...[
          '--auth',
          'oauth',
          '--port',
          String(port),
          '--upstream',
          'ftp://x',
          '--host',
          '0.0.0.0',
        ],
        ...['--oauth-clock-tolerance', '1h', '--upstrem', 'x', '--allow-origin', 'nonsense'],
      ])
      expect(await cli.exited).toBe(2)
      const text = cli.stderr()
      for (const name of [
        '--oauth-issuer',
        '--resource',
        '--upstream',
        '--oauth-clock-tolerance',
        '--upstrem',
        '--allow-origin',
      ]) {
        expect(text).toContain(name)
      }
      expect(text).toContain('did you mean --upstream')
      expect(text).not.toContain('    at ')
      await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow()
    },
  )

  for (const [name, args] of [
    ['without tokens on every address', ['--auth', 'none', '--host', '0.0.0.0']],
    ['without tokens because nothing was said', ['--host', '0.0.0.0']],
    [
      'with tokens but without a resource',
      ['--auth', 'oauth', '--oauth-issuer', ISSUER, '--host', '0.0.0.0'],
    ],
  ] as const) {
    verifies('CASE-61', `${name}: refused`, async () => {
      const cli = startCli(['--upstream', 'http://127.0.0.1:1/mcp', '--port', '0', ...args])
      expect(await cli.exited).toBe(2)
    })
  }

  test('a port in use: exit code 1 and a sentence', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void taken.close())
    const address = taken.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const cli = startCli(['--upstream', 'http://127.0.0.1:1/mcp', '--port', port])
    expect(await cli.exited).toBe(1)
    expect(cli.stderr()).toContain(
      `cannot listen on 127.0.0.1:${port}: another process listens there`,
    )
  })

  test('an unknown command and an unknown file: exit code 2, and what to do', async () => {
    const command = startCli(['sreve'])
    expect(await command.exited).toBe(2)
    expect(command.stderr()).toContain('sreve: no such command')
    const file = startCli(['--config', 'missing.yaml'])
    expect(await file.exited).toBe(2)
    expect(file.stderr()).toContain('ENOENT')
  })

  test('--help and --version are output', async () => {
    const help = startCli(['--help'])
    expect(await help.exited).toBe(0)
    expect(help.stdout().toString()).toContain('--oauth-issuer')
    const version = startCli(['--version'])
    expect(await version.exited).toBe(0)
    expect(version.stdout().toString()).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  for (const place of ['a flag', 'a listed issuer'] as const) {
    verifies(
      'KEY-04',
      `SIGHUP reads the file of keys again that ${place} names; a broken one changes nothing, loudly`,
      async () => {
        const upstream = await startUpstream((_request, response) => response.end('ok'))
        const args = await oauth(upstream)
        const file = args[args.indexOf('--oauth-jwks-file') + 1] ?? ''
        const cli = startCli(place === 'a flag' ? args : listed(upstream, file))
        const url = await cli.listening()
        const [one, other] = [await tokenOf(), await tokenOf('key-2')]
        const statuses = async () => [
          (await call(url, one)).status,
          (await call(url, other)).status,
        ]
        const hangUp = async (content: string, text: string) => {
          writeFileSync(file, content)
          cli.process.kill('SIGHUP')
          await eventually(() => cli.stderr().includes(text))
        }
        expect(await statuses()).toEqual([200, 401])
        await hangUp('{"keys": [', 'cannot be read (not JSON); nothing was taken')
        expect(await statuses()).toEqual([200, 401])
        expect(cli.log().find(({ msg }) => String(msg).endsWith('taken'))?.['level']).toBe('error')
        await hangUp(JSON.stringify({ keys: [(await fakeKey('key-2')).jwk] }), 'read again')
        expect(await statuses()).toEqual([401, 200])
      },
    )
  }

  test('health and metrics on a port of their own', async () => {
    const upstream = await startUpstream((_request, response) => response.end('ok'))
    const adminPort = await freePort()
    const cli = startCli([...(await oauth(upstream)), '--admin-port', String(adminPort)])
    const url = await cli.listening()
    await call(url, await tokenOf())
    const admin = (path: string) => fetch(`http://127.0.0.1:${adminPort}${path}`)
    expect((await admin('/readyz')).status).toBe(200)
    await eventually(() => cli.log().length > 0)
    expect(await (await admin('/metrics')).text()).toContain(
      'gatehouse_requests_total{outcome="forwarded",reason="whole"} 1',
    )
    expect((await fetch(`${url}/metrics`)).status).toBe(404)
  })

  test('a second signal ends at once', async () => {
    let hasArrived = false
    const upstream = await startUpstream(() => (hasArrived = true))
    const cli = startCli(await oauth(upstream))
    const url = await cli.listening()
    const pending = call(url, await tokenOf(), { method: 'POST', body: '{}' }).catch(() => 'cut')
    await eventually(() => hasArrived)
    cli.process.kill('SIGINT')
    await eventually(() => cli.stderr().includes('shutting down'))
    cli.process.kill('SIGINT')
    expect(await cli.exited).toBe(1)
    expect(await pending).toBe('cut')
  })
})

/** Starts `node -e`; what is after it are its own arguments. */
const node = (script: string, ...args: string[]) => [process.execPath, '-e', script, '--', ...args]

describe('--transport stdio', () => {
  test('bytes through, in both directions, and the exit code', async () => {
    const cli = startCli([
      '--transport',
      'stdio',
      '--',
      ...node(
        'process.stdin.pipe(process.stdout); process.stderr.write("e"); process.stdin.on("end", () => (process.exitCode = 7))',
      ),
    ])
    const bytes = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 7919) % 256))
    cli.process.stdin.end(bytes)
    expect(await cli.exited).toBe(7)
    expect(cli.stdout().equals(bytes)).toBe(true)
    expect(cli.stderr()).toBe('e')
  })

  test('arguments and environment as they are', async () => {
    const cli = startCli(
      [
        '--transport=stdio',
        '--',
        ...node(
          'console.log(JSON.stringify([process.argv.slice(1), process.env.CANARY]))',
          '--auth',
          'oauth',
          '$HOME',
          '',
        ),
      ],
      { CANARY: 'here' },
    )
    expect(await cli.exited).toBe(0)
    expect(JSON.parse(cli.stdout().toString())).toEqual([['--auth', 'oauth', '$HOME', ''], 'here'])
  })

  test('signals through; a command that a signal ends is 128 and its number', async () => {
    const cli = startCli([
      '--transport',
      'stdio',
      '--',
      ...node(
        'process.on("SIGTERM", () => { console.log("got it"); process.exit(3) }); setInterval(() => 0, 1000); console.log("up")',
      ),
    ])
    await eventually(() => cli.stdout().includes('up'), 15_000)
    cli.process.kill('SIGTERM')
    expect(await cli.exited).toBe(3)
    expect(cli.stdout().toString()).toContain('got it')
    const killed = startCli([
      '--transport',
      'stdio',
      '--',
      ...node('console.log("up"); setInterval(() => 0, 1000)'),
    ])
    await eventually(() => killed.stdout().includes('up'), 15_000)
    killed.process.kill('SIGTERM')
    expect(await killed.exited).toBe(143)
  })

  for (const [name, args, env] of [
    ['flag', ['--auth', 'oauth'], {}],
    ['environment', [], { MCP_GATEHOUSE_AUTH: 'oauth' }],
  ] as const) {
    verifies(
      'CASE-61',
      `with auth oauth by ${name} it is refused: there is no request to carry a token`,
      async () => {
        const cli = startCli(
          ['--transport', 'stdio', ...args, '--', ...node('console.log("ran")')],
          env,
        )
        expect(await cli.exited).toBe(2)
        expect(cli.stdout().toString()).toBe('')
      },
    )
  }

  test('a command that is not there: exit code 1 and a sentence', async () => {
    const cli = startCli(['--transport', 'stdio', '--', 'no-such-command-anywhere'])
    expect(await cli.exited).toBe(1)
    expect(cli.stderr()).toContain('ENOENT')
    expect(cli.stderr()).not.toContain('    at ')
  })
})

const SERVER = `
const { createServer } = require('node:http')
const { spawn } = require('node:child_process')
const grandchild = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' })
setTimeout(() => createServer((request, response) => {
  if (request.url.includes('die')) process.exit(5)
  response.end(JSON.stringify({ env: Object.keys(process.env).sort(), pid: process.pid, grandchild: grandchild.pid }))
}).listen(Number(process.argv[1]), '127.0.0.1'), 300)
`

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

interface Reported {
  readonly env: readonly string[]
  readonly pid: number
  readonly grandchild: number
}

describe('--upstream URL -- COMMAND', () => {
  async function startBeside(
    env: Record<string, string> = {},
    ...more: string[]
  ): Promise<{ cli: Cli; port: number }> {
    const port = await freePort()
    const args = await oauth(`http://127.0.0.1:${port}/mcp`)
    return { port, cli: startCli([...args, ...more, '--', ...node(SERVER, String(port))], env) }
  }

  verifies(
    'CASE-62',
    'starts it, waits for it, shows it none of our settings, and ends it with all its children',
    async () => {
      const { cli } = await startBeside(
        { CANARY_SECRET: 'x', ASKED_FOR: 'y', LANG: 'C' },
        '--child-env',
        'ASKED_FOR',
      )
      const url = await cli.listening()
      const reported = (await (await call(url, await tokenOf())).json()) as Reported
      expect(reported.env).toEqual(expect.arrayContaining(['ASKED_FOR', 'HOME', 'LANG', 'PATH']))
      expect(reported.env).not.toContain('CANARY_SECRET')
      expect([reported.pid, reported.grandchild].map(isAlive)).toEqual([true, true])
      cli.process.kill('SIGTERM')
      expect(await cli.exited).toBe(0)
      await eventually(() => !isAlive(reported.pid) && !isAlive(reported.grandchild))
    },
  )

  test('when it ends, we end with 1', async () => {
    const { cli } = await startBeside()
    const url = await cli.listening()
    await fetch(`${url}/mcp?die`, { headers: { authorization: `Bearer ${await tokenOf()}` } })
    expect(await cli.exited).toBe(1)
    expect(cli.stderr()).toContain('the command ended with exit code 5')
  })

  test('a signal during its start ends both', async () => {
    const { cli } = await startBeside()
    await eventually(() => cli.stderr().includes('starting the command'), 15_000)
    cli.process.kill('SIGTERM')
    expect(await cli.exited).toBe(0)
    expect(cli.log().some((entry) => entry['url'] !== undefined)).toBe(false)
  })

  for (const [name, command, text] of [
    ['ends at once', node('process.exit(4)'), 'ended with exit code 4'],
    ['does not listen', node('setInterval(() => 0, 1000)'), 'did not listen at'],
    ['is not there', ['no-such-command-anywhere'], 'cannot be started (ENOENT)'],
  ] as const) {
    test(`a command that ${name}: exit code 1 and a sentence`, async () => {
      const args = await oauth(`http://127.0.0.1:${await freePort()}/mcp`)
      const cli = startCli([...args, '--child-start-timeout', '1s', '--', ...command])
      expect(await cli.exited).toBe(1)
      expect(cli.stderr()).toContain(text)
    })
  }

  test('somebody listens at its address already: nothing is started', async () => {
    const upstream = await startUpstream((_request, response) => response.end())
    const marker = writeTemporary('marker', '')
    const cli = startCli([
      ...(await oauth(upstream)),
      '--',
      ...node(`require('fs').writeFileSync(${JSON.stringify(marker)}, 'ran')`),
    ])
    expect(await cli.exited).toBe(1)
    expect(cli.stderr()).toContain('another process already listens at')
    expect(readFileSync(marker, 'utf8')).toBe('')
  })

  test.each(['SIGINT', 'SIGQUIT'] as const)(
    '%s ends both, and leaves nothing behind',
    async (signal) => {
      const port = await freePort()
      const upstream = `http://127.0.0.1:${port}/mcp`
      const command = node(SERVER, String(port))
      const cli = startCli(['--port', '0', '--upstream', upstream, '--', ...command])
      const reported = (await (await fetch(`${await cli.listening()}/mcp`)).json()) as Reported
      cli.process.kill(signal)
      expect(await cli.exited).toBe(0)
      await eventually(() => !isAlive(reported.pid) && !isAlive(reported.grandchild))
    },
  )
})
