/** What tests of products that are not ours need before they begin: programs, and a place to keep them. */
import { spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Outside of the checkout, so that a clean clone does not download everything again. */
export const CACHE = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'mcp-gatehouse',
)

/** Where in our code it was thrown tells the reader nothing, and Vitest would show it. */
export function needed(sentence: string): Error {
  const error = new Error(sentence)
  error.stack = sentence
  return error
}

/** Runs a program to its end. Its output is for the person who waits. */
export function show(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number | null> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { stdio: ['ignore', 2, 2], env })
    child.once('error', failed)
    child.once('close', done)
  })
}

/** Says that something takes a while, and how long it took. */
export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  process.stderr.write(`${what} …\n`)
  const result = await work()
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  process.stderr.write(`${what}: ${seconds} s\n`)
  return result
}
