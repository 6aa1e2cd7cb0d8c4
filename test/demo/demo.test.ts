/** The demo as users start it, in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { PORTS } from '../../examples/demo/ports.js'
import { guideBlock } from '../support/guides.js'
import { verifies } from '../support/verifies.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const JWT = /eyJ[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}/

class Demo {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''

  constructor(flags: readonly string[], preload?: string) {
    const preloads = preload === undefined ? [] : ['--import', `data:text/javascript,${preload}`]
    this.child = spawn(
      process.execPath,
      ['--import', 'tsx', ...preloads, 'examples/demo/main.ts', ...flags],
      { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    this.child.stdout?.on('data', (chunk) => (this.stdout += String(chunk)))
    this.child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)))
  }

  /** Until that is printed, or the process ends without. */
  async printed(text: string): Promise<void> {
    const ended = new AbortController()
    this.child.once('exit', () => ended.abort(new Error(`ended: ${this.stdout}${this.stderr}`)))
    while (!this.stdout.includes(text)) {
      await once(this.child.stdout!, 'data', { signal: ended.signal })
    }
  }

  async exit(): Promise<unknown> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'close')
    }
    return this.child.exitCode ?? this.child.signalCode
  }
}

const demos: Demo[] = []

function start(flags: readonly string[], preload?: string): Demo {
  const demo = new Demo(flags, preload)
  demos.push(demo)
  return demo
}

afterEach(() => {
  for (const { child } of demos.splice(0)) child.kill('SIGKILL')
})

const STEPS = [
  'knocks without a token',
  'reads what this resource is',
  'asks the identity provider',
  'registers itself',
  'logs in and agrees',
  'trades the code for an access token',
  'let in',
  'lists the tools',
  'knows who is calling',
  'judged on its own',
  'No token at all',
  'for another server',
  'expired an hour ago',
  'under its signature',
  "stranger's key",
  'An ID token',
  'Two credentials',
  'in the query',
  'lists the tools',
  'knows its user',
  'which scope that needs',
  'the list has grown',
  'No rule names',
  'says which of them connect',
]

verifies(
  ['TOK-02', 'CHL-08', 'JWT-02', 'AUD-01', 'GW-08', 'CASE-2', 'CASE-4', 'CASE-14', 'CASE-67'],
  'walks once: every step does what it should, and no token is printed',
  async () => {
    const demo = start(['--once'])
    expect(await demo.exit(), demo.stdout + demo.stderr).toBe(0)
    const headlines = demo.stdout.split('\n').filter((line) => /^[✓✗] +\d+\. /.test(line))
    expect(headlines).toHaveLength(STEPS.length)
    for (const [index, step] of STEPS.entries()) {
      expect(headlines[index]).toContain(step)
      expect(headlines[index]).toMatch(/^✓ /)
    }
    expect(demo.stdout).toContain(`All ${STEPS.length} steps did what they should.`)
    expect(demo.stdout).toContain('"subject":"alice"')
    expect(demo.stdout).toMatch(/← yes: Claude Code, .*MCP Inspector/)
    expect(demo.stdout).toMatch(/← no: claude\.ai, .*\n +The URL works only on this machine/)
    // Said in full once, and in short by each refusal.
    expect(demo.stdout.match(/resource_metadata=/g)).toHaveLength(1)
    expect(demo.stdout).not.toContain('\u001b')
    expect(demo.stdout).not.toMatch(JWT)
    // Neither the noise of the identity provider nor anything else.
    expect(demo.stderr).toBe('')
    expect(demo.stdout).not.toContain('oidc-provider')
  },
)

test('the commands of its README are what is started here', () => {
  const commands = guideBlock('demo', 'start').trim().split('\n')
  expect(commands.map((line) => line.replace(/\s+#.*/, ''))).toEqual([
    'npm start',
    'npm start -- --once',
  ])
  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>
  }
  expect(scripts['start']).toBe('node --import tsx examples/demo/main.ts')
})

