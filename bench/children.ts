/** Processes of a benchmark, and how to talk to them. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** They run the package as it was built: compiling on the way in costs the source, and no peer, a few percent. */
function environmentOf(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, TSX_TSCONFIG_PATH: join(folder, 'tsconfig.json') }
}

/** @param file beside this one, or an absolute path into another checkout */
export function child(file: string): ChildProcess {
  const path = resolve(import.meta.dirname, file)
  return fork(path, { execArgv: ['--import', 'tsx'], env: environmentOf(dirname(path)) })
}

export async function ask<T>(process: ChildProcess, message: object | string): Promise<T> {
  const answer = once(process, 'message')
  process.send(message)
  return ((await answer) as [T])[0]
}

/** Seconds of CPU time that a process has taken, in steps of a hundredth. Linux only. */
export function cpuOf({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
  return (Number(user) + Number(system)) / 100
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
