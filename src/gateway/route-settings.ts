/**
 * Checks the options of one resource and of the server behind it.
 *
 * @module
 */
import { isJsonObject } from '../base/json.js'
import {
  OptionChecker,
  type Checked,
  type OptionChecks,
  type OptionPath,
  type OptionWords,
} from '../base/option-checker.js'
import type { ConfigurationProblem } from '../errors.js'
import type { IntrospectorTrust } from '../rs/introspectors.js'
import type { ResourceServerSettings } from '../rs/settings.js'
import {
  checkProtectedResource,
  hasPublicRules,
  readUnprotectedResource,
  type ProtectedResourceOptions,
} from '../web/options.js'
import { hostValueFault, upstreamFault } from './addresses.js'
import type { ForwardedClaim } from './forwarded-claims.js'
import {
  claimHeaderFault,
  comparableHeader,
  forwardFault,
  operatorHeaderFault,
} from './http/operator-headers.js'
import type { GatewayOptions, ServerOptions, UpstreamCredentials } from './options.js'
import { checkCommand, checkEnvironment, checkLimits } from './stdio/check.js'
import { DEFAULT_LIMITS, type ChildLimits } from './stdio/limits.js'

/** The options of one resource: its own, and those that it inherits from the top. */
export type RouteOptions = Omit<GatewayOptions, 'resources'>

/** The server behind a resource. */
export type ServerSettings =
  | {
      readonly command: undefined
      readonly upstream: string
      /** `undefined`: that of `upstream`. */
      readonly upstreamHost: string | undefined
      readonly upstreamHeaders: Readonly<Record<string, string>>
      readonly upstreamCredentials: UpstreamCredentials | undefined
      /** Seconds. */
      readonly upstreamTimeout: number
    }
  | {
      readonly command: readonly string[]
      readonly environment: Readonly<Record<string, string>>
      readonly limits: ChildLimits
      /** Whether it is run once before the first client needs it. */
      readonly isWarmed: boolean
    }

/** The checked options of one resource, with their defaults. */
export interface RouteSettings {
  /** `undefined`: it follows from the listening address. */
  readonly resource: string | undefined
  /** Where requests arrive; `undefined`: at the path of the resource. */
  readonly path: string | undefined
  readonly server: ServerSettings
  readonly forwardHeaders: readonly string[]
  readonly forwardClaims: readonly ForwardedClaim[]
  readonly allowOrigins: readonly string[] | undefined
  /** The options of the guard, without the resource. */
  readonly guardOptions: Omit<ProtectedResourceOptions, 'resource'>
  /** The trusted issuers and how they are reached; `undefined` without tokens. */
  readonly trust: IntrospectorTrust | undefined
  /** The spelling of its options. */
  readonly words: OptionWords
}

function checkUpstream(checker: OptionChecker, path: OptionPath, upstream: unknown): void {
  const fault = typeof upstream === 'string' ? upstreamFault(upstream) : 'is missing'
  if (fault === undefined) return
  const hint = 'the exact endpoint: http://127.0.0.1:8000/mcp; a key goes into upstreamHeaders'
  checker.problem(path, fault, hint)
}

function checkUpstreamHost(checker: OptionChecker, path: OptionPath, value: unknown): void {
  if (value === undefined) return
  const fault = typeof value === 'string' ? hostValueFault(value) : 'must be a string'
  if (fault !== undefined) checker.problem(path, fault, 'localhost:8000')
}

export function checkHeaders(checker: OptionChecker, path: OptionPath, value: unknown): void {
  const headers = value ?? {}
  if (!isJsonObject(headers)) {
    checker.problem(path, 'must be an object', "{ 'X-Api-Key': '…' }")
    return
  }
  for (const [name, value] of Object.entries(headers)) {
    const fault = operatorHeaderFault(name, value)
    if (fault !== undefined) checker.problem([...path, name], fault, 'one line of text')
  }
}

function checkForwarded(checker: OptionChecker, path: OptionPath, names: unknown): void {
  const kind = { what: 'header names', example: "['X-Tenant']" }
  checker.faultlessTexts(path, names, kind, forwardFault, 'leave it out')
}

function checkClaims(checker: OptionChecker, path: OptionPath, value: unknown): void {
  const list: unknown = value ?? []
  const hint = "{ claim: 'email', header: 'Email' }"
  if (!Array.isArray(list)) {
    checker.problem(path, 'must be a list of claims', hint)
    return
  }
  const seen = new Set<string>()
  for (const [index, each] of (list as unknown[]).entries()) {
    const { claim, header } = (isJsonObject(each) ? each : {}) as Partial<ForwardedClaim>
    if (typeof claim !== 'string' || claim === '') {
      checker.problem([...path, index], 'must have a claim and a header', hint)
      continue
    }
    const fault = claimHeaderFault(header)
    const name = comparableHeader(String(header))
    if (fault !== undefined) checker.problem([...path, index], fault, hint)
    else if (seen.has(name)) {
      checker.problem([...path, index], 'has a header that is named before', hint)
    }
    seen.add(name)
  }
}

function checkTimeout(checker: OptionChecker, path: OptionPath, value: unknown): void {
  const timeout = value ?? 60
  if (typeof timeout === 'number' && timeout > 0 && timeout <= 86_400) return
  const hint = 'in seconds; the default is 60'
  checker.problem(path, 'must be a number from 0 to 86400', hint)
}

