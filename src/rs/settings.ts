/**
 * Checking what was configured: all problems at once, when the object is made.
 *
 * @module
 */
import { SIGNATURE_ALGORITHMS } from '../discovery/signing-key.js'
import type { KeySource } from '../discovery/key-set.js'
import { ConfigurationError } from '../errors.js'
import { parseHttpUrl } from '../http.js'
import { isJsonObject } from '../json.js'
import type { TokenPolicy } from './access-token.js'
import { Checker } from './checker.js'
import type { AuthorizationServerOptions, ResourceServerOptions } from './options.js'

/** The checked settings of one issuer. */
interface IssuerSettings {
  readonly source: KeySource
  readonly policy: TokenPolicy
}

export interface ResourceServerSettings {
  readonly resource: string
  readonly scopes: readonly string[]
  readonly issuers: readonly IssuerSettings[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly allowHttp: readonly string[]
  /** Milliseconds. */
  readonly jwksMaxAge: number
  readonly jwksStaleFor: number
  readonly wait: number
  readonly rememberedTokens: number
}

const TOKEN_OPTION_NAMES = ['audience', 'requireType', 'algorithms', 'scopeClaims']
const ISSUER_OPTION_NAMES = new Set([
  ...TOKEN_OPTION_NAMES,
  'issuer',
  'discoveryUrl',
  'jwksUri',
  'jwks',
])
/** The names that {@link createResourceServer} takes. */
export const OPTION_NAMES: ReadonlySet<string> = new Set([
  ...TOKEN_OPTION_NAMES,
  'resource',
  'authorizationServers',
  'scopes',
  'resourceName',
  'resourceDocumentation',
  'additionalMetadata',
  'clockTolerance',
  'jwksMaxAge',
  'jwksStaleFor',
  'wait',
  'allowHttp',
  'rememberedTokens',
  'onEvent',
  'now',
  'fetch',
  'randomUUID',
])

/** The resource, and for one without a path its twin: older clients write `new URL(resource).href`. */
function defaultAudience(resource: string): readonly string[] {
  const { origin, pathname, search } = new URL(resource)
  return pathname === '/' && search === '' ? [origin, `${origin}/`] : [resource]
}

/**
 * Checks options and fills in the defaults. Nothing is changed in place.
 *
 * @throws {ConfigurationError} with every problem
 */
export function checkOptions(options: ResourceServerOptions): ResourceServerSettings {
  const checker = new Checker()
  if (!isJsonObject(options)) {
    throw new ConfigurationError([
      { path: 'options', message: 'must be an object', hint: '{ resource, authorizationServers }' },
    ])
  }
  checker.unknownNames('', options, OPTION_NAMES)
  const resource = checker.resource(options.resource)
  const allowHttp = checker.hosts('allowHttp', options.allowHttp)
  const clockTolerance = checker.number('clockTolerance', options.clockTolerance, 30, 300)
  const audience = checker.texts('audience', options.audience, defaultAudience(resource))
  const algorithms = checker.algorithms('algorithms', options.algorithms, SIGNATURE_ALGORITHMS)
  const scopeClaims = checker.texts('scopeClaims', options.scopeClaims, ['scope', 'scp'])

  const requireType = checker.flag('requireType', options.requireType, false)

  const { authorizationServers: servers } = options
  const list: readonly unknown[] = Array.isArray(servers) ? servers : [servers]
  if (servers === undefined || list.length === 0) {
    checker.problem('authorizationServers', 'is missing', 'the issuer of your identity provider')
  }
  const issuers: IssuerSettings[] = []
  for (const [index, entry] of (servers === undefined ? [] : list).entries()) {
    const path = Array.isArray(servers) ? `authorizationServers[${index}]` : 'authorizationServers'
    const server = (
      typeof entry === 'string' ? { issuer: entry } : entry
    ) as AuthorizationServerOptions
    if (!isJsonObject(server)) {
      checker.problem(path, 'must be an issuer or an object with one', "{ issuer: 'https://…' }")
      continue
    }
    checker.unknownNames(`${path}.`, server, ISSUER_OPTION_NAMES)
    const { issuer } = server
    const issuerPath = typeof entry === 'string' ? path : `${path}.issuer`
    if (!checker.endpoint(issuerPath, issuer, allowHttp)) continue
    if (/[?#]/.test(issuer)) {
      checker.problem(issuerPath, 'must not have a query or fragment', 'RFC 8414 §2')
    }
    // URL parsers drop these, so the issuer would be found and then match no token.
    if (/[^\x21-\x7e]/.test(issuer)) {
      checker.problem(issuerPath, 'has blanks, line ends or other odd characters', 'copy it again')
    }
    if (issuers.some(({ policy }) => policy.issuer === issuer)) {
      checker.problem(issuerPath, 'is listed twice', 'keep one')
    }
    const serverAlgorithms = checker.algorithms(`${path}.algorithms`, server.algorithms, algorithms)
    issuers.push({
      source: checker.keySource(path, server, allowHttp, serverAlgorithms),
      policy: Object.freeze({
        issuer,
        audience: new Set(checker.texts(`${path}.audience`, server.audience, audience)),
        algorithms: serverAlgorithms,
        requireType: checker.flag(`${path}.requireType`, server.requireType, requireType),
        clockTolerance,
        scopeClaims: checker.texts(`${path}.scopeClaims`, server.scopeClaims, scopeClaims),
      }),
    })
  }

  const scopes = checker.scopes(options.scopes)
  const additional = checker.metadata(options.additionalMetadata)
  const { resourceName, resourceDocumentation } = options
  const isNamed = checker.optionalText('resourceName', resourceName)
  const isDocumented = checker.optionalText('resourceDocumentation', resourceDocumentation)
  if (isDocumented && parseHttpUrl(resourceDocumentation) === undefined) {
    checker.problem('resourceDocumentation', 'must be an http(s) URL', 'clients open it')
  }
  for (const name of ['onEvent', 'now', 'fetch', 'randomUUID'] as const) {
    checker.callable(name, options[name])
  }

  const settings: ResourceServerSettings = {
    resource,
    scopes: Object.freeze(scopes),
    issuers,
    metadata: {
      resource,
      authorization_servers: issuers.map(({ policy }) => policy.issuer),
      ...(scopes.length > 0 && { scopes_supported: scopes }),
      bearer_methods_supported: ['header'],
      ...(isNamed && { resource_name: resourceName }),
      ...(isDocumented && { resource_documentation: resourceDocumentation }),
      ...additional,
    },
    allowHttp,
    jwksMaxAge: checker.number('jwksMaxAge', options.jwksMaxAge, 600, 86_400) * 1000,
    jwksStaleFor: checker.number('jwksStaleFor', options.jwksStaleFor, 86_400, 30 * 86_400) * 1000,
    wait: checker.number('wait', options.wait, 3, 60) * 1000,
    rememberedTokens: checker.count(
      'rememberedTokens',
      options.rememberedTokens,
      10_000,
      1e7,
      'tokens',
    ),
  }
  if (checker.problems.length > 0) throw new ConfigurationError(checker.problems)
  return settings
}
