/** Why a token, or a request of a log, is accepted or refused; and no token in any output. */
import { chmodSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { Readable, Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { runExplain } from '../../src/cli/explain/command.js'
import type { Examination } from '../../src/cli/explain/examination.js'
import { createEventLog } from '../../src/cli/log-events.js'
import { createLog } from '../../src/cli/log.js'
import { timeInWords, withTimes } from '../../src/cli/time-in-words.js'
import { ACCESS_TOKEN_RULES } from '../../src/token/access-token.js'
import type { GatewayEvent } from '../../src/gateway/events.js'
import { originRefused } from '../../src/web/origin-check.js'
import { entryOf, keysOf, newKey } from '../support/api-keys.js'
import { startCli, writeTemporary } from '../support/cli.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE, type TokenSpec } from '../support/idp.js'
import { startUpstream } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

const NOW = Date.parse('2026-12-01T12:00:00Z')
const AT = NOW / 1000

const FLAGS = [
  ...['--auth', 'oauth', '--oauth-issuer', ISSUER, '--resource', RESOURCE],
  ...['--oauth-scopes', 'mcp:tools', '--upstream', 'http://127.0.0.1:9/mcp'],
]
const OFFLINE = [...FLAGS, '--oauth-jwks-file', '/etc/jwks.json']

async function run(
  input: string,
  argv: readonly string[],
  files: Readonly<Record<string, string>> = {},
) {
  const { jwk } = await fakeKey('key-1')
  const known = { '/etc/jwks.json': JSON.stringify({ keys: [jwk] }), ...files }
  let [stdout, stderr] = ['', '']
  const code = await runExplain(argv, {
    stdin: Readable.from([input]),
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    env: {},
    readFile: (path) => known[path as keyof typeof known] ?? '',
    now: () => NOW,
  })
  return { code, stdout, stderr }
}

async function tokenOf(spec: TokenSpec = {}): Promise<string> {
  const idp = await FakeIdp.start()
  idp.now = () => NOW
  return idp.token(spec)
}

async function explained(spec: TokenSpec, argv: readonly string[] = OFFLINE) {
  const token = await tokenOf(spec)
  const { code, stdout } = await run(`${token}\n`, [...argv, '--json'])
  const [header = '', payload = '', signature = ''] = token.split('.')
  for (const part of [token, signature, `${header}.${payload}`]) expect(stdout).not.toContain(part)
  const examination = JSON.parse(stdout) as Examination & { readonly setting?: string }
  const results = Object.fromEntries(examination.rules.map(({ rule, result }) => [rule, result]))
  const details = Object.fromEntries(examination.rules.map(({ rule, detail }) => [rule, detail]))
  return { code, examination, results, details }
}

describe('an API key', () => {
  const KEY = newKey()
  const argv = [...OFFLINE, '--oauth-keys-file', '/etc/keys.json', '--json']

  async function explainedKey(key: string, more: Parameters<typeof entryOf>[1] = {}) {
    const files = { '/etc/keys.json': JSON.stringify(keysOf(entryOf(KEY, more))) }
    const { code, stdout } = await run(`${key}\n`, argv, files)
    expect(stdout).not.toContain(key.slice(4, 30))
    const { rules, result } = JSON.parse(stdout) as Examination
    return { code, result, rules: rules.map((each) => `${each.rule}: ${each.result}`), stdout }
  }

  verifies('IDN-11', 'says what its entry says, and nothing of the key', async () => {
    const { code, result, rules, stdout } = await explainedKey(KEY)
    expect({ code, result, rules }).toEqual({
      code: 0,
      result: 'accepted',
      rules: ['form: pass', 'entry: pass'],
    })
    expect(stdout).toContain('for \\"ci\\", has \\"mcp:tools\\"')
  })

  verifies('IDN-11', 'says which step refused it', async () => {
    const stepsOf = async (...given: Parameters<typeof explainedKey>) =>
      (await explainedKey(...given)).rules
    expect(await stepsOf(`${KEY}x`)).toEqual(['form: fail', 'entry: unknown'])
    expect(await stepsOf(newKey())).toEqual(['form: pass', 'entry: fail'])
    expect(await stepsOf(KEY, { expires: '2026-11-30' })).toEqual(['form: pass', 'entry: fail'])
    expect(await stepsOf(KEY, { scopes: 'other' })).toEqual(['form: pass', 'scopes: fail'])
  })
})

describe('a token', () => {
  verifies('WHO-05', 'that is accepted passes every rule, and says what was seen', async () => {
    const { code, examination, results, details } = await explained({})
    expect(code).toBe(0)
    expect(examination).toMatchObject({
      resource: RESOURCE,
      result: 'accepted',
      status: 200,
      header: { alg: 'ES256', kid: 'key-1', typ: 'at+jwt' },
      claims: { sub: 'user-1', aud: RESOURCE },
    })
    expect(new Set(Object.values(results))).toEqual(new Set(['pass']))
    expect(details).toEqual({
      form: 'a JWT',
      issuer: `iss is "${ISSUER}"`,
      signature: '"ES256", kid "key-1"',
      claims: 'all can be read',
      algorithm: '"ES256"',
      kind: 'an access token (at+jwt)',
      audience: `"${RESOURCE}"`,
      binding: 'not bound to a sender',
      start: 'valid since 0 s',
      expiry: 'expires in 5 min',
      scopes: 'has "mcp:tools"',
    })
  })

  verifies('WHO-05', 'that outlives a logout is accepted, and that is told', async () => {
    const long = await explained({ claims: { exp: AT + 28_800 } })
    expect(long.code).toBe(0)
    expect(long.examination.remarks).toEqual([
      expect.stringMatching(
        /^it is valid for 8 h, and no logout .* introspection \(--oauth-client-id\)$/,
      ),
    ])
    const { stdout } = await run(await tokenOf({ claims: { exp: AT + 28_800 } }), OFFLINE)
    expect(stdout).toMatch(/\nworth knowing:\n {2}→ it is valid for 8 h/)
    for (const claims of [{}, { exp: AT + 900 }, { exp: AT + 28_800, aud: 'other' }]) {
      expect((await explained({ claims })).examination.remarks).toEqual([])
    }
  })

  verifies('WHO-05', 'has every rule of the kernel in its list', async () => {
    const { results } = await explained({})
    const rules = ACCESS_TOKEN_RULES.map(({ name }) => name)
    expect(rules.filter((rule) => !(rule in results))).toEqual([])
  })

  verifies('WHO-05', 'shows all that is wrong with it, each by how much', async () => {
    const { code, examination, results, details } = await explained({
      claims: { aud: 'https://other.example', exp: AT - 240, iat: AT - 600, scope: 'openid' },
    })
    expect(code).toBe(1)
    expect(examination).toMatchObject({
      result: 'refused',
      status: 401,
      code: 'ERR_TOKEN_AUDIENCE',
    })
    expect(examination.setting).toContain('--oauth-audience')
    const failed = Object.keys(results).filter((rule) => results[rule] !== 'pass')
    expect(failed).toEqual(['audience', 'expiry', 'scopes'])
    expect(details).toMatchObject({
      audience: `aud "https://other.example"; expected "${RESOURCE}"`,
      expiry: 'expired 240 s ago',
      scopes: 'lacks "mcp:tools"; has "openid"',
      start: 'valid since 10 min',
    })
  })

  verifies('WHO-05', 'stops where nothing more can be said of a signature', async () => {
    const other = await explained({ claims: { iss: `${ISSUER}/` } })
    expect(other.examination).toMatchObject({ code: 'ERR_TOKEN_ISSUER_UNTRUSTED' })
    expect(other.examination.hint).toContain('they differ in the last slash')
    expect(other.results).toMatchObject({ issuer: 'fail', signature: 'unknown', audience: 'pass' })
    const forged = await explained({ key: { ...(await fakeKey('key-2')), kid: 'key-1' } })
    expect(forged.examination).toMatchObject({ code: 'ERR_TOKEN_SIGNATURE', result: 'refused' })
    expect(forged.results).toMatchObject({ issuer: 'pass', signature: 'fail', expiry: 'pass' })
  })

  verifies('WHO-05', 'with a claim of the wrong type has no rules after that', async () => {
    const { results, details } = await explained({ claims: { sub: 7 as never } })
    expect(results).toMatchObject({ signature: 'pass', claims: 'fail' })
    expect(details['claims']).toBe('sub is not a string')
    expect(results).not.toHaveProperty('audience')
  })

  verifies('WHO-05', 'is undecided while the keys cannot be fetched', async () => {
    const { code, examination, results } = await explained({}, [
      ...FLAGS,
      ...['--oauth-jwks-uri', 'http://127.0.0.1:9/keys', '--oauth-wait', '0'],
    ])
    expect(code).toBe(1)
    expect(examination).toMatchObject({ result: 'undecided', status: 503 })
    expect(results).toMatchObject({ issuer: 'pass', signature: 'unknown', audience: 'pass' })
  })

  verifies(
    'WHO-05',
    'for people has a line for each rule, the cause and what to change',
    async () => {
      const token = await tokenOf({ claims: { exp: AT - 240, iat: AT - 600 } })
      const { code, stdout } = await run(`Authorization: Bearer ${token}`, OFFLINE)
      expect(code).toBe(1)
      expect(stdout).toMatch(new RegExp(`^refused at ${RESOURCE}\n`))
      expect(stdout).toMatch(/^ {2}fail {5}expiry {9}expired 240 s \(4 min\) ago$/m)
      expect(stdout).toMatch(/^ {2}pass {5}audience /m)
      expect(stdout).toMatch(
        /^the likeliest cause: ERR_TOKEN_EXPIRED \(HTTP 401\)\n {2}expired 240 s/m,
      )
      expect(stdout).toMatch(/^ {2}→ .*--oauth-clock-tolerance/m)
      for (const part of [token, token.split('.')[2] ?? '']) expect(stdout).not.toContain(part)
    },
  )

  verifies('WHO-05', 'is asked of every resource', async () => {
    const config = `auth: oauth
oauth: { issuer: '${ISSUER}', jwksFile: /etc/jwks.json }
resources:
  - { resource: '${RESOURCE}', upstream: 'http://127.0.0.1:9/mcp' }
  - { resource: 'https://mcp.example.com/b', upstream: 'http://127.0.0.1:9/mcp' }
`
    const { code, stdout } = await run(await tokenOf(), ['--config', '/etc/g.yaml', '--json'], {
      '/etc/g.yaml': config,
    })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject([
      { resource: RESOURCE, result: 'accepted' },
      { resource: 'https://mcp.example.com/b', result: 'refused', code: 'ERR_TOKEN_AUDIENCE' },
    ])
  })

  verifies(
    'WHO-05',
    'within a claim is hidden, and text of others cannot act on a terminal',
    async () => {
      const inner = await tokenOf({ claims: { sub: 'inner' } })
      const token = await tokenOf({ claims: { raw: `a ${inner} b`, name: '\u001b[2J\u202e' } })
      for (const argv of [OFFLINE, [...OFFLINE, '--json']]) {
        const { stdout } = await run(token, argv)
        expect(stdout).toContain('a (a token, not shown) b')
        expect(stdout).not.toContain(inner)
        expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{C}/u)
      }
    },
  )
})

describe('an opaque token', () => {
  verifies(
    'WHO-05',
    'is explained by the introspection answer, and hidden if that echoes it',
    async () => {
      const opaque = 'opaque-token-of-32-characters-00'
      const provider = await startUpstream((request, response) => {
        request.resume()
        response.setHeader('content-type', 'application/json')
        response.end(
          JSON.stringify({
            active: true,
            aud: 'x',
            scope: 'mcp:tools',
            exp: AT + 60,
            token: opaque,
          }),
        )
      })
      const { code, stdout } = await run(opaque, [
        ...FLAGS,
        ...['--oauth-client-id', 'gatehouse', '--oauth-introspection-auth', 'none'],
        ...['--oauth-introspection-url', provider, '--json'],
      ])
      expect(code).toBe(1)
      expect(stdout).not.toContain(opaque)
      const { rules, introspection, ...examination } = JSON.parse(stdout) as Examination
      expect(examination).toMatchObject({ code: 'ERR_TOKEN_AUDIENCE' })
      expect(introspection).toMatchObject({ active: true, token: '(a token, not shown)' })
      const results = Object.fromEntries(rules.map(({ rule, result }) => [rule, result]))
      expect(results).toMatchObject({
        form: 'pass',
        introspection: 'pass',
        audience: 'fail',
        scopes: 'pass',
      })
    },
  )

  verifies('WHO-05', 'without introspection fails by its form', async () => {
    const { code, stdout } = await run('opaque-token-of-32-characters-00', OFFLINE)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^ {2}fail {5}form {11}not a JWT, and no introspection is configured$/m)
    expect(stdout).not.toContain('opaque-token-of-32')
  })
})

