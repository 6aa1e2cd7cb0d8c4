/**
 * The command `clients`.
 *
 * @module
 */
import type { Deployment } from '../../advice/client-setup.js'
import type { CommandIo } from '../command-io.js'
import { jsonText } from '../policy/shown.js'
import { formatProblems } from '../problems.js'
import { asksForHelp } from '../split-arguments.js'
import { readClientsArguments, type ClientsArguments } from './arguments.js'
import { readDeployments } from './deployments.js'
import { clientsHelp } from './help.js'
import { KNOWN_CLIENTS, pageOf } from './page.js'
import { longText, shortText } from './text.js'

/** Exit code for bad usage and bad configuration. */
const USAGE = 2

function textOf(deployments: readonly Deployment[], { client, isJson }: ClientsArguments): string {
  const chosen = client === undefined ? KNOWN_CLIENTS : [client]
  const pages = deployments.flatMap((deployment) => chosen.map((each) => pageOf(each, deployment)))
  if (isJson) return jsonText(pages)
  return pages.map(client === undefined ? shortText : longText).join('\n')
}

/**
 * @param argv the arguments after `clients`
 * @returns the exit code: 0; 1 when a registration is refused; 2 with problems, which go to stderr
 */
export async function runClients(argv: readonly string[], io: CommandIo): Promise<number> {
  if (argv[0] === 'register') {
    const { runRegister } = await import('./register/command.js')
    return runRegister(argv.slice(1), io)
  }
  if (asksForHelp(argv)) {
    io.stdout(clientsHelp())
    return 0
  }
  const given = readClientsArguments(argv)
  const { env, readFile } = io
  const deployments =
    given.problems.length > 0 ? given : await readDeployments({ ...given, env, readFile })
  if ('problems' in deployments) {
    io.stderr(formatProblems(deployments.problems))
    return USAGE
  }
  io.stdout(textOf(deployments, given))
  if (given.client === undefined && !given.isJson) {
    io.stderr('add the name of a client to see everything about it\n')
  }
  return 0
}
