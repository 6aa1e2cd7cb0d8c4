/**
 * The rules between settings.
 *
 * @module
 */
import { hasPlaceholder } from '../base/http.js'
import type { ConfigurationProblem } from '../errors.js'
import { isOpenToEverybody } from '../rs/publication.js'
import type { ConfiguredIssuer } from './issuers.js'
import { environmentNameOf, flagOf } from './names.js'
import { toRequiredClaims } from './setting-table.js'
import { ISSUER, ISSUER_SETTINGS, ISSUERS, POLICY } from './setting-lists.js'
import type { GivenValues, Setting } from './setting.js'

/**
 * Whether one of the problems is about this setting.
 *
 * @param source where its value was given, if it was
 * @param place the prefix of names of its resource in a list of the file
 */
export function isFaulty(
  problems: readonly ConfigurationProblem[],
  setting: string,
  source?: string,
  place = '',
): boolean {
  const names = new Set([flagOf(setting), environmentNameOf(setting), source])
  const [group = setting] = setting.split('.')
  // A place in a file ends with the setting, or with its group when the whole group is wrong.
  const isOfFile = (path: string) =>
    [setting, group].some((name) => path.endsWith(`: ${place}${name}`))
  return problems.some(({ path }) => names.has(path) || isOfFile(path))
}

export function missingProblem({ path, hint }: Setting): ConfigurationProblem {
  return { path: flagOf(path), message: 'is missing', hint }
}

/**
 * Required settings that were not given.
 *
 * @param isKnown false for a setting whose value was a problem: it is not missing
 */
export function missingProblems(
  settings: readonly Setting[],
  given: GivenValues,
  isKnown: (path: string) => boolean,
): readonly ConfigurationProblem[] {
  return settings
    .filter(({ path, required }) => required === true && !given.has(path) && isKnown(path))
    .map(missingProblem)
}

/** With several issuers, a single address could belong to any of them. */
export function severalIssuersProblems(
  given: GivenValues,
  hint = 'leave it out: the keys of each are found by its metadata',
): readonly ConfigurationProblem[] {
  const issuers = given.get('oauth.issuer')?.value ?? []
  if (issuers.length < 2) return []
  return ISSUER_SETTINGS.flatMap(({ path }) => given.get(path) ?? []).map(({ source }) => ({
    path: source,
    message: 'applies to one issuer, but there are several',
    hint,
  }))
}

/** When a config file lists issuers, their settings belong in that list. */
export function listedIssuersProblems(given: GivenValues): readonly ConfigurationProblem[] {
  const beside = given.get('oauth.issuer')
  return [
    ...(beside === undefined
      ? []
      : [
          {
            path: beside.source,
            message: `is given together with ${ISSUERS} of the config file`,
            hint: 'keep one of them',
          },
        ]),
    ...ISSUER_SETTINGS.flatMap(({ path, secret }) => {
      const source = given.get(path)?.source
      if (source === undefined) return []
      const hint =
        secret === true
          ? 'clientSecretFile beside its issuer names the file that holds it'
          : `put it into ${ISSUERS}, beside its issuer`
      return [{ path: source, message: `belongs to one of ${ISSUERS}`, hint }]
    }),
  ]
}

/** This is a warning, because more than access tokens is accepted. */
export function idTokenWarnings(issuers: readonly ConfiguredIssuer[]): readonly string[] {
  const sources = issuers.flatMap(({ settings, given }) =>
    settings.oauth.acceptIdTokenClaims
      ? (given.get('oauth.acceptIdTokenClaims')?.source ?? [])
      : [],
  )
  return [...new Set(sources)].map(
    (source) => `${source}: ID tokens for the same audience are accepted, too`,
  )
}

/** Clients learn one place to log in, and users of another tenant cannot log in there. */
export function tenantWarnings(issuers: readonly ConfiguredIssuer[]): readonly string[] {
  return issuers.flatMap(({ settings: { oauth }, given }) => {
    if (!oauth.published || oauth.tenants === undefined || oauth.tenants.length < 2) return []
    const where = given.get('oauth.tenants')?.source ?? 'tenants'
    return [
      `${where}: the metadata names the first tenant alone; users of the others are let in, but to log in they need a resource (another path) that names theirs first`,
    ]
  })
}

