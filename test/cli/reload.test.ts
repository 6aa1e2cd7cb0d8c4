/** What a running gateway takes from files that have changed, and what it never does at SIGHUP. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect } from 'vitest'
import { bundledCli, freePort, startCli, writeTemporary, type Cli } from '../support/cli.js'
import { eventually, startUpstream } from '../support/gateway.js'
import { fakeKey, FakeIdp, ISSUER } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const RESOURCE = 'https://mcp.example.com/mcp'
const KEYS = { old: 'o'.repeat(32), new: 'n'.repeat(32) }

const policyOf = (tool: string, lists = 'full') =>
  `rules: [{ tools: [${tool}], scopes: [] }]\nunmatched: base\nlists: ${lists}\n`
const jwksOf = async (key: string) => JSON.stringify({ keys: [(await fakeKey(key)).jwk] })

/** A gateway with one file of each kind. */
async function startWithFiles(more: readonly string[] = []) {
  const seen: (string | undefined)[] = []
  const upstream = await startUpstream((request, response) => {
    seen.push(request.headers['x-key']?.toString())
    response.setHeader('mcp-session-id', 'a-session').end('{}')
  })
  const folder = dirname(writeTemporary('key', 'key-1\n'))
  const file = (name: string) => join(folder, name)
  writeFileSync(file('jwks.json'), await jwksOf('key-1'))
  writeFileSync(file('policy.yaml'), policyOf('one'))
  writeFileSync(file('session.keys'), `${KEYS.old}\n`)
  const cli = startCli([
    ...['--auth', 'oauth', '--oauth-issuer', ISSUER, '--oauth-jwks-file', file('jwks.json')],
    ...['--resource', RESOURCE, '--port', '0', '--upstream', upstream],
    ...['--upstream-header', `X-Key=${file('key')}`, '--oauth-policy', file('policy.yaml')],
    ...['--session-key-file', file('session.keys'), '--audit-file', file('audit.jsonl')],
    ...more,
  ])
  const url = await cli.listening()
  const idp = await FakeIdp.start()
  const tokens = {
    'key-1': await idp.token(),
    'key-2': await idp.token({ key: await fakeKey('key-2') }),
  }
  const call = (key: keyof typeof tokens, headers: Record<string, string> = {}) =>
    fetch(`${url}/mcp`, { headers: { authorization: `Bearer ${tokens[key]}`, ...headers } })
  const callTool = async (key: keyof typeof tokens, name: string) => {
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }
    const headers = {
      authorization: `Bearer ${tokens[key]}`,
      'content-type': 'application/json',
    }
    return (await fetch(`${url}/mcp`, { method: 'POST', headers, body: JSON.stringify(message) }))
      .status
  }
  return { cli, file, seen, call, callTool, url }
}

/** Sends SIGHUP and waits for what the log says about it. */
async function hangUp(cli: Cli, text: string): Promise<void> {
  const before = cli.log().length
  cli.process.kill('SIGHUP')
  await eventually(() =>
    cli
      .log()
      .slice(before)
      .some(({ msg }) => String(msg).includes(text)),
  )
}

