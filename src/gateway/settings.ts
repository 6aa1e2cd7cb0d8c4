/**
 * Checks the gateway's options and reports all problems at once, with those of its resources.
 *
 * @module
 */
import { isJsonObject } from '../base/json.js'
import {
  OPTION_WORDS,
  OptionChecker,
  type Checked,
  type OptionChecks,
  type OptionPath,
  type OptionWords,
} from '../base/option-checker.js'
import { withoutRepeats, type ConfigurationProblem } from '../errors.js'
import { MAX_AUTHORIZED_BODY } from '../web/options.js'
import { SESSION_KEY, sessionKeyFault } from '../web/session-keys.js'
import { hostValueFault, isLoopbackAddress, listenHostFault } from './addresses.js'
import { brokenProxies } from './http/proxies.js'
import type { GatewayOptions, GatewayOwnOptions, GatewayResource } from './options.js'
import { MOST_REQUESTS } from './request/admission.js'
import { routeConflicts } from './find-route.js'
import {
  checkRoute,
  SERVER_OPTIONS,
  type RouteOptions,
  type RouteSettings,
} from './route-settings.js'

/** The checked options, with their defaults. */
export interface GatewaySettings {
  readonly auth: 'oauth' | 'none'
  readonly host: string
  readonly port: number
  readonly allowHosts: readonly string[]
  readonly maxBody: number
  /** The limit for bodies that are read. */
  readonly maxAuthorizedBody: number
  readonly maxRequests: number
  readonly maxRequestsPerCaller: number
  readonly routes: readonly RouteSettings[]
  /** At least one. `undefined`: the gateway makes a random one. */
  readonly sessionKeys: readonly string[] | undefined
  /** Seconds. */
  readonly streamGrace: number
  /** Seconds; 0: no comments. */
  readonly sseKeepAlive: number
  readonly healthPath: string | undefined
}

/** Seconds. Shorter than the time after which proxies close a silent connection. */
const SSE_KEEP_ALIVE = 15

/** The resource of a loopback gateway for which none was given. */
export function defaultResource(host: string, port: number): string {
  const name = host.includes(':') ? `[${host}]` : host
  // Its canonical form leaves the default port out.
  return new URL(`http://${name}:${port}/mcp`).href
}

/**
 * The default resource with an arbitrary port, so that everything is checked before the port is
 * known. Never published.
 */
function resourceOfSomePort(host: string): string {
  return defaultResource(isLoopbackAddress(host) ? host : '127.0.0.1', 1)
}

function isWholeNumber(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max
}

function checkHost(checker: OptionChecker, path: OptionPath, host: unknown = '127.0.0.1'): void {
  const fault = typeof host === 'string' ? listenHostFault(host) : 'must be a string'
  if (fault !== undefined) checker.problem(path, fault, '127.0.0.1, ::1, 0.0.0.0')
}

function checkAllowedHosts(checker: OptionChecker, path: OptionPath, hosts: unknown): void {
  const kind = { what: 'hosts', example: "['mcp.internal', 'localhost:8080']" }
  checker.faultlessTexts(path, hosts, kind, hostValueFault, 'mcp.internal:8080')
}

function checkRequests(fallback: number) {
  return (checker: OptionChecker, path: OptionPath, value: unknown): void => {
    if (isWholeNumber(value ?? fallback, 1_000_000) && value !== 0) return
    checker.problem(path, 'must be a number from 1 to 1000000', `the default is ${fallback}`)
  }
}

function checkHealthPath(checker: OptionChecker, path: OptionPath, value: unknown): void {
  if (value === undefined) return
  const isPath = typeof value === 'string' && /^(?:\/[\w.~-]+)+$/.test(value)
  if (!isPath || /(?:^|\/)\.\.?(?:\/|$)/.test(value)) {
    checker.problem(path, 'must be a path of letters, digits, -, _, . and ~', '/healthz')
  } else if (value === '/.well-known' || value.startsWith('/.well-known/')) {
    checker.problem(path, 'is where clients look for metadata', '/healthz')
  }
}

/** Nobody must reach a resource without a token because a load balancer may. */
function healthConflict(
  { healthPath }: GatewayOptions,
  routes: readonly RouteSettings[],
  host: string,
  words: OptionWords,
): readonly ConfigurationProblem[] {
  const checker = new OptionChecker(words)
  for (const { resource = resourceOfSomePort(host), path } of routes) {
    // An invalid URL has its own problem.
    if (healthPath === undefined || !URL.canParse(resource)) continue
    const served = path ?? new URL(resource).pathname
    const below = served.endsWith('/') ? served : `${served}/`
    if (!`${healthPath}/`.startsWith(below)) continue
    checker.problem(['healthPath'], `is at or below ${resource}`, 'a path beside it: /healthz')
  }
  return checker.finish(undefined).problems
}

