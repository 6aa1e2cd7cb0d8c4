/**
 * `npm run bench`: ratios of pairs that ran side by side in the same minutes. Absolute figures of a shared
 * machine mean nothing; compare ratios only.
 */
import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import type { LoadResult } from './load.js'
import { ISSUER, RESOURCE, type Mode } from './server.js'

const ROUNDS = 9
const MILLISECONDS = 1500
const CONNECTIONS = 50

function child(file: string): ChildProcess {
  return fork(new URL(file, import.meta.url), { execArgv: ['--import', 'tsx'] })
}

async function ask<T>(process: ChildProcess, message: object): Promise<T> {
  const answer = once(process, 'message')
  process.send(message)
  return ((await answer) as [T])[0]
}

async function mint(count: number): Promise<{ tokens: string[]; jwks: { keys: JWK[] } }> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwks = {
    keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'RS256', use: 'sig' }],
  }
  const at = Math.floor(Date.now() / 1000)
  const make = (i: number) =>
    new SignJWT({ scope: 'mcp:tools', client_id: 'client-1', jti: `token-${i}` })
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1', typ: 'at+jwt' })
      .setIssuer(ISSUER)
      .setAudience(RESOURCE)
      .setSubject(`user-${i}`)
      .setIssuedAt(at)
      .setNotBefore(at)
      .setExpirationTime(at + 7200)
      .sign(privateKey)
  const tokens: string[] = []
  while (tokens.length < count) {
    const batch = Array.from({ length: 200 }, (_, i) => make(tokens.length + i))
    tokens.push(...(await Promise.all(batch)))
  }
  return { tokens, jwks }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

interface Pair {
  readonly name: string
  readonly ours: Mode
  readonly peer: Mode
  readonly target: number
}

const PAIRS: readonly Pair[] = [
  { name: 'token seen before / no-op middleware', ours: 'remembered', peer: 'noop', target: 0.8 },
  { name: 'first sight RS256 / hand-written jose', ours: 'first-sight', peer: 'jose', target: 1.2 },
]

const { tokens, jwks } = await mint(4000)
const servers = new Map<Mode, { port: number; process: ChildProcess }>()
for (const mode of ['noop', 'remembered', 'first-sight', 'jose'] as const) {
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

let failed = false
try {
  // Warm code, and every token seen once.
  for (const mode of servers.keys()) await drive(mode, 2500)
  for (const { name, ours, peer, target } of PAIRS) {
    const ratios: number[] = []
    const rates: Record<string, number[]> = { [ours]: [], [peer]: [] }
    const slowest: Record<string, number[]> = { [ours]: [], [peer]: [] }
    for (let round = 0; round < ROUNDS; round++) {
      const order = round % 2 === 0 ? [ours, peer] : [peer, ours]
      const results: Partial<Record<Mode, LoadResult>> = {}
      for (const mode of order) {
        const result = await drive(mode, MILLISECONDS)
        if (result.errors > 0) throw new Error(`${mode}: ${result.errors} answers were not 2xx`)
        results[mode] = result
        rates[mode]?.push(result.rate)
        slowest[mode]?.push(result.p99)
      }
      ratios.push((results[ours]?.rate ?? 0) / (results[peer]?.rate ?? 0))
    }
    const ratio = median(ratios)
    const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`
    const rate = (mode: Mode) =>
      `${median(rates[mode] ?? []).toFixed(0)}/s p99 ${median(slowest[mode] ?? []).toFixed(1)} ms`
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
