/** `mcp-gatehouse policy check` and `explain`: what they say, and with which exit code. */
import { describe, expect, test } from 'vitest'
import { runPolicy } from '../../src/cli/policy/command.js'
import { createGuard } from '../../src/web/guard.js'
import { ISSUER, linesOf, readerOf } from '../config/support.js'
import { verifies } from '../support/verifies.js'

const POLICY = `implies: { mcp:write: [mcp:read] }
rules:
  - tools: [search, "read_*"]
    scopes: [mcp:read]
  - tools: [delete_file]
    scopes: [mcp:write, mcp:files]
  - tools: ["*_file"]
    claims: { realm_access.roles: [ops, admin] }
    scopes: [mcp:files]
  - resources: ["file:///srv/**"]
    scopes: [mcp:read]
unmatched: deny
`

async function policy(argv: readonly string[], files: Readonly<Record<string, string>> = {}) {
  let stdout = ''
  let stderr = ''
  const code = await runPolicy(argv, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    readFile: readerOf({ 'p.yaml': POLICY, ...files }),
    readLines: linesOf(files),
    env: {},
  })
  return { code, stdout, stderr }
}

const explain = (...argv: readonly string[]) => policy(['explain', 'p.yaml', ...argv])

async function explained(...argv: readonly string[]) {
  const { code, stdout } = await explain(...argv, '--json')
  const { answer, reason, missing, ...rest } = JSON.parse(stdout) as Record<string, unknown>
  return { code, answer, reason, missing, ...rest }
}

