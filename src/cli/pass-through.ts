/**
 * `--transport stdio`: local use, where the caller is the user. The command gets our own standard streams, so
 * not a byte passes through us; its signals and its exit code do.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

const FROM_KEYS: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT'])

/**
 * Runs the command to its end.
 *
 * @returns its exit code; of a command that a signal ended, 128 and the signal's number, as shells have it
 * @throws the error of a command that cannot be started
 */
export function passThrough([file = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit' })
    const handlers = PASSED_ON.map((signal) => {
      const handler = () => {
        // At a terminal the keys reach the whole group, and so the command already.
        if (!(process.stdin.isTTY && FROM_KEYS.has(signal))) child.kill(signal)
      }
      process.on(signal, handler)
      return [signal, handler] as const
    })
    const end = () => {
      for (const [signal, handler] of handlers) process.off(signal, handler)
    }
    child.on('error', (error) => {
      end()
      reject(error)
    })
    child.once('exit', (code, signal) => {
      end()
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}
