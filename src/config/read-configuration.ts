/**
 * Reads command line, environment and file, and returns the configuration of the gateway, with all problems.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { withoutRepeats, type ConfigurationProblem } from '../errors.js'
import { commandEnvironment } from '../gateway/stdio/process-group.js'
import { brokenProxies } from '../gateway/http/proxies.js'
import { checkGateway } from '../gateway/settings.js'
import { adminTokenProblems, adminTokenWarnings } from './admin-token.js'
import { collectCommandLine } from './command-line.js'
import type { Configuration } from './configuration.js'
import { collectFile, type CollectedFile } from './config-file.js'
import { withAbsoluteFiles } from './file-names.js'
import { readFiles, type SettingFiles } from './files.js'
import { gatewayProblems, gatewayWarnings, type Findings } from './gateway-rules.js'
import { configuredIssuers, type ReadIssuer } from './issuers.js'
import { readFault, type ReadFile } from './named-file.js'
import {
  endpointProblems,
  gatewayWords,
  optionProblems,
  settingWords,
  type SourceOf,
} from './option-problems.js'
import { toGatewayOptions } from './to-gateway-options.js'
import { toOptions, type FileOptions } from './to-options.js'
import { configuredResources, type ConfiguredResource } from './resources.js'
import { isFaulty } from './rules.js'
import { EVERYWHERE, parseSettings } from './setting-table.js'
import { ENVIRONMENT_SETTINGS, FILE_SETTINGS, ISSUER, SETTINGS } from './setting-lists.js'
import type { GivenValue, GivenValues } from './setting.js'
import { collectEnvironment } from './sources.js'

export interface ConfigurationInput {
  /** The arguments without the program and its own command. */
  readonly argv: readonly string[]
  /** `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Receives absolute file names. Default: reads the file as UTF-8. */
  readonly readFile?: ReadFile
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

function readConfigFile({ value, source }: GivenValue, readFile: ReadFile): CollectedFile {
  const name = String(value)
  const path = resolve(name)
  let content: string
  try {
    content = readFile(path)
  } catch (error) {
    const message = readFault(name, error)
    const problem = { path: source, message, hint: 'a YAML or JSON file with settings' }
    return { given: new Map(), problems: [problem], isRead: false }
  }
  const { resources, ...file } = collectFile(FILE_SETTINGS, name, content)
  const absolute = (values: GivenValues) => withAbsoluteFiles(EVERYWHERE, values, dirname(path))
  const withFiles = <Part extends Pick<CollectedFile, 'given' | 'issuers'>>(part: Part): Part => ({
    ...part,
    given: absolute(part.given),
    ...(part.issuers !== undefined && { issuers: part.issuers.map(absolute) }),
  })
  return {
    ...withFiles(file),
    ...(resources !== undefined && { resources: resources.map(withFiles) }),
  }
}

/** Cloud Run and similar platforms name the port in `PORT`. */
function platformPort(given: GivenValues, env: ConfigurationInput['env']): GivenValues {
  const { PORT } = env
  const isStdio = given.get('transport')?.value === 'stdio'
  const isNone = PORT === undefined || PORT === '' || PORT.startsWith('tcp://')
  if (isNone || isStdio || given.has('port')) return given
  return new Map([...given, ['port', { value: PORT, source: 'PORT' }]])
}

const PROXY_NAMES = /^(?:https?|no)_proxy$/i

function proxiesOf(env: ConfigurationInput['env']): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && PROXY_NAMES.test(name) ? [[name, value]] : [],
    ),
  )
}

/** Proxy URLs may hold passwords, so no problem shows a value. */
function proxyProblems(env: ConfigurationInput['env']): readonly ConfigurationProblem[] {
  const hint = 'the address of a proxy: http://proxy.example.com:3128'
  return brokenProxies(env).map((path) => ({ path, message: 'is not the URL of a proxy', hint }))
}

function sourcesOf(given: GivenValues, issuers: readonly ReadIssuer[]): SourceOf {
  return (path, issuer) =>
    (issuer === undefined ? given : issuers[issuer]?.given)?.get(path)?.source
}

/** What is wrong with the options. Without tokens only the resource and the origins count. */
function kernelProblems(
  { settings, given }: ConfiguredResource,
  checksTokens: boolean,
  issuers: readonly ReadIssuer[],
  files: FileOptions,
): readonly ConfigurationProblem[] {
  const sourceOf = sourcesOf(given, issuers)
  return checksTokens
    ? optionProblems(toOptions(settings, issuers, files), { sourceOf, issuers, settings })
    : endpointProblems(settings, sourceOf)
}

