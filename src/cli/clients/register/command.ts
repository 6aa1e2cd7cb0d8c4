/**
 * The command `clients register`.
 *
 * @module
 */
import { readFault } from '../../../config/named-file.js'
import type { CommandIo } from '../../command-io.js'
import { inOneLine } from '../../policy/shown.js'
import { interruptible } from '../../interruption.js'
import { Interrupted, CommandFault } from '../../command-fault.js'
import { createNetwork } from '../../login/network.js'
import { formatProblems } from '../../problems.js'
import { asksForHelp } from '../../split-arguments.js'
import { readRegister, type RegisterOptions } from './arguments.js'
import { applyCalls } from './applied.js'
import { registerHelp } from './help.js'
import { printedCalls } from './printed.js'

/** Exit code for bad usage. */
const USAGE = 2

async function apply(options: RegisterOptions, ca: string | undefined, io: CommandIo) {
  return interruptible(new Interrupted(), async (signal) => {
    const id = await applyCalls(options, createNetwork(ca, io.env, signal))
    io.stderr(`registered at ${options.issuer}; the client id is\n`)
    io.stdout(`${inOneLine(id, 300)}\n`)
    return 0
  })
}

/**
 * @param argv the arguments after `clients register`
 * @returns the exit code: 0; 1 when the identity provider refuses; 2 with problems, which go to
 * stderr
 */
export async function runRegister(argv: readonly string[], io: CommandIo): Promise<number> {
  if (asksForHelp(argv)) {
    io.stdout(registerHelp())
    return 0
  }
  const options = readRegister(argv)
  if (!('provider' in options)) {
    io.stderr(formatProblems(options))
    return USAGE
  }
  if (!options.isApplied) {
    io.stdout(printedCalls(options))
    return 0
  }
  const { caFile } = options
  let ca: string | undefined
  try {
    ca = caFile === undefined ? undefined : io.readFile(caFile)
  } catch (error) {
    const message = readFault(caFile ?? '', error)
    io.stderr(formatProblems([{ path: '--ca-file', message, hint: 'a file in PEM' }]))
    return USAGE
  }
  try {
    return await apply(options, ca, io)
  } catch (error) {
    if (!(error instanceof CommandFault)) throw error
    io.stderr(`${error.message}\n  → ${error.hint}\n`)
    return 1
  }
}
