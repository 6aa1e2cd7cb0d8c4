/**
 * Checking the gateway's options: all problems at once, with those of the resource server.
 *
 * @module
 */
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import { parseHttpUrl } from '../http.js'
import { createGate, type Gate, type ProtectedResourceOptions } from '../rs/gate.js'
import { createResourceServer } from '../rs/resource-server.js'
import { checkOrigins } from '../rs/origins.js'
import { isLoopbackAddress, parseHost } from './hosts.js'
import type { GatewayOptions } from './options.js'

/** The checked options, with their defaults. */
export interface GatewaySettings {
  readonly auth: 'oauth' | 'none'
  readonly host: string
  readonly port: number
  readonly resource: string | undefined
  readonly upstream: string
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
  'upstreamHeaders',
  'forwardHeaders',
  'allowHosts',
  'maxBody',
  'upstreamTimeout',
  'ca',
  'proxyEnvironment',
])

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]
/** What the upstream must never get from a client (contract, "What the upstream gets"), or could misread. */
const NEVER_FORWARDED = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'dpop',
  'cookie',
  'forwarded',
  'origin',
  'host',
  'content-length',
  'content-encoding',
  'accept-encoding',
  'expect',
])
const NEVER_FORWARDED_PREFIX = /^(?:x-forwarded-|x-gatehouse-|mcp-|client-cert)/

const NEVER_SET = new Set([...HOP_BY_HOP, 'host', 'content-length'])

/** As a server that reads `_` and `-` alike would name it. */
function normalName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** Why no operator may have a client's header of this name forwarded, or `undefined`. */
export function reasonNotToForward(name: string): string | undefined {
  if (!TOKEN.test(name)) return 'is no header name'
  const normal = normalName(name)
  if (NEVER_FORWARDED.has(normal) || NEVER_FORWARDED_PREFIX.test(normal)) {
    return 'is never forwarded'
  }
  return undefined
}

/** Why this header cannot be set for the upstream, or `undefined`. */
export function reasonNotToSet(name: string): string | undefined {
  if (!TOKEN.test(name)) return 'is no header name'
  const normal = normalName(name)
  if (NEVER_SET.has(normal) || normal.startsWith('x-gatehouse-')) return 'is set by us'
  return undefined
}

/** What RFC 9110 §5.5 lets a value be. */
export function isHeaderValue(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/.test(value)
  )
}

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

function checkOwn(options: GatewayOptions): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const problem = (path: string, message: string, hint: string) => {
    problems.push({ path, message, hint })
  }
  const { auth = 'oauth', host = '127.0.0.1', port = 8080, resource, upstream } = options
  if (auth !== 'oauth' && auth !== 'none') {
    problem('auth', 'must be oauth or none', 'oauth checks tokens')
  }
  if (typeof host !== 'string' || !/^[\w.:%-]+$/.test(host)) {
    problem('host', 'must be an address or a name', '127.0.0.1, ::1, 0.0.0.0')
  } else if (!isLoopbackAddress(host)) {
    if (auth === 'none') {
      const hint = 'whoever reaches it could call the tools: use auth oauth, or listen on 127.0.0.1'
      problem('host', 'must be loopback with auth none', hint)
    } else if (resource === undefined) {
      const hint = 'the URL that users type: https://mcp.example.com/mcp'
      problem('resource', 'is missing, and the address is not loopback', hint)
    }
  }
  if (!isWholeNumber(port, 65_535)) problem('port', 'must be a port', '0 to 65535; 0 picks one')
  const url = parseHttpUrl(upstream)
  if (url === undefined) {
    problem('upstream', 'must be an absolute http(s) URL', 'http://127.0.0.1:8000/mcp')
  } else {
    if (url.hash !== '') problem('upstream', 'must not have a fragment', 'cut it off at the #')
    if (url.username !== '' || url.password !== '') {
      const hint = 'give it as a header: Authorization: Basic …'
      problem('upstream', 'must not have a user name or password', hint)
    }
  }
  const headers: unknown = options.upstreamHeaders ?? {}
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    problem('upstreamHeaders', 'must be an object', "{ 'X-Api-Key': '…' }")
  } else {
    for (const [name, value] of Object.entries(headers)) {
      const reason = reasonNotToSet(name)
      if (reason !== undefined) problem(`upstreamHeaders.${name}`, reason, 'leave it out')
      else if (!isHeaderValue(value)) {
        problem(
          `upstreamHeaders.${name}`,
          'has a value that no header can have',
          'one line of text',
        )
      }
    }
  }
  const { forwardHeaders = [], allowHosts = [] } = options
  if (!isTextList(forwardHeaders)) {
    problem('forwardHeaders', 'must be a list of header names', "['X-Tenant']")
  } else {
    for (const [index, name] of forwardHeaders.entries()) {
      const reason = reasonNotToForward(name)
      if (reason !== undefined) problem(`forwardHeaders[${index}]`, reason, 'leave it out')
    }
  }
  if (!isTextList(allowHosts)) {
    problem('allowHosts', 'must be a list of hosts', "['mcp.internal', 'localhost:8080']")
  } else {
    for (const [index, text] of allowHosts.entries()) {
      if (parseHost(text) !== undefined) continue
      problem(`allowHosts[${index}]`, 'is no host', 'as in a Host header: mcp.internal:8080')
    }
  }
  if (options.maxBody !== undefined && !isWholeNumber(options.maxBody, 2 ** 32)) {
    problem('maxBody', 'must be a number of bytes', 'the default is 4194304')
  }
  const timeout = options.upstreamTimeout ?? 60
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout <= 86_400)) {
    problem('upstreamTimeout', 'must be a number from 0 to 86400', 'in seconds; the default is 60')
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
    upstream: options.upstream,
    upstreamHeaders: options.upstreamHeaders ?? {},
    forwardHeaders: options.forwardHeaders ?? [],
    allowHosts: options.allowHosts ?? [],
    allowOrigins: options.allowOrigins,
    maxBody: options.maxBody ?? 4 * 1024 * 1024,
    upstreamTimeout: options.upstreamTimeout ?? 60,
  }
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
