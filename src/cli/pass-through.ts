/**
 * `--transport stdio`: local use, where the caller is the user. The command gets our own standard
 * streams, so no byte passes through us. Signals and the exit code do.
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
 * @returns its exit code; for a command that a signal ended, 128 plus the signal's number, as in
 * shells
 * @throws the error of a command that cannot be started
 */
export function passThrough([file = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit' })
    const handlers = PASSED_ON.map((signal) => {
      const handler = () => {
        // On a terminal, the keys send their signal to the whole group, so the command has it
        // already.
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
