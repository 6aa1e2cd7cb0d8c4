/**
 * `npm run bench`: ratios of pairs that ran side by side in the same minutes. Absolute figures of a shared
 * machine mean nothing; compare ratios only.
 */
import { execFileSync, type ChildProcess } from 'node:child_process'
import { ask, child, cpuOf, median } from './children.js'
import type { LoadResult } from './load.js'
import type { Mode } from './server.js'
import { mint } from './tokens.js'

// Many and short: what else runs on the machine comes and goes, and the median does not follow it.
const ROUNDS = 41
const MILLISECONDS = 400
const CONNECTIONS = 50

interface Pair {
  readonly name: string
  readonly ours: Mode
  readonly peer: Mode
  readonly target: number
}

const PAIRS: readonly Pair[] = [
  { name: 'token seen before / no-op middleware', ours: 'remembered', peer: 'noop', target: 0.8 },
  {
    name: 'introspected before / JWT seen before',
    ours: 'introspected',
    peer: 'remembered',
    target: 0.95,
  },
  { name: 'first sight RS256 / hand-written jose', ours: 'first-sight', peer: 'jose', target: 1.2 },
]

const { tokens, jwks } = await mint(4000)
const servers = new Map<Mode, { port: number; process: ChildProcess }>()
for (const mode of ['noop', 'remembered', 'introspected', 'first-sight', 'jose'] as const) {
  const process = child('./server.ts')
  const { port } = await ask<{ port: number }>(process, { mode, jwks })
  servers.set(mode, { port, process })
}
const load = child('./load.ts')
const drive = (mode: Mode, milliseconds: number) =>
  ask<LoadResult>(load, {
    port: servers.get(mode)?.port,
    tokens,
    connections: CONNECTIONS,
    milliseconds,
  })

interface Cost {
  seconds: number
  answers: number
}

/** CPU time comes in hundredths of a second, so that only the sum of all rounds is exact enough. */
async function driveAndCount(mode: Mode, cost: Cost): Promise<LoadResult> {
  const server = servers.get(mode)?.process as ChildProcess
  const before = cpuOf(server)
  const result = await drive(mode, MILLISECONDS)
  cost.seconds += cpuOf(server) - before
  cost.answers += (result.rate * MILLISECONDS) / 1000
  return result
}

let failed = false
try {
  // Warm code, and every token seen once.
  for (const mode of servers.keys()) await drive(mode, 2500)
  for (const { name, ours, peer, target } of PAIRS) {
    const ratios: number[] = []
    const rates: Record<string, number[]> = { [ours]: [], [peer]: [] }
    const slowest: Record<string, number[]> = { [ours]: [], [peer]: [] }
    const costs: Record<string, Cost> = {
      [ours]: { seconds: 0, answers: 0 },
      [peer]: { seconds: 0, answers: 0 },
    }
    for (let round = 0; round < ROUNDS; round++) {
      const order = round % 2 === 0 ? [ours, peer] : [peer, ours]
      const results: Partial<Record<Mode, LoadResult>> = {}
      for (const mode of order) {
        const result = await driveAndCount(mode, costs[mode] as Cost)
        if (result.errors > 0) throw new Error(`${mode}: ${result.errors} answers were not 2xx`)
        results[mode] = result
        rates[mode]?.push(result.rate)
        slowest[mode]?.push(result.p99)
      }
      ratios.push((results[ours]?.rate ?? 0) / (results[peer]?.rate ?? 0))
    }
    const ratio = median(ratios)
    const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`
    const rate = (mode: Mode) => {
      const { seconds, answers } = costs[mode] as Cost
      const cpu = `${((seconds / answers) * 1e6).toFixed(1)} µs of CPU`
      return `${median(rates[mode] ?? []).toFixed(0)}/s p99 ${median(slowest[mode] ?? []).toFixed(1)} ms ${cpu}`
    }
    failed ||= ratio < target
    console.log(
      `${name}: ${ratio.toFixed(2)} (${spread}; target ≥ ${target}) ours ${rate(ours)}, peer ${rate(peer)}`,
    )
  }
} finally {
  for (const { process } of servers.values()) process.kill()
  load.kill()
}

const memory = new URL('./memory.ts', import.meta.url).pathname
const bytes = Number(
  execFileSync(process.execPath, ['--expose-gc', '--import', 'tsx', memory], { encoding: 'utf8' }),
)
failed ||= bytes > 300
console.log(`bytes per remembered token: ${bytes} (target ≤ 300)`)
process.exitCode = failed ? 1 : 0
