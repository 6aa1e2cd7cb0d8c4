/**
 * Checking what was configured: all problems at once, when the object is made.
 *
 * @module
 */
import { reasonToSkip, SIGNATURE_ALGORITHMS } from '../discovery/signing-key.js'
import { isReachableUrl } from '../discovery/authorization-server.js'
import type { KeySource } from '../discovery/key-set.js'
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import { isLoopbackHost, parseHttpUrl } from '../http.js'
import { isJsonObject } from '../json.js'
import type { TokenPolicy } from './access-token.js'
import type { AuthorizationServerOptions, ResourceServerOptions } from './options.js'
import { parseScopes } from './scopes.js'

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

/** Members that follow from other settings and must not contradict what we do. */
const OWN_METADATA = new Set([
  'resource',
  'authorization_servers',
  'scopes_supported',
  'bearer_methods_supported',
  'resource_name',
  'resource_documentation',
  'jwks_uri',
  'signed_metadata',
  'dpop_bound_access_tokens_required',
  'dpop_signing_alg_values_supported',
  'tls_client_certificate_bound_access_tokens',
])

/** RFC 9728 §3.2: members without a value are left out. */
function isWithoutValue(member: unknown): boolean {
  return (
    member === undefined ||
    member === null ||
    member === '' ||
    (Array.isArray(member) && member.length === 0)
  )
}

class Checker {
  readonly problems: ConfigurationProblem[] = []

  problem(path: string, message: string, hint: string): void {
    this.problems.push({ path, message, hint })
  }

  unknownNames(path: string, value: object, known: ReadonlySet<string>): void {
    for (const name of Object.keys(value)) {
      if (!known.has(name)) {
        this.problem(`${path}${name}`, 'no such option', `known are ${[...known].join(', ')}`)
      }
    }
  }

  texts(path: string, value: unknown, fallback: readonly string[]): readonly string[] {
    if (value === undefined) return fallback
    const list: unknown = typeof value === 'string' ? [value] : value
    const valid =
      Array.isArray(list) &&
      list.length > 0 &&
      list.every((entry) => typeof entry === 'string' && entry !== '')
    if (valid) return list as string[]
    this.problem(
      path,
      'must be a text or a list of texts, none of them empty',
      'leave it out for the default',
    )
    return fallback
  }

  number(path: string, value: unknown, fallback: number, max: number, unit = 'seconds'): number {
    if (value === undefined) return fallback
    if (typeof value === 'number' && value >= 0 && value <= max) return value
    this.problem(
      path,
      `must be a number from 0 to ${max}`,
      `in ${unit}; the default is ${fallback}`,
    )
    return fallback
  }

  flag(path: string, value: unknown, fallback: boolean): boolean {
    if (value === undefined || typeof value === 'boolean') return value ?? fallback
    this.problem(path, 'must be true or false', `the default is ${fallback}`)
    return fallback
  }

