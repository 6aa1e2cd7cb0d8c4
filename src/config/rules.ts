/**
 * What must hold between settings.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import type { ConfiguredIssuer } from './issuers.js'
import { environmentNameOf, flagOf } from './names.js'
import { ISSUER_SETTINGS, ISSUERS, POLICY } from './setting-lists.js'
import type { GivenValues, Setting } from './setting.js'

/**
 * Whether one of the problems is with this setting.
 *
 * @param source of its value, if it has one
 * @param place before the names of the resource that has it, in a list of the file
 */
export function isFaulty(
  problems: readonly ConfigurationProblem[],
  setting: string,
  source?: string,
  place = '',
): boolean {
  const names = new Set([flagOf(setting), environmentNameOf(setting), source])
  const [group = setting] = setting.split('.')
  // Those of a file end with the setting, or with the group when that as a whole is wrong.
  const isOfFile = (path: string) =>
    [setting, group].some((name) => path.endsWith(`: ${place}${name}`))
  return problems.some(({ path }) => names.has(path) || isOfFile(path))
}

export function missingProblem({ path, hint }: Setting): ConfigurationProblem {
  return { path: flagOf(path), message: 'is missing', hint }
}

/**
 * Required settings that nobody gave.
 *
 * @param isKnown false for one that was given in a way that is a problem already, and so is not missing
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

/** With several issuers nothing says whose keys a single address holds. */
export function severalIssuersProblems(
  given: GivenValues,
  hint = 'leave it out: the keys of each are found by its metadata',
): readonly ConfigurationProblem[] {
  const issuers = given.get('oauth.issuer')?.value ?? []
  if (issuers.length < 2) return []
  return ISSUER_SETTINGS.flatMap(({ path }) => given.get(path) ?? []).map(({ source }) => ({
    path: source,
    message: 'is for one issuer, and there are several',
    hint,
  }))
}

/** Where a config file lists the issuers, each has its settings there. */
export function listedIssuersProblems(given: GivenValues): readonly ConfigurationProblem[] {
  const beside = given.get('oauth.issuer')
  return [
    ...(beside === undefined
      ? []
      : [
          {
            path: beside.source,
            message: `is given beside ${ISSUERS} of the config file`,
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

/** Loud: what it lets in is not only what is meant. */
export function idTokenWarnings(issuers: readonly ConfiguredIssuer[]): readonly string[] {
  const sources = issuers.flatMap(({ settings, given }) =>
    settings.oauth.acceptIdTokenClaims
      ? (given.get('oauth.acceptIdTokenClaims')?.source ?? [])
      : [],
  )
  return [...new Set(sources)].map(
    (source) => `${source}: ID tokens for the same audience get in, too`,
  )
}

/** Where no token is checked, a policy would decide nothing, and look as if it did. */
export function idlePolicyProblems(given: GivenValues): readonly ConfigurationProblem[] {
  const policy = given.get(POLICY)
  if (policy === undefined) return []
  const hint = 'without tokens nobody knows who calls: leave it out, or check tokens'
  return [{ path: policy.source, message: `needs ${flagOf('auth')} oauth`, hint }]
}

export const STDIO_WITH_TOKENS = {
  message: 'stdio has no HTTP request that could carry a token',
  hint: 'serve HTTP, or use --auth none: whoever starts a stdio server is its user',
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
 * Loud, because a server that looks protected and is not is the worst outcome.
 *
 * @param others what was given elsewhere than on the command line
 */
export function idleWarnings(flags: GivenValues, others: GivenValues): readonly string[] {
  // Whoever wrote `--auth none` means it, and an environment may be shared by several servers.
  const isChosen = flags.has('auth') || others.has('auth')
  const idle = [...flags, ...(isChosen ? [] : others)]
    // A policy is more than that: a problem.
    .filter(([path]) => path !== 'auth' && path !== POLICY)
    .map(([, { source }]) => source)
  if (idle.length === 0) return []
  return [`no token is checked: without --auth oauth these do nothing: ${idle.join(', ')}`]
}

/** Whoever controls that network can replace the keys, and then every token is good. */
export function plainHttpWarnings(given: GivenValues): readonly string[] {
  const allowed = given.get('allowHttp')
  if (allowed === undefined) return []
  return [`${allowed.source}: keys may come without TLS; only for a network that is yours alone`]
}
