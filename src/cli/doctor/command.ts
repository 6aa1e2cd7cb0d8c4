/**
 * The command `doctor`, and `check --live`.
 *
 * @module
 */
import { createFetch } from '../../gateway/http/network.js'
import { readConfiguration, type Configuration } from '../../config/configuration.js'
import { readFault } from '../../config/named-file.js'
import type { ConfigurationProblem } from '../../errors.js'
import { jsonText } from '../policy/shown.js'
import { formatProblems } from '../problems.js'
import { readArguments, type DoctorArguments } from './arguments.js'
import { diagnose, type Diagnosis } from './diagnosis.js'
import { examine } from './examination.js'
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

function exitCodeOf(diagnoses: readonly Diagnosis[]): number {
  if (diagnoses.some(({ isReached }) => !isReached)) return USAGE
  const findings = diagnoses.flatMap((each) => each.findings)
  return findings.some(({ severity }) => severity === 'error') ? FOUND : FINE
}

function write(diagnoses: readonly Diagnosis[], isJson: boolean, io: DoctorIo): void {
  if (isJson) io.stdout(jsonText(jsonReport(diagnoses, io.now())))
  else io.stdout(textReport(diagnoses, createPaint(io.isColoured)))
}

/** What clients type, where tokens are checked. */
function resourcesOf({ settings, resources }: Configuration): readonly string[] {
  const { host, port } = settings
  // The default of a gateway on this machine.
  const byAddress = `http://${host}:${port}/mcp`
  return resources
    .filter((each) => each.settings.auth === 'oauth')
    .map((each) => each.settings.resource ?? byAddress)
}

/** From outside, one after the other. */
async function lookAt(
  urls: readonly string[],
  given: DoctorArguments,
  network: Network,
  io: DoctorIo,
): Promise<readonly Diagnosis[]> {
  const diagnoses: Diagnosis[] = []
  for (const url of urls) {
    const diagnosis = await diagnose(url, {
      network,
      clients: given.clients,
      triesRegistration: given.given.has('tryRegistration'),
      onStep: io.onStep,
    })
    diagnoses.push(diagnosis)
  }
  return diagnoses
}

const PASSED_THROUGH: ConfigurationProblem = {
  path: '--transport',
  message: 'is stdio, so there is no gateway to look at',
  hint: 'mcp-gatehouse policy init -- COMMAND lists what the command offers',
}

/** Reads a configuration. `undefined`: it has problems, which go to stderr. */
async function configure(
  argv: readonly string[],
  { env, readFile, stderr }: DoctorIo,
): Promise<Configuration | undefined> {
  const configuration = await readConfiguration({ argv, env, readFile })
  for (const warning of configuration.warnings) stderr(`warning: ${warning}\n`)
  const isServed = configuration.settings.transport !== 'stdio'
  const problems = isServed ? configuration.problems : [PASSED_THROUGH]
  if (problems.length === 0) return configuration
  stderr(formatProblems(problems))
  return undefined
}

/**
 * @param argv the arguments after `doctor`
 * @returns the exit code: 0; 1 with an error among the findings; 2 with problems of the arguments, which go to stderr,
 * and when a server cannot be reached
 */
export async function runDoctor(argv: readonly string[], io: DoctorIo): Promise<number> {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  if (own.includes('--help') || own.includes('-h')) {
    io.stdout(doctorHelp())
    return FINE
  }
  const given = readArguments(argv, io.env)
  const network = given.problems.length > 0 ? given.problems : openNetwork(given, io)
  if (!('fetch' in network)) {
    io.stderr(formatProblems(network))
    return USAGE
  }
  const configuration = given.isConfigured ? await configure(given.settings, io) : undefined
  if (given.isConfigured && configuration === undefined) return USAGE
  const triesWrongCredentials = given.given.has('tryWrongCredentials')
  const inside = configuration && (await examine(configuration, { ...io, triesWrongCredentials }))
  const named = configuration === undefined ? [] : resourcesOf(configuration)
  const outside = await lookAt(given.url === undefined ? named : [given.url], given, network, io)
  io.onStep('')
  const diagnoses = [...(inside ?? []), ...outside]
  write(diagnoses, given.given.has('json'), io)
  return exitCodeOf(diagnoses)
}

/**
 * From inside alone: what a gateway with these settings meets, before it runs.
 *
 * @param argv the arguments after `check`, with `--live` among them
 * @returns the exit code: 0; 1 with an error among the findings; 2 with problems of the settings
 */
export async function runLiveCheck(argv: readonly string[], io: DoctorIo): Promise<number> {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length
  const own = argv.slice(0, end)
  const settings = own.filter((argument) => argument !== '--live' && argument !== '--json')
  const configuration = await configure([...settings, ...argv.slice(end)], io)
  if (configuration === undefined) return USAGE
  const diagnoses = await examine(configuration, { ...io, triesWrongCredentials: false })
  io.onStep('')
  write(diagnoses, own.includes('--json'), io)
  return exitCodeOf(diagnoses)
}
