/**
 * Checks of the authorization servers. Each may have its own rules for tokens; shared rules hold
 * for all.
 *
 * @module
 */
import { parseHttpUrl } from '../base/http.js'
import { isJsonObject, type JsonObject } from '../base/json.js'
import { OptionChecker, type OptionChecks, type OptionPath } from '../base/option-checker.js'
import type { KeySource } from '../discovery/key-set.js'
import { SIGNATURE_ALGORITHMS } from '../discovery/signing-key.js'
import type { TokenRequirements } from '../token/access-token.js'
import type { RequiredClaims } from '../token/required-claims.js'
import { isScopeToken } from '../token/scopes.js'
import type { CreateTokenIntrospector, TokenIntrospector } from '../types.js'
import { checkAlgorithms, checkRequiredClaims, checkEndpoint, checkKeys } from './option-checks.js'
import type { AuthorizationServerOptions, TokenOptions } from './options.js'
import { checkReach, type Reach } from './issuer-reach.js'
import { checkPublication } from './publication.js'
import { readTenants, type TenantEntry } from './tenants.js'

/** The checked settings of one issuer. */
export interface IssuerSettings {
  readonly source: KeySource
  readonly requirements: TokenRequirements
  readonly validation: 'auto' | 'jwt' | 'introspection'
  readonly introspector: TokenIntrospector | CreateTokenIntrospector | undefined
  /** The issuer that its metadata names, if tokens name another one. */
  readonly authorizationServer: string | undefined
  readonly discoveryUrl: string | undefined
  readonly tokenPrefix: string | undefined
  readonly scopePrefix: string | undefined
  /** Whether clients are sent there to log in. */
  readonly isPublished: boolean
  /** The tenant whose tokens it issues, if the configuration lists tenants. */
  readonly tenant: string | undefined
  /** Which entry of the configuration it comes from. */
  readonly position: number
  /** How its documents are reached. */
  readonly reach: Reach
}

/** The settings, although the issuer itself may be missing or wrong. */
type Draft = Omit<IssuerSettings, 'requirements'> & {
  readonly requirements: Omit<TokenRequirements, 'issuer'> & { readonly issuer: string | undefined }
}

/** Rules for tokens. They may be set at the top, for all issuers, or for one issuer. */
const TOKEN_CHECKS = {
  audience: (checker, path, value) => checker.texts(path, value),
  soleAudience: (checker, path, value) => checker.flag(path, value, false),
  alsoAudience: (checker, path, value) => checker.texts(path, value),
  audienceClaim: (checker, path, value) =>
    checker.choice(path, value, ['aud', 'client_id', 'azp'] as const),
  requireType: (checker, path, value) => checker.flag(path, value, false),
  algorithms: checkAlgorithms,
  scopeClaims: (checker, path, value) => checker.texts(path, value),
  userClaims: (checker, path, value) => checker.texts(path, value),
  acceptIdTokenClaims: (checker, path, value) => checker.flag(path, value, false),
  requiredClaims: checkRequiredClaims,
  validation: (checker, path, value) =>
    checker.choice(path, value, ['auto', 'jwt', 'introspection'] as const),
} satisfies OptionChecks<TokenOptions>

/** The names of these rules. */
export const TOKEN_OPTION_NAMES: readonly string[] = Object.keys(TOKEN_CHECKS)

type TokenRules = {
  readonly [Name in keyof typeof TOKEN_CHECKS]: ReturnType<(typeof TOKEN_CHECKS)[Name]>
}

/** The other options of an authorization server. They depend on each other, and are checked together. */
const SERVER_NAMES: Readonly<
  Record<Exclude<keyof AuthorizationServerOptions, keyof TokenOptions>, true>
> = {
  issuer: true,
  authorizationServer: true,
  discoveryUrl: true,
  jwksUri: true,
  jwks: true,
  introspector: true,
  tokenPrefix: true,
  scopePrefix: true,
  published: true,
  anySubject: true,
  tenants: true,
  discoveryToken: true,
  fetch: true,
}
const ISSUER_OPTION_NAMES = [...TOKEN_OPTION_NAMES, ...Object.keys(SERVER_NAMES)]

/** Settings that hold for all issuers. */
export interface IssuerDefaults {
  /** As given at the top. */
  readonly options: JsonObject
  readonly scopes: readonly string[]
  readonly allowHttp: readonly string[]
  readonly clockTolerance: number
  /** `undefined` when there is no usable resource. */
  readonly resource: string | undefined
}

