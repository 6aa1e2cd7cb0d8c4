/**
 * What must hold between the settings of the gateway.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import { isLoopbackAddress, isPlainHttp } from '../gateway/addresses.js'
import type { ConfiguredIssuer } from './issuers.js'
import { flagOf } from './names.js'
import {
  idTokenWarnings,
  idleWarnings,
  listedIssuersProblems,
  missingProblem,
  missingProblems,
  plainHttpWarnings,
  STDIO_WITH_TOKENS,
  severalIssuersProblems,
} from './rules.js'
import { ISSUERS, SETTINGS, type Settings } from './schema.js'
import type { GivenValue, GivenValues } from './setting.js'

/** What is known before the rules between settings are looked at. */
export interface Findings {
  readonly settings: Settings
  readonly given: GivenValues
  readonly command: readonly string[] | undefined
  /** False for a setting that was given in a way that says nothing about what is wanted. */
  readonly isKnown: (path: string) => boolean
  readonly issuers: readonly ConfiguredIssuer[]
  /** Whether the config file lists them. */
  readonly areIssuersListed: boolean
}

function missing(path: string): readonly ConfigurationProblem[] {
  return SETTINGS.filter((setting) => setting.path === path).map(missingProblem)
}

function only(given: GivenValues, isWanted: (path: string) => boolean): GivenValues {
  return new Map<string, GivenValue>([...given].filter(([path]) => isWanted(path)))
}

function sourcesOf(given: GivenValues, isWanted: (path: string) => boolean): string {
  return [...only(given, isWanted).values()].map(({ source }) => source).join(', ')
}

/** Settings that stdio has a use for. */
const FOR_STDIO = new Set(['auth', 'transport', 'config', 'logLevel', 'logFormat'])

/** Without tokens nobody asks for these. */
function isForTokens(path: string): boolean {
  return (
    path.startsWith('oauth.') ||
    ['resourceName', 'resourceDocumentation', 'allowHttp'].includes(path)
  )
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

function upstreamProblems({ given, command, isKnown }: Findings): readonly ConfigurationProblem[] {
  if (given.has('upstream') || !isKnown('upstream')) return []
  return command === undefined ? missing('upstream') : []
}

/** Whoever reaches the listener can call the tools, unless a token is asked for (CASE-61). */
function listenProblems(findings: Findings): readonly ConfigurationProblem[] {
  const { settings, given, isKnown } = findings
  if (!isKnown('host') || !isKnown('auth') || isLoopbackAddress(settings.host)) return []
  if (settings.auth === 'none') {
    const message = 'must be loopback without --auth oauth'
    const hint = 'whoever reaches it could call the tools; localhost, 127.0.0.1 or ::1'
    return [{ path: given.get('host')?.source ?? flagOf('host'), message, hint }]
  }
  return given.has('resource') || !isKnown('resource') ? [] : missing('resource')
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
  given,
  isKnown,
  areIssuersListed,
}: Findings): readonly ConfigurationProblem[] {
  if (settings.auth === 'none' && isKnown('auth')) return []
  return [
    ...(isKnown('auth') ? missingProblems(SETTINGS, given, isKnown) : []),
    ...(areIssuersListed
      ? listedIssuersProblems(given)
      : severalIssuersProblems(given, `in a config file each issuer has its own: ${ISSUERS}`)),
  ]
}

export function gatewayProblems(findings: Findings): readonly ConfigurationProblem[] {
  const { settings, isKnown } = findings
  const problems = [...commandProblems(findings)]
  if (!isKnown('transport')) return problems
  if (settings.transport === 'stdio') return [...problems, ...stdioProblems(findings)]
  return [
    ...problems,
    ...tokenProblems(findings),
    ...upstreamProblems(findings),
    ...listenProblems(findings),
    ...adminProblems(findings),
  ]
}

function stdioWarnings({ given }: Findings): readonly string[] {
  const idle = sourcesOf(given, (path) => !FOR_STDIO.has(path) && path !== 'upstream')
  return idle === '' ? [] : [`with stdio these do nothing: ${idle}`]
}

function upstreamWarnings({ settings, given }: Findings): readonly string[] {
  const source = given.get('upstream')?.source
  if (source === undefined || !isPlainHttp(settings.upstream ?? '')) return []
  return [`${source}: without TLS; only for a network that is yours alone`]
}

/** Of a command that speaks HTTP itself, we start one and wait for it. */
const FOR_ANY_COMMAND = new Set(['childEnv', 'childStartTimeout'])

function commandWarnings({ given, command }: Findings): readonly string[] {
  const isForCommand = (path: string) => /^(?:child|maxChildren)/.test(path)
  if (command === undefined) {
    const idle = sourcesOf(given, isForCommand)
    return idle === '' ? [] : [`without a command after -- these do nothing: ${idle}`]
  }
  if (!given.has('upstream')) return []
  const idle = sourcesOf(given, (path) => isForCommand(path) && !FOR_ANY_COMMAND.has(path))
  return idle === '' ? [] : [`for a server reached by HTTP these do nothing: ${idle}`]
}

/**
 * What works and may not be meant.
 *
 * @param flags what was given on the command line
 * @param others what was given elsewhere
 */
export function gatewayWarnings(
  findings: Findings,
  flags: GivenValues,
  others: GivenValues,
): readonly string[] {
  const { settings, given, isKnown } = findings
  if (!isKnown('transport')) return []
  if (settings.transport === 'stdio') return stdioWarnings(findings)
  const concernsAuth = (path: string) => path === 'auth' || isForTokens(path)
  const tokenWarnings =
    settings.auth === 'oauth'
      ? [...plainHttpWarnings(given), ...idTokenWarnings(findings.issuers)]
      : isKnown('auth')
        ? idleWarnings(only(flags, concernsAuth), only(others, concernsAuth))
        : []
  return [...tokenWarnings, ...upstreamWarnings(findings), ...commandWarnings(findings)]
}
