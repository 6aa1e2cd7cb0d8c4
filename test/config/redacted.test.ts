/** What `check` shows of a configuration holds none of the secrets that people write into URLs and commands. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runCheck } from '../../src/cli/check.js'
import { redactCommand, redactUrl } from '../../src/config/redacted.js'
import { verifies } from '../support/verifies.js'

describe('a URL', () => {
  test.each([
    ['http://127.0.0.1:9/mcp', 'http://127.0.0.1:9/mcp'],
    ['https://a.example/mcp?api_key=S3CRET&v=2', 'https://a.example/mcp?api_key=***&v=***'],
    ['https://a.example/mcp?S3CRET', 'https://a.example/mcp?***'],
    ['https://a.example/mcp#part', 'https://a.example/mcp#part'],
    ['postgres://u:S3CRET@db:5432/x', 'postgres://***@db:5432/x'],
    ['https://a.example/x@y?k=S3CRET@z', 'https://a.example/x@y?k=***'],
    ['mcp.internal', 'mcp.internal'],
  ])('%s', (given, shown) => expect(redactUrl(given)).toBe(shown))

  test('never shows a user name or a value of its query', () => {
    const secret = fc.stringMatching(/^[a-z\d%+]{8,30}$/).map((text) => `S3CRET${text}`)
    const forms = fc.constantFrom(
      (s: string) => `https://${s}@a.example/mcp`,
      (s: string) => `https://u:${s}@a.example:1/mcp?x=1`,
      (s: string) => `https://a.example/?a=1&b=${s}&c`,
      (s: string) => `https://a.example/?${s}`,
      (s: string) => `https://a.example/mcp?a=b=${s}`,
    )
    fc.assert(
      fc.property(forms, secret, (form, text) => {
        expect(redactUrl(form(text))).not.toContain('S3CRET')
      }),
    )
  })
})

describe('a command', () => {
  test.each([
    [
      ['npx', '-y', '@modelcontextprotocol/server-filesystem', '/srv/data'],
      ['npx', '-y', '@modelcontextprotocol/server-filesystem', '/srv/data'],
    ],
    [
      ['server', '--token', 'S3CRET', '--port', '80'],
      ['server', '--token', '***', '--port', '80'],
    ],
    [
      ['server', '--api-key=S3CRET'],
      ['server', '--api-key=***'],
    ],
    [
      ['env', 'GITHUB_TOKEN=S3CRET', 'A=1'],
      ['env', 'GITHUB_TOKEN=***', 'A=1'],
    ],
    [
      ['mcp-remote', 'https://a.example/?k=S3CRET'],
      ['mcp-remote', 'https://a.example/?k=***'],
    ],
    [
      ['x', '-H', 'X-Mine: S3CRET'],
      ['x', '-H', 'X-Mine: ***'],
    ],
    [
      ['x', '--dsn=postgres://u:S3CRET@db/x'],
      ['x', '--dsn=postgres://***@db/x'],
    ],
    [
      ['x', 'ghp_abcdefghijklmnop0123456789'],
      ['x', '***'],
    ],
    [
      ['x', '3f1c0000-1111-2222-3333-444455556666'],
      ['x', '***'],
    ],
    [
      ['x', '--token', '--verbose'],
      ['x', '--token', '--verbose'],
    ],
    [
      ['mysql', '-k', 'S3CRET', '-pS3CRET', '-p', 'S3CRET', '-p', '8080'],
      ['mysql', '-k', '***', '-p***', '-p', '***', '-p', '8080'],
    ],
    [
      ['x', '--dsn=Server=h;Password=S3CRET', 'Server=h; Pwd = S3CRET;', 'host=h password=S3CRET'],
      ['x', '--dsn=***', 'Server=***', 'host=***'],
    ],
    [
      ['x', '--env', '{"API_KEY":"S3CRET"}', "{'token': 'S3CRET'}"],
      ['x', '--env', '***', '***'],
    ],
    [
      ['x', 'https://hooks.example/T0a1b2c3d4e5f6g7h8/x#S3CRET', 'https://a.example/mcp'],
      ['x', 'https://hooks.example/***/x#***', 'https://a.example/mcp'],
    ],
    [
      ['x', '--header=Authorization: Token S3CRET', '{"Authorization":"S3CRET"}', '-p=S3CRET'],
      ['x', '--header=***', '***', '-p=***'],
    ],
    [
      [
        'x',
        '--db=postgres://u:S3/CRET@h/db',
        'postgres://u:S3?CR#ET@h/db',
        'mysql://h/db;password=S3',
      ],
      ['x', '--db=postgres://***@h/db', 'postgres://***@h/db', 'mysql://h/***'],
    ],
    [
      [
        'sh',
        '-c',
        'exec x --password S3CRET -v; mysql -pS3CRET; curl -u a:S3CRET http://b:S3CRET@h/x',
      ],
      ['sh', '-c', 'exec x --password *** -v; mysql -p*** curl -u a:*** http://***@h/x'],
    ],
    [
      [
        'x',
        '--user=alice:S3CRET',
        '--user',
        'bob:S3CRET',
        '--user',
        'carol',
        '--passphrase',
        'S3CRET',
      ],
      ['x', '--user=alice:***', '--user', 'bob:***', '--user', 'carol', '--passphrase', '***'],
    ],
    [
      ['x', 'http://h:8080/a@b', 'author=ada', 'hello world'],
      ['x', 'http://h:8080/a@b', 'author=***', 'hello world'],
    ],
    [
      ['x', '--format=a:b', 'key', 'compass=1', 'file=/srv', '--', '-v'],
      ['x', '--format=a:b', 'key', 'compass=1', 'file=/srv', '--', '-v'],
    ],
  ])('%j', (given, shown) => expect(redactCommand(given)).toEqual(shown))
})

verifies('ATK-09', 'check shows neither, as YAML and as JSON', async () => {
  const file = `auth: none
resources:
  - resource: http://127.0.0.1:8080/one
    upstream: http://127.0.0.1:9/mcp?api_key=S3CRET
  - resource: http://127.0.0.1:8080/two
    command: [server, --token, S3CRET, plain]
`
  for (const form of [[], ['--json']]) {
    let text = ''
    const code = await runCheck(
      ['--config', 'g.yaml', ...form],
      {},
      {
        stdout: (more) => (text += more),
        stderr: (more) => (text += more),
        readFile: () => file,
      },
    )
    expect([code, text.includes('S3CRET')]).toEqual([0, false])
    expect(text).toContain('plain')
    expect(text).toContain('api_key=***')
  }
})
