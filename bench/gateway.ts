/**
 * `npm run bench:gateway`: the gateway beside nginx and the proxies of npm. Needs nginx and wrk. Ratios of pairs
 * that ran in the same minutes; absolute figures of a shared machine mean nothing.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ask, child, median } from './children.js'
import type { Proxy } from './proxies.js'
import { sharedNow } from './streams.js'
import { mint } from './tokens.js'

const ROUNDS = 7
const SECONDS = 2
const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** The upstream and the proxy in one configuration, in two processes of one worker each. */
async function startNginx(server: string): Promise<{ port: number; process: ChildProcess }> {
  const port = await freePort()
  const file = join(folder, `nginx-${port}.conf`)
  writeFileSync(
    file,
    `${process.getuid?.() === 0 ? 'user root; ' : ''}worker_processes 1; daemon off; pid ${folder}/${port}.pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path ${folder}/body-${port};
proxy_temp_path ${folder}/proxy-${port}; ${server.replaceAll('PORT', String(port))} }`,
  )
  const nginxProcess = spawn('nginx', ['-c', file, '-p', folder], { stdio: 'ignore' })
  await delay(300)
  return { port, process: nginxProcess }
}

interface WrkResult {
  readonly rate: number
  /** Milliseconds. */
  readonly p50: number
}

const SCALES: Record<string, number> = { us: 0.001, ms: 1, s: 1000 }

/** What is sent: `/mcp` is a call, with `list` in the query a list of tools, anything else a GET. */
function scriptFor(path: string): string {
  if (path === '/mcp?list') return 'list.lua'
  return path === '/mcp' ? 'post.lua' : 'get.lua'
}

async function wrk(port: number, path: string, connections: number): Promise<WrkResult> {
  const script = join(folder, scriptFor(path))
  const { stdout } = await run('wrk', [
    '-t1',
    `-c${connections}`,
    `-d${SECONDS}s`,
    '--latency',
    '-s',
    script,
    `http://127.0.0.1:${port}${path}`,
  ])
  if (/Non-2xx/.test(stdout)) throw new Error(stdout)
  const [, p50 = '', unit = ''] = /50%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? []
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    p50: Number(p50) * (SCALES[unit] ?? Number.NaN),
  }
}

const { tokens, jwks } = await mint(200)
const [token = ''] = tokens
const BODY =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}'
const head = `wrk.headers["Authorization"] = "Bearer ${token}"\nwrk.headers["Accept"] = "application/json, text/event-stream"\nwrk.headers["MCP-Protocol-Version"] = "2025-11-25"\n`
writeFileSync(
  join(folder, 'post.lua'),
  `${head}wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = '${BODY}'\n`,
)
writeFileSync(
  join(folder, 'list.lua'),
  `${head}wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'\n`,
)
/** As servers describe theirs, about 400 bytes each; every second one may be used. */
const TOOLS = Array.from({ length: 200 }, (_, i) => ({
  name: `${i % 2 === 0 ? 'shown' : 'hidden'}_${i}`,
  description:
    'Reads a file and returns its text, or a part of it where a range of lines is given.',
  inputSchema: {
    type: 'object',
    properties: {
      path: { type: 'string', description: 'Where the file is, below one of the roots' },
      head: { type: 'number', description: 'Lines at the beginning' },
      tail: { type: 'number', description: 'Lines at the end' },
    },
    required: ['path'],
  },
  annotations: { readOnlyHint: true },
}))
writeFileSync(
  join(folder, 'list'),
  JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: TOOLS } }),
)
writeFileSync(join(folder, 'get.lua'), head)
writeFileSync(join(folder, 'big'), 'x'.repeat(64 * 1024))
const ANSWER = `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"${'x'.repeat(52)}"}]}}`

const upstream = await startNginx(
  `server { listen 127.0.0.1:PORT; location /mcp { default_type application/json; return 200 '${ANSWER}'; } location /big { root ${folder}; } location /list { root ${folder}; default_type application/json; error_page 405 =200 $uri; } }`,
)
const nginx = await startNginx(
  `upstream u { server 127.0.0.1:${upstream.port}; keepalive 100; } server { listen 127.0.0.1:PORT; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } }`,
)
const children: ChildProcess[] = [upstream.process, nginx.process]

