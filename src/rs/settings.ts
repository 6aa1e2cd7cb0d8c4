/**
 * Checking what was configured: all problems at once, when the object is made.
 *
 * @module
 */
import { SIGNATURE_ALGORITHMS } from '../discovery/signing-key.js'
import type { KeySource } from '../discovery/key-set.js'
import { ConfigurationError } from '../errors.js'
import { parseHttpUrl } from '../base/http.js'
import { isJsonObject } from '../base/json.js'
import type { TokenPolicy } from '../token/access-token.js'
import { Checker } from './checker.js'
import type { CreateTokenIntrospector, TokenIntrospector } from '../types.js'
import type { AuthorizationServerOptions, ResourceServerOptions, TokenOptions } from './options.js'
import { FunctionPolicy, RulePolicy, type OperationPolicy } from '../policy/policy.js'
import { checkPolicy, writePath } from '../policy/document.js'

/** The checked settings of one issuer. */
export interface IssuerSettings {
  readonly source: KeySource
  readonly policy: TokenPolicy
  readonly validation: 'auto' | 'jwt' | 'introspection'
  readonly introspector: TokenIntrospector | CreateTokenIntrospector | undefined
  readonly discoveryUrl: string | undefined
  readonly tokenPrefix: string | undefined
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
  readonly policy: OperationPolicy | undefined
}

const TOKEN_OPTION_NAMES = [
  'audience',
  'audienceClaim',
  'requireType',
  'algorithms',
  'scopeClaims',
  'acceptIdTokenClaims',
  'validation',
]
const AUDIENCE_CLAIMS = ['aud', 'client_id', 'azp'] as const
const VALIDATIONS = ['auto', 'jwt', 'introspection'] as const

const ISSUER_OPTION_NAMES = new Set([
  ...TOKEN_OPTION_NAMES,
  'issuer',
  'discoveryUrl',
  'jwksUri',
  'jwks',
  'introspector',
  'tokenPrefix',
])
/** The names that {@link createResourceServer} takes. */
export const OPTION_NAMES: ReadonlySet<string> = new Set([
  ...TOKEN_OPTION_NAMES,
  'resource',
  'authorizationServers',
  'scopes',
  'policy',
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

function readIntrospection(
  checker: Checker,
  path: string,
  { introspector, tokenPrefix, discoveryUrl }: AuthorizationServerOptions,
  validation: IssuerSettings['validation'],
): Pick<IssuerSettings, 'validation' | 'introspector' | 'tokenPrefix' | 'discoveryUrl'> {
  const where = `${path}.introspector`
  const isOne =
    typeof (introspector as { introspect?: unknown } | undefined)?.introspect === 'function'
  if (introspector !== undefined && !isOne && typeof introspector !== 'function') {
    const hint = "createTokenIntrospector() of 'mcp-gatehouse/introspect'"
    checker.problem(where, 'must have a method introspect', hint)
  }
  if (validation === 'introspection' && introspector === undefined) {
    checker.problem(where, 'is missing, and validation is introspection', 'say how to ask')
  }
  if (tokenPrefix !== undefined) {
    if (typeof tokenPrefix !== 'string' || !/^[\w.~+/-]+$/.test(tokenPrefix)) {
      const hint = 'how opaque tokens begin: authelia_at_'
      checker.problem(`${path}.tokenPrefix`, 'must be the beginning of a token', hint)
    }
    if (introspector === undefined) {
      checker.problem(`${path}.tokenPrefix`, 'needs an introspector', 'leave it out')
    }
  }
  return { validation, introspector, tokenPrefix, discoveryUrl }
}

/** An opaque token names no issuer, and must not be shown to one that did not issue it. */
function checkIntrospectors(checker: Checker, issuers: readonly IssuerSettings[]): void {
  const asked = issuers.filter(
    ({ introspector, validation }) => introspector !== undefined && validation !== 'jwt',
  )
  if (asked.length < 2) return
  const prefixes = asked.map(({ tokenPrefix }) => tokenPrefix)
  const isClear = prefixes.every((prefix, index) =>
    prefixes.every(
      (other, at) => at === index || (prefix !== undefined && other?.startsWith(prefix) === false),
    ),
  )
  if (isClear) return
  checker.problem(
    'authorizationServers',
    'several have an introspector, and nothing says whose an opaque token is',
    'give each a tokenPrefix, none of which begins another',
  )
}

function readPolicy(
  checker: Checker,
  policy: ResourceServerOptions['policy'],
): OperationPolicy | undefined {
  if (policy === undefined) return undefined
  if (typeof policy === 'function') return new FunctionPolicy(policy)
  const checked = checkPolicy(policy)
  for (const { path, message, hint } of checked.problems) {
    checker.problem(writePath(['policy', ...path]), message, hint)
  }
  return checked.problems.length > 0 ? undefined : new RulePolicy(checked.policy)
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
  const scopes = checker.scopes(options.scopes)
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
    /** The issuer's own rule comes before that for all of them. */
    const rule = <Name extends keyof TokenOptions>(
      name: Name,
    ): readonly [path: string, value: TokenOptions[Name]] =>
      server[name] === undefined ? [name, options[name]] : [`${path}.${name}`, server[name]]
    const audienceClaim = checker.choice(...rule('audienceClaim'), AUDIENCE_CLAIMS, 'aud')
    if (audienceClaim !== 'aud') {
      const [where] = rule('audienceClaim')
      if (rule('audience')[1] === undefined) {
        const hint = `the values of ${audienceClaim} that may come in`
        checker.problem(where, 'needs audience', hint)
      }
      if (scopes.length === 0) {
        const hint =
          'a token for another server names the same client; only a scope tells them apart'
        checker.problem(where, 'needs scopes', hint)
      }
    }
    issuers.push({
      ...readIntrospection(
        checker,
        path,
        server,
        checker.choice(...rule('validation'), VALIDATIONS, 'auto'),
      ),
      source: checker.keySource(path, server, allowHttp, serverAlgorithms),
      policy: Object.freeze({
        issuer,
        audience: new Set(checker.texts(`${path}.audience`, server.audience, audience)),
        algorithms: serverAlgorithms,
        requireType: checker.flag(`${path}.requireType`, server.requireType, requireType),
        clockTolerance,
        scopeClaims: checker.texts(`${path}.scopeClaims`, server.scopeClaims, scopeClaims),
        audienceClaim,
        acceptIdTokenClaims: checker.flag(...rule('acceptIdTokenClaims'), false),
      }),
    })
  }

  checkIntrospectors(checker, issuers)
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
    policy: readPolicy(checker, options.policy),
  }
  if (checker.problems.length > 0) throw new ConfigurationError(checker.problems)
  return settings
}
