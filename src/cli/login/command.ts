/**
 * The command `login`.
 *
 * @module
 */
import { formatProblems } from '../problems.js'
import { interruptible } from '../interruption.js'
import { asksForHelp } from '../split-arguments.js'
import { readLogin, type LoginOptions } from './arguments.js'
import { Interrupted, CommandFault } from '../command-fault.js'
import { logIn } from './flow.js'
import { loginHelp } from './help.js'
import type { CommandIo } from '../command-io.js'
import { createNetwork } from './network.js'
import { useToken } from './session.js'

/** Exit code for bad usage. */
const USAGE = 2

async function run(options: LoginOptions, io: CommandIo, signal: AbortSignal): Promise<number> {
  const { url, ca, call, printToken: isPrinted } = options
  const { accessToken } = await logIn(options, createNetwork(ca, io.env, signal), io)
  if (!isPrinted) return useToken({ url, accessToken, ca, call }, io, signal)
  io.stderr('the access token on stdout is a secret: it lets anybody into the server\n')
  io.stdout(`${accessToken}\n`)
  return 0
}

/**
 * @param argv the arguments after `login`
 * @returns the exit code: 0; 1 when the login or the server fails, or the tool reports an error; 2
 * with problems, which go to stderr
 */
export async function runLogin(argv: readonly string[], io: CommandIo): Promise<number> {
  if (asksForHelp(argv)) {
    io.stdout(loginHelp())
    return 0
  }
  const options = readLogin(argv, io)
  if (!('url' in options)) {
    io.stderr(formatProblems(options))
    return USAGE
  }
  try {
    return await interruptible(new Interrupted(), (signal) => run(options, io, signal))
  } catch (error) {
    if (!(error instanceof CommandFault)) throw error
    io.stderr(`${error.message}\n  → ${error.hint}\n`)
    return 1
  }
}