/** No token names such an issuer. It stays a warning, because a name may have any characters. */
export function placeholderWarnings(issuers: readonly ConfiguredIssuer[]): readonly string[] {
  const sources = issuers.flatMap(({ settings, given }) =>
    settings.oauth.tenants === undefined && settings.oauth.issuer?.some(hasPlaceholder) === true
      ? [given.get(ISSUER)?.source ?? ISSUER]
      : [],
  )
  return [...new Set(sources)].map((source) => {
    return `${source}: this looks like a placeholder ({tenant}, *): tokens name one exact issuer, so every token will be refused`
  })
}

/** Google gives everybody tokens; only a claim that names an owner, or a scope, keeps strangers out. */
export function openIssuerWarnings(issuers: readonly ConfiguredIssuer[]): readonly string[] {
  return issuers.flatMap(({ settings: { oauth }, given }) => {
    const [issuer] = oauth.issuer ?? []
    const isOpen = isOpenToEverybody(issuer, toRequiredClaims(oauth.requireClaim ?? []))
    const isNarrow = oauth.tenants !== undefined || (oauth.scopes ?? []).length > 0
    if (!oauth.published || isNarrow || !isOpen) return []
    const source = given.get(ISSUER)?.source ?? ISSUER
    return [
      `${source}: everybody can get a token there; say in --oauth-require-claim whose tokens are accepted (hd=example.com), or require scopes that only your clients get`,
    ]
  })
}

/** Warnings about issuers whose tokens also open the provider's own APIs. No audience keeps such a token apart. */
export function dialectWarnings(issuers: readonly ConfiguredIssuer[]): readonly string[] {
  const sources = issuers.flatMap(({ settings, given }) =>
    settings.oauth.introspectionDialect === 'rfc7662'
      ? []
      : (given.get('oauth.introspectionDialect')?.source ?? []),
  )
  return [...new Set(sources)].map(
    (source) =>
      `${source}: a token that opens this server also opens the provider's own APIs; ask for few scopes`,
  )
}

/** Without tokens a policy decides nothing, but it would look as if it did. */
export function idlePolicyProblems(given: GivenValues): readonly ConfigurationProblem[] {
  const policy = given.get(POLICY)
  if (policy === undefined) return []
  const hint = 'without tokens the caller is unknown: leave it out, or check tokens'
  return [{ path: policy.source, message: `needs ${flagOf('auth')} oauth`, hint }]
}

export const STDIO_WITH_TOKENS = {
  message: 'stdio has no HTTP request that could carry a token',
  hint: 'serve HTTP, or use --auth none: the user of a stdio server is the person who starts it',
} as const

/**
 * The transport is the server's own setting, but tokens come by HTTP only.
 *
 * @param rest the server's own arguments
 */
export function stdioProblems(rest: readonly string[]): readonly ConfigurationProblem[] {
  const end = rest.indexOf('--')
  const own = end < 0 ? rest : rest.slice(0, end)
  const path = flagOf('transport')
  const isStdio = own.some(
    (argument, index) =>
      argument === `${path}=stdio` || (argument === path && own[index + 1] === 'stdio'),
  )
  return isStdio ? [{ path, ...STDIO_WITH_TOKENS }] : []
}

/**
 * Warnings, because a server that looks protected and is not is the worst outcome.
 *
 * @param others values that were not given on the command line
 */
export function idleWarnings(flags: GivenValues, others: GivenValues): readonly string[] {
  // With `--auth none` that is intended, and several servers may share an environment.
  const isChosen = flags.has('auth') || others.has('auth')
  const idle = [...flags, ...(isChosen ? [] : others)]
    // A policy here is a problem, not a warning.
    .filter(([path]) => path !== 'auth' && path !== POLICY)
    .map(([, { source }]) => source)
  if (idle.length === 0) return []
  return [
    `no token is checked: without --auth oauth these settings have no effect: ${idle.join(', ')}`,
  ]
}

/** An attacker in that network can replace the keys; then every token is accepted. */
export function plainHttpWarnings(given: GivenValues): readonly string[] {
  const allowed = given.get('allowHttp')
  if (allowed === undefined) return []
  return [`${allowed.source}: keys may be fetched without TLS; only for a private network`]
}