/** @param server which port of this machine is behind it; by default the upstream's */
async function startProcess(
  proxy: Proxy,
  path: string,
  server = upstream.port,
): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  const process = child('./proxies.ts')
  children.push(process)
  const address = `http://127.0.0.1:${server}${path}`
  const { port } = await ask<{ port: number }>(process, { proxy, upstream: address, jwks })
  return { process, port }
}

async function startProxy(proxy: Proxy, path: string, server?: number): Promise<number> {
  return (await startProcess(proxy, path, server)).port
}

let failed = false
function report(name: string, value: number, target: number, isAtLeast: boolean, more = ''): void {
  const missed = isAtLeast ? value < target : value > target
  failed ||= missed
  const sign = isAtLeast ? '≥' : '≤'
  console.log(
    `${missed ? 'MISSED ' : ''}${name}: ${value.toFixed(2)} (target ${sign} ${target}) ${more}`,
  )
}

/** Every port once a round, in an order that turns. */
async function rounds(
  ports: Readonly<Record<string, number>>,
  path: (name: string) => string,
  connections: number,
): Promise<Record<string, WrkResult[]>> {
  const results: Record<string, WrkResult[]> = {}
  const names = Object.keys(ports)
  for (let round = 0; round <= ROUNDS; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] ?? ''
      const result = await wrk(ports[name] ?? 0, path(name), connections)
      // The first round warms everything.
      if (round > 0) (results[name] ??= []).push(result)
    }
  }
  return results
}

function ratio(ours: readonly WrkResult[] = [], theirs: readonly WrkResult[] = []): number {
  return median(ours.map(({ rate }, i) => rate / (theirs[i]?.rate ?? Number.NaN)))
}

const rate = (results: readonly WrkResult[] = []) =>
  `${median(results.map((r) => r.rate)).toFixed(0)}/s`

async function throughput(): Promise<void> {
  const peers = ['http-proxy-3', 'httpxy', 'hono/proxy'] as const
  const { process, port } = await startProcess('gateway', '/mcp')
  const ports: Record<string, number> = { gateway: port, nginx: nginx.port }
  for (const peer of peers) ports[peer] = await startProxy(peer, '/mcp')
  const small = await rounds(ports, () => '/mcp', 50)
  const all = Object.entries(small).map(([name, results]) => `${name} ${rate(results)}`)
  report(
    'small JSON with token check, c=50 / nginx',
    ratio(small['gateway'], small['nginx']),
    0.35,
    true,
    all.join(', '),
  )
  const [best = 'httpxy'] = [...peers].sort(
    (a, b) => ratio(small[b], small['nginx']) - ratio(small[a], small['nginx']),
  )
  report(`small JSON / ${best}, the best of npm`, ratio(small['gateway'], small[best]), 2, true)
  report('small JSON / hono/proxy', ratio(small['gateway'], small['hono/proxy']), 10, true)

  const { collections } = await ask<{ collections: number }>(process, 'collections')
  const requests = (small['gateway'] ?? []).reduce((sum, { rate }) => sum + rate * SECONDS, 0)
  // Nothing of a request outlives it: where something does, these are the first to tell.
  const perRequests = (collections * 100_000) / requests
  report('full garbage collections per 100,000 requests', perRequests, 4, false)

  const single = await rounds({ gateway: port, direct: upstream.port }, () => '/mcp', 1)
  const added = (single['gateway'] ?? []).map(
    ({ p50 }, i) => p50 - (single['direct']?.[i]?.p50 ?? 0),
  )
  report('added p50 at c=1, ms', median(added), 0.2, false)
}

async function bigAnswers(): Promise<void> {
  // The gateway serves the path of its resource only, and so asks its upstream for another.
  const big = await rounds(
    { gateway: await startProxy('gateway', '/big'), nginx: nginx.port },
    (name) => (name === 'gateway' ? '/mcp?big' : '/big'),
    50,
  )
  report(
    '64 KiB answers, c=50 / nginx',
    ratio(big['gateway'], big['nginx']),
    1,
    true,
    `gateway ${rate(big['gateway'])}, nginx ${rate(big['nginx'])}`,
  )
}

/** Processes of one program differ by up to a tenth from each other, as long as they run. */
const PAIRS = 3

