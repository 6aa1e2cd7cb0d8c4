/**
 * Checking the gateway's options: all problems at once, with those of the resource server.
 *
 * @module
 */
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import { createGate, type Gate, type ProtectedResourceOptions } from '../rs/gate.js'
import { createResourceServer } from '../rs/resource-server.js'
import { checkOrigins } from '../rs/origins.js'
import { hostValueFault, isLoopbackAddress, listenHostFault, upstreamFault } from './addresses.js'
import { forwardFault, headerValueFault, setFault } from './header-rules.js'
import type { GatewayOptions } from './options.js'
import { brokenProxies } from './proxies.js'
import { checkCommand } from './stdio/check.js'
import { DEFAULT_LIMITS, type ChildLimits } from './stdio/limits.js'

/** What is behind the resource. */
export type ServerSettings =
  | { readonly upstream: string; readonly command: undefined }
  | {
      readonly command: readonly string[]
      readonly environment: Readonly<Record<string, string>>
      readonly limits: ChildLimits
    }

/** The checked options, with their defaults. */
export interface GatewaySettings {
  readonly auth: 'oauth' | 'none'
  readonly host: string
  readonly port: number
  readonly resource: string | undefined
  readonly server: ServerSettings
  readonly upstreamHeaders: Readonly<Record<string, string>>
  readonly forwardHeaders: readonly string[]
  readonly allowHosts: readonly string[]
  readonly allowOrigins: readonly string[] | undefined
  readonly maxBody: number
  /** Seconds. */
  readonly upstreamTimeout: number
}

const GATEWAY_OPTION_NAMES = new Set([
  'auth',
  'host',
  'port',
  'upstream',
  'command',
  'childEnvironment',
  'children',
  'upstreamHeaders',
  'forwardHeaders',
  'allowHosts',
  'maxBody',
  'upstreamTimeout',
  'ca',
  'proxyEnvironment',
])

/** Stands in while the port is not known: nothing is published under it. */
function placeholderResource(host: string): string {
  return defaultResource(isLoopbackAddress(host) ? host : '127.0.0.1', 1)
}

/** The resource of a loopback gateway that was given none. */
export function defaultResource(host: string, port: number): string {
  const name = host.includes(':') ? `[${host}]` : host
  // Its canonical form leaves the default port out.
  return new URL(`http://${name}:${port}/mcp`).href
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}

function isWholeNumber(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max
}

function checkUpstream(upstream: unknown): readonly ConfigurationProblem[] {
  const message = typeof upstream === 'string' ? upstreamFault(upstream) : 'is missing'
  if (message === undefined) return []
  const hint = 'the exact endpoint: http://127.0.0.1:8000/mcp; a key goes into upstreamHeaders'
  return [{ path: 'upstream', message, hint }]
}

function checkOwn(options: GatewayOptions): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const problem = (path: string, message: string, hint: string) => {
    problems.push({ path, message, hint })
  }
  const { auth = 'oauth', host = '127.0.0.1', port = 8080, resource, upstream } = options
  if (auth !== 'oauth' && auth !== 'none') {
    problem('auth', 'must be oauth or none', 'oauth checks tokens')
  }
  const hostFault = typeof host === 'string' ? listenHostFault(host) : 'must be a text'
  if (hostFault !== undefined) problem('host', hostFault, '127.0.0.1, ::1, 0.0.0.0')
  else if (!isLoopbackAddress(host)) {
    if (auth === 'none') {
      const hint = 'whoever reaches it could call the tools: use auth oauth, or listen on 127.0.0.1'
      problem('host', 'must be loopback with auth none', hint)
    } else if (resource === undefined) {
      const hint = 'the URL that users type: https://mcp.example.com/mcp'
      problem('resource', 'is missing, and the address is not loopback', hint)
    }
  }
  if (!isWholeNumber(port, 65_535)) problem('port', 'must be a port', '0 to 65535; 0 picks one')
  problems.push(
    ...(options.command === undefined ? checkUpstream(upstream) : checkCommand(options)),
  )
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
  const { forwardHeaders = [], allowHosts = [] } = options
  if (!isTextList(forwardHeaders)) {
    problem('forwardHeaders', 'must be a list of header names', "['X-Tenant']")
  } else {
    for (const [index, name] of forwardHeaders.entries()) {
      const fault = forwardFault(name)
      if (fault !== undefined) problem(`forwardHeaders[${index}]`, fault, 'leave it out')
    }
  }
  if (!isTextList(allowHosts)) {
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
  const timeout = options.upstreamTimeout ?? 60
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout <= 86_400)) {
    problem('upstreamTimeout', 'must be a number from 0 to 86400', 'in seconds; the default is 60')
  }
  for (const name of brokenProxies(options.proxyEnvironment)) {
    problem(`proxyEnvironment.${name}`, 'is no proxy', 'http://proxy.example.com:3128')
  }
  if (auth === 'none') problems.push(...checkOrigins(options.allowOrigins))
  return problems
}

/** The options that are the resource server's and the middleware's. */
export function toProtectedResourceOptions(
  options: GatewayOptions,
  resource: string,
): ProtectedResourceOptions {
  const rest = Object.fromEntries(
    Object.entries(options).filter(([name]) => !GATEWAY_OPTION_NAMES.has(name)),
  ) as Partial<ProtectedResourceOptions>
  return { authorizationServers: [], ...rest, resource }
}

/**
 * @throws {ConfigurationError} with every problem, the resource server's among them
 */
export function checkGatewayOptions(options: GatewayOptions): GatewaySettings {
  const { auth = 'oauth', host = '127.0.0.1' } = options
  const problems = [...checkOwn(options)]
  // With no tokens the rest does nothing, but what is wrong there was meant for something.
  const resource = options.resource ?? placeholderResource(host)
  if (auth === 'none') problems.push(...problemsOf(() => checkResource(resource)))
  else problems.push(...problemsOf(() => createGate(toProtectedResourceOptions(options, resource))))
  if (problems.length > 0) throw new ConfigurationError(problems)
  return {
    auth,
    host,
    port: options.port ?? 8080,
    resource: options.resource,
    server: toServer(options),
    upstreamHeaders: options.upstreamHeaders ?? {},
    forwardHeaders: options.forwardHeaders ?? [],
    allowHosts: options.allowHosts ?? [],
    allowOrigins: options.allowOrigins,
    maxBody: options.maxBody ?? 4 * 1024 * 1024,
    upstreamTimeout: options.upstreamTimeout ?? 60,
  }
}

function toServer({
  upstream = '',
  command,
  childEnvironment = {},
  children,
}: GatewayOptions): ServerSettings {
  if (command === undefined) return { upstream, command }
  return { command, environment: childEnvironment, limits: { ...DEFAULT_LIMITS, ...children } }
}

/** A resource is named also where no token is asked for: its path is the endpoint. */
function checkResource(resource: string): void {
  createResourceServer({ resource, authorizationServers: 'https://issuer.invalid' })
}

function problemsOf(create: () => Gate | void): readonly ConfigurationProblem[] {
  try {
    create()
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
    throw error
  }
}