describe('the arguments', () => {
  verifies('WHO-05', 'hold no token: it is refused, and not repeated', async () => {
    const token = await tokenOf()
    for (const argv of [
      [...OFFLINE, token],
      [...OFFLINE, 'opaque-token-of-32-characters-00'],
      [...OFFLINE, `--token=${token}`],
      [...OFFLINE, '--token', token],
      [...OFFLINE, '--oauth-audience', token],
      ['--request', token, '--log', 'x'],
    ]) {
      const { code, stdout, stderr } = await run('', argv)
      expect(code).toBe(2)
      expect(stderr).toMatch(/^explain: takes no token as an argument/)
      for (const secret of [token, 'opaque-token']) expect(stdout + stderr).not.toContain(secret)
    }
  })

  test.each([
    [['--request', 'short', '--log', 'x'], '--request: is not the id of a request'],
    [['--request', '12345678'], '--request: needs either --log or --admin'],
    [
      ['--request', '12345678', '--log', 'x', '--admin', 'http://127.0.0.1:1'],
      '--request: needs either --log or --admin',
    ],
    [
      ['--request', '12345678', '--admin', 'http://127.0.0.1:1'],
      '--admin: needs --admin-token-file',
    ],
    [['--admin', 'http://127.0.0.1:1'], '--admin: needs --request'],
    [['--log', 'x'], '--log: needs --request'],
    [['--request'], '--request: needs a value'],
    [['--log=x', '--log=y', '--request=12345678'], '--log: is given more than once'],
    [['--request', '12345678', '--log', '/nowhere/x.log'], '--log: cannot be read (ENOENT)'],
    [[], '--auth: is set to none: no token is checked'],
    [[...OFFLINE, '--oauth-wait', 'x'], '--oauth-wait: is not a duration'],
  ])('%j', async (argv, problem) => {
    const more = argv.length === 0 ? ['--upstream', 'http://127.0.0.1:9/mcp'] : argv
    const { code, stdout, stderr } = await run('', more)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(problem)
  })

  verifies('WHO-05', 'no server has to be named', async () => {
    const idp = await FakeIdp.start(ISSUER)
    idp.now = () => NOW
    const at = OFFLINE.indexOf('--upstream')
    const argv = OFFLINE.filter((_, index) => index !== at && index !== at + 1)
    const token = await idp.token({ claims: { scope: 'mcp:tools' } })
    const { code, stdout, stderr } = await run(token, argv)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`accepted at ${RESOURCE}`)
    // A wrong one is told all the same, and so is everything else.
    expect((await run(token, [...argv, '--upstream', 'x'])).stderr).toMatch(
      /^--upstream: must be an absolute http/,
    )
    const missing = await run(token, ['--auth', 'oauth', '--resource', RESOURCE])
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringMatching(/^--oauth-issuer: is missing\n {2}→ .*\n$/),
    ])
    expect((await run(token, [])).stderr).toMatch(/^--auth: is set to none/)
  })

  test('no token, or more than one', async () => {
    expect((await run(' \n', OFFLINE)).stderr).toMatch(/^standard input: has no token/)
    expect((await run('a b', OFFLINE)).stderr).toMatch(/^standard input: is not one token/)
  })
})