/** What only the gateway's own check finds. It is the check that the start makes. */
function startProblems(configuration: Configuration): readonly ConfigurationProblem[] {
  const { resources, files } = configuration
  const words = resources.map(({ given, settings }, index) => {
    const { issuers = [] } = files.resources[index] ?? {}
    return settingWords({ sourceOf: sourcesOf(given, issuers), issuers, settings })
  })
  return checkGateway(toGatewayOptions(configuration), gatewayWords(words)).problems
}

/** Replicas behind a load balancer allow together what each of them allows. */
function limitWarnings(resources: SettingFiles['resources']): readonly string[] {
  const hasLimits = resources.some(({ policy }) =>
    policy?.rules.some(({ limit }) => limit !== undefined),
  )
  return hasLimits ? ['each process counts the limits of the policy for itself'] : []
}

/**
 * Reads everything, checks everything, and changes nothing. Precedence: flag, environment, file, default. Problems and
 * warnings never show a value, because it may be a secret.
 */
export async function readConfiguration({
  argv,
  env,
  readFile = readText,
}: ConfigurationInput): Promise<Configuration> {
  const flags = collectCommandLine(SETTINGS, argv)
  const environment = collectEnvironment(ENVIRONMENT_SETTINGS, env)
  const config = flags.given.get('config') ?? environment.given.get('config')
  const file: CollectedFile =
    config === undefined || config.value === ''
      ? { given: new Map(), problems: [], isRead: true }
      : readConfigFile(config, readFile)
  const typed = withAbsoluteFiles(SETTINGS, new Map([...environment.given, ...flags.given]), '.')
  const given = platformPort(new Map([...file.given, ...typed]), env)
  const { settings, problems: valueProblems } = parseSettings(given)
  const { issuers } = configuredIssuers(settings, given, file.issuers, typed)
  const configured = configuredResources(settings, given, file, typed)
  const found = withoutRepeats([
    ...flags.problems,
    ...file.problems,
    ...valueProblems,
    ...configured.problems,
  ])
  const isKnown = (path: string) =>
    (file.isRead || given.has(path)) && !isFaulty(found, path, given.get(path)?.source)
  const resources = configured.resources.map((resource) => ({
    ...resource,
    isKnown: (path: string) =>
      (file.isRead || resource.given.has(path)) &&
      !(resource.areIssuersListed && path === ISSUER) &&
      !isFaulty(found, path, resource.given.get(path)?.source, resource.listed?.place),
  }))
  const { command } = flags
  const findings: Findings = { settings, given, command, isKnown, resources }

  const isHttp = settings.transport === 'streamable-http'
  // When auth cannot be read, tokens are assumed, so that all other problems are listed, too.
  const checksTokens = isHttp && (settings.auth === 'oauth' || !isKnown('auth'))
  const { files, issuersNow, ...reading } = isHttp
    ? await readFiles(settings, given, resources, checksTokens, readFile)
    : { files: { resources: [] }, issuersNow: [], problems: [] }
  const kernel = resources.flatMap((resource, index) =>
    kernelProblems(resource, checksTokens, issuersNow[index] ?? [], files.resources[index] ?? {}),
  )
  const others = new Map([...file.given, ...environment.given])
  const configuration: Configuration = {
    settings,
    given,
    issuers,
    resources,
    command,
    files,
    proxyEnvironment: proxiesOf(env),
    environmentFor: (childEnv) => commandEnvironment(env, childEnv ?? []),
    problems: [
      ...found,
      ...gatewayProblems(findings),
      ...reading.problems,
      ...(isHttp ? adminTokenProblems(settings, given, readFile) : []),
      ...(isHttp ? proxyProblems(env) : []),
      ...(isHttp ? withoutRepeats(kernel) : []),
    ],
    warnings: [
      ...environment.warnings,
      ...gatewayWarnings(findings, flags.given, others),
      ...(isHttp ? adminTokenWarnings(settings) : []),
      ...limitWarnings(files.resources),
    ],
  }
  // With other problems there are no options to check.
  return isHttp && configuration.problems.length === 0
    ? { ...configuration, problems: startProblems(configuration) }
    : configuration
}
