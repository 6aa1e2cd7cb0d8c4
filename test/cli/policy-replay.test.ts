/** `mcp-gatehouse policy replay`: an audit decided again by another policy. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readLines } from '../../src/cli/line-reader.js'
import { runPolicy } from '../../src/cli/policy/command.js'
import { linesOf, readerOf } from '../config/support.js'
import { startCli, writeTemporary } from '../support/cli.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'

const POLICY = `implies: { mcp:write: [mcp:read] }
rules:
  - tools: [search]
    scopes: [mcp:read]
  - tools: [delete_file]
    scopes: [mcp:write]
  - tools: [approve]
    scopes: [mcp:read]
    claims: { groups: [admins] }
  - resources: ["file:///srv/**"]
    scopes: [mcp:read]
unmatched: deny
`

interface Operation {
  readonly method: string
  readonly name?: string
}

const call = (name: string): Operation => ({ method: 'tools/call', name })

/** A line of an audit. */
function record(
  outcome: string,
  operations: readonly Operation[] | undefined,
  more: object = {},
): string {
  const who = { subject: 'alice', clientId: 'vscode', scopesHeld: ['mcp:read'] }
  return JSON.stringify({ version: 1, outcome, operations, ...who, ...more })
}

async function replay(lines: readonly string[], ...argv: readonly string[]) {
  const files = { 'p.yaml': POLICY, 'audit.jsonl': lines.join('\n') }
  let stdout = ''
  let stderr = ''
  const code = await runPolicy(['replay', 'p.yaml', '--audit', 'audit.jsonl', ...argv], {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    readFile: readerOf(files),
    readLines: linesOf(files),
    env: {},
  })
  return { code, stdout, stderr }
}

async function changesOf(lines: readonly string[], ...argv: readonly string[]) {
  const { stdout } = await replay(lines, ...argv, '--json')
  return (JSON.parse(stdout) as { changes: readonly unknown[] }).changes
}

describe('a request', () => {
  test.each<[string, string, readonly Operation[], object, object | undefined]>([
    ['allowed as before', 'allow', [call('search')], {}, undefined],
    ['denied as before', 'deny', [call('delete_file')], {}, undefined],
    [
      'that lacks a scope now',
      'allow',
      [call('delete_file')],
      {},
      { was: 'allow', becomes: 'deny', reason: 'lacks mcp:write' },
    ],
    [
      'that no rule names now',
      'allow',
      [call('rename')],
      {},
      { becomes: 'deny', reason: 'no rule names it' },
    ],
    [
      'that is open now',
      'deny',
      [call('search')],
      {},
      { was: 'deny', becomes: 'allow', name: 'search' },
    ],
    [
      'with a scope that includes the one',
      'allow',
      [call('search')],
      { scopesHeld: ['mcp:write'] },
      undefined,
    ],
    [
      'that depends on a claim',
      'allow',
      [call('approve')],
      {},
      { becomes: 'unknown', reason: 'needs the claim groups has admins' },
    ],
    [
      'that lacks a scope, and may lack a claim',
      'allow',
      [call('approve')],
      { scopesHeld: [] },
      { becomes: 'deny', reason: 'lacks mcp:read' },
    ],
    [
      'with several operations, of which one is denied',
      'allow',
      [call('search'), call('delete_file')],
      {},
      { becomes: 'deny', name: 'delete_file' },
    ],
    ['about a URI', 'allow', [{ method: 'resources/read', name: 'file:///srv/a' }], {}, undefined],
    [
      'about another URI',
      'allow',
      [{ method: 'resources/read', name: 'file:///etc/passwd' }],
      {},
      { becomes: 'deny' },
    ],
    [
      'whose name was cut',
      'allow',
      [call('search…')],
      {},
      { becomes: 'unknown', reason: 'its name was cut' },
    ],
    ['of the protocol', 'allow', [{ method: 'tools/list' }], {}, undefined],
  ])('%s', async (_name, outcome, operations, more, change) => {
    const changes = await changesOf([record(outcome, operations, more)])
    const expected = change === undefined ? [] : [change]
    expect(changes).toHaveLength(expected.length)
    expect(changes).toMatchObject(expected)
  })

  test('needs the base scopes too', async () => {
    const lines = [record('allow', [call('search')])]
    expect(await changesOf(lines, '--base-scopes', 'mcp:read')).toEqual([])
    expect(await changesOf(lines, '--base-scopes', 'mcp:tools')).toMatchObject([
      { becomes: 'deny', reason: 'lacks mcp:tools' },
    ])
  })
})

