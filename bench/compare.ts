/**
 * `npm run bench:compare -- CHECKOUT`: this checkout beside another one, both built. Pairs of processes run by turns in
 * the same minutes; the ratios are theirs: the rate (more is better) and the CPU time of a request (less is better).
 * Two processes of one program differ by up to a tenth, so each row takes several pairs.
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ask, child, cpuOf, median } from './children.js'
import type { LoadResult } from './load.js'
import { mint } from './tokens.js'

const PAIRS = 5
const ROUNDS = 8
const MILLISECONDS = 400
const CONNECTIONS = 50
/** What a row may lose. */
const LEAST = 0.95

const [other = ''] = process.argv.slice(2)
const checkouts = { ours: join(import.meta.dirname, '..'), theirs: resolve(other) }
if (other === '' || !existsSync(join(checkouts.theirs, 'dist/index.js'))) {
  console.error('usage: npm run bench:compare -- CHECKOUT (another one, where npm run build ran)')
  process.exit(2)
}

interface Server {
  readonly process: ChildProcess
  readonly port: number
}

interface Row {
  readonly name: string
  readonly file: string
  readonly setup: object
  /** What is sent beside the token; by default a GET without a body. */
  readonly body?: string
}

const CALL =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}'

const { tokens, jwks } = await mint(4000)

async function start(checkout: string, file: string, setup: object): Promise<Server> {
  const process = child(join(checkout, 'bench', file))
  const { port } = await ask<{ port: number }>(process, { ...setup, jwks })
  return { process, port }
}

const load = child('./load.ts')

async function measure(server: Server, { body }: Row): Promise<{ rate: number; cpu: number }> {
  const before = cpuOf(server.process)
  const { rate, errors } = await ask<LoadResult>(load, {
    port: server.port,
    tokens,
    body,
    connections: CONNECTIONS,
    milliseconds: MILLISECONDS,
  })
  if (errors > 0) throw new Error(`${errors} answers were no 2xx`)
  return { rate, cpu: (cpuOf(server.process) - before) / rate }
}

async function compare(row: Row): Promise<boolean> {
  const rates: number[] = []
  const cpus: number[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    const ours = await start(checkouts.ours, row.file, row.setup)
    const theirs = await start(checkouts.theirs, row.file, row.setup)
    const own: { rate: number; cpu: number }[] = []
    const old: { rate: number; cpu: number }[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const order = (round + pair) % 2 === 0 ? [ours, theirs] : [theirs, ours]
      for (const server of order) {
        const result = await measure(server, row)
        // The first round warms everything.
        if (round > 0) (server === ours ? own : old).push(result)
      }
    }
    rates.push(median(own.map(({ rate }, i) => rate / (old[i]?.rate ?? Number.NaN))))
    // CPU time comes in hundredths of a second: only its sums are exact enough.
    const sum = (results: typeof own) => results.reduce((all, { cpu }) => all + cpu, 0)
    cpus.push(sum(own) / sum(old))
    ours.process.kill()
    theirs.process.kill()
  }
  const [rate, cpu] = [median(rates), median(cpus)]
  const missed = rate < LEAST && cpu > 1 / LEAST
  const all = rates.map((each) => each.toFixed(2)).join(' ')
  const text = `${row.name}: rate ${rate.toFixed(2)}, CPU time ${cpu.toFixed(2)} (rates of the pairs ${all})`
  console.log(missed ? `SLOWER ${text}` : text)
  return missed
}

const upstream = await start(checkouts.ours, 'proxies.ts', {
  proxy: 'node:http',
  upstream: 'http://127.0.0.1',
})
const behind = { upstream: `http://127.0.0.1:${upstream.port}/mcp` }
const ROWS: readonly Row[] = [
  { name: 'Hono, token seen before', file: 'server.ts', setup: { mode: 'remembered' } },
  { name: 'Hono, introspected before', file: 'server.ts', setup: { mode: 'introspected' } },
  { name: 'Hono, first sight RS256', file: 'server.ts', setup: { mode: 'first-sight' } },
  {
    name: 'gateway, small call',
    file: 'proxies.ts',
    setup: { proxy: 'gateway', ...behind },
    body: CALL,
  },
  {
    name: 'gateway, small call, policy of 1000 rules',
    file: 'proxies.ts',
    setup: { proxy: 'gateway with policy', ...behind },
    body: CALL,
  },
  { name: 'gateway, GET', file: 'proxies.ts', setup: { proxy: 'gateway', ...behind } },
]

let slower = 0
try {
  for (const row of ROWS) if (await compare(row)) slower++
} finally {
  upstream.process.kill()
  load.kill()
}
process.exitCode = slower > 0 ? 1 : 0