  resource(value: unknown): string {
    const path = 'resource'
    const url = parseHttpUrl(value)
    if (typeof value !== 'string' || url === undefined) {
      this.problem(
        path,
        'must be an absolute http(s) URL',
        'the URL that users type: https://mcp.example.com/mcp',
      )
      return 'https://resource.invalid'
    }
    if (url.hash !== '' || value.includes('#')) {
      this.problem(path, 'must not have a fragment', 'cut it off at the # (RFC 8707 §2)')
    }
    if (url.username !== '' || url.password !== '') {
      this.problem(path, 'must not have a user name or password', 'it is published to everyone')
      // So that no hint below repeats them.
      url.username = url.password = ''
    }
    if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
      this.problem(path, 'must be https', 'plain http is for loopback hosts only (RFC 9728 §7.1)')
    }
    // Only the lone slash of an origin may differ; anything else some client spells the other way.
    if (url.href !== value && url.href !== `${value}/` && url.hash === '') {
      this.problem(path, 'is not in its canonical form', `write it as ${url.href}`)
    }
    return value
  }

  endpoint(path: string, value: unknown, allowHttp: readonly string[]): value is string {
    const url = parseHttpUrl(value)
    if (url === undefined) {
      this.problem(
        path,
        'must be an absolute https URL',
        'for example https://sso.example.com/realms/mcp',
      )
      return false
    }
    if (!isReachableUrl(url, allowHttp)) {
      this.problem(
        path,
        'must be https',
        `or name ${url.hostname} in allowHttp if its network is yours alone`,
      )
    }
    if (url.username !== '' || url.password !== '') {
      this.problem(path, 'must not have a user name or password', 'leave them out')
    }
    return true
  }

  scopes(value: unknown): readonly string[] {
    if (value === undefined) return []
    const scopes = parseScopes(value)
    if (scopes === undefined) {
      this.problem(
        'scopes',
        'must be scopes',
        'printable ASCII without quote and backslash (RFC 6749 §3.3)',
      )
      return []
    }
    if (scopes.includes('offline_access')) {
      this.problem(
        'scopes',
        'must not contain offline_access',
        'it asks for a refresh token, which is between client and authorization server',
      )
    }
    return [...new Set(scopes)]
  }

  metadata(value: unknown): Readonly<Record<string, unknown>> {
    if (value === undefined) return {}
    if (!isJsonObject(value)) {
      this.problem('additionalMetadata', 'must be an object', 'members of RFC 9728 §2')
      return {}
    }
    for (const [name, member] of Object.entries(value)) {
      const path = `additionalMetadata.${name}`
      if (OWN_METADATA.has(name)) this.problem(path, 'is set by other options', 'leave it out')
      if (isWithoutValue(member)) {
        this.problem(path, 'has no value', 'leave it out (RFC 9728 §3.2)')
      }
      if (/_uri(?:#|$)/.test(name) && parseHttpUrl(member) === undefined) {
        this.problem(path, 'must be an http(s) URL', 'clients open it')
      }
    }
    return value
  }

  keySource(
    path: string,
    server: AuthorizationServerOptions,
    allowHttp: readonly string[],
    algorithms: readonly string[],
  ): KeySource {
    const { jwks, jwksUri, discoveryUrl } = server
    const given = [jwks, jwksUri, discoveryUrl].filter((value) => value !== undefined)
    if (given.length > 1) {
      this.problem(path, 'jwks, jwksUri and discoveryUrl exclude each other', 'keep one of them')
    }
    if (jwksUri !== undefined) this.endpoint(`${path}.jwksUri`, jwksUri, allowHttp)
    if (discoveryUrl !== undefined) this.endpoint(`${path}.discoveryUrl`, discoveryUrl, allowHttp)
    if (jwks === undefined) {
      return jwksUri === undefined
        ? { type: 'discovery', url: discoveryUrl }
        : { type: 'jwks_uri', url: jwksUri }
    }
    // What a function would return is known when the first token comes.
    if (typeof jwks === 'function') return { type: 'jwks', read: jwks }
    const keys: unknown = isJsonObject(jwks) ? jwks.keys : undefined
    if (!Array.isArray(keys) || keys.length === 0) {
      const hint = '{ keys: […] } (RFC 7517 §5)'
      this.problem(`${path}.jwks`, 'must be a JWK Set with at least one key', hint)
    } else {
      const reasons = keys.map((key) => reasonToSkip(key, algorithms))
      if (!reasons.includes(undefined)) {
        this.problem(`${path}.jwks`, 'has no usable key', reasons.slice(0, 5).join('; '))
      }
    }
    return { type: 'jwks', read: () => jwks }
  }

  algorithms(path: string, value: unknown, fallback: readonly string[]): readonly string[] {
    if (value === undefined) return fallback
    const names = this.texts(path, value, fallback)
    for (const name of names) {
      if (!SIGNATURE_ALGORITHMS.includes(name)) {
        this.problem(
          path,
          `${name} is not supported`,
          `choose from ${SIGNATURE_ALGORITHMS.join(', ')}`,
        )
      }
    }
    // One algorithm with two names (RFC 9864).
    if (names.includes('EdDSA') || names.includes('Ed25519')) {
      return [...new Set([...names, 'EdDSA', 'Ed25519'])]
    }
    return names
  }
}

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
  const allowHttp = checker.texts(
    'allowHttp',
    options.allowHttp?.length === 0 ? undefined : options.allowHttp,
    [],
  )
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
  if (
    options.resourceDocumentation !== undefined &&
    parseHttpUrl(options.resourceDocumentation) === undefined
  ) {
    checker.problem('resourceDocumentation', 'must be an http(s) URL', 'clients open it')
  }
  if (options.resourceName === '') checker.problem('resourceName', 'is empty', 'leave it out')

  const settings: ResourceServerSettings = {
    resource,
    scopes: Object.freeze(scopes),
    issuers,
    metadata: {
      resource,
      authorization_servers: issuers.map(({ policy }) => policy.issuer),
      ...(scopes.length > 0 && { scopes_supported: scopes }),
      bearer_methods_supported: ['header'],
      ...(options.resourceName !== undefined && { resource_name: options.resourceName }),
      ...(options.resourceDocumentation !== undefined && {
        resource_documentation: options.resourceDocumentation,
      }),
      ...additional,
    },
    allowHttp,
    jwksMaxAge: checker.number('jwksMaxAge', options.jwksMaxAge, 600, 86_400) * 1000,
    jwksStaleFor: checker.number('jwksStaleFor', options.jwksStaleFor, 86_400, 30 * 86_400) * 1000,
    wait: checker.number('wait', options.wait, 3, 60) * 1000,
    rememberedTokens: checker.number(
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
