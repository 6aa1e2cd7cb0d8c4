/**
 * Shows a URL to the person who logs in, or to a program in their place.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { codeOf } from '../../base/error-code.js'
import { CommandFault } from '../command-fault.js'

/** None of these is a shell: a URL is one argument, whatever is in it. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/** Opens the browser. If that fails, it calls `onFailure`, and nothing else happens. */
export function openBrowser(url: string, onFailure: () => void): void {
  const [file, ...rest] = OPENERS[process.platform] ?? ['xdg-open']
  const child = spawn(file, [...rest, url], { stdio: 'ignore', detached: true })
  child.once('error', onFailure)
  child.once('exit', (code) => {
    if (code !== null && code !== 0) onFailure()
  })
  child.unref()
}

/**
 * Runs a command that does the login. It gets the URL as its last argument, and must request the
 * redirect URI at the end.
 *
 * @returns a promise that rejects if the command fails, and never resolves: the redirect shows success
 * @throws {CommandFault}
 */
export function runHeadless(
  command: readonly string[],
  url: string,
  signal: AbortSignal,
): Promise<never> {
  const [file = '', ...rest] = command
  return new Promise((_, reject) => {
    // What it prints is for people; standard output is for the result.
    const child = spawn(file, [...rest, url], { stdio: ['ignore', 2, 2], signal })
    const fail = (how: string) =>
      reject(
        new CommandFault(
          `the command of --headless ${how}`,
          'it gets the URL as its last argument, logs in, and requests the redirect URI at the end',
        ),
      )
    child.once('error', (error) => {
      if (!signal.aborted) fail(`cannot be started (${codeOf(error)})`)
    })
    child.once('exit', (code, killer) => {
      if (code !== 0) fail(code === null ? `was ended by ${killer}` : `ended with code ${code}`)
    })
  })
}
