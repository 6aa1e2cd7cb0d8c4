/** `policy init` and `policy table` with live servers, good ones and others. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runPolicy } from '../../src/cli/policy/command.js'
import { parsePolicy } from '../../src/config/policy-file.js'
import { freePort, startCli, startProcess, writeTemporary } from '../support/cli.js'
import { eventually, startUpstream } from '../support/gateway.js'
import { linesOf, readerOf } from '../config/support.js'
import { verifies } from '../support/verifies.js'

const EVERYTHING = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
)
const PATIENCE = 150_000

async function policy(
  argv: readonly string[],
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
) {
  let stdout = ''
  let stderr = ''
  const code = await runPolicy(argv, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    readFile: readerOf(files),
    readLines: linesOf(files),
    env: { PATH: process.env['PATH'], ...env },
  })
  return { code, stdout, stderr }
}

interface Message {
  readonly id?: number
  readonly method: string
  readonly params: Record<string, unknown>
}

/** A server by HTTP whose answers are these, by method; what is thrown is a JSON-RPC error. */
async function serverOf(
  answer: (message: Message) => unknown,
  respond: (text: string) => { readonly status?: number; readonly type?: string; text: string } = (
    text,
  ) => ({ text }),
) {
  const seen: { readonly message: Message; readonly headers: Record<string, unknown> }[] = []
  const url = await startUpstream((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.method !== 'POST') return response.writeHead(405).end()
      const message = JSON.parse(Buffer.concat(chunks).toString()) as Message
      seen.push({ message, headers: request.headers })
      if (message.id === undefined) return response.writeHead(202).end()
      const { id } = message
      let text: string
      try {
        text = JSON.stringify({ jsonrpc: '2.0', id, result: answer(message) })
      } catch (error) {
        const code = error instanceof RangeError ? -32_601 : -32_000
        text = JSON.stringify({ jsonrpc: '2.0', id, error: { code, message: String(error) } })
      }
      const { status = 200, type = 'application/json', text: body } = respond(text)
      response.writeHead(status, { 'content-type': type, 'mcp-session-id': 's1' }).end(body)
    })
  })
  return { url, seen }
}

const OPENED = {
  protocolVersion: '2025-06-18',
  serverInfo: { name: 'stand-in', version: '1' },
  capabilities: { tools: {} },
}
const stillOpen = (list: (message: Message) => unknown) => (message: Message) =>
  message.method === 'initialize' ? OPENED : list(message)

describe('the everything server', () => {
  test(
    'by stdio: a policy that is right, and a table that leaves nothing out',
    async () => {
      const server = ['--', process.execPath, EVERYTHING]
      const { code, stdout, stderr } = await policy(['init', ...server])
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(
          /^asking .*\n(?: {2}\| .*\n)*mcp-servers\/everything .*: \d+ /,
        ),
      })
      const { problems, document } = parsePolicy('p.yaml', stdout)
      expect(problems).toEqual([])
      expect(document.rules[0]?.tools).toContain('get-env')
      expect(document.rules[0]?.scopes).toEqual(['mcp:write'])
      const table = await policy(['table', 'p.yaml', '--json', ...server], { 'p.yaml': stdout })
      const { operations, uncovered } = JSON.parse(table.stdout) as Record<string, unknown[]>
      expect(table.code).toBe(0)
      expect(operations?.length).toBeGreaterThan(20)
      expect(uncovered).toEqual([])
    },
    PATIENCE,
  )

  test(
    'by HTTP: what no rule names is at the end',
    async () => {
      const port = await freePort()
      const server = startProcess(process.execPath, [EVERYTHING, 'streamableHttp'], {
        PORT: String(port),
      })
      await eventually(() => server.stderr().includes('listening on port'), 20_000)
      const upstream = ['--upstream', `http://127.0.0.1:${port}/mcp`]
      const started = await policy(['init', ...upstream])
      expect(started.code).toBe(0)
      const files = {
        'p.yaml': 'rules: [{ tools: [echo], scopes: [a] }]\nunmatched: deny\n',
        'q.yaml': started.stdout,
      }
      const { code, stdout } = await policy(['table', 'p.yaml', ...upstream], files)
      expect(code).toBe(0)
      expect(stdout).toMatch(/^tool +echo +a +p\.yaml:1:9$/m)
      expect(stdout).toMatch(/^No rule names \d+ of the \d+; unmatched is deny:\n {2}tool get-/m)
      const all = await policy(['table', 'q.yaml', ...upstream], files)
      expect(all.stdout).toContain('A rule names each of the ')
      const lost = await policy(['init', '--upstream', `http://127.0.0.1:${port}/sse-not`])
      expect(lost).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('answered 404; is this the exact endpoint?\n'),
      })
    },
    PATIENCE,
  )
})