describe('a request of a log', () => {
  const line = (more: object) =>
    JSON.stringify({ level: 'info', time: '2026-12-01T12:00:00Z', ...more })
  const denied = {
    event: 'request.denied',
    requestId: '01940000-aaaa-7bbb-8ccc-ddddeeeeffff',
    code: 'ERR_TOKEN_EXPIRED',
    status: 401,
    reason: 'expired 7200 s ago',
    hint: 'the clocks differ',
    secret: 'not ours',
    msg: 'denied',
  }
  const log = writeTemporary(
    'gateway.log',
    [
      'no json eeeeffff',
      line({ ...denied, requestId: 'eeeeffff-0000' }),
      line(denied),
      line({ audit: { requestId: '12345678-ok', outcome: 'allow', status: 200, subject: 'ada' } }),
    ].join('\n'),
  )

  verifies('WHO-05', 'is found by the end of its id, with cause and setting', async () => {
    const { code, stdout } = await run('', ['--request', 'eeeeffff', '--log', log])
    expect(code).toBe(1)
    expect(stdout).toContain('reason     expired 7200 s (2 h) ago\n')
    expect(stdout).toContain('hint       the clocks differ\n')
    expect(stdout).toMatch(/\nERR_TOKEN_EXPIRED\n {2}→ .*--oauth-clock-tolerance/)
    expect(stdout).not.toContain('message')
    expect(stdout).not.toContain('not ours')
    expect(stdout.match(/requestId/g)).toHaveLength(1)
  })

  /** The log of the gateway about one event. */
  async function explainEvent(event: GatewayEvent): Promise<string> {
    let written = ''
    const target = new Writable({
      write: (chunk, _encoding, done) => {
        written += String(chunk)
        done()
      },
    })
    const { logger } = await createLog({ level: 'debug', format: 'json' }, target)
    createEventLog(logger)(event)
    const file = writeTemporary('events.log', written)
    return (await run('', ['--request', 'aaaabbbb', '--log', file])).stdout
  }

  const requestId = 'r-aaaabbbb'
  const caller = { issuer: ISSUER, subject: 'ada', clientId: 'app', retryAfter: 1, isFirst: true }
  const REFUSED: readonly (readonly [event: GatewayEvent, why: RegExp, advice: RegExp])[] = [
    [
      originRefused(requestId, 'https://a.example'),
      /Origin "https:\/\/a\.example"/,
      /--allow-origin/,
    ],
    [
      {
        ...{ type: 'path.unserved', requestId, method: 'POST', path: '"/sse"', host: '"h"' },
        ...{ served: [RESOURCE], hint: 'to serve another URL: --resource' },
      },
      /not found: POST "\/sse" \(Host "h"\); served: https:/,
      /hint +to serve another URL: --resource\n/,
    ],
    [
      { type: 'operation.limited', requestId, limit: '20/min', ...caller },
      /beyond the limit of 20\/min/,
      /ERR_LIMIT_REACHED\n {2}→ limit in the policy/,
    ],
    [
      { type: 'operation.throttled', requestId, ...caller },
      /too many refusals/,
      /ERR_REFUSALS_TOO_MANY\n {2}→ the caller must wait/,
    ],
    [
      { type: 'operation.unreadable', requestId, reason: 'no JSON' },
      /reason +no JSON/,
      /ERR_BODY_UNREADABLE\n {2}→ let the client send one/,
    ],
    [
      { type: 'request.failed', requestId, where: 'TypeError at x' },
      /where +TypeError at x/,
      /ERR_INTERNAL\n {2}→ a bug/,
    ],
    [
      {
        type: 'request.refused',
        requestId,
        status: 431,
        code: 'ERR_HEADERS_TOO_LARGE',
        reason: 'big',
      },
      /reason +big/,
      /ERR_HEADERS_TOO_LARGE\n {2}→ let the client/,
    ],
    [
      { type: 'upstream.failed', requestId, code: 'ERR_UPSTREAM_UNREACHABLE', reason: 'gone' },
      /reason +gone/,
      /ERR_UPSTREAM_UNREACHABLE\n {2}→ start the MCP server/,
    ],
  ]

  for (const [event, why, advice] of REFUSED) {
    verifies('WHO-05', `${event.type}: the reason and what cures it`, async () => {
      const stdout = await explainEvent(event)
      expect(stdout).toMatch(why)
      expect(stdout).toMatch(advice)
    })
  }

  verifies('WHO-05', 'has no advice twice', async () => {
    const stdout = await explainEvent(originRefused(requestId, 'https://a.example'))
    expect(stdout.match(/--allow-origin/g)).toHaveLength(1)
  })

  verifies('WHO-05', 'of the audit is found too, and was accepted', async () => {
    const { code, stdout } = await run('', ['--request', '12345678-ok', '--log', log, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      isAllowed: true,
      lines: [{ outcome: 'allow', subject: 'ada' }],
    })
  })

  test('that is not there is a problem of usage', async () => {
    const { code, stderr } = await run('', ['--request', 'ffffffff', '--log', log])
    expect(code).toBe(2)
    expect(stderr).toContain('--request: is in no line of that log')
  })
})