/** Checks for a server that is reached by HTTP. */
const UPSTREAM_CHECKS = {
  upstream: checkUpstream,
  upstreamHost: checkUpstreamHost,
  upstreamCredentials: (checker, path, value) => checker.callable(path, value),
  forwardClaims: checkClaims,
} satisfies Partial<OptionChecks<ServerOptions>>

/** A check for an option that does not apply to a server that we start. */
function checkAbsent(hint: string) {
  return (checker: OptionChecker, path: OptionPath, value: unknown): void => {
    if (value === undefined) return
    checker.problem(path, 'is for a server that is reached by HTTP', hint)
  }
}

/** Checks for a server that we start. */
const COMMAND_CHECKS = {
  upstream: (checker, _path, upstream) => {
    if (upstream === undefined) return
    const hint = 'a resource has one server: keep one'
    checker.problem(['command'], 'is given together with upstream', hint)
  },
  command: checkCommand,
  childEnvironment: checkEnvironment,
  children: checkLimits,
  childWarm: (checker, path, value) => checker.flag(path, value, false),
  upstreamHost: checkAbsent('a command has no Host; leave it out'),
  forwardClaims: checkAbsent('a command gets no headers'),
  upstreamCredentials: checkAbsent(
    'a command gets no headers; childEnvironment is its environment',
  ),
} satisfies Partial<OptionChecks<ServerOptions>>

/** Checks for both kinds of servers. */
const COMMON_CHECKS = {
  upstreamHeaders: checkHeaders,
  forwardHeaders: checkForwarded,
  upstreamTimeout: checkTimeout,
} satisfies Partial<OptionChecks<ServerOptions>>

/** Every option has a check. */
const SERVER_CHECKS: OptionChecks<ServerOptions> = {
  ...COMMON_CHECKS,
  ...UPSTREAM_CHECKS,
  ...COMMAND_CHECKS,
}

/** Options of the server behind a resource. */
export const SERVER_OPTIONS: readonly string[] = Object.keys(SERVER_CHECKS)

function checkServer(checker: OptionChecker, options: RouteOptions): void {
  const checks = options.command === undefined ? UPSTREAM_CHECKS : COMMAND_CHECKS
  checker.each({ ...checks, ...COMMON_CHECKS }, [], { ...options })
  if (options.auth === 'none' && options.upstreamCredentials !== undefined) {
    const hint = 'use auth oauth, or upstreamHeaders'
    checker.problem(['upstreamCredentials'], 'needs a caller, and auth none knows none', hint)
  }
  if (options.auth === 'none' && (options.forwardClaims ?? []).length > 0) {
    checker.problem(['forwardClaims'], 'needs tokens, and auth none has none', 'use auth oauth')
  }
}

function toServer(options: RouteOptions): ServerSettings {
  const { command } = options
  if (command === undefined) {
    const {
      upstream = '',
      upstreamHost,
      upstreamHeaders = {},
      upstreamCredentials,
      upstreamTimeout = 60,
    } = options
    return {
      command,
      upstream,
      upstreamHost,
      upstreamHeaders,
      upstreamCredentials,
      upstreamTimeout,
    }
  }
  const { childEnvironment = {}, children, childWarm = false } = options
  return {
    command,
    environment: childEnvironment,
    limits: { ...DEFAULT_LIMITS, ...children },
    isWarmed: childWarm,
  }
}

/** Without tokens the resource is still used: its path is the endpoint. */
function checkOpen(
  options: RouteOptions,
  resource: string,
  words: OptionWords,
): Checked<undefined> {
  const checker = new OptionChecker(words)
  readUnprotectedResource(checker, { ...options, resource })
  return checker.finish(undefined)
}

/** Callers without a token need children of their own. */
function anonymousProblems(
  { command, children }: RouteOptions,
  { settings }: Checked<ResourceServerSettings | undefined>,
  words: OptionWords,
): readonly ConfigurationProblem[] {
  const most = children?.maxAnonymousChildren ?? 0
  if (command === undefined || most !== 0 || !hasPublicRules(settings?.policy)) return []
  const checker = new OptionChecker(words)
  const message = 'is 0, and the policy has anonymous rules'
  const hint = 'how many commands may run for callers without a token: 10'
  checker.problem(['children', 'maxAnonymousChildren'], message, hint)
  return checker.finish(undefined).problems
}

/**
 * Checks the options of one resource, and fills in the defaults.
 *
 * @param resource the named one, or the default
 * @param guardOptions the options about tokens
 */
export function checkRoute(
  options: RouteOptions,
  resource: string,
  guardOptions: RouteSettings['guardOptions'],
  words: OptionWords,
): Checked<RouteSettings> {
  const checker = new OptionChecker(words)
  checkServer(checker, options)
  const { problems } = checker.finish(undefined)
  const tokens =
    options.auth === 'none'
      ? checkOpen(options, resource, words)
      : checkProtectedResource({ ...guardOptions, resource }, words, 'elsewhere')
  return {
    problems: [...problems, ...tokens.problems, ...anonymousProblems(options, tokens, words)],
    settings: {
      resource: options.resource,
      path: options.path,
      server: toServer(options),
      forwardHeaders: options.forwardHeaders ?? [],
      forwardClaims: options.forwardClaims ?? [],
      allowOrigins: options.allowOrigins,
      guardOptions,
      trust: tokens.settings,
      words,
    },
  }
}
