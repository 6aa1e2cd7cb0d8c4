/**
 * The rules between settings of the gateway.
 *
 * @module
 */
import { withoutRepeats, type ConfigurationProblem } from '../errors.js'
import { isLoopbackAddress } from '../gateway/addresses.js'
import { flagOf } from './names.js'
import {
  idleIssuerWarnings,
  issuerProblems,
  missing,
  originWarnings,
  spellingWarnings,
  serverProblems,
  severalResourcesProblems,
  sharedAudienceWarnings,
  upstreamWarnings,
  type ResourceFindings,
} from './resource-rules.js'
import {
  idlePolicyProblems,
  idTokenWarnings,
  idleWarnings,
  dialectWarnings,
  openIssuerWarnings,
  placeholderWarnings,
  plainHttpWarnings,
  STDIO_WITH_TOKENS,
  tenantWarnings,
} from './rules.js'
import type { Settings } from './setting-table.js'
import { isForHttp, isForStdio, needsOf, POLICY, RESOURCES } from './setting-lists.js'
import type { GivenValue, GivenValues } from './setting.js'

/** The facts that are known before the rules between settings are checked. */
export interface Findings {
  readonly settings: Settings
  readonly given: GivenValues
  readonly command: readonly string[] | undefined
  /** False for a setting whose value was a problem: nobody knows what was meant. */
  readonly isKnown: (path: string) => boolean
  /** Each with the values that it inherits from the top. Without a list, there is only one. */
  readonly resources: readonly ResourceFindings[]
}

function only(given: GivenValues, isWanted: (path: string) => boolean): GivenValues {
  return new Map<string, GivenValue>([...given].filter(([path]) => isWanted(path)))
}

function sourcesOf(given: GivenValues, isWanted: (path: string) => boolean): string {
  return [...only(given, isWanted).values()].map(({ source }) => source).join(', ')
}

function isForTokens(path: string): boolean {
  const needs = needsOf(path)
  return needs === 'tokens' || needs === 'client'
}

function isForCommand(path: string): boolean {
  const needs = needsOf(path)
  return needs === 'command' || needs === 'child'
}

function commandProblems({ command }: Findings): readonly ConfigurationProblem[] {
  if (command?.length !== 0) return []
  return [{ path: '--', message: 'has no command after it', hint: 'leave it out, or add one' }]
}

function stdioProblems({ settings, given, command }: Findings): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const transport = given.get('transport')?.source ?? flagOf('transport')
  if (command === undefined) {
    const hint = `${flagOf('transport')} stdio -- COMMAND`
    problems.push({ path: transport, message: 'stdio needs a command', hint })
  }
  const auth = given.get('auth')
  if (settings.auth === 'oauth' && auth !== undefined) {
    problems.push({ path: `${transport}, ${auth.source}`, ...STDIO_WITH_TOKENS })
  }
  const upstream = given.get('upstream')
  if (upstream !== undefined) {
    const message = 'is reached by HTTP, and the transport is stdio'
    problems.push({ path: upstream.source, message, hint: 'leave one of them out' })
  }
  return problems
}

/** Without tokens, anyone who reaches the listener can call the tools (CASE-61). */
function listenProblems(findings: Findings): readonly ConfigurationProblem[] {
  const { settings, given, isKnown } = findings
  if (!isKnown('host') || !isKnown('auth') || isLoopbackAddress(settings.host)) return []
  if (settings.auth === 'none') {
    const message = 'must be loopback without --auth oauth'
    const hint = 'anyone who reaches it could call the tools; use localhost, 127.0.0.1 or ::1'
    return [{ path: given.get('host')?.source ?? flagOf('host'), message, hint }]
  }
  const isNamed = given.has('resource') || given.has(RESOURCES)
  return isNamed || !isKnown('resource') ? [] : missing('resource')
}

function adminProblems({ settings, given, isKnown }: Findings): readonly ConfigurationProblem[] {
  const source = given.get('adminPort')?.source
  const { adminPort, port } = settings
  if (source === undefined || adminPort !== port || port === 0 || !isKnown('port')) return []
  const message = 'is the port of the MCP endpoint'
  return [{ path: source, message, hint: 'health and metrics need a port of their own' }]
}

