/** The commands of README and docs, as their reader types them, with names that exist here. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runCheck } from '../../src/cli/check.js'
import { clientsHelp } from '../../src/cli/clients/help.js'
import { registerHelp } from '../../src/cli/clients/register/help.js'
import { doctorHelp } from '../../src/cli/doctor/help.js'
import { loginHelp } from '../../src/cli/login/help.js'
import { EXPLAIN_HELP } from '../../src/cli/explain/help.js'
import { keyHelp } from '../../src/cli/key/help.js'
import { policyHelp } from '../../src/cli/policy/help.js'
import { freePort, startCli, writeTemporary } from '../support/cli.js'
import { startUpstream } from '../support/gateway.js'
import { DOCS, guideBlock, readGuide, wordsOf } from '../support/guides.js'
import { serveIdp } from '../support/served-idp.js'
import { verifies } from '../support/verifies.js'

/** What `check` says about a command line. */
async function check(argv: readonly string[], files: Readonly<Record<string, string>> = {}) {
  let problems = ''
  const code = await runCheck(
    argv,
    {},
    {
      stdout: () => undefined,
      stderr: (text) => (problems += text),
      readFile: (path) =>
        Object.entries(files).find(([name]) => path.endsWith(name))?.[1] ?? 'not there',
    },
  )
  return { code, problems }
}

verifies('CASE-61', 'the gateway in front of a server that somebody else wrote', async () => {
  const [npx, name, ...args] = wordsOf(guideBlock('docs/gateway', 'gateway'))
  expect([npx, name]).toEqual(['npx', 'mcp-gatehouse'])
  const idp = await serveIdp()
  const upstream = await startUpstream((request, response) => {
    response.end(`hello ${String(request.headers['x-gatehouse-subject'])}`)
  })
  const local = args.map((word) =>
    word
      .replace('https://sso.example.com/realms/mcp', idp.issuer)
      .replace('http://127.0.0.1:8000/mcp', upstream),
  )
  const cli = startCli([...local, '--port', String(await freePort())])
  const url = await cli.listening()
  const send = async (token?: string) =>
    fetch(`${url}/mcp`, {
      method: 'POST',
      body: '{}',
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    })
  expect((await send()).status).toBe(401)
  expect((await send(await idp.token({ claims: { aud: 'another' } }))).status).toBe(401)
  const answer = await send(await idp.token({ claims: { aud: 'https://mcp.example.com/mcp' } }))
  expect(await answer.text()).toBe('hello user-1')
})