/** The ratio of two proxies, in several pairs of processes. */
async function pairs(
  ours: Proxy,
  theirs: Proxy,
  upstreamPath: string,
  path: string,
): Promise<{ readonly ratio: number; readonly rates: string }> {
  const results: Record<'ours' | 'theirs', WrkResult[]> = { ours: [], theirs: [] }
  for (let pair = 0; pair < PAIRS; pair++) {
    const ports = {
      ours: await startProxy(ours, upstreamPath),
      theirs: await startProxy(theirs, upstreamPath),
    }
    const measured = await rounds(ports, () => path, 50)
    results.ours.push(...(measured['ours'] ?? []))
    results.theirs.push(...(measured['theirs'] ?? []))
  }
  const { ours: own, theirs: other } = results
  return { ratio: ratio(own, other), rates: `${rate(own)}, ${rate(other)}` }
}

/** What it costs to know who may call what. */
async function policies(): Promise<void> {
  const calls = await pairs('gateway with policy', 'gateway', '/mcp', '/mcp')
  report(
    'tools/call with a policy of 1000 rules, c=50 / without a policy',
    calls.ratio,
    0.9,
    true,
    calls.rates,
  )
  const lists = await pairs('gateway with policy', 'gateway', '/list', '/mcp?list')
  report('list of 200 tools, filtered / as it is', lists.ratio, 0.6, true, lists.rates)
}

async function streams(): Promise<void> {
  const source = child('./streams.ts')
  children.push(source)
  const [{ port }] = (await once(source, 'message')) as [{ port: number }]
  const through = await startProxy('gateway', '/mcp', port)
  const headers = { authorization: `Bearer ${token}` }

  async function lag(at: number): Promise<number> {
    const lags: number[] = []
    await new Promise<void>((resolve) => {
      const request = get({ port: at, host: '127.0.0.1', path: '/mcp', headers }, (response) => {
        response.on('error', () => undefined)
        response.on('data', (chunk: Buffer) => {
          lags.push(sharedNow() - Number(chunk.toString().slice(6)))
          if (lags.length < 150) return
          request.destroy()
          resolve()
        })
      })
      request.on('error', () => undefined)
    })
    return median(lags.slice(20))
  }
  const added: number[] = []
  for (let round = 0; round < 3; round++) added.push(-(await lag(port)) + (await lag(through)))
  report('SSE event lag over direct, ms', median(added), 0.3, false)

  // Node keeps a message until somebody listens: without this the first abort would be given the end of the last
  // stream above, and each later one the abort before it.
  let heard: ((closedAt: number) => void) | undefined
  source.on('message', ({ closedAt }: { closedAt: number }) => heard?.(closedAt))
  await delay(500)
  const aborts: number[] = []
  for (let i = 0; i < 20; i++) {
    await new Promise<void>((resolve) => {
      const request = get(
        { port: through, host: '127.0.0.1', path: '/mcp', headers },
        (response) => {
          response.on('error', () => undefined)
          response.once('data', () => {
            const leftAt = sharedNow()
            heard = (closedAt) => {
              aborts.push(closedAt - leftAt)
              resolve()
            }
            request.destroy()
          })
        },
      )
      request.on('error', () => undefined)
    })
  }
  report(
    'client abort to upstream abort, ms (p50)',
    median(aborts),
    5,
    false,
    `max ${Math.max(...aborts).toFixed(1)}`,
  )
}

async function idle(): Promise<void> {
  const rss = async (proxy: Proxy) => {
    const { process } = await startProcess(proxy, '/mcp')
    await delay(2000)
    return (await ask<{ rss: number }>(process, 'rss')).rss / 2 ** 20
  }
  console.log(
    `idle RSS: gateway ${(await rss('gateway')).toFixed(0)} MiB, node:http ${(await rss('node:http')).toFixed(0)} MiB, in the same bench process`,
  )
}

/** `npm run bench:gateway -- NAME` runs one of them. */
const ROWS = { throughput, bigAnswers, policies, streams, idle }
const wanted = process.argv[2]

try {
  for (const [name, row] of Object.entries(ROWS)) {
    if (wanted === undefined || wanted === name) await row()
  }
} finally {
  for (const process of children) process.kill()
}
process.exitCode = failed ? 1 : 0
