/**
 * The command `policy` and those below it.
 *
 * @module
 */
import { quoted, type ConfigurationProblem } from '../../errors.js'
import { readReason } from '../../config/named-file.js'
import { parsePolicy, type PolicyFile } from '../../config/policy-file.js'
import { didYouMean } from '../../config/sources.js'
import { formatProblems } from '../problems.js'
import { asksForHelp } from '../split-arguments.js'
import { readArguments, SHAPES, type CommandName, type PolicyArguments } from './arguments.js'
import { checkFile } from './check.js'
import { explainFile } from './explain.js'
import { policyHelp } from './help.js'
import type { CommandIo } from '../command-io.js'
import type { PolicyIo } from './io.js'
import { askServer } from './live.js'
import { replayAudit } from './replay.js'
import { writeStarter } from './starter.js'
import { writeTable } from './table.js'

/** Exit code for bad usage and bad policies. */
const USAGE = 2

const NAMES = Object.keys(SHAPES) as readonly CommandName[]

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(SHAPES, name)
}

/** An exit code, or all problems, which go to stderr. */
type Outcome = number | readonly ConfigurationProblem[]

/** Reads the policy that the first argument names. If it has problems, nothing else is reported. */
function readFile(name: string, io: CommandIo): PolicyFile | readonly ConfigurationProblem[] {
  let content: string
  try {
    content = io.readFile(name)
  } catch (error) {
    const message = readReason(error)
    const hint = 'a policy in YAML or JSON; policy init writes one to begin with'
    return [{ path: quoted(name).slice(1, -1), message, hint }]
  }
  const file = parsePolicy(name, content)
  return file.problems.length > 0 ? file.problems : file
}

async function runWithFile(
  command: Exclude<CommandName, 'init'>,
  given: PolicyArguments,
  io: PolicyIo,
): Promise<Outcome> {
  const [name = ''] = given.names
  const file = readFile(name, io)
  if (!('policy' in file)) return file
  if (command === 'check') return checkFile(file, quoted(name).slice(1, -1), io)
  if (command === 'explain') return explainFile(file, given, io)
  if (command === 'replay') return replayAudit(file, given, io)
  const inventory = await askServer(given, io)
  if (typeof inventory === 'number' || !('tools' in inventory)) return inventory
  io.stdout(writeTable(file, inventory, given.given.has('json')))
  return 0
}

async function runInit(given: PolicyArguments, io: CommandIo): Promise<Outcome> {
  const inventory = await askServer(given, io)
  if (typeof inventory === 'number' || !('tools' in inventory)) return inventory
  io.stdout(writeStarter(inventory))
  return 0
}

async function run(argv: readonly string[], io: PolicyIo): Promise<Outcome> {
  const [name = ''] = argv
  if (asksForHelp(argv) || name === 'help') {
    io.stdout(policyHelp(isCommand(name) ? name : undefined))
    return 0
  }
  if (!isCommand(name)) {
    const hint = name === '' ? NAMES.join(', ') : didYouMean(name, NAMES)
    const path = name === '' ? 'policy' : `policy ${quoted(name).slice(1, -1)}`
    return [{ path, message: name === '' ? 'needs a command' : 'no such command', hint }]
  }
  const given = readArguments(SHAPES[name], argv.slice(1))
  if (given.problems.length > 0) return given.problems
  return name === 'init' ? runInit(given, io) : runWithFile(name, given, io)
}

/**
 * @param argv the arguments after `policy`
 * @returns the exit code: 0; 1 for a request that is denied, a decision that changes, or a server that
 * cannot be reached or queried; 2 with problems, which go to stderr
 */
export async function runPolicy(argv: readonly string[], io: PolicyIo): Promise<number> {
  const outcome = await run(argv, io)
  if (typeof outcome === 'number') return outcome
  io.stderr(formatProblems(outcome))
  return USAGE
}
