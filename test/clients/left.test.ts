/** Sessions with a command that are left in every way: what the gateway, a process of its own, has afterwards. */
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, fetch } from 'undici'
import { afterEach, beforeEach, expect, onTestFinished, vi } from 'vitest'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { isAlive, messagesOf, until, valueOf } from '../gateway/stdio/support.js'
import { startCli, type Cli } from '../support/cli.js'
import { verifies } from '../support/verifies.js'
import { SCOPE } from './fixture.js'

const CHILD = resolve(import.meta.dirname, '../gateway/stdio/child.cjs')
/** In its command line: finds what runs, even if its parent is another one by now. */
const MARK = `left-${crypto.randomUUID()}`
/** Lets the gateway collect its garbage when it is told to, so that what grows is what is kept. */
const COLLECT = `data:text/javascript,${encodeURIComponent("process.on('SIGUSR2',()=>gc())")}`
/** Sessions at once. */
const WIDTH = 9
const IDLE = 3

vi.setConfig({ testTimeout: 180_000 })

let idp: Idp
beforeEach(async () => {
  idp = await startIdp([SCOPE])
})
afterEach(() => idp.stop())

/** The commands that run. */
function running(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(MARK)
      } catch {
        return false
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid)
}

interface Measure {
  /** Open descriptors. */
  readonly fds: number
  /** Memory, in MiB. */
  readonly rss: number
}

function measureNow(pid: number): Measure {
  const [, kib = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return { fds: readdirSync(`/proc/${pid}/fd`).length, rss: Number(kib) / 1024 }
}

/** The least of some seconds, without garbage: a connection to the identity provider is no leak either. */
async function measure(pid: number): Promise<Measure> {
  const seen: Measure[] = []
  for (let count = 0; count < 28; count++) {
    process.kill(pid, 'SIGUSR2')
    await sleep(250)
    seen.push(measureNow(pid))
  }
  return {
    fds: Math.min(...seen.map(({ fds }) => fds)),
    rss: Math.round(Math.min(...seen.map(({ rss }) => rss))),
  }
}

class Session {
  readonly pids: number[] = []
  readonly #url: string
  readonly #token: string
  readonly #agent: Agent
  #id: string | undefined

  constructor(url: string, token: string, agent: Agent) {
    this.#url = url
    this.#token = token
    this.#agent = agent
  }

  async send(method: string, message?: object, signal?: AbortSignal): Promise<Response> {
    const answer = await fetch(this.#url, {
      method,
      dispatcher: this.#agent,
      ...(message !== undefined && { body: JSON.stringify({ jsonrpc: '2.0', ...message }) }),
      ...(signal !== undefined && { signal }),
      headers: {
        authorization: `Bearer ${this.#token}`,
        accept: 'application/json, text/event-stream',
        ...(message !== undefined && { 'content-type': 'application/json' }),
        ...(this.#id !== undefined && { 'mcp-session-id': this.#id }),
      },
    })
    return answer as unknown as Response
  }

  initialize(signal?: AbortSignal): Promise<Response> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c' } }
    return this.send('POST', { id: 0, method: 'initialize', params }, signal)
  }

  call(name: string, signal?: AbortSignal): Promise<Response> {
    const params = { name, arguments: { ms: 60_000 } }
    return this.send('POST', { id: name, method: 'tools/call', params }, signal)
  }

  /** With the command, and one that the command has started. */
  async open(): Promise<this> {
    const answer = await this.initialize()
    expect(answer.status).toBe(200)
    await answer.arrayBuffer()
    this.#id = answer.headers.get('mcp-session-id') ?? undefined
    const [message] = await messagesOf(await this.call('family'))
    this.pids.push(...(valueOf(message) as number[]))
    return this
  }
}

type Way = (session: Session) => Promise<unknown>