/** Problems never show a key. */
export function checkSessionKeys(checker: OptionChecker, path: OptionPath, keys: unknown): void {
  if (keys === undefined) return
  const isKey = (key: unknown) => typeof key === 'string' && sessionKeyFault(key) === undefined
  if (!Array.isArray(keys) || !keys.every(isKey)) {
    checker.problem(path, 'must be a list of keys', `each of ${SESSION_KEY}`)
  } else if (keys.length === 0) checker.problem(path, 'is empty', 'leave it out')
}

/** Options of the gateway itself: only at the top. */
const GATEWAY_CHECKS = {
  auth: (checker, path, auth = 'oauth') => {
    if (auth === 'oauth' || auth === 'none') return
    checker.problem(path, 'must be oauth or none', 'oauth checks tokens')
  },
  host: checkHost,
  port: (checker, path, port = 8080) => {
    if (isWholeNumber(port, 65_535)) return
    checker.problem(path, 'must be a port', '0 to 65535; 0 picks one')
  },
  // Checked below, with the other options.
  resources: () => undefined,
  allowHosts: checkAllowedHosts,
  maxBody: (checker, path, value) => {
    if (value === undefined || isWholeNumber(value, 2 ** 32)) return
    checker.problem(path, 'must be a number of bytes', 'the default is 4194304')
  },
  maxRequests: checkRequests(MOST_REQUESTS.maxRequests),
  maxRequestsPerCaller: checkRequests(MOST_REQUESTS.maxRequestsPerCaller),
  sessionKeys: checkSessionKeys,
  streamGrace: (checker, path, value) =>
    checker.number(path, value ?? undefined, { fallback: 300, max: 86_400 }),
  sseKeepAlive: (checker, path, value) =>
    checker.number(path, value ?? undefined, { fallback: SSE_KEEP_ALIVE, max: 86_400 }),
  proxyEnvironment: (checker, path, value) => {
    for (const name of brokenProxies(value as GatewayOptions['proxyEnvironment'])) {
      checker.problem([...path, name], 'is not the URL of a proxy', 'http://proxy.example.com:3128')
    }
  },
  healthPath: checkHealthPath,
  ca: (checker, path, value) => checker.text(path, value),
  onAudit: (checker, path, value) => checker.callable(path, value),
  auditArguments: (checker, path, value) => checker.flag(path, value, false),
} satisfies OptionChecks<Omit<GatewayOwnOptions, 'onEvent'>>

/** Options that are only allowed at the top. */
const FOR_ALL: ReadonlySet<string> = new Set<string>([
  ...Object.keys(GATEWAY_CHECKS),
  ...(['onEvent', 'now', 'fetch', 'randomUUID', 'allowHttp'] as const),
])

/** Options of a single resource. They are never inherited, least of all secrets. */
const FOR_ONE = [
  'resource',
  'path',
  'resourceName',
  'resourceDocumentation',
  'additionalMetadata',
  'upstream',
  'command',
  'upstreamHeaders',
  'upstreamHost',
  'upstreamCredentials',
] as const satisfies readonly (keyof GatewayOptions)[]

/** Options that the resource server does not have. */
const NOT_OF_GATE = new Set([...Object.keys(GATEWAY_CHECKS), ...SERVER_OPTIONS, 'resource'])

/** With `resources`, each option has one right place: at the top, or with a resource. */
function checkPlaces(checker: OptionChecker, options: GatewayOptions): void {
  const { resources } = options
  if (resources === undefined) return
  if (!Array.isArray(resources) || resources.length === 0) {
    const hint = "[{ resource: 'https://…', upstream: 'http://…' }]"
    checker.problem(['resources'], 'must be a list of resources', hint)
    return
  }
  for (const name of FOR_ONE.filter((each) => options[each] !== undefined)) {
    const message = 'is written beside resources, but belongs to one of them'
    checker.problem([name], message, 'put it into resources')
  }
  for (const [index, own] of (resources as readonly unknown[]).entries()) {
    const place = ['resources', index]
    if (!isJsonObject(own)) {
      checker.problem(place, 'must be an object', '{ resource, upstream }')
      continue
    }
    for (const name of Object.keys(own).filter((each) => FOR_ALL.has(each))) {
      checker.problem([...place, name], 'applies to the whole gateway', 'write it beside resources')
    }
  }
}

