/**
 * Checking the options of one resource and of the server behind it.
 *
 * @module
 */
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import { isJsonObject } from '../base/json.js'
import { createGate, type ProtectedResourceOptions } from '../web/gate.js'
import { checkOrigins } from '../web/origins.js'
import { createResourceServer } from '../rs/resource-server.js'
import { upstreamFault } from './addresses.js'
import { forwardFault, headerValueFault, setFault } from './http/header-rules.js'
import type { GatewayOptions, GatewayResource } from './options.js'
import { checkCommand } from './stdio/check.js'
import { DEFAULT_LIMITS, type ChildLimits } from './stdio/limits.js'

/** The options of one resource: its own, and what it takes from the top. */
export type SiteOptions = Omit<GatewayOptions, 'resources'>

/** What is behind it. */
export type ServerSettings =
  | {
      readonly command: undefined
      readonly upstream: string
      readonly upstreamHeaders: Readonly<Record<string, string>>
      /** Seconds. */
      readonly upstreamTimeout: number
    }
  | {
      readonly command: readonly string[]
      readonly environment: Readonly<Record<string, string>>
      readonly limits: ChildLimits
    }

/** The checked options of one resource, with their defaults. */
export interface SiteSettings {
  /** `undefined`: it follows from the address that we listen on. */
  readonly resource: string | undefined
  readonly server: ServerSettings
  readonly forwardHeaders: readonly string[]
  readonly allowOrigins: readonly string[] | undefined
  /** What the gate must be told beside the resource. */
  readonly gateOptions: Omit<ProtectedResourceOptions, 'resource'>
}

/** Options of the gateway itself, and of the server behind a resource: nothing for the resource server. */
const GATEWAY_OPTIONS = [
  'auth',
  'host',
  'port',
  'resources',
  'allowHosts',
  'maxBody',
  'maxRequests',
  'maxRequestsPerCaller',
  'sessionKeys',
  'streamGrace',
  'ca',
  'onAudit',
  'auditArguments',
] as const
const WORLD_OPTIONS = ['proxyEnvironment', 'onEvent', 'now', 'fetch', 'randomUUID'] as const
const SERVER_OPTIONS = [
  'upstream',
  'command',
  'childEnvironment',
  'children',
  'upstreamHeaders',
  'upstreamTimeout',
  'forwardHeaders',
]
const NOT_OF_GATE = new Set<string>([
  ...GATEWAY_OPTIONS,
  ...SERVER_OPTIONS,
  'proxyEnvironment',
  'resource',
])
/** What stands at the top only. */
const FOR_ALL: ReadonlySet<string> = new Set([...GATEWAY_OPTIONS, ...WORLD_OPTIONS, 'allowHttp'])
/** What one resource has cannot be that of all: a secret least of all. */
const FOR_ONE = [
  'resource',
  'resourceName',
  'resourceDocumentation',
  'additionalMetadata',
  'upstream',
  'command',
  'upstreamHeaders',
] as const satisfies readonly (keyof GatewayOptions)[]

/** With what stands at the top, where it names nothing itself. */
export function siteOptions(top: GatewayOptions, own: GatewayResource): SiteOptions {
  const isShared = (name: string) => name !== 'resources' && !FOR_ONE.includes(name as never)
  const shared = Object.entries(top).filter(([name]) => isShared(name))
  const named = Object.entries(own).filter(([, value]) => value !== undefined)
  return Object.fromEntries([...shared, ...named])
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}

/** Whether it makes sense to look into each. */
export function isResourceList(resources: unknown): resources is readonly GatewayResource[] {
  return Array.isArray(resources) && resources.every((each) => isJsonObject(each))
}