test('needs no build: it is the first thing that one starts in a clone', () => {
  const folder = `${ROOT}examples/demo`
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'))
  expect(files).toContain('gateway.ts')
  const built = files.filter((file) => readFileSync(`${folder}/${file}`, 'utf8').includes('dist/'))
  expect(built).toEqual([])
})

describe('stays up', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'answers real clients at the address it prints, until %s',
    async (signal) => {
      const demo = start([])
      await demo.printed('Ctrl-C ends it.')
      const url = /claude mcp add --transport http \S+ (http:\/\/127\.0\.0\.1:\d+\/mcp)/.exec(
        demo.stdout,
      )?.[1]
      const response = await fetch(url ?? '', { method: 'POST' })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toContain('resource_metadata="')
      await demo.printed('refused 401  ERR_CREDENTIALS_MISSING')

      demo.child.kill(signal)
      expect(await demo.exit()).toBe(0)
      await expect(fetch(url ?? '')).rejects.toThrow()
      expect(demo.stdout).not.toMatch(JWT)
    },
  )

  test('ends at a signal also in the middle of the walk', async () => {
    const demo = start([])
    await demo.printed('MCP server')
    demo.child.kill('SIGINT')
    expect(await demo.exit(), demo.stdout + demo.stderr).toBe(0)
    expect(demo.stdout).not.toContain('✗')
  })
})

describe('tells the truth about a failure', () => {
  test('a challenge that is lost on the way is a failed step and exit code 1', async () => {
    const lose = `const real = fetch
      globalThis.fetch = async (...request) => {
        const response = await real(...request)
        if (response.status !== 401) return response
        return new Response(await response.text(), { status: 401 })
      }`
    const demo = start(['--once'], encodeURIComponent(lose))
    expect(await demo.exit()).toBe(1)
    expect(demo.stdout).toMatch(/^✗ +1\. The client knocks/m)
    expect(demo.stdout).toContain('✗ expected: the needed scope in the challenge')
    expect(demo.stdout).toMatch(/^✗ \d+ failed\.$/m)
    expect(demo.stdout).not.toContain('did what they should')
  })

  test('a refusal that turns into an entry is a failed step and exit code 1', async () => {
    const open = `const real = fetch
      let refused = 0
      globalThis.fetch = async (...request) => {
        const response = await real(...request)
        if (response.status !== 401 || ++refused !== 4) return response
        return Response.json({ jsonrpc: '2.0', id: 1, result: { tools: [] } })
      }`
    const demo = start(['--once'], encodeURIComponent(open))
    expect(await demo.exit()).toBe(1)
    expect(demo.stdout).toMatch(/^✗ 13\. A token that expired/m)
    expect(demo.stdout).toContain('✗ expected: the status 401')
  })

  test('a walk that cannot go on is reported, and exit code 1', async () => {
    const stop = `globalThis.fetch = () => Promise.reject(new Error('no network today'))`
    const demo = start(['--once'], encodeURIComponent(stop))
    expect(await demo.exit()).toBe(1)
    expect(demo.stdout).toContain('✗ the walk stopped: no network today')
  })

  test('an unknown flag is bad usage, exit code 2', async () => {
    const demo = start(['--onec'])
    expect(await demo.exit()).toBe(2)
    expect(demo.stderr).toContain('usage:')
  })
})

test('a port that somebody has is no obstacle, and the gateway ends with the demo', async () => {
  const other = createServer().listen(PORTS.server, '127.0.0.1')
  await once(other, 'listening')
  const demo = start([])
  await demo.printed('Ctrl-C ends it.')
  const url = /^MCP server +(\S+)$/m.exec(demo.stdout)?.[1]
  expect(new URL(url ?? '').port).not.toBe(String(PORTS.server))
  const gateway = /--resource (\S+)/.exec(demo.stdout)?.[1] ?? ''
  expect((await fetch(gateway, { method: 'POST' })).status).toBe(401)
  demo.child.kill('SIGTERM')
  expect(await demo.exit()).toBe(0)
  await expect(fetch(gateway)).rejects.toThrow()
  other.close()
})