/** Without tokens only loopback is allowed. With tokens, a public address needs a resource. */
function checkListening(checker: OptionChecker, options: GatewayOptions): void {
  const { auth = 'oauth', host = '127.0.0.1', resource, resources } = options
  const isWrong = typeof host !== 'string' || listenHostFault(host) !== undefined
  if (isWrong || isLoopbackAddress(host)) return
  if (auth === 'none') {
    const hint =
      'anyone who reaches it could call the tools: use auth oauth, or listen on 127.0.0.1'
    checker.problem(['host'], 'must be loopback with auth none', hint)
  } else if (resource === undefined && resources === undefined) {
    const hint = 'the URL that users type: https://mcp.example.com/mcp'
    checker.problem(['resource'], 'is missing, and the address is not loopback', hint)
  }
}

/** The options of one resource: its own, and those at the top that it does not replace. */
function routeOptions(top: GatewayOptions, own: GatewayResource): RouteOptions {
  const isShared = (name: string) => name !== 'resources' && !FOR_ONE.includes(name as never)
  const shared = Object.entries(top).filter(([name]) => isShared(name))
  const named = Object.entries(own).filter(([, value]) => value !== undefined)
  return Object.fromEntries([...shared, ...named])
}

function guardOptionsOf(options: RouteOptions): RouteSettings['guardOptions'] {
  const rest = Object.entries(options).filter(([name]) => !NOT_OF_GATE.has(name))
  return { authorizationServers: [], ...Object.fromEntries(rest) }
}

function checkOne(
  options: RouteOptions,
  resource: string,
  words: OptionWords,
): Checked<RouteSettings> {
  return checkRoute(options, resource, guardOptionsOf(options), words)
}

/** A problem of an inherited option is reported at the top. */
function wordsOf(
  index: number,
  own: GatewayResource,
  top: GatewayOptions,
  words: OptionWords,
): OptionWords {
  return {
    ...words,
    locate(path, message) {
      const name = path[0] as keyof GatewayOptions
      const isOfAll = top[name] !== undefined && !(name in own)
      return words.locate(isOfAll ? path : ['resources', index, ...path], message)
    },
  }
}

/** Whether the entries can be checked one by one. */
function isResourceList(resources: unknown): resources is readonly GatewayResource[] {
  return Array.isArray(resources) && resources.every((each) => isJsonObject(each))
}

function conflictsOf(
  resources: readonly GatewayResource[],
  words: OptionWords,
): readonly ConfigurationProblem[] {
  const checker = new OptionChecker(words)
  for (const { index, message, hint } of routeConflicts(resources)) {
    checker.problem(['resources', index, 'resource'], message, hint)
  }
  return checker.finish(undefined).problems
}

function checkRoutes(
  options: GatewayOptions,
  host: string,
  words: OptionWords,
): Checked<readonly RouteSettings[]> {
  const { resources } = options
  if (resources !== undefined && !isResourceList(resources)) return { settings: [], problems: [] }
  const checked = resources?.map((own, index) =>
    checkOne(routeOptions(options, own), own.resource, wordsOf(index, own, options, words)),
  ) ?? [checkOne(options, options.resource ?? resourceOfSomePort(host), words)]
  return {
    settings: checked.flatMap(({ settings }) => settings ?? []),
    problems: [
      ...withoutRepeats(checked.flatMap(({ problems }) => problems)),
      ...conflictsOf(resources ?? [], words),
    ],
  }
}

/**
 * Checks options, including those of the resource servers, and fills in the defaults. It has no
 * side effects.
 */
export function checkGateway(
  options: GatewayOptions,
  words: OptionWords = OPTION_WORDS,
): Checked<GatewaySettings> {
  const { auth = 'oauth', host = '127.0.0.1' } = options
  const checker = new OptionChecker(words)
  checker.each(GATEWAY_CHECKS, [], { ...options })
  checkListening(checker, options)
  checkPlaces(checker, options)
  const own = checker.finish(undefined)
  const routes = checkRoutes(options, host, words)
  const conflicts = healthConflict(options, routes.settings ?? [], host, words)
  const problems = [...own.problems, ...routes.problems, ...conflicts]
  if (problems.length > 0 || routes.settings === undefined) return { settings: undefined, problems }
  return {
    problems,
    settings: {
      auth,
      host,
      port: options.port ?? 8080,
      allowHosts: options.allowHosts ?? [],
      maxBody: options.maxBody ?? 4 * 1024 * 1024,
      maxAuthorizedBody: options.maxBody ?? MAX_AUTHORIZED_BODY,
      maxRequests: options.maxRequests ?? MOST_REQUESTS.maxRequests,
      maxRequestsPerCaller: options.maxRequestsPerCaller ?? MOST_REQUESTS.maxRequestsPerCaller,
      routes: routes.settings,
      sessionKeys: options.sessionKeys,
      streamGrace: options.streamGrace ?? 300,
      sseKeepAlive: options.sseKeepAlive ?? SSE_KEEP_ALIVE,
      healthPath: options.healthPath,
    },
  }
}