describe('a server by HTTP', () => {
  test('gives all of its pages, in order, and gets its header', async () => {
    const { url, seen } = await serverOf(
      stillOpen(({ params: { cursor } }) =>
        cursor === undefined
          ? { tools: [{ name: 'b' }, {}, { name: 7 }], nextCursor: '2' }
          : { tools: [{ name: 'a' }, { name: 'b' }] },
      ),
    )
    const header = ['--upstream-header', 'X-Api-Key=/key']
    const argv = ['init', '--upstream', url, ...header]
    const { code, stdout, stderr } = await policy(argv, { '/key': 'secret-1\n' })
    expect(code).toBe(0)
    expect(parsePolicy('p', stdout).document.rules).toEqual([
      { tools: ['b', 'a'], scopes: ['mcp:write'] },
    ])
    expect(stderr).toContain('warning: 2 entries have no name, and are left out\n')
    expect(seen.map(({ message }) => message.method)).toEqual([
      ...['initialize', 'notifications/initialized', 'tools/list', 'tools/list'],
    ])
    expect(new Set(seen.map(({ headers }) => headers['x-api-key']))).toEqual(new Set(['secret-1']))
    expect(seen[3]?.headers).toMatchObject({
      'mcp-protocol-version': '2025-06-18',
      'mcp-session-id': 's1',
    })
  })

  test('of a stateless protocol revision', async () => {
    const { url, seen } = await serverOf(({ method, params }) => {
      const meta = (params['_meta'] ?? {}) as Record<string, unknown>
      if (meta['io.modelcontextprotocol/protocolVersion'] !== '2026-07-28') throw new Error('no')
      if (method === 'server/discover') return { capabilities: { tools: {} }, ttlMs: 0 }
      if (method === 'tools/list') return { tools: [{ name: 'a' }] }
      throw new RangeError('no such method')
    })
    const { code, stdout } = await policy(['init', '--upstream', url])
    expect(code).toBe(0)
    expect(parsePolicy('p', stdout).document.rules).toHaveLength(1)
    expect(seen.at(-1)?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
    })
  })

  test('may answer by events, and ask in between', async () => {
    const { url, seen } = await serverOf(
      stillOpen(() => ({ tools: [{ name: 'a' }] })),
      (text) => ({
        type: 'text/event-stream',
        text:
          ': hello\r\n\r\nid: 1\r\ndata:\r\n\r\n' +
          'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n' +
          'data: {"jsonrpc":"2.0","id":99,"method":"ping"}\n\n' +
          `event: message\ndata: ${text.slice(0, 17)}\ndata: ${text.slice(17)}\n\n`,
      }),
    )
    expect((await policy(['init', '--upstream', url])).code).toBe(0)
    const replies = seen.filter(({ message }) => message.method === undefined)
    expect(replies[0]?.message).toEqual({ jsonrpc: '2.0', id: 99, result: {} })
  })

  test('without templates is asked for resources all the same', async () => {
    const { url } = await serverOf(({ method }) => {
      if (method === 'initialize') return { ...OPENED, capabilities: { resources: {} } }
      if (method === 'resources/list') return { resources: [{ uri: 'file:///a' }] }
      throw new RangeError('no such method')
    })
    expect((await policy(['init', '--upstream', url])).stdout).toContain('"file:///a"')
  })

  test.each<[string, Parameters<typeof serverOf>, RegExp]>([
    [
      'repeats itself',
      [stillOpen(() => ({ tools: [], nextCursor: 'x' }))],
      /sends pages of \S+ without end/,
    ],
    ['has no list', [stillOpen(() => ({ tools: {} }))], /answered tools\/list without a list/],
    ['has no result', [() => 'x'], /answered initialize with no result/],
    [
      'fails in words of its own',
      [
        stillOpen(() => {
          throw new Error('a\u001b[2J\nb')
        }),
      ],
      /answered tools\/list with an error: Error: a \[2J b\n$/,
    ],
    ['is no MCP', [() => ({}), () => ({ text: '<html>' })], /did not answer with JSON-RPC/],
    [
      'refuses',
      [() => ({}), () => ({ text: '', status: 401 })],
      /answered 401; .*--upstream-header/,
    ],
    ['redirects', [() => ({}), () => ({ text: '', status: 307 })], /answered 307, a redirect/],
  ])('that %s is left with a reason, and nothing is written', async (_, server, reason) => {
    const { url } = await serverOf(...server)
    const { code, stdout, stderr } = await policy(['init', '--upstream', url])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(reason)
  })

  test('that is not there', async () => {
    const url = `http://127.0.0.1:${await freePort()}/mcp`
    const { code, stderr } = await policy(['init', '--upstream', url])
    expect(code).toBe(1)
    expect(stderr).toContain('could not be reached (ECONNREFUSED')
  })
})