describe('SIGHUP', () => {
  verifies('FLD-17', 'takes secrets, keys, policy and audit file', async () => {
    const { cli, file, seen, call, callTool } = await startWithFiles()
    const first = await call('key-1')
    const session = { 'mcp-session-id': first.headers.get('mcp-session-id') ?? '' }
    expect([first.status, (await call('key-2')).status]).toEqual([200, 401])
    expect((await call('key-1', session)).status).toBe(200)
    expect(seen.at(-1)).toBe('key-1')

    writeFileSync(file('key'), 'key-2\n')
    writeFileSync(file('jwks.json'), await jwksOf('key-2'))
    writeFileSync(file('policy.yaml'), policyOf('two').replace('scopes: []', 'scopes: [x]'))
    writeFileSync(file('session.keys'), `${KEYS.new}\n${KEYS.old}\n`)
    renameSync(file('audit.jsonl'), file('audit.1'))
    await hangUp(cli, 'SIGHUP: read again:')
    expect((await call('key-1')).status).toBe(401)
    // The second key of the file still verifies its session.
    expect((await call('key-2', session)).status).toBe(200)
    expect(seen.at(-1)).toBe('key-2')
    expect(await callTool('key-2', 'one')).toBe(200)
    expect(await callTool('key-2', 'two')).toBe(403)
    await eventually(() => existsSync(file('audit.jsonl')))
    await eventually(() => readFileSync(file('audit.jsonl'), 'utf8').split('\n').length === 5)
    const line = cli.log().find(({ msg }) => String(msg).startsWith('SIGHUP: read again:'))
    expect(line).toMatchObject({
      level: 'info',
      read: [
        ...['--oauth-policy', '--upstream-header', '--oauth-jwks-file', '--session-key-file'],
        '--audit-file',
      ],
    })
    expect(cli.stderr()).not.toMatch(/key-2\n|nnnn|needs a restart/)

    writeFileSync(file('session.keys'), `${KEYS.new}\n`)
    await hangUp(cli, 'SIGHUP: read again:')
    expect((await call('key-2', session)).status).toBe(404)
  })

  for (const [name, spoil] of [
    ['a policy that cannot be used', (file) => writeFileSync(file('policy.yaml'), 'rules: 5\n')],
    [
      'a policy that must not be taken now',
      (file) => writeFileSync(file('policy.yaml'), policyOf('two', 'filter')),
    ],
    ['keys that are none', (file) => writeFileSync(file('jwks.json'), '{"keys":[]}')],
    ['a secret that is not there', (file) => rmSync(file('key'))],
    ['a session key that is too short', (file) => writeFileSync(file('session.keys'), 'short\n')],
  ] as readonly (readonly [string, (file: (name: string) => string) => void])[]) {
    verifies('FLD-17', `takes nothing because of ${name}`, async () => {
      const { cli, file, seen, call, callTool } = await startWithFiles()
      const session = (await call('key-1')).headers.get('mcp-session-id') ?? ''
      writeFileSync(file('key'), 'key-2\n')
      writeFileSync(file('jwks.json'), await jwksOf('key-2'))
      writeFileSync(file('policy.yaml'), policyOf('two').replace('scopes: []', 'scopes: [x]'))
      writeFileSync(file('session.keys'), `${KEYS.new}\n`)
      renameSync(file('audit.jsonl'), file('audit.1'))
      spoil(file)
      await hangUp(cli, 'nothing was taken')
      expect((await call('key-1', { 'mcp-session-id': session })).status).toBe(200)
      expect((await call('key-2')).status).toBe(401)
      expect(await callTool('key-1', 'two')).toBe(200)
      expect(seen.at(-1)).toBe('key-1')
      await eventually(() => readFileSync(file('audit.1'), 'utf8').split('\n').length === 5)
      expect(cli.log().find(({ msg }) => String(msg).includes('nothing was taken'))).toMatchObject({
        level: 'error',
        hint: expect.any(String),
      })
      expect(cli.stderr()).not.toContain('SIGHUP: read again')
    })
  }

  verifies('FLD-17', 'names the setting of a policy that it does not take', async () => {
    const { cli, file, call } = await startWithFiles()
    await call('key-1')
    writeFileSync(file('policy.yaml'), policyOf('two', 'filter'))
    await hangUp(cli, 'nothing was taken')
    const told = cli.log().find(({ msg }) => String(msg).includes('nothing was taken'))
    expect(told?.['msg']).toMatch(/^--oauth-policy: policies\./)
  })

  verifies('FLD-17', 'takes nothing because the audit file cannot be opened', async () => {
    const { cli, file, seen, call } = await startWithFiles()
    await call('key-1')
    writeFileSync(file('key'), 'key-2\n')
    renameSync(file('audit.jsonl'), file('audit.1'))
    spawnSync('mkdir', [file('audit.jsonl')])
    await hangUp(cli, 'nothing was taken')
    await call('key-1')
    expect(seen).toEqual(['key-1', 'key-1'])
    await eventually(() => readFileSync(file('audit.1'), 'utf8').split('\n').length === 3)
  })

  verifies('FLD-17', 'ends nothing, whatever is configured', async () => {
    const upstream = await startUpstream((_request, response) => response.end('ok'))
    const cli = startCli(['--port', '0', '--upstream', upstream])
    const url = await cli.listening()
    await hangUp(cli, 'SIGHUP: read again: no setting names a file')
    expect(await (await fetch(`${url}/mcp`)).text()).toBe('ok')
    cli.process.kill('SIGTERM')
    expect(await cli.exited).toBe(0)
  })

  verifies('FLD-17', 'ends nothing before it listens, and is remembered', async () => {
    const server = `setTimeout(() => require('http').createServer((q, r) => r.end()).listen(Number(process.argv[1]), '127.0.0.1'), 300)`
    const port = String(await freePort())
    const cli = startCli([
      ...['--port', '0', '--upstream', `http://127.0.0.1:${port}/mcp`],
      ...['--', process.execPath, '-e', server, '--', port],
    ])
    await eventually(() => cli.stderr().includes('starting the command'), 20_000)
    cli.process.kill('SIGHUP')
    await cli.listening()
    await eventually(() => cli.stderr().includes('SIGHUP: read again'))
    // So that the command ends with it.
    cli.process.kill('SIGTERM')
    expect(await cli.exited).toBe(0)
  })

  verifies('FLD-17', 'names what has changed and needs a restart, without values', async () => {
    const upstream = await startUpstream((_request, response) => response.end('ok'))
    const settings = { port: 0, upstream, logLevel: 'info' }
    const config = writeTemporary('gatehouse.json', JSON.stringify(settings))
    const cli = startCli(['--config', config])
    await cli.listening()
    await hangUp(cli, 'SIGHUP: read again')
    expect(cli.stderr()).not.toContain('needs a restart')
    const other = { ...settings, upstream: `${upstream}?key=canary`, maxBody: 5 }
    writeFileSync(config, JSON.stringify(other))
    await hangUp(cli, 'needs a restart')
    expect(cli.log().find(({ changed }) => changed !== undefined)).toMatchObject({
      level: 'warn',
      changed: ['upstream', 'maxBody'],
    })
    expect(cli.stderr()).not.toContain('canary')
    writeFileSync(config, '{"upstrem": 1}')
    await hangUp(cli, 'nothing was taken')
  })

  const hasPython = spawnSync('python3', ['--version']).status === 0
  const withPython = hasPython ? verifies : () => undefined
  withPython('FLD-17', 'ends it where it was started in a terminal', async () => {
    const upstream = await startUpstream((_request, response) => response.end('ok'))
    const program = [
      'import os, pty, signal, sys',
      'pid, terminal = pty.fork()',
      'if pid == 0: os.execv(sys.argv[1], sys.argv[1:])',
      // One that does not end must not outlive the test.
      'signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))',
      'signal.alarm(20)',
      'said = b""',
      'while b"in front of" not in said: said += os.read(terminal, 4096)',
      'os.kill(pid, signal.SIGHUP)',
      'try:',
      '    while os.read(terminal, 4096): pass',
      'except OSError: pass',
      'print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))',
    ].join('\n')
    const args = [bundledCli(), '--port', '0', '--upstream', upstream]
    const python = spawn('python3', ['-c', program, process.execPath, ...args])
    let code = ''
    python.stdout.on('data', (chunk: Buffer) => (code += chunk.toString()))
    await new Promise((resolve) => python.once('close', resolve))
    expect(code).toBe('0\n')
  })
})
