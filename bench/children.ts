/** Processes of a benchmark, and how to talk to them. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** They run the package as it was built: compiling on the way in costs the source, and no peer, a few percent. */
const env = { ...process.env, TSX_TSCONFIG_PATH: join(import.meta.dirname, 'tsconfig.json') }

export function child(file: string): ChildProcess {
  return fork(new URL(file, import.meta.url), { execArgv: ['--import', 'tsx'], env })
}

export async function ask<T>(process: ChildProcess, message: object | string): Promise<T> {
  const answer = once(process, 'message')
  process.send(message)
  return ((await answer) as [T])[0]
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