/**
 * The resource and, if it has no path, its form with a slash: older clients write
 * `new URL(resource).href`.
 */
function defaultAudience(resource: string): readonly string[] {
  const { origin, pathname, search } = new URL(resource)
  return pathname === '/' && search === '' ? [origin, `${origin}/`] : [resource]
}

/** Returns false when the issuer is not a URL. */
function checkIssuerName(
  checker: OptionChecker,
  path: OptionPath,
  issuer: unknown,
  allowHttp: readonly string[],
): issuer is string {
  if (issuer === undefined && checker.mayBeMissing('issuer')) return false
  if (!checkEndpoint(checker, path, issuer, allowHttp)) return false
  if (/[?#]/.test(issuer)) {
    checker.problem(path, 'must not have a query or fragment', 'RFC 8414 §2')
  }
  // URL parsers drop these, so the issuer would be found but match no token.
  if (/[^\x21-\x7e]/.test(issuer)) {
    checker.problem(
      path,
      'has blanks, line ends or other characters that are not allowed',
      'copy it again',
    )
  }
  return true
}

/** A name that is never fetched may have any host. */
function hostsOf(issuer: unknown): readonly string[] {
  const url = parseHttpUrl(issuer)
  return url === undefined ? [] : [url.hostname]
}

/** Checks the second name of an issuer, under which its metadata is found. */
function checkAuthorizationServer(
  checker: OptionChecker,
  path: OptionPath,
  server: JsonObject,
  allowHttp: readonly string[],
): string | undefined {
  const { authorizationServer: value, introspector } = server
  if (value === undefined) return undefined
  const where = [...path, 'authorizationServer']
  if (introspector !== undefined) {
    const hint = 'leave out the introspector: such a server issues JWTs'
    checker.problem(where, 'is for tokens that are JWTs', hint)
  }
  return checkIssuerName(checker, where, value, allowHttp) ? value : undefined
}

/** A claim other than `aud` does not name this resource, so more is required. */
function checkAudienceClaim(
  checker: OptionChecker,
  path: OptionPath,
  server: JsonObject,
  audienceClaim: string,
  { options, scopes }: IssuerDefaults,
): void {
  if (audienceClaim === 'aud') return
  const where =
    server['audienceClaim'] === undefined ? ['audienceClaim'] : [...path, 'audienceClaim']
  if (server['audience'] === undefined && options['audience'] === undefined) {
    checker.problem(where, 'needs audience', `the accepted values of ${audienceClaim}`)
  }
  if (scopes.length === 0) {
    const hint =
      'a token for another server may name the same client; only a scope distinguishes them'
    checker.problem(where, 'needs scopes', hint)
  }
}

/** The entries that `aud` may have besides the accepted ones; `undefined`: any. */
function othersIn({ soleAudience, alsoAudience }: TokenRules): ReadonlySet<string> | undefined {
  return soleAudience === true || alsoAudience !== undefined ? new Set(alsoAudience) : undefined
}

/** Another claim names one client, and never the other services that take a token. */
function checkSoleAudience(
  checker: OptionChecker,
  path: OptionPath,
  server: JsonObject,
  rules: TokenRules,
): void {
  const { audienceClaim = 'aud' } = rules
  if (audienceClaim === 'aud' || othersIn(rules) === undefined) return
  const name = rules.soleAudience === true ? 'soleAudience' : 'alsoAudience'
  const where = server[name] === undefined ? [name] : [...path, name]
  checker.problem(where, `has no effect on ${audienceClaim}`, 'set it for the other issuers alone')
}

function checkIntrospection(
  checker: OptionChecker,
  path: OptionPath,
  { introspector, tokenPrefix }: Partial<AuthorizationServerOptions>,
  validation: IssuerSettings['validation'],
): void {
  const where = [...path, 'introspector']
  const isOne =
    typeof (introspector as { introspect?: unknown } | undefined)?.introspect === 'function'
  if (introspector !== undefined && !isOne && typeof introspector !== 'function') {
    const hint = "createTokenIntrospector() of 'mcp-gatehouse/introspect'"
    checker.problem(where, 'must have a method introspect', hint)
  }
  if (validation === 'introspection' && introspector === undefined) {
    checker.problem(where, 'is missing, and validation is introspection', 'say how to ask')
  }
  if (tokenPrefix === undefined) return
  const ofPrefix = [...path, 'tokenPrefix']
  if (typeof tokenPrefix !== 'string' || !/^[\w.~+/-]+$/.test(tokenPrefix)) {
    const hint = 'the prefix of opaque tokens: authelia_at_'
    checker.problem(ofPrefix, 'must be the beginning of a token', hint)
  }
  if (introspector === undefined) {
    checker.problem(ofPrefix, 'needs an introspector', 'leave it out')
  }
}

function checkScopePrefix(
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
): string | undefined {
  if (value === undefined || isScopeToken(value)) return value
  checker.problem(path, 'must be the beginning of a scope', 'api://APP/')
  return undefined
}

/** A client learns which scopes to ask for before it chooses an issuer. */
function checkScopePrefixes(
  checker: OptionChecker,
  path: OptionPath,
  drafts: readonly Draft[],
): void {
  const prefixes = drafts.flatMap((each) => (each.isPublished ? [each.scopePrefix] : []))
  if (new Set(prefixes).size < 2) return
  const hint = 'give the users of each issuer a resource of their own, or use advertiseScopes'
  checker.problem(path, 'have different scopePrefix', hint)
}

function checkKeySource(
  checker: OptionChecker,
  path: OptionPath,
  { jwks, jwksUri, discoveryUrl }: Partial<AuthorizationServerOptions>,
  allowHttp: readonly string[],
  algorithms: readonly string[],
): KeySource {
  const given = [jwks, jwksUri, discoveryUrl].filter((value) => value !== undefined)
  if (given.length > 1) {
    const [one, two, three] = ['jwks', 'jwksUri', 'discoveryUrl'].map((name) =>
      checker.nameOf(name),
    )
    checker.problem(path, `${one}, ${two} and ${three} exclude each other`, 'keep one of them')
  }
  for (const [name, url] of Object.entries({ jwksUri, discoveryUrl })) {
    if (url !== undefined) checkEndpoint(checker, [...path, name], url, allowHttp)
  }
  if (jwks === undefined) {
    return jwksUri === undefined
      ? { type: 'discovery', url: discoveryUrl }
      : { type: 'jwks_uri', url: jwksUri }
  }
  checkKeys(checker, [...path, 'jwks'], jwks, algorithms)
  return { type: 'jwks', read: typeof jwks === 'function' ? jwks : () => jwks }
}

/** The issuer's own rules replace the shared ones. */
function rulesOf(own: TokenRules, all: TokenRules): TokenRules {
  const given = Object.entries(own).filter(([, value]) => value !== undefined)
  return { ...all, ...Object.fromEntries(given) }
}

/** `tid` names the tenant that issued a token; it must be the one in the issuer. */
function checkTenantClaim(
  checker: OptionChecker,
  path: OptionPath,
  { requiredClaims = {} }: TokenRules,
  tenant: string | undefined,
): RequiredClaims {
  if (tenant === undefined) return requiredClaims
  if (requiredClaims['tid'] !== undefined) {
    const hint = `leave it out of ${checker.nameOf('requiredClaims')}`
    checker.problem([...path, 'tenants'], 'says already which tid a token must have', hint)
  }
  return { ...requiredClaims, tid: [tenant] }
}

/** One entry of the configuration: an issuer, or one for each tenant. */
function checkEntry(
  checker: OptionChecker,
  path: OptionPath,
  entry: unknown,
  position: number,
  defaults: IssuerDefaults,
  rulesForAll: TokenRules,
): readonly Draft[] {
  const [first, ...others] = readTenants(checker, path, entry)
  // What is wrong with one tenant is wrong with all of them, and is told once.
  const silent = new OptionChecker()
  const check = (by: OptionChecker, each: TenantEntry) =>
    checkServer(by, path, each, position, defaults, rulesForAll) ?? []
  return [check(checker, first), others.map((each) => check(silent, each))].flat(2)
}

function checkServer(
  checker: OptionChecker,
  path: OptionPath,
  { entry, tenant }: TenantEntry,
  position: number,
  defaults: IssuerDefaults,
  rulesForAll: TokenRules,
): Draft | undefined {
  const server = typeof entry === 'string' ? { issuer: entry } : entry
  if (!isJsonObject(server)) {
    checker.problem(path, 'must be an issuer or an object with one', "{ issuer: 'https://…' }")
    return undefined
  }
  const { allowHttp, clockTolerance, resource } = defaults
  checker.unknownNames(path, server, ISSUER_OPTION_NAMES)
  const { issuer } = server
  const issuerPath = typeof entry === 'string' ? path : [...path, 'issuer']
  const authorizationServer = checkAuthorizationServer(checker, path, server, allowHttp)
  const ofName = authorizationServer === undefined ? allowHttp : hostsOf(issuer)
  const isNamed = checkIssuerName(checker, issuerPath, issuer, ofName)
  const rules = rulesOf(checker.each(TOKEN_CHECKS, path, server), rulesForAll)
  const { algorithms = SIGNATURE_ALGORITHMS, validation = 'auto', audienceClaim = 'aud' } = rules
  checkAudienceClaim(checker, path, server, audienceClaim, defaults)
  checkSoleAudience(checker, path, server, rules)
  checkIntrospection(checker, path, server, validation)
  const { introspector, tokenPrefix, discoveryUrl }: Partial<AuthorizationServerOptions> = server
  const scopePrefix = checkScopePrefix(checker, [...path, 'scopePrefix'], server['scopePrefix'])
  return {
    position,
    tenant,
    reach: checkReach(checker, path, server),
    validation,
    introspector,
    tokenPrefix,
    scopePrefix,
    authorizationServer,
    isPublished: checkPublication(checker, path, server, rules.requiredClaims),
    discoveryUrl,
    source: checkKeySource(checker, path, server, allowHttp, algorithms),
    requirements: Object.freeze({
      issuer: isNamed ? issuer : undefined,
      audience: new Set(
        rules.audience ?? (resource === undefined ? [] : defaultAudience(resource)),
      ),
      algorithms,
      requireType: rules.requireType ?? false,
      clockTolerance,
      scopeClaims: rules.scopeClaims ?? ['scope', 'scp'],
      userClaims: rules.userClaims ?? [],
      alsoAudience: othersIn(rules),
      audienceClaim,
      acceptIdTokenClaims: rules.acceptIdTokenClaims ?? false,
      requiredClaims: checkTenantClaim(checker, path, rules, tenant),
    }),
  }
}

/** An opaque token names no issuer and must not be sent to one that did not issue it. */
function checkPrefixes(checker: OptionChecker, path: OptionPath, drafts: readonly Draft[]): void {
  const asked = drafts.filter(
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
    path,
    'several have an introspector, so the issuer of an opaque token is unclear',
    'give each a tokenPrefix; no prefix may begin with another one',
  )
}

function isComplete(draft: Draft): draft is IssuerSettings {
  return draft.requirements.issuer !== undefined
}

/** @returns `undefined` if one is missing or wrong */
export function checkIssuers(
  checker: OptionChecker,
  path: OptionPath,
  servers: unknown,
  defaults: IssuerDefaults,
): readonly IssuerSettings[] | undefined {
  const rulesForAll = checker.each(TOKEN_CHECKS, [], defaults.options)
  const isList = Array.isArray(servers)
  const list: readonly unknown[] = isList ? servers : servers === undefined ? [] : [servers]
  if (list.length === 0) {
    if (checker.mayBeMissing('issuer')) return undefined
    checker.problem(path, 'is missing', 'the issuer of your identity provider')
  }
  const drafts: Draft[] = []
  for (const [index, entry] of list.entries()) {
    const place = isList ? [...path, index] : path
    const own = checkEntry(checker, place, entry, index, defaults, rulesForAll)
    const names = new Set(drafts.map(({ requirements }) => requirements.issuer))
    if (own.some(({ requirements: { issuer } }) => issuer !== undefined && names.has(issuer))) {
      const where = typeof entry === 'string' ? place : [...place, 'issuer']
      checker.problem(where, 'is listed twice', 'keep one')
    }
    drafts.push(...own)
  }
  checkPrefixes(checker, path, drafts)
  checkScopePrefixes(checker, path, drafts)
  if (drafts.length > 0 && drafts.every(({ isPublished }) => !isPublished)) {
    const hint = 'clients must learn where to log in: the MCP specification requires it'
    checker.problem(path, 'needs one that is published', hint)
  }
  const issuers = drafts.filter(isComplete)
  return issuers.length < list.length ? undefined : issuers
}