/** Options at the wrong place: there is a list, and what belongs to one of it stands beside it, or the reverse. */
export function misplacedProblems(options: GatewayOptions): readonly ConfigurationProblem[] {
  const { resources } = options
  if (resources === undefined) return []
  if (!Array.isArray(resources) || resources.length === 0) {
    const hint = "[{ resource: 'https://…', upstream: 'http://…' }]"
    return [{ path: 'resources', message: 'must be a list of resources', hint }]
  }
  const beside = FOR_ONE.filter((name) => options[name] !== undefined).map((path) => {
    const message = 'stands beside resources, and belongs to one of them'
    return { path, message, hint: 'put it into resources' }
  })
  const inside = resources.flatMap((own: unknown, index) => {
    const place = `resources[${index}]`
    if (!isJsonObject(own)) {
      return [{ path: place, message: 'must be an object', hint: '{ resource, upstream }' }]
    }
    return Object.keys(own)
      .filter((name) => FOR_ALL.has(name))
      .map((name) => {
        const message = 'is for the whole gateway'
        return { path: `${place}.${name}`, message, hint: 'write it beside resources' }
      })
  })
  return [...beside, ...inside]
}

function checkServer(options: SiteOptions): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const problem = (path: string, message: string, hint: string) => {
    problems.push({ path, message, hint })
  }
  const { upstream, command } = options
  if (command !== undefined) {
    problems.push(...checkCommand(options))
  } else {
    const fault = typeof upstream === 'string' ? upstreamFault(upstream) : 'is missing'
    if (fault !== undefined) {
      const hint = 'the exact endpoint: http://127.0.0.1:8000/mcp; a key goes into upstreamHeaders'
      problem('upstream', fault, hint)
    }
  }
  const headers: unknown = options.upstreamHeaders ?? {}
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    problem('upstreamHeaders', 'must be an object', "{ 'X-Api-Key': '…' }")
  } else {
    for (const [name, value] of Object.entries(headers)) {
      const fault =
        setFault(name) ??
        (typeof value === 'string' ? headerValueFault(value) : 'has a value that is no text')
      if (fault !== undefined) problem(`upstreamHeaders.${name}`, fault, 'one line of text')
    }
  }
  const { forwardHeaders = [] } = options
  if (!isTextList(forwardHeaders)) {
    problem('forwardHeaders', 'must be a list of header names', "['X-Tenant']")
  } else {
    for (const [index, name] of forwardHeaders.entries()) {
      const fault = forwardFault(name)
      if (fault !== undefined) problem(`forwardHeaders[${index}]`, fault, 'leave it out')
    }
  }
  const timeout = options.upstreamTimeout ?? 60
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout <= 86_400)) {
    problem('upstreamTimeout', 'must be a number from 0 to 86400', 'in seconds; the default is 60')
  }
  return problems
}

/** What the gate must be told beside the resource. */
function toGateOptions(options: SiteOptions): SiteSettings['gateOptions'] {
  const rest = Object.entries(options).filter(([name]) => !NOT_OF_GATE.has(name))
  return { authorizationServers: [], ...Object.fromEntries(rest) }
}

/**
 * Everything that is wrong with the options of one resource.
 *
 * @param resource with a stand-in, where it follows from an address that nobody knows yet
 */
export function siteProblems(
  options: SiteOptions,
  resource: string,
): readonly ConfigurationProblem[] {
  const server = checkServer(options)
  const check = () => {
    if (options.auth !== 'none') return createGate({ ...toGateOptions(options), resource })
    // A resource is named also where no token is asked for: its path is the endpoint.
    return createResourceServer({ resource, authorizationServers: 'https://issuer.invalid' })
  }
  const origins = options.auth === 'none' ? checkOrigins(options.allowOrigins) : []
  try {
    check()
    return [...server, ...origins]
  } catch (error) {
    if (error instanceof ConfigurationError) return [...server, ...origins, ...error.problems]
    throw error
  }
}

function toServer(options: SiteOptions): ServerSettings {
  const { upstream = '', command, upstreamHeaders = {}, upstreamTimeout = 60 } = options
  if (command === undefined) return { command, upstream, upstreamHeaders, upstreamTimeout }
  const { childEnvironment = {}, children } = options
  return { command, environment: childEnvironment, limits: { ...DEFAULT_LIMITS, ...children } }
}

/** Of options without problems. */
export function toSiteSettings(options: SiteOptions): SiteSettings {
  return {
    resource: options.resource,
    server: toServer(options),
    forwardHeaders: options.forwardHeaders ?? [],
    allowOrigins: options.allowOrigins,
    gateOptions: toGateOptions(options),
  }
}
