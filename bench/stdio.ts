/**
 * `npm run bench:stdio`: a stdio command behind the gateway, beside the bridges of npm and the SDK's own client of
 * stdio. Needs wrk. Ratios of pairs that ran in the same minutes.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { freePort } from '../test/support/cli.js'
import { ECHO, headersOf, installPeers, openSession, type Bridge, type Session } from './bridges.js'
import { median } from './children.js'
import { mint } from './tokens.js'
import { abort, CLOCK, lagAlone, lagThrough } from './watchers.js'

const ROUNDS = 7
const SECONDS = 2
const CONNECTIONS = 50
const CALLS = 300
const BRIDGES: readonly Bridge[] = ['gateway', 'supergateway', 'mcp-proxy']
const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))

await installPeers()
const { tokens, jwks } = await mint(1)
const [token = ''] = tokens
const jwksFile = join(folder, 'jwks.json')
writeFileSync(jwksFile, JSON.stringify(jwks))

let failed = false
function report(name: string, value: number, target: number, isAtLeast: boolean, more = ''): void {
  const missed = isAtLeast ? value < target : value > target
  failed ||= missed
  const text = `${value.toFixed(2)} (target ${isAtLeast ? '≥' : '≤'} ${target})`
  console.log(`${missed ? 'MISSED ' : ''}${name}: ${text} ${more}`)
}

const call = (id: number) =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}`

/** Answers a second; each request has an id of its own, since those in use are refused. */
async function rate({ port, id }: Session): Promise<number> {
  const script = join(folder, `${port}.lua`)
  const headers = Object.entries(headersOf(token, id))
    .map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)
    .join('\n')
  const body = call(0).replace('"id":0', `"id":' .. i .. '`)
  writeFileSync(
    script,
    `wrk.method = "POST"\n${headers}\nlocal i = math.floor(os.time() * 1e5) % 1e9\nrequest = function()\n  i = i + 1\n  return wrk.format(nil, nil, nil, '${body}')\nend\n`,
  )
  const url = `http://127.0.0.1:${port}/mcp`
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, '-s', script, url]
  const { stdout } = await run('wrk', args)
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
}

/** Milliseconds of a call, one at a time. */
async function latency(once: (id: number) => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let id = 1; id <= CALLS; id++) {
    const startedAt = performance.now()
    await once(id)
    times.push(performance.now() - startedAt)
  }
  return median(times.slice(50))
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
function post({ port, id: session }: Session, id: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = headersOf(token, session)
    const sending = request({ port, path: '/mcp', method: 'POST', agent, headers }, (answer) => {
      answer.resume().once('end', resolve)
    })
    sending.once('error', reject).end(call(id))
  })
}

/** What the command says unasked, and what it is told when nobody listens any more. */
async function events(): Promise<void> {
  const clock = await openSession('gateway', await freePort(), jwksFile, token, CLOCK)
  try {
    for (const revision of ['session', 'none'] as const) {
      const added: number[] = []
      for (let round = 0; round < 3; round++) {
        added.push(-(await lagAlone()) + (await lagThrough(clock, revision, token)))
      }
      const name = revision === 'session' ? 'of a session' : 'without sessions'
      report(`event lag ${name} over a read of stdout, ms`, median(added), 0.3, false)
    }
    const aborts: number[] = []
    for (let i = 0; i < 20; i++) aborts.push(await abort(clock, token))
    const max = `max ${Math.max(...aborts).toFixed(1)}`
    report("client abort to the command's cancelled, ms (p50)", median(aborts), 5, false, max)
  } finally {
    clock.process.kill()
  }
}

const sessions = new Map<Bridge, Session>()
const starts = new Map<Bridge, number[]>(BRIDGES.map((bridge) => [bridge, []]))
for (let round = 0; round < ROUNDS; round++) {
  for (const bridge of BRIDGES) {
    sessions.get(bridge)?.process.kill()
    const session = await openSession(bridge, await freePort(), jwksFile, token)
    sessions.set(bridge, session)
    starts.get(bridge)?.push(session.startMs)
  }
}

const sdk = new Client({ name: 'bench', version: '1' })
await sdk.connect(
  new StdioClientTransport({
    command: process.execPath,
    args: [ECHO[1]],
  }),
)
try {
  const gateway = sessions.get('gateway') as Session
  for (const peer of ['supergateway', 'mcp-proxy'] as const) {
    const ratios: number[] = []
    const rates: Record<string, number[]> = { gateway: [], [peer]: [] }
    for (let round = 0; round <= ROUNDS; round++) {
      const ours = await rate(gateway)
      const theirs = await rate(sessions.get(peer) as Session)
      // The first round warms everything.
      if (round === 0) continue
      ratios.push(ours / theirs)
      rates['gateway']?.push(ours)
      rates[peer]?.push(theirs)
    }
    const shown = Object.entries(rates).map(([name, all]) => `${name} ${median(all).toFixed(0)}/s`)
    report(`stdio calls, c=${CONNECTIONS} / ${peer}`, median(ratios), 2, true, shown.join(', '))
    const paired = (starts.get(peer) ?? []).map(
      (ms, round) => ms / (starts.get('gateway')?.[round] ?? Number.NaN),
    )
    const ms = [peer, 'gateway' as const].map(
      (name) => `${name} ${median(starts.get(name) ?? []).toFixed(0)} ms`,
    )
    report(
      `${peer}'s start until initialize is answered / ours`,
      median(paired),
      2,
      true,
      ms.join(', '),
    )
  }
  const added: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const alone = await latency((id) =>
      sdk.callTool({ name: 'echo', arguments: { message: String(id) } }),
    )
    const through = await latency((id) => post(gateway, 1e9 + round * CALLS + id))
    added.push(through - alone)
  }
  report("a call, c=1, over the SDK's stdio client, ms", median(added), 0.5, false)
  await events()
} finally {
  await sdk.close()
  for (const { process } of sessions.values()) process.kill()
  agent.destroy()
}
process.exitCode = failed ? 1 : 0