test('docs/logs: the access log has what the page shows, and the name of the person', async () => {
  const [, ...args] = wordsOf(guideBlock('docs/logs', 'who'))
  const idp = await serveIdp()
  const upstream = await startUpstream((request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json')
    response.end('{"jsonrpc":"2.0","id":1,"result":{}}')
  })
  const local = args.map((word) =>
    word
      .replace('https://sso.example.com/realms/mcp', idp.issuer)
      .replace('http://127.0.0.1:8000/mcp', upstream)
      .replace('audit.jsonl', writeTemporary('audit.jsonl', '')),
  )
  const cli = startCli([...local, '--port', String(await freePort())])
  const url = await cli.listening()
  const claims = { aud: 'https://mcp.example.com/mcp', preferred_username: 'alice' }
  const answer = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await idp.token({ claims })}`,
      'content-type': 'application/json',
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}',
  })
  expect(answer.status).toBe(200)
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(readGuide('docs/logs')) ?? []
  const { requestId, msg, ...shown } = JSON.parse(json) as Record<string, unknown>
  const find = () => cli.log().find(({ event }) => event === shown['event'])
  await expect.poll(find, { timeout: 5_000 }).toMatchObject(shown)
  expect(find()?.['requestId']).toHaveLength(String(requestId).length)
  expect(find()?.['msg']).toMatch(new RegExp(`^${String(msg).replaceAll(/[\d.]+/g, '[\\d.]+')}$`))
})

verifies('STA-01', 'a stdio command becomes a server whose sessions are their own', async () => {
  const [, , ...args] = wordsOf(guideBlock('docs/stdio', 'stdio'))
  const idp = await serveIdp()
  const everything = import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js')
  const local = args
    .join(' ')
    .replace('https://sso.example.com/realms/mcp', idp.issuer)
    .replace(
      'npx -y @modelcontextprotocol/server-everything',
      `${process.execPath} ${fileURLToPath(everything)}`,
    )
    .replace(' -- ', ` --port ${await freePort()} -- `)
    .split(' ')
  const cli = startCli(local)
  const url = await cli.listening()
  const send = (token: string, id: number, method: string, session?: string) =>
    fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...(session !== undefined && { 'mcp-session-id': session }),
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id,
        method,
        params: {
          protocolVersion: '2025-11-25',
          capabilities: {},
          clientInfo: { name: 'reader', version: '1' },
        },
      }),
    })
  const tokenOf = (sub: string) =>
    idp.token({ claims: { aud: 'https://mcp.example.com/mcp', sub } })
  const opened = await send(await tokenOf('alice'), 1, 'initialize')
  expect(opened.status).toBe(200)
  const session = opened.headers.get('mcp-session-id') ?? ''
  expect((await send(await tokenOf('bob'), 2, 'tools/list', session)).status).toBe(404)
  expect(await (await send(await tokenOf('alice'), 3, 'ping', session)).json()).toMatchObject({
    id: 3,
    result: {},
  })
})

/** The output of an example of `explain`, with files that exist here. */
async function explain(
  block: string,
  files: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly output: string }> {
  const [command = '', input] = block.trim().split(' < ')
  const [, ...argv] = wordsOf(command)
  const cli = startCli(argv.map((word) => files[word] ?? word))
  cli.process.stdin.end(files[input ?? ''] ?? '')
  return { code: await cli.exited, output: cli.stdout().toString() }
}

verifies('WHO-05', 'docs/troubleshooting: a token and a request are explained', async () => {
  const idp = await serveIdp()
  const config = writeTemporary(
    'gatehouse.yaml',
    `auth: oauth
resource: https://mcp.example.com/mcp
upstream: http://127.0.0.1:8000/mcp
oauth: { issuer: '${idp.issuer}' }
`,
  )
  const token = await idp.token({ claims: { aud: 'https://mcp.example.com/mcp' } })
  const files = { 'gatehouse.yaml': config, 'token.txt': token }
  const explained = await explain(guideBlock('docs/troubleshooting', 'explain-token'), files)
  expect(explained).toMatchObject({ code: 0, output: expect.stringMatching(/^accepted at https/) })
  const line = { event: 'request.denied', requestId: 'a-1f2e3d4c', code: 'ERR_TOKEN_AUDIENCE' }
  const log = { 'gateway.log': writeTemporary('gateway.log', JSON.stringify(line)) }
  for (const block of [
    guideBlock('docs/troubleshooting', 'explain-request'),
    guideBlock('docs/logs', 'request'),
  ]) {
    const found = await explain(block, log)
    expect(found.code).toBe(1)
    expect(found.output).toContain('--oauth-audience')
  }
})

verifies('WHO-05', 'docs/library: a token for your own server is explained', async () => {
  const idp = await serveIdp()
  const token = await idp.token({ claims: { aud: 'https://mcp.example.com/mcp' } })
  const block = guideBlock('docs/library', 'explain-own')
  const own = block.replace('https://sso.example.com/realms/mcp', idp.issuer)
  expect(own).not.toBe(block)
  const explained = await explain(own, { 'token.txt': token })
  expect(explained).toMatchObject({ code: 0, output: expect.stringMatching(/^accepted at https/) })
})

test('docs/troubleshooting: doctor is that of its page, and check reads the file', async () => {
  expect(guideBlock('docs/troubleshooting', 'doctor')).toBe(guideBlock('docs/doctor', 'doctor'))
  const [name, command, ...argv] = wordsOf(guideBlock('docs/troubleshooting', 'check'))
  expect([name, command]).toEqual(['mcp-gatehouse', 'check'])
  const yaml = 'upstream: http://127.0.0.1:8000/mcp\n'
  expect(await check(argv, { 'gatehouse.yaml': yaml })).toEqual({ code: 0, problems: '' })
})

test('docs/clients: what to type is printed, and nobody is contacted', async () => {
  for (const line of guideBlock('docs/clients', 'clients').trim().split('\n')) {
    const [name, ...argv] = wordsOf(line)
    expect(name).toBe('mcp-gatehouse')
    const cli = startCli(argv)
    expect(await cli.exited).toBe(0)
    expect(cli.stdout().toString()).toContain('https://mcp.example.com/mcp')
  }
})

const SECRETS = {
  '/etc/gatehouse/api-keys.yaml': 'keys: []',
  '/run/secrets/mcp-rs': 'hunter2',
  '/run/secrets/github': 'hunter2',
  '/run/secrets/admin': 'a'.repeat(44),
}

test.each([
  ['AGENTS check', guideBlock('AGENTS', 'check')],
  ['docs/stdio sidecar', guideBlock('docs/stdio', 'sidecar')],
  ['docs/stdio pass-through', guideBlock('docs/stdio', 'pass-through')],
  ['docs/introspection opaque', guideBlock('docs/introspection', 'opaque')],
  ['docs/introspection every-token', guideBlock('docs/introspection', 'every-token')],
  ['docs/keys gateway', guideBlock('docs/keys', 'gateway')],
  ['docs/deployment vps', guideBlock('docs/deployment', 'vps')],
  ['docs/deployment cloud-run', guideBlock('docs/deployment', 'cloud-run')],
  ['docs/logs who', guideBlock('docs/logs', 'who')],
  ['docs/logs admin', guideBlock('docs/logs', 'admin')],
])('%s: the command line has no problem', async (_name, block) => {
  const [name, ...argv] = wordsOf(block.replace('mcp-gatehouse check', 'mcp-gatehouse'))
  expect(name).toBe('mcp-gatehouse')
  expect(await check(argv, SECRETS)).toEqual({ code: 0, problems: '' })
  expect((await check(['--no-such-flag', ...argv])).code).toBe(2)
})

verifies('IDN-42', 'docs/introspection github: it starts, and warns as the page says', async () => {
  const [, ...argv] = wordsOf(guideBlock('docs/introspection', 'github'))
  const { code, problems } = await check(argv, SECRETS)
  expect(code).toBe(0)
  expect(problems).toContain("also opens the provider's own APIs")
})

test('docs/settings.md: the file has no problem', async () => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readGuide('docs/settings')) ?? []
  const argv = ['--config', 'gatehouse.yaml']
  expect(await check(argv, { 'gatehouse.yaml': yaml })).toEqual({ code: 0, problems: '' })
  expect((await check(argv, { 'gatehouse.yaml': `${yaml}\nunknown: 1` })).code).toBe(2)
})

test.each(
  [...readGuide('docs/policy').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => [yaml]),
)('docs/policy.md: the policy has no problem: %s', async (yaml = '') => {
  const policy = `${yaml}${yaml.includes('unmatched') ? '' : 'unmatched: deny\n'}`
  const argv = wordsOf(guideBlock('docs/deployment', 'vps')).slice(1)
  const files = { 'my.yaml': policy }
  expect(await check([...argv, '--oauth-policy', 'my.yaml'], files)).toEqual({
    code: 0,
    problems: policy.includes('limit:')
      ? 'warning: each process counts the limits of the policy for itself\n'
      : '',
  })
  const broken = { 'my.yaml': policy.replace('rules:', 'rule:') }
  expect((await check([...argv, '--oauth-policy', 'my.yaml'], broken)).code).toBe(2)
})

test('every flag that README and docs name exists', async () => {
  const cli = startCli(['--help'])
  expect(await cli.exited).toBe(0)
  const known = new Set(
    cli
      .stdout()
      .toString()
      .concat(policyHelp('explain'), policyHelp('replay'), EXPLAIN_HELP)
      .concat(doctorHelp(), loginHelp(), clientsHelp(), registerHelp(), keyHelp())
      .match(/--[a-z][a-z-]+/g),
  )
  // What is generated about clients names their flags.
  const documents = ['README', 'AGENTS', ...DOCS]
    .map(readGuide)
    .join('\n')
    .replace(/<!-- clients -->[\s\S]*<!-- \/clients -->/, '')
  // A star stands for several.
  const flag = /(?<![\w-])--(?!port 8000|help|hostname)[a-z][a-z-]*[a-z]\b(?!-?\*)/g
  const named = new Set(documents.match(flag))
  expect(named).toContain('--oauth-issuer')
  expect([...named].filter((flag) => !known.has(flag))).toEqual([])
})
