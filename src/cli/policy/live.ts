/**
 * Connects to the server that a command names, and leaves no part of it running.
 *
 * @module
 */
import { commandEnvironment } from '../../gateway/stdio/process-group.js'
import { findExecutable } from '../../gateway/stdio/executable.js'
import { withheldHint } from '../../gateway/stdio/withheld-variables.js'
import type { ConfigurationProblem } from '../../errors.js'
import { flagOf } from '../../config/names.js'
import { readFault } from '../../config/named-file.js'
import { redactUrl } from '../../config/redacted.js'
import { readHeaders } from '../../config/files.js'
import { interruptible } from '../interruption.js'
import type { PolicyArguments } from './arguments.js'
import { McpClient } from './client.js'
import { connectHttp, NO_ENDPOINT } from './http-transport.js'
import { takeInventory, type Inventory } from './inventory.js'
import type { CommandIo } from '../command-io.js'
import { ServerFault, type Transport } from './rpc.js'
import { inOneLine, shownScalar } from './shown.js'
import { startCommand } from './stdio-transport.js'

const CREDENTIALS = `; send its credentials with ${flagOf('upstreamHeader')} NAME=FILE`
/** By status: what an answer of the server behind the gateway means. */
export const SERVER_ADVICE: Readonly<Record<number, string>> = {
  401: CREDENTIALS,
  403: CREDENTIALS,
  404: NO_ENDPOINT,
  405: NO_ENDPOINT,
}

/** The files that the flags name. */
function readServerFiles({ settings, given }: PolicyArguments, { readFile }: CommandIo) {
  const sourceOf = (path: string) => given.get(path)?.source ?? path
  const { upstreamHeader = [], caFile } = settings
  const { headers, problems } = readHeaders(upstreamHeader, sourceOf('upstreamHeader'), readFile)
  if (caFile === undefined) return { headers, ca: undefined, problems }
  try {
    return { headers, ca: readFile(caFile), problems }
  } catch (error) {
    const message = readFault(caFile, error)
    const problem = { path: sourceOf('caFile'), message, hint: 'a file in PEM' }
    return { headers, ca: undefined, problems: [...problems, problem] }
  }
}

async function open(
  { command, settings }: PolicyArguments,
  { headers, ca }: Pick<ReturnType<typeof readServerFiles>, 'headers' | 'ca'>,
  { env, stderr }: CommandIo,
  signal: AbortSignal,
): Promise<Transport> {
  if (command === undefined) {
    const { upstream: url = '' } = settings
    return connectHttp({ url, headers, ca, proxyEnvironment: env, signal, advice: SERVER_ADVICE })
  }
  const environment = commandEnvironment(env, settings.childEnv ?? [])
  const [file = ''] = command
  if ((await findExecutable(file, environment['PATH'])) === undefined) {
    throw new ServerFault('is not there')
  }
  const onLogLine = (line: string) => stderr(`  | ${inOneLine(line, 200)}\n`)
  const hintFor = (said: string) => withheldHint(env, environment, said)
  return startCommand(command, environment, onLogLine, hintFor)
}

/**
 * @returns the server's offers, an exit code after a reported fault, or problems of the arguments
 */
export async function askServer(
  given: PolicyArguments,
  io: CommandIo,
): Promise<Inventory | number | readonly ConfigurationProblem[]> {
  const files = readServerFiles(given, io)
  if (files.problems.length > 0) return files.problems
  const name = shownScalar(given.command?.[0] ?? redactUrl(given.settings.upstream ?? ''))
  return interruptible(new ServerFault('interrupted'), async (signal) => {
    let transport: Transport | undefined
    try {
      io.stderr(`asking ${name}\n`)
      transport = await open(given, files, io, signal)
      const inventory = await takeInventory(new McpClient(transport, signal))
      const { tools, prompts, resources, templates, nameless } = inventory
      io.stderr(
        `${inventory.server}: ${tools.length} tools, ${prompts.length} prompts, ` +
          `${resources.length} resources, ${templates.length} templates\n`,
      )
      if (nameless > 0) io.stderr(`warning: ${nameless} entries have no name, and are left out\n`)
      return inventory
    } catch (error) {
      if (!(error instanceof ServerFault)) throw error
      io.stderr(`${name} ${error.message}\n`)
      return 1
    } finally {
      await transport?.close()
    }
  })
}