describe('a command', () => {
  const script = (text: string) => ['init', '--', process.execPath, '-e', text]

  test.each([
    ['that is not there', ['init', '--', '/no/such'], '"/no/such" is not there\n'],
    ['that ends', script('process.exit(3)'), 'ended with exit code 3\n'],
    [
      'that says too much at once',
      script(`process.stdout.write('x'.repeat(17 * 2 ** 20))`),
      'wrote a message that is too long\n',
    ],
  ])('%s', async (_, argv, reason) => {
    const { code, stdout, stderr } = await policy(argv)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(reason)
  })

  test('what it says on stderr is shown, and does nothing to the terminal', async () => {
    const { stderr } = await policy(script(`console.error('a\\u001b[2Jb'); process.exit(0)`))
    expect(stderr).toContain('  | a [2Jb\n')
  })

  test('gets nothing of our environment but what it needs', async () => {
    const [init = '', ...command] = script('console.error(Object.keys(process.env).join())')
    const env = { MINE: '1', SECRET: '2', MCP_GATEHOUSE_OAUTH_CLIENT_SECRET: '3' }
    const { stderr } = await policy([init, '--child-env', 'MINE', ...command], {}, env)
    expect(stderr).toMatch(/^ {2}\| (?:(?:PATH|HOME|MINE|GATEHOUSE_PROCESS),?)+$/m)
  })

  verifies('FLD-12', 'what it may have lacked is told when it ends', async () => {
    const env = { HTTPS_PROXY: 'http://secret' }
    const { stderr } = await policy(script('process.exit(3)'), {}, env)
    expect(stderr).toContain('ended with exit code 3; set here and not passed to it: HTTPS_PROXY;')
    expect(stderr).not.toContain('secret')
  })

  test(
    'ends with us at Ctrl-C',
    async () => {
      const deaf = `process.on('SIGTERM', () => {}); process.stdin.resume()
        setInterval(() => {}, 1000); console.error('pid ' + process.pid)`
      const cli = startCli(['policy', ...script(deaf)])
      await eventually(() => /pid \d+/.test(cli.stderr()), 20_000)
      const pid = Number(/pid (\d+)/.exec(cli.stderr())?.[1])
      cli.process.kill('SIGINT')
      expect(await cli.exited).toBe(1)
      expect(cli.stdout().length).toBe(0)
      expect(cli.stderr()).toMatch(/ interrupted\n$/)
      await eventually(() => {
        try {
          process.kill(pid, 0)
          return false
        } catch {
          return true
        }
      }, 5_000)
    },
    PATIENCE,
  )
})

test('the command line itself: exit codes, help, and a file that is there', async () => {
  const right = writeTemporary('p.yaml', 'rules: [{ tools: [a], scopes: [b] }]\nunmatched: deny\n')
  const runs = [
    [['check', right], 0],
    [['check', `${right}.not`], 2],
    [['explain', right, 'tools/call', 'a', '--scopes', 'b'], 0],
    [['explain', right, 'tools/call', 'a'], 1],
    [['--help'], 0],
    [['chekc'], 2],
  ] as const
  for (const [argv, code] of runs) {
    const cli = startCli(['policy', ...argv])
    expect([argv, await cli.exited]).toEqual([argv, code])
    expect(code === 2 ? cli.stderr() : cli.stdout().toString()).not.toBe('')
  }
}, 60_000)