describe('usage', () => {
  test.each([
    [[], 'policy: needs a command\n  → check, explain, init, replay, table\n'],
    [['--json'], 'policy --json: no such command'],
    [['chekc'], 'policy chekc: no such command\n  → did you mean check?\n'],
    [['toString'], 'policy toString: no such command'],
    [['check'], 'FILE: is missing'],
    [['check', 'p.yaml', 'q.yaml'], 'argument 2: is unexpected'],
    [['check', '--scopes', 'a', 'p.yaml'], '--scopes: no such flag'],
    [['check', 'none.yaml'], 'none.yaml: cannot be read (ENOENT)'],
    [['check', 'a\u001b[2J'], 'a?[2J: cannot be read (ENOENT)'],
    [['explain', 'p.yaml'], 'METHOD: is missing'],
    [['explain', 'p.yaml', 'tools/call'], 'NAME: is missing'],
    [['explain', 'p.yaml', 'ping', 'x'], 'NAME: has no effect: ping takes no name'],
    [['explain', 'p.yaml', 'ping', '--scopes'], '--scopes: needs a value'],
    [['explain', 'p.yaml', 'ping', '--scopes', 'a"b'], '--scopes: cannot be read'],
    [['explain', 'p.yaml', 'ping', '--base-scopes', 'a\\'], '--base-scopes: cannot be read'],
    [['explain', 'p.yaml', 'ping', '--claims', '{"a":1,"a":2}'], '--claims: cannot be read'],
    [['explain', 'p.yaml', 'ping', '--claims', '[]'], '--claims: cannot be read'],
    [['explain', 'p.yaml', 'ping', '--protocol-version=1'], '--protocol-version: cannot be read'],
    [['explain', 'p.yaml', 'ping', '--resource', 'mcp'], '--resource: must be an absolute http'],
    [['explain', 'p.yaml', 'ping', '--resource='], '--resource: is empty'],
    [['init'], '--upstream: is missing, and so is a command'],
    [['init', '--'], '--: has no command after it'],
    [
      ['init', '--upstream', 'http://127.0.0.1:1/', '--', 'a'],
      '--upstream: is given together with a',
    ],
    [['init', '--upstream', '/mcp'], '--upstream: must be an absolute http(s) URL'],
    [['init', '--upstream-header', 'a', '--', 'a'], '--upstream-header: value 1 is not NAME=FILE'],
    [
      ['init', '--upstream', 'http://127.0.0.1:1/', '--upstream-header', 'X=/k'],
      'value 1: /k cannot be read',
    ],
    [['table', '--', 'a'], 'FILE: is missing'],
    [['replay', 'p.yaml'], '--audit: is missing'],
    [['replay', 'p.yaml', '--audit', 'none.jsonl'], '--audit: cannot be read (ENOENT)'],
    [['replay', 'p.yaml', '--audit', 'p.yaml', '--base-scopes', 'a"'], '--base-scopes: cannot be'],
  ])('%j is refused', async (argv, problem) => {
    const { code, stdout, stderr } = await policy(argv)
    expect(stderr).toContain(problem)
    expect(stderr).toMatch(/\n {2}→ \S/)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('all that is wrong is told at once', async () => {
    const { stderr } = await explain('ping', '--scopes', 'a"b', '--claims', 'x')
    expect(stderr.match(/^--\S+:/gm)).toEqual(['--scopes:', '--claims:'])
  })

  test.each(['check', 'explain', 'init', 'table'])('%s --help has an example', async (command) => {
    const { code, stdout } = await policy([command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Usage:\n {2}mcp-gatehouse policy /m)
    expect(stdout).toMatch(new RegExp(`^Examples?:\\n  mcp-gatehouse policy ${command} `, 'm'))
    expect(stdout).toContain('Exit codes: 0')
    const all = await policy(['--help'])
    expect(all.stdout).toContain(`mcp-gatehouse policy ${command}`)
    const widths = (stdout + all.stdout).split('\n').map(({ length }) => length)
    expect(Math.max(...widths)).toBeLessThanOrEqual(100)
  })

  test('a tool may be called like a flag', async () => {
    expect((await explain('tools/call', '--', '--help')).stdout).toContain('tools/call "--help"')
  })
})

describe('check', () => {
  const check = (content: string) => policy(['check', 'q.yaml'], { 'q.yaml': content })

  test('says that nothing is wrong', async () => {
    expect(await policy(['check', 'p.yaml'])).toEqual({
      code: 0,
      stdout: 'p.yaml: 4 rules, no problems\n',
      stderr: '',
    })
  })

  test('tells every problem with its place, and answers nothing', async () => {
    const content = 'rules:\n  - tools: []\n    scopes: [a]\n    scope: b\nunmatched: allow\n'
    expect(await check(content)).toEqual({
      code: 2,
      stdout: '',
      stderr: `q.yaml:4:5: rules[0].scope: no such name
  → known: tools, prompts, resources, methods, scopes, claims, limit, anonymous
q.yaml:2:5: rules[0].tools: must be a string or a list of strings, and not empty
  → names, or patterns with *
q.yaml:5:1: unmatched: must be deny or base
  → unmatched: deny (what no rule names is denied) or base (base scopes suffice)
`,
    })
  })

  test.each([
    ['{ tools: [a], scopes: [x] }', '{ tools: [a], scopes: [x] }', [1]],
    ['{ tools: [a], scopes: [x] }', '{ tools: [a, b], scopes: [x] }', [0]],
    ['{ tools: [a, b], scopes: [x, y] }', '{ tools: [b], scopes: [y] }', [1]],
    ['{ tools: [a], scopes: [] }', '{ tools: [a], scopes: [x] }', [0]],
    ['{ tools: [a], scopes: [x] }', '{ prompts: [a], scopes: [x] }', []],
    ['{ tools: [a], scopes: [x] }', '{ tools: [a], scopes: [y] }', []],
    ['{ tools: [a], scopes: [x] }', '{ tools: ["a*"], scopes: [x] }', []],
    ['{ tools: [a], claims: { g: [x, y] } }', '{ tools: [a], claims: { g: [y, x] } }', [1]],
    ['{ tools: [a], claims: { g: [x, y] } }', '{ tools: [a], claims: { g: [x] } }', []],
  ])('%s beside %s', async (one, other, idle) => {
    const { code, stderr } = await check(`rules:\n- ${one}\n- ${other}\nunmatched: deny\n`)
    expect(code).toBe(0)
    expect([...stderr.matchAll(/rules\[(\d)\] adds nothing/g)].map(([, at]) => Number(at))).toEqual(
      idle,
    )
  })

  verifies('FLD-48', 'warns of scopes that only a prefix tells apart', async () => {
    const content =
      'rules:\n  - { tools: [a], scopes: { require: a, ask: b } }\n' +
      '  - { tools: [c], scopes: b }\nunmatched: deny\n'
    const { code, stderr } = await check(content)
    expect(code).toBe(0)
    expect(stderr).toBe(
      'warning: q.yaml:1:1: a and b are asked for in the same words: nothing starts with this ' +
        'policy unless scopePrefix tells them apart; give each its own ask\n',
    )
    const apart = content.replace('ask: b', 'ask: b2')
    expect((await check(apart)).stderr).toBe('')
  })

  test('base opens what is spelled in another way', async () => {
    const resources = 'rules: [{ resources: ["file:///a"], scopes: [b] }]\nunmatched: '
    expect((await check(`${resources}base`)).stderr).toMatch(
      /^warning: q\.yaml:2:1: unmatched: base opens every URI that no rule names/,
    )
    expect((await check(`${resources}deny`)).stderr).toBe('')
    expect((await check('rules: [{ tools: [a], scopes: [b] }]\nunmatched: base')).stderr).toBe('')
  })
})

describe('explain', () => {
  verifies('SCP-01', 'shows the rules, what is missing, and the answer', async () => {
    const { code, stdout } = await explain('tools/call', 'read_all', '--scopes', 'other mcp:list')
    expect(code).toBe(1)
    expect(stdout).toBe(`tools/call read_all
p.yaml:3:5: rules[0] asks for mcp:read
needed:  mcp:read
held:    other mcp:list
missing: mcp:read
denied: lacks mcp:read for "tools/call" "read_all"

The client gets:
  HTTP 403
  Content-Type: application/json
  Cache-Control: no-store
  WWW-Authenticate: Bearer error="insufficient_scope", error_description="The access token lacks a scope that this request needs", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", scope="mcp:read"

  {"error":"insufficient_scope","error_description":"The access token lacks a scope that this request needs (ref XXXXXXXX)"}
`)
  })

  test('what is allowed is 0, whichever scope includes it', async () => {
    for (const scope of ['mcp:read', 'mcp:write']) {
      const { code, stdout } = await explain('tools/call', 'search', '--scopes', scope)
      expect(code).toBe(0)
      expect(stdout).toMatch(/^missing: nothing\nallowed\n$/m)
      expect(stdout).not.toContain('HTTP')
    }
  })

  verifies('SCP-02', 'all rules that match, base scopes among them', async () => {
    const argv = ['tools/call', 'delete_file', '--scopes', 'mcp:read', '--base-scopes', 'mcp:base']
    const roles = ['--claims', '{"realm_access":{"roles":["ops"]}}']
    expect(await explained(...argv, ...roles)).toMatchObject({
      code: 1,
      rules: [
        { index: 1, place: 'p.yaml:5:5', scopes: ['mcp:write', 'mcp:files'] },
        { index: 2, place: 'p.yaml:7:5', claims: ['realm_access.roles has ops or admin'] },
      ],
      needed: ['mcp:base', 'mcp:write', 'mcp:files'],
      missing: ['mcp:base', 'mcp:write', 'mcp:files'],
      answer: {
        status: 403,
        // A client of these days loses what is not repeated.
        headers: {
          'WWW-Authenticate': expect.stringMatching(
            /scope="mcp:base mcp:write mcp:files mcp:read"$/,
          ),
        },
      },
    })
    const later = await explained(...argv, ...roles, '--protocol-version', '2026-07-28')
    expect(JSON.stringify(later)).toContain('scope=\\"mcp:base mcp:write mcp:files\\""')
  })

  test('what no scope cures has no challenge', async () => {
    const scopes = ['--scopes', 'mcp:write mcp:files']
    const { code, answer, reason, missing } = await explained(
      'tools/call',
      'delete_file',
      ...scopes,
    )
    expect({ code, missing }).toEqual({ code: 1, missing: [] })
    expect(reason).toContain('claim realm_access.roles has none of ops, admin')
    expect(answer).toEqual({
      status: 403,
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
      body: {
        error: 'access_denied',
        error_description: 'This caller may not do this (ref XXXXXXXX)',
      },
    })
    const unnamed = await explain('tools/call', 'Search', '--scopes', 'mcp:write')
    expect(unnamed.code).toBe(1)
    expect(unnamed.stdout).toContain('no rule names it, and unmatched is deny')
    const ofProtocol = await explain('tools/list')
    expect(ofProtocol.code).toBe(0)
    expect(ofProtocol.stdout).toContain(
      'no rule names it, and a method of the protocol needs no rule',
    )
    expect(unnamed.stdout).not.toContain('WWW-Authenticate')
  })

  test.each([
    [['tools/list'], 0],
    [['initialize'], 0],
    [['server/unheard-of'], 1],
    [['resources/read', 'FILE:///srv/a/b%2dc', '--scopes', 'mcp:read'], 0],
    [['resources/subscribe', 'file:///srv/a', '--scopes', 'mcp:read'], 0],
    [['subscriptions/listen', 'file:///srv/a', '--scopes', 'mcp:read'], 0],
    [['subscriptions/listen', 'file:///etc/a', '--scopes', 'mcp:read'], 1],
    [['subscriptions/listen'], 0],
    [['completion/complete', 'file:///srv/a', '--scopes', 'mcp:read'], 0],
    [['completion/complete', 'a-prompt', '--scopes', 'mcp:read'], 1],
    [['prompts/get', 'search', '--scopes', 'mcp:read'], 1],
  ])('%j: %i', async (argv, code) => {
    expect((await explain(...argv)).code).toBe(code)
  })

  test('what cannot be judged is 400', async () => {
    const { code, stdout } = await explain('resources/read', 'file:///srv/../etc/passwd')
    expect(code).toBe(1)
    expect(stdout).toContain('HTTP 400')
    expect(stdout).not.toContain('no rule names it')
  })

  test('the answer is that of the gateway', async () => {
    const { answer } = (await explained(
      ...['tools/call', 'search', '--resource', 'https://mcp.example.com/files/mcp'],
    )) as unknown as { answer: { headers: Record<string, string>; body: object } }
    const guard = createGuard({
      resource: 'https://mcp.example.com/files/mcp',
      authorizationServers: ISSUER,
      policy: { rules: [{ tools: 'search', scopes: 'mcp:read' }], unmatched: 'deny' },
    })
    const token = { scopes: [], claims: {}, issuer: ISSUER }
    const denied = guard.resourceServer.authorizeOperations(
      token as never,
      [{ method: 'tools/call', target: 'tool', name: 'search' }],
      { requestId: 'XXXXXXXX' },
    )
    expect(answer.headers['WWW-Authenticate']).toBe(denied?.headers['WWW-Authenticate'])
    expect(answer.body).toEqual(JSON.parse(denied?.body ?? ''))
  })

  test('a name cannot write lines of its own', async () => {
    const { stdout } = await explain('tools/call', 'a\nallowed\u001b[2J\u202e')
    expect(stdout.split('\n')[0]).toBe('tools/call "a\\nallowed\\u001b[2J\\u202e"')
    expect(stdout).not.toMatch(/^allowed/m)
  })

  test('a policy with problems explains nothing', async () => {
    const { code, stdout, stderr } = await policy(['explain', 'q.yaml', 'ping'], { 'q.yaml': '{}' })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('q.yaml:1:1: rules: must be a list of rules')
  })
})

describe('anonymous rules', () => {
  const files = {
    'a.yaml': `rules:
  - tools: [search, delete_file]
    anonymous: true
  - tools: ["*_file"]
    scopes: []
unmatched: deny
`,
  }

  verifies('IDN-20', 'explain says what a caller without a token gets', async () => {
    const ask = (...argv: readonly string[]) =>
      policy(['explain', 'a.yaml', 'tools/call', ...argv], files)
    expect(await ask('search', '--anonymous')).toMatchObject({ code: 0 })
    const closed = await ask('delete_file', '--anonymous')
    expect(closed.code).toBe(1)
    expect(closed.stdout).toContain('HTTP 401')
    expect(closed.stdout).toContain('"tools/call" "delete_file" needs a token')
    expect(await ask('delete_file')).toMatchObject({ code: 0 })
  })

  test('check warns where another rule needs a token, and calls neither of them idle', async () => {
    const { code, stderr } = await policy(['check', 'a.yaml'], files)
    expect(code).toBe(0)
    expect(stderr).toBe(
      'warning: a.yaml:2:5: rules[0] is anonymous, but another rule that names delete_file ' +
        'needs a token, and every rule that matches holds\n',
    )
    const twins = `rules:
  - tools: [search]
    anonymous: true
  - tools: [search]
    scopes: []
unmatched: deny
`
    const both = await policy(['check', 'b.yaml'], { 'b.yaml': twins })
    expect(both.stderr).not.toContain('rules[1] adds nothing')
  })
})