describe('the report', () => {
  const lines = [
    record('allow', [call('search')]),
    record('allow', [call('delete_file')]),
    record('allow', [call('delete_file')], { subject: 'bob\u001b[2J', clientId: undefined }),
    record('allow', [call('delete_file')]),
    record('refused', undefined),
    record('allow', undefined),
    '{"version":2}',
    'no JSON',
    '',
  ]

  test('counts equal changes, names who is concerned, and says what it could not use', async () => {
    const { code, stdout, stderr } = await replay(lines)
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toBe(
      [
        'allow → deny  2 × tools/call delete_file  alice by vscode: lacks mcp:write',
        'allow → deny  1 × tools/call delete_file  bob [2J: lacks mcp:write',
        '',
        '4 requests were decided again.',
        '2 records name no operation, or no policy decided them.',
        '2 lines are not audit records.',
        '',
      ].join('\n'),
    )
  })

  test('of one resource', async () => {
    const [one, other] = ['https://a.example/mcp', 'https://b.example/mcp']
    const several = [one, other].map((resource) =>
      record('allow', [call('delete_file')], { resource }),
    )
    expect(await changesOf(several, '--resource', other)).toMatchObject([{ requests: 1 }])
    expect(await changesOf(several)).toMatchObject([{ requests: 2 }])
  })

  test('of an audit in which nothing changes', async () => {
    const { code, stdout } = await replay(lines.slice(0, 1))
    expect(code).toBe(0)
    expect(stdout).toContain('No recorded request would be decided otherwise.\n')
  })
})

describe('an audit in which nothing can be decided again', () => {
  const log = '{"level":"info","time":"2026-12-01T12:00:00Z","event":"request.denied"}'
  const elsewhere = record('allow', [call('search')], { resource: 'https://a.example/mcp' })
  test.each([
    ['is empty', [], 'has no records, so nothing was decided again'],
    ['has blank lines', ['', ' '], 'has no records, so nothing was decided again'],
    ['is a log', [log, log], 'has 2 lines, and none is an audit record'],
    ['is of another version', ['{"version":2}'], 'has 1 lines, and none is an audit record'],
    [
      'was written without a policy',
      [record('allow', undefined)],
      'has no record that names an operation and that a policy decided',
    ],
    ['is of another resource', [elsewhere], 'has no record about the resource of --resource'],
  ])('%s: exit code 2', async (_name, lines, message) => {
    const flags = lines.includes(elsewhere) ? ['--resource', 'https://b.example/mcp'] : []
    for (const more of [flags, [...flags, '--json']]) {
      const { code, stdout, stderr } = await replay(lines, ...more)
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toContain(`--audit: ${message}\n  → a file that --audit-file has written`)
    }
  })

  test('one request among other lines is enough', async () => {
    const { code, stderr } = await replay([log, record('allow', [call('search')])])
    expect([code, stderr]).toEqual([0, ''])
  })
})

test('what the gateway writes can be decided again', async () => {
  const everything = fileURLToPath(
    import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
  )
  const { jwk } = await fakeKey('key-1')
  const idp = await FakeIdp.start()
  const keys = writeTemporary('keys.json', JSON.stringify({ keys: [jwk] }))
  const policyOf = (scope: string) =>
    writeTemporary('p.yaml', `rules: [{ tools: [echo], scopes: [${scope}] }]\nunmatched: deny\n`)
  const policy = policyOf('mcp:read')
  const audit = join(dirname(policy), 'audit.jsonl')
  const cli = startCli([
    ...['--auth', 'oauth', '--oauth-issuer', ISSUER, '--oauth-jwks-file', keys],
    ...['--resource', RESOURCE, '--port', '0', '--oauth-policy', policy, '--audit-file', audit],
    ...['--', process.execPath, everything],
  ])
  const url = await cli.listening()
  const token = await idp.token({ key: await fakeKey('key-1'), claims: { scope: 'mcp:read' } })
  const send = async (body: object, session?: string) => {
    const response = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(session !== undefined && { 'mcp-session-id': session }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
    })
    await response.text()
    return response
  }
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  }
  const opened = await send({ method: 'initialize', params })
  const session = opened.headers.get('mcp-session-id') ?? ''
  const echo = { method: 'tools/call', params: { name: 'echo', arguments: { message: 'x' } } }
  expect((await send(echo, session)).status).toBe(200)
  cli.process.kill('SIGTERM')
  await cli.exited

  async function decideBy(file: string) {
    let stdout = ''
    const code = await runPolicy(['replay', file, '--audit', audit, '--json'], {
      stdout: (text) => (stdout += text),
      stderr: () => undefined,
      readFile: () => `rules: [{ tools: [echo], scopes: [${file}] }]\nunmatched: deny\n`,
      readLines,
      env: {},
    })
    return { code, ...(JSON.parse(stdout) as { requests: number; changes: object[] }) }
  }
  expect(await decideBy('mcp:read')).toMatchObject({ code: 0, requests: 2, changes: [] })
  expect(await decideBy('mcp:write')).toMatchObject({
    code: 1,
    changes: [{ was: 'allow', becomes: 'deny', method: 'tools/call', name: 'echo', requests: 1 }],
  })
})

test('a request without a token needs an anonymous rule', async () => {
  const open = record('allow', [call('search')], { anonymous: true, scopesHeld: undefined })
  expect(await changesOf([open])).toMatchObject([
    { was: 'allow', becomes: 'deny', reason: 'needs a token', name: 'search' },
  ])
})
