/**
 * Checking the gateway's options: all problems at once, with those of its resources.
 *
 * @module
 */
import { MOST_REQUESTS } from './request/admission.js'
import { ConfigurationError, tellOnce, type ConfigurationProblem } from '../errors.js'
import { hostValueFault, isLoopbackAddress, listenHostFault } from './addresses.js'
import type { GatewayOptions, GatewayResource } from './options.js'
import { brokenProxies } from './http/proxies.js'
import { routeConflicts } from './routes.js'
import { MAX_JUDGED_BODY } from '../web/gate.js'
import { randomKey, SESSION_KEY, sessionKeyFault } from '../web/session-keys.js'
import {
  isResourceList,
  misplacedProblems,
  siteOptions,
  siteProblems,
  toSiteSettings,
  type SiteSettings,
} from './site-settings.js'

/** The checked options, with their defaults. */
export interface GatewaySettings {
  readonly auth: 'oauth' | 'none'
  readonly host: string
  readonly port: number
  readonly allowHosts: readonly string[]
  readonly maxBody: number
  /** Of those that are judged. */
  readonly maxJudgedBody: number
  readonly maxRequests: number
  readonly maxRequestsPerCaller: number
  readonly sites: readonly SiteSettings[]
  /** At least one. */
  readonly sessionKeys: readonly string[]
  /** Seconds. */
  readonly streamGrace: number
}

/** The resource of a loopback gateway that was given none. */
export function defaultResource(host: string, port: number): string {
  const name = host.includes(':') ? `[${host}]` : host
  // Its canonical form leaves the default port out.
  return new URL(`http://${name}:${port}/mcp`).href
}

/** Stands in while the port is not known: nothing is published under it. */
function placeholderResource(host: string): string {
  return defaultResource(isLoopbackAddress(host) ? host : '127.0.0.1', 1)
}

function isWholeNumber(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max
}

function checkOwn(options: GatewayOptions): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const problem = (path: string, message: string, hint: string) => {
    problems.push({ path, message, hint })
  }
  const { auth = 'oauth', host = '127.0.0.1', port = 8080, resource, resources } = options
  if (auth !== 'oauth' && auth !== 'none') {
    problem('auth', 'must be oauth or none', 'oauth checks tokens')
  }
  const hostFault = typeof host === 'string' ? listenHostFault(host) : 'must be a text'
  if (hostFault !== undefined) problem('host', hostFault, '127.0.0.1, ::1, 0.0.0.0')
  else if (!isLoopbackAddress(host)) {
    if (auth === 'none') {
      const hint = 'whoever reaches it could call the tools: use auth oauth, or listen on 127.0.0.1'
      problem('host', 'must be loopback with auth none', hint)
    } else if (resource === undefined && resources === undefined) {
      const hint = 'the URL that users type: https://mcp.example.com/mcp'
      problem('resource', 'is missing, and the address is not loopback', hint)
    }
  }
  if (!isWholeNumber(port, 65_535)) problem('port', 'must be a port', '0 to 65535; 0 picks one')
  const { allowHosts = [] } = options
  if (!Array.isArray(allowHosts) || !allowHosts.every((text) => typeof text === 'string')) {
    problem('allowHosts', 'must be a list of hosts', "['mcp.internal', 'localhost:8080']")
  } else {
    for (const [index, text] of allowHosts.entries()) {
      const fault = hostValueFault(text)
      if (fault !== undefined) problem(`allowHosts[${index}]`, fault, 'mcp.internal:8080')
    }
  }
  if (options.maxBody !== undefined && !isWholeNumber(options.maxBody, 2 ** 32)) {
    problem('maxBody', 'must be a number of bytes', 'the default is 4194304')
  }
  for (const [name, fallback] of Object.entries(MOST_REQUESTS)) {
    const value = options[name as keyof typeof MOST_REQUESTS] ?? fallback
    if (!isWholeNumber(value, 1_000_000) || value === 0) {
      problem(name, 'must be a number from 1 to 1000000', `the default is ${fallback}`)
    }
  }
  const { sessionKeys } = options
  if (
    sessionKeys !== undefined &&
    (!Array.isArray(sessionKeys) ||
      !sessionKeys.every(
        (key: unknown) => typeof key === 'string' && sessionKeyFault(key) === undefined,
      ))
  ) {
    problem('sessionKeys', 'must be a list of keys', `each of ${SESSION_KEY}`)
  } else if (sessionKeys?.length === 0) problem('sessionKeys', 'is empty', 'leave it out')
  const grace = options.streamGrace ?? 300
  if (typeof grace !== 'number' || !(grace >= 0 && grace <= 86_400)) {
    problem('streamGrace', 'must be a number from 0 to 86400', 'in seconds; the default is 300')
  }
  for (const name of brokenProxies(options.proxyEnvironment)) {
    problem(`proxyEnvironment.${name}`, 'is no proxy', 'http://proxy.example.com:3128')
  }
  return problems
}

/** What is wrong with each of several, and what they cannot have in common. */
function checkResources(
  options: GatewayOptions,
  resources: readonly GatewayResource[],
): readonly ConfigurationProblem[] {
  const problems = resources.flatMap((own, index) =>
    siteProblems(siteOptions(options, own), own.resource).map((problem) => {
      const [name = ''] = /^\w+/.exec(problem.path) ?? []
      const isOfAll = options[name as keyof GatewayOptions] !== undefined && !(name in own)
      return isOfAll ? problem : { ...problem, path: `resources[${index}].${problem.path}` }
    }),
  )
  const conflicts = routeConflicts(resources.map(({ resource }) => resource))
  return [
    ...tellOnce(problems),
    ...conflicts.map(({ index, ...rest }) => ({ path: `resources[${index}].resource`, ...rest })),
  ]
}

/**
 * @throws {ConfigurationError} with every problem, those of the resource servers among them
 */
export function checkGatewayOptions(options: GatewayOptions): GatewaySettings {
  const { auth = 'oauth', host = '127.0.0.1', resources } = options
  const problems = [...checkOwn(options), ...misplacedProblems(options)]
  if (resources === undefined) {
    problems.push(...siteProblems(options, options.resource ?? placeholderResource(host)))
  } else if (isResourceList(resources)) problems.push(...checkResources(options, resources))
  if (problems.length > 0) throw new ConfigurationError(problems)
  const sites = resources?.map((own) => siteOptions(options, own)) ?? [options]
  return {
    auth,
    host,
    port: options.port ?? 8080,
    allowHosts: options.allowHosts ?? [],
    maxBody: options.maxBody ?? 4 * 1024 * 1024,
    maxJudgedBody: options.maxBody ?? MAX_JUDGED_BODY,
    maxRequests: options.maxRequests ?? MOST_REQUESTS.maxRequests,
    maxRequestsPerCaller: options.maxRequestsPerCaller ?? MOST_REQUESTS.maxRequestsPerCaller,
    sites: sites.map(toSiteSettings),
    sessionKeys: options.sessionKeys ?? [randomKey()],
    streamGrace: options.streamGrace ?? 300,
  }
}