describe('a request of a running gateway', () => {
  const ID = '01940000-aaaa-7bbb-8ccc-ddddeeeeffff'
  const TOKEN = 'a'.repeat(32)
  const file = writeTemporary('admin.token', `${TOKEN}\n`)
  chmodSync(file, 0o600)
  const refusal = { code: 'ERR_TOKEN_EXPIRED', reason: 'expired 7200 s ago', requestId: ID }

  async function ask(answer: RequestListener, tokenFile = file, id = 'eeeeffff') {
    const url = await startUpstream(answer)
    return run('', ['--request', id, '--admin', url, '--admin-token-file', tokenFile])
  }
  const gateway: RequestListener = ({ url, headers }, response) => {
    const isRight = url === '/refusals' && headers.authorization === `Bearer ${TOKEN}`
    response.writeHead(isRight ? 200 : 401)
    response.end(JSON.stringify({ refusals: [{ ...refusal, requestId: 'other' }, refusal] }))
  }

  verifies('WHO-05', 'is found by the end of its id', async () => {
    const { code, stdout } = await ask(gateway)
    expect(code).toBe(1)
    expect(stdout).toContain('reason     expired 7200 s (2 h) ago\n')
    expect(stdout.match(/requestId/g)).toHaveLength(1)
    expect(stdout).not.toContain(TOKEN)
  })

  test('that it has no more is a problem of usage', async () => {
    const { code, stderr } = await ask(gateway, file, '12345678')
    expect(code).toBe(2)
    expect(stderr).toContain('--request: is not among its last refusals')
  })

  verifies('WHO-05', 'its token goes to nobody else', async () => {
    const open = writeTemporary('open.token', TOKEN)
    chmodSync(open, 0o644)
    let asked = 0
    const count: RequestListener = (_request, response) => {
      asked++
      response.end('{}')
    }
    expect((await ask(count, open)).stderr).toContain('has the mode 0644')
    const far = ['--request', '12345678', '--admin', 'http://gateway.example.com:9464']
    const { stderr } = await run('', [...far, '--admin-token-file', file])
    expect(stderr).toContain('--admin: must be https, or on this machine')
    expect(asked).toBe(0)
    const elsewhere = await startUpstream(count)
    const moved = await ask((_request, response) => {
      response.writeHead(307, { location: elsewhere }).end()
    })
    expect(moved.stderr).toContain('--admin: cannot be reached')
    expect(asked).toBe(0)
  })

  test.each<[string, RequestListener, string]>([
    [
      'another token',
      (_request, response) => void response.writeHead(401).end(),
      'refuses the token',
    ],
    ['another server', (_request, response) => void response.writeHead(404).end(), 'answered 404'],
    [
      'a web page',
      (_request, response) => void response.end('<html>'),
      'not among its last refusals',
    ],
    ['a list', (_request, response) => void response.end('{"refusals":[7]}'), 'not among its last'],
  ])('%s', async (_name, answer, problem) => {
    const { code, stderr } = await ask(answer)
    expect(code).toBe(2)
    expect(stderr).toContain(problem)
  })
})

verifies('WHO-05', 'the command reads standard input and ends with its code', async () => {
  const { jwk } = await fakeKey('key-1')
  const keys = writeTemporary('keys.json', JSON.stringify({ keys: [jwk] }))
  const cli = startCli(['explain', ...FLAGS, '--oauth-jwks-file', keys])
  cli.process.stdin.end(await (await FakeIdp.start()).token())
  expect(await cli.exited).toBe(0)
  expect(cli.stdout().toString()).toMatch(new RegExp(`^accepted at ${RESOURCE}\n`))
})

test('times are told in the largest unit of which there are two', () => {
  expect([0, 119, 120, 7_199, 7_200, 172_800].map(timeInWords)).toEqual([
    '0 s',
    '119 s',
    '2 min',
    '119 min',
    '2 h',
    '2 d',
  ])
  expect(withTimes('expired 99 s ago, 100 s, 240 s')).toBe('expired 99 s ago, 100 s, 240 s (4 min)')
})