/** Opens a stream and a call that is never answered, and leaves both. */
async function leave(session: Session): Promise<void> {
  const leaving = new AbortController()
  const stream = await session.open().then(() => session.send('GET', undefined, leaving.signal))
  const asking = session.call('slow', leaving.signal).then((answer) => answer.text())
  await sleep(20)
  leaving.abort()
  await Promise.allSettled([asking, stream.text()])
}

const WAYS: Readonly<Record<string, Way>> = {
  'the client ended the session': async (session) => (await session.open()).send('DELETE'),
  'its client is gone, with a stream and a call open': leave,
  'its client is gone before it began': async (session) => {
    const leaving = new AbortController()
    const opening = session.initialize(leaving.signal)
    await sleep(5)
    leaving.abort()
    await opening.catch(() => undefined)
  },
  'the command was killed': async (session) => {
    await session.open()
    const [command = 0] = session.pids
    const stream = await session.send('GET')
    process.kill(command, 'SIGKILL')
    await stream.text()
  },
  'nobody used it': (session) => session.open(),
}

type Make = (agent: Agent) => Session

async function openAndLeave(ways: readonly Way[], make: Make): Promise<number[]> {
  const agent = new Agent()
  const pids: number[] = []
  let next = 0
  const work = async () => {
    for (let way = ways[next++]; way !== undefined; way = ways[next++]) {
      const session = make(agent)
      await way(session)
      pids.push(...session.pids)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, work))
  // Its idle connections are descriptors too.
  await agent.destroy()
  return pids
}

/** So many of each. */
function times(count: number): Way[] {
  return Array.from({ length: count }, () => Object.values(WAYS)).flat()
}

async function startGateway(): Promise<{ readonly cli: Cli; readonly make: Make }> {
  const cli = startCli(
    [
      ...['--auth', 'oauth', '--oauth-issuer', idp.issuer, '--oauth-scopes', SCOPE],
      ...['--port', '0', '--log-format', 'json', '--child-idle', `${IDLE}s`],
      ...['--max-children', '300', '--max-children-per-principal', '300'],
      ...['--', process.execPath, CHILD, 'legacy', MARK],
    ],
    { NODE_OPTIONS: `--expose-gc --max-semi-space-size=2 --import=${COLLECT}` },
  )
  const url = `${await cli.listening()}/mcp`
  const token = await idp.sign({
    iss: idp.issuer,
    sub: 'alice',
    aud: url,
    client_id: 'left',
    scope: SCOPE,
    exp: Math.floor(Date.now() / 1000) + 600,
  })
  return { cli, make: (agent) => new Session(url, token, agent) }
}

async function nothingRuns(pids: readonly number[]): Promise<void> {
  await until(() => running().length <= 1, 20_000)
  expect(pids.filter(isAlive)).toEqual([])
}

verifies(
  'STA-01',
  '200 sessions, left in every way: no process is left, descriptors and memory are as before',
  async () => {
    const { cli, make } = await startGateway()
    const gateway = cli.process.pid ?? 0
    onTestFinished(() => running().forEach((pid) => process.kill(pid, 'SIGKILL')))
    await nothingRuns(await openAndLeave(times(36), make))
    const before = await measure(gateway)

    const startedAt = performance.now()
    const pids = await openAndLeave(times(36), make)
    await nothingRuns(pids)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    const after = await measure(gateway)

    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    const last = await Promise.all(Array.from({ length: 20 }, () => make(agent).open()))
    expect(running().length).toBeGreaterThanOrEqual(20)
    cli.process.kill('SIGTERM')
    expect(await cli.exited).toBe(0)
    await until(() => running().length === 0, 10_000)
    expect(last.flatMap((session) => session.pids).filter(isAlive)).toEqual([])

    const reported = { before, after, sessions: 200, seconds, processes: pids.length + 40 }
    console.info(JSON.stringify(reported))
    expect(after.fds).toBeLessThanOrEqual(before.fds)
    expect(after.rss).toBeLessThanOrEqual(before.rss * 1.1)
  },
)
