/**
 * `npm run bench`: ratios of pairs that ran side by side in the same minutes. Absolute figures of a shared
 * machine mean nothing; compare ratios only.
 */
import { execFileSync, type ChildProcess } from 'node:child_process'
import { ask, child, cpuOf, median } from './children.js'
import type { LoadResult } from './load.js'
import type { Mode } from './server.js'
import { mint } from './tokens.js'

/** Two processes of one program differ by up to a tenth, so each row takes several pairs of them. */
const PROCESSES = 5
// Many and short: what else runs on the machine comes and goes, and the median does not follow it.
const ROUNDS = 9
const MILLISECONDS = 400
const WARM = 2500
const CONNECTIONS = 50

interface Pair {
  readonly name: string
  readonly ours: Mode
  readonly peer: Mode
  readonly target: number
  /** Makes each request a POST of this JSON. */
  readonly body?: string
}

const CALL = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'read' },
})

const PAIRS: readonly Pair[] = [
  { name: 'token seen before / no-op middleware', ours: 'remembered', peer: 'noop', target: 0.9 },
  {
    name: 'introspected before / JWT seen before',
    ours: 'introspected',
    peer: 'remembered',
    target: 0.95,
  },
  { name: 'first sight RS256 / hand-written jose', ours: 'first-sight', peer: 'jose', target: 1.2 },
  {
    name: 'a call with limits and keys configured / without',
    ours: 'limited',
    peer: 'policy',
    target: 0.95,
    body: CALL,
  },
]

interface Server {
  readonly process: ChildProcess
  readonly port: number
  readonly body: string | undefined
}

const { tokens, jwks } = await mint(4000)
const load = child('./load.ts')

async function start(mode: Mode, body: string | undefined): Promise<Server> {
  const process = child('./server.ts')
  const { port } = await ask<{ port: number }>(process, { mode, jwks })
  const server = { process, port, body }
  // Warm code, and every token seen once.
  await drive(server, WARM)
  return server
}

async function drive({ port, body }: Server, milliseconds: number): Promise<LoadResult> {
  const order = { port, tokens, connections: CONNECTIONS, milliseconds, body }
  const result = await ask<LoadResult>(load, order)
  if (result.errors > 0) throw new Error(`${result.errors} answers were not 2xx`)
  return result
}

/** What one side of a pair did in all rounds. */
class Side {
  readonly mode: Mode
  readonly rates: number[] = []
  readonly #slowest: number[] = []
  #seconds = 0
  #answers = 0

  constructor(mode: Mode) {
    this.mode = mode
  }

  async run(server: Server): Promise<void> {
    const before = cpuOf(server.process)
    const { rate, p99 } = await drive(server, MILLISECONDS)
    // CPU time comes in hundredths of a second, so that only the sum of all rounds is exact enough.
    this.#seconds += cpuOf(server.process) - before
    this.#answers += (rate * MILLISECONDS) / 1000
    this.rates.push(rate)
    this.#slowest.push(p99)
  }

  /** Microseconds of CPU time of a request. */
  get cost(): number {
    return (this.#seconds / this.#answers) * 1e6
  }

  get text(): string {
    const [rate, p99] = [median(this.rates).toFixed(0), median(this.#slowest).toFixed(1)]
    return `${rate}/s p99 ${p99} ms, ${this.cost.toFixed(1)} µs of CPU`
  }
}

async function compare({ name, ours, peer, target, body }: Pair): Promise<boolean> {
  const own = new Side(ours)
  const other = new Side(peer)
  const medians: number[] = []
  for (let i = 0; i < PROCESSES; i++) {
    const servers = new Map<Side, Server>([
      [own, await start(ours, body)],
      [other, await start(peer, body)],
    ])
    const ratios: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const order = (i + round) % 2 === 0 ? [own, other] : [other, own]
      for (const side of order) await side.run(servers.get(side) as Server)
      ratios.push((own.rates.at(-1) ?? 0) / (other.rates.at(-1) ?? 0))
    }
    medians.push(median(ratios))
    for (const { process } of servers.values()) process.kill()
  }
  const ratio = median(medians)
  const all = medians.map((each) => each.toFixed(2)).join(' ')
  console.log(`${name}: ${ratio.toFixed(2)} (${all}; target ≥ ${target})`)
  console.log(`  ours ${own.text}; peer ${other.text}; CPU ${(own.cost / other.cost).toFixed(2)}`)
  return ratio < target
}

let failed = false
for (const pair of PAIRS) failed = (await compare(pair)) || failed
load.kill()

const memory = new URL('./memory.ts', import.meta.url).pathname
const bytes = Number(
  execFileSync(process.execPath, ['--expose-gc', '--import', 'tsx', memory], { encoding: 'utf8' }),
)
failed ||= bytes > 300
console.log(`bytes per remembered token: ${bytes} (target ≤ 300)`)
process.exitCode = failed ? 1 : 0
