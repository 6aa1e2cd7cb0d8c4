/**
 * The command `doctor`.
 *
 * @module
 */
import { createFetch } from '../../gateway/http/network.js'
import { readFault } from '../../config/named-file.js'
import type { ConfigurationProblem } from '../../errors.js'
import { jsonText } from '../policy/shown.js'
import { formatProblems } from '../problems.js'
import { readArguments, type DoctorArguments } from './arguments.js'
import { diagnose, type Diagnosis } from './diagnosis.js'
import type { Network } from './exchange.js'
import { doctorHelp } from './help.js'
import type { DoctorIo } from './io.js'
import { jsonReport } from './json-report.js'
import { createPaint } from './paint.js'
import { textReport } from './text-report.js'

/** Exit codes. */
const [FINE, FOUND, USAGE] = [0, 1, 2] as const

/** The network, or what is wrong with the flags about it. */
function openNetwork(
  { given }: DoctorArguments,
  { env, readFile, patience, now }: DoctorIo,
): Network | readonly ConfigurationProblem[] {
  const file = given.get('caFile')
  let ca: string | undefined
  try {
    ca = file === undefined ? undefined : readFile(String(file.value))
  } catch (error) {
    const message = readFault(String(file?.value), error)
    return [{ path: file?.source ?? '', message, hint: 'a file in PEM' }]
  }
  return { fetch: createFetch({ ca, proxyEnvironment: env }) ?? fetch, now, patience }
}

function exitCodeOf({ isReached, findings }: Diagnosis): number {
  if (!isReached) return USAGE
  return findings.some(({ severity }) => severity === 'error') ? FOUND : FINE
}

function write(diagnosis: Diagnosis, { given }: DoctorArguments, io: DoctorIo): void {
  if (given.has('json')) io.stdout(jsonText(jsonReport(diagnosis, io.now())))
  else io.stdout(textReport(diagnosis, createPaint(io.isColoured)))
}

/**
 * @param argv the arguments after `doctor`
 * @returns the exit code: 0; 1 with an error among the findings; 2 with problems of the arguments, which go to stderr,
 * and when the server cannot be reached
 */
export async function runDoctor(argv: readonly string[], io: DoctorIo): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    io.stdout(doctorHelp())
    return FINE
  }
  const given = readArguments(argv)
  const network = given.problems.length > 0 ? given.problems : openNetwork(given, io)
  if (!('fetch' in network)) {
    io.stderr(formatProblems(network))
    return USAGE
  }
  const diagnosis = await diagnose(given.url, {
    network,
    clients: given.clients,
    triesRegistration: given.given.has('tryRegistration'),
    onStep: io.onStep,
  })
  io.onStep('')
  write(diagnosis, given, io)
  return exitCodeOf(diagnosis)
}