function tokenProblems({
  settings,
  isKnown,
  resources,
}: Findings): readonly ConfigurationProblem[] {
  const isAuthKnown = isKnown('auth')
  if (settings.auth === 'none' && isAuthKnown) return []
  return resources.flatMap((each) => issuerProblems(each, isAuthKnown))
}

/** A policy at the top is the policy of every resource, and is reported once. */
function policyProblems({
  settings,
  given,
  isKnown,
  resources,
}: Findings): readonly ConfigurationProblem[] {
  if (settings.auth === 'oauth' || !isKnown('auth')) return []
  return withoutRepeats([given, ...resources.map(({ own }) => own)].flatMap(idlePolicyProblems))
}

export function gatewayProblems(findings: Findings): readonly ConfigurationProblem[] {
  const { settings, given, command, isKnown, resources } = findings
  const problems = [...commandProblems(findings)]
  if (!isKnown('transport')) return problems
  if (settings.transport === 'stdio')
    return [...problems, ...stdioProblems(findings), ...policyProblems(findings)]
  return withoutRepeats([
    ...problems,
    ...tokenProblems(findings),
    ...policyProblems(findings),
    ...resources.flatMap((each) => serverProblems(each, command)),
    ...severalResourcesProblems(resources, given, command),
    ...listenProblems(findings),
    ...adminProblems(findings),
  ])
}

function stdioWarnings({ given }: Findings): readonly string[] {
  const idle = sourcesOf(
    given,
    (path) => !isForStdio(path) && path !== 'upstream' && path !== POLICY,
  )
  return idle === '' ? [] : [`with stdio these settings have no effect: ${idle}`]
}

function commandWarnings({ given, command, resources }: Findings): readonly string[] {
  const hasCommand = command !== undefined || resources.some(({ own }) => own.has('command'))
  if (!hasCommand) {
    const idle = sourcesOf(given, isForCommand)
    return idle === '' ? [] : [`without a command after -- these settings have no effect: ${idle}`]
  }
  const isReachedByHttp = given.has('upstream') || resources.some(({ own }) => own.has('upstream'))
  if (!isReachedByHttp) {
    const idle = sourcesOf(given, isForHttp)
    return idle === '' ? [] : [`for a command these settings have no effect: ${idle}`]
  }
  if (!given.has('upstream')) return []
  const idle = sourcesOf(given, (path) => needsOf(path) === 'child')
  return idle === '' ? [] : [`for a server reached by HTTP these settings have no effect: ${idle}`]
}

function tokenWarnings(
  { settings, given, isKnown, resources }: Findings,
  flags: GivenValues,
  others: GivenValues,
): readonly string[] {
  if (settings.auth === 'oauth') {
    return [
      ...plainHttpWarnings(given),
      ...idTokenWarnings(resources.flatMap(({ issuers }) => issuers)),
      ...placeholderWarnings(resources.flatMap(({ issuers }) => issuers)),
      ...dialectWarnings(resources.flatMap(({ issuers }) => issuers)),
      ...openIssuerWarnings(resources.flatMap(({ issuers }) => issuers)),
      ...tenantWarnings(resources.flatMap(({ issuers }) => issuers)),
      ...idleIssuerWarnings(resources, given),
      ...sharedAudienceWarnings(resources),
    ]
  }
  if (!isKnown('auth')) return []
  const concernsAuth = (path: string) => path === 'auth' || isForTokens(path)
  const ofResources = resources.flatMap(({ own, listed }) =>
    [...only(own, isForTokens)].map(([path, value]): [string, GivenValue] => [
      path === POLICY ? path : `${listed?.place}${path}`,
      value,
    ]),
  )
  const elsewhere = new Map([...only(others, concernsAuth), ...ofResources])
  return idleWarnings(only(flags, concernsAuth), elsewhere)
}

/**
 * Warnings about settings that work, but may not do what was meant.
 *
 * @param flags the values from the command line
 * @param others the values from elsewhere
 */
export function gatewayWarnings(
  findings: Findings,
  flags: GivenValues,
  others: GivenValues,
): readonly string[] {
  const { settings, isKnown, resources } = findings
  if (!isKnown('transport')) return []
  if (settings.transport === 'stdio') return stdioWarnings(findings)
  return [
    ...tokenWarnings(findings, flags, others),
    ...resources.flatMap(spellingWarnings),
    ...resources.flatMap(upstreamWarnings),
    ...new Set(resources.flatMap(originWarnings)),
    ...commandWarnings(findings),
  ]
}
