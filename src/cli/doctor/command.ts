/**
 * The command `doctor`, and `check --live`.
 *
 * @module
 */
import { createFetch } from '../../gateway/http/network.js'
import type { Configuration } from '../../config/configuration.js'
import { readConfiguration } from '../../config/read-configuration.js'
import { codeOf } from '../../base/error-code.js'
import type { GivenValues } from '../../config/setting.js'
import { readFault } from '../../config/named-file.js'
import type { ConfigurationProblem } from '../../errors.js'
import { jsonText } from '../policy/shown.js'
import { formatProblems } from '../problems.js'
import { asksForHelp, splitArguments } from '../split-arguments.js'
import { readArguments, type DoctorArguments } from './arguments.js'
import { diagnose, type Diagnosis } from './diagnosis.js'
import { diagnoseInside } from './inside-diagnosis.js'
import type { Network } from './exchange.js'
import { doctorHelp } from './help.js'
import { resolveWith } from './fence.js'
import type { DoctorIo } from './io.js'
import { htmlReport } from './html-report.js'
import { jsonReport, readBaseline, type Results } from './json-report.js'
import { junitReport } from './junit-report.js'
import { sarifReport } from './sarif-report.js'
import { changesSince, type Baseline } from './changes.js'
import { createPaint } from './paint.js'
import { textReport } from './text-report.js'

/** Exit codes. */
const [FINE, FOUND, USAGE] = [0, 1, 2] as const

/** The network, or what is wrong with the flags for it. */
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

function exitCodeOf({ diagnoses, changes }: Results): number {
  if (diagnoses.some(({ isReached }) => !isReached)) return USAGE
  if (changes !== undefined) return changes.isWorse ? FOUND : FINE
  const findings = diagnoses.flatMap((each) => each.findings)
  return findings.some(({ severity }) => severity === 'error') ? FOUND : FINE
}

function print(results: Results, isJson: boolean, io: DoctorIo): void {
  if (isJson) io.stdout(jsonText(jsonReport(results)))
  else io.stdout(textReport(results, createPaint(io.isColoured)))
}

const FILES: Readonly<Record<string, (results: Results) => string>> = {
  html: htmlReport,
  sarif: sarifReport,
  junit: ({ diagnoses }) => junitReport(diagnoses),
}

/** Writes the reports that the flags ask for. Each file that cannot be written is a problem. */
function writeFiles(
  results: Results,
  given: GivenValues,
  { writeFile }: DoctorIo,
): readonly ConfigurationProblem[] {
  return Object.entries(FILES).flatMap(([path, format]) => {
    const name = given.get(path)
    if (name === undefined) return []
    try {
      writeFile(String(name.value), format(results))
      return []
    } catch (error) {
      const message = `cannot be written (${codeOf(error)})`
      return [{ path: name.source, message, hint: 'a file in a folder that exists' }]
    }
  })
}

/** The report of `--baseline`, or what is wrong with it. */
function openBaseline(
  { given }: DoctorArguments,
  { readFile }: DoctorIo,
): Baseline | undefined | readonly ConfigurationProblem[] {
  const name = given.get('baseline')
  if (name === undefined) return undefined
  const problem = (message: string) => [
    { path: name.source, message, hint: 'a report that doctor --json printed' },
  ]
  try {
    const baseline = readBaseline(readFile(String(name.value)))
    return typeof baseline === 'string' ? problem(baseline) : baseline
  } catch (error) {
    return problem(readFault(String(name.value), error))
  }
}

/** The URLs that users type, for resources that check tokens. */
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
      addressesOf: resolveWith(io.env),
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

/** What the command needs before it sends any request, or all problems. */
function prepare(given: DoctorArguments, io: DoctorIo) {
  const network = openNetwork(given, io)
  const baseline = openBaseline(given, io)
  const problems = [
    ...given.problems,
    ...('fetch' in network ? [] : network),
    ...(baseline === undefined || 'diagnoses' in baseline ? [] : baseline),
  ]
  if (problems.length > 0 || !('fetch' in network)) return { problems }
  return { network, baseline: baseline as Baseline | undefined, problems: [] }
}

/**
 * @param argv the arguments after `doctor`
 * @returns the exit code: 0; 1 with an error among the findings; 2 when the arguments have problems, which go to
 * stderr, or a server cannot be reached
 */
export async function runDoctor(argv: readonly string[], io: DoctorIo): Promise<number> {
  if (asksForHelp(argv)) {
    io.stdout(doctorHelp())
    return FINE
  }
  const given = readArguments(argv, io.env)
  const { network, baseline, problems } = prepare(given, io)
  if (network === undefined) {
    io.stderr(formatProblems(problems))
    return USAGE
  }
  const configuration = given.isConfigured ? await configure(given.settings, io) : undefined
  if (given.isConfigured && configuration === undefined) return USAGE
  const triesWrongCredentials = given.given.has('tryWrongCredentials')
  const inside =
    configuration && (await diagnoseInside(configuration, { ...io, triesWrongCredentials }))
  const named = configuration === undefined ? [] : resourcesOf(configuration)
  const outside = await lookAt(given.url === undefined ? named : [given.url], given, network, io)
  io.onStep('')
  const diagnoses = [...(inside ?? []), ...outside]
  const changes = baseline && changesSince(baseline, diagnoses)
  const results = { diagnoses, changes, at: io.now() }
  print(results, given.given.has('json'), io)
  const unwritten = writeFiles(results, given.given, io)
  if (unwritten.length > 0) io.stderr(formatProblems(unwritten))
  return unwritten.length > 0 ? USAGE : exitCodeOf(results)
}

/**
 * Looks only from inside: what a gateway with these settings would meet, before it runs.
 *
 * @param argv the arguments after `check`, with `--live` among them
 * @returns the exit code: 0; 1 with an error among the findings; 2 with problems of the settings
 */
export async function runLiveCheck(argv: readonly string[], io: DoctorIo): Promise<number> {
  const { own, tail } = splitArguments(argv)
  const settings = own.filter((argument) => argument !== '--live' && argument !== '--json')
  const configuration = await configure([...settings, ...tail], io)
  if (configuration === undefined) return USAGE
  const diagnoses = await diagnoseInside(configuration, { ...io, triesWrongCredentials: false })
  io.onStep('')
  const results = { diagnoses, changes: undefined, at: io.now() }
  print(results, own.includes('--json'), io)
  return exitCodeOf(results)
}
