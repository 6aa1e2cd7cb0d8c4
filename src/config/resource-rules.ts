/**
 * The rules between the settings of one resource, and between resources.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import { isPlainHttp } from '../gateway/addresses.js'
import { routeConflicts } from '../gateway/find-route.js'
import { isSharedOrigin } from '../web/origins.js'
import { flagOf } from './names.js'
import { concernsIssuers, isOfOneResource, type ConfiguredResource } from './resources.js'
import {
  listedIssuersProblems,
  missingProblem,
  missingProblems,
  severalIssuersProblems,
} from './rules.js'
import { ISSUER, ISSUERS, RESOURCES, SETTINGS } from './setting-lists.js'
import type { GivenValues } from './setting.js'

/** A resource, and which of its settings have a known value. */
export interface ResourceFindings extends ConfiguredResource {
  /** False for a setting whose value was a problem: nobody knows what was meant. */
  readonly isKnown: (path: string) => boolean
}

export function missing(path: string): readonly ConfigurationProblem[] {
  return SETTINGS.filter((setting) => setting.path === path).map(missingProblem)
}

/** @param command the arguments after `--` */
export function serverProblems(
  { given, listed, isKnown }: ResourceFindings,
  command: readonly string[] | undefined,
): readonly ConfigurationProblem[] {
  const hasUpstream = given.has('upstream') || !isKnown('upstream')
  if (listed === undefined) {
    // A list that cannot be used was reported already.
    const isThere = hasUpstream || command !== undefined || given.has(RESOURCES)
    return isThere ? [] : missing('upstream')
  }
  const own = given.get('command')
  if (own === undefined) {
    if (hasUpstream || !isKnown('command') || !listed.isRead) return []
    const hint = 'upstream: the endpoint of your MCP server: http://127.0.0.1:8000/mcp'
    return [{ path: listed.source, message: 'has neither upstream nor command', hint }]
  }
  if (!hasUpstream) return []
  const message = 'is given together with upstream'
  return [{ path: own.source, message, hint: 'one server each: keep one' }]
}

/** @param isAuthKnown whether it is certain that tokens are checked */
export function issuerProblems(
  { given, listed, areIssuersListed, isKnown }: ResourceFindings,
  isAuthKnown: boolean,
): readonly ConfigurationProblem[] {
  const hint = `in a config file each issuer has its own: ${ISSUERS}`
  return [
    ...(isAuthKnown && listed === undefined ? missingProblems(SETTINGS, given, isKnown) : []),
    ...(isAuthKnown && listed?.isRead === true && !given.has(ISSUER) && isKnown(ISSUER)
      ? [
          {
            path: listed.source,
            message: 'has no issuer, and there is none for all resources',
            hint: `${ISSUER} at the top, or below oauth: of this resource`,
          },
        ]
      : []),
    ...(areIssuersListed ? listedIssuersProblems(given) : severalIssuersProblems(given, hint)),
  ]
}

/**
 * Conflicts between resources, and settings that must not be given beside a list of them.
 *
 * @param top the settings for all
 * @param command the arguments after `--`
 */
export function severalResourcesProblems(
  resources: readonly ResourceFindings[],
  top: GivenValues,
  command: readonly string[] | undefined,
): readonly ConfigurationProblem[] {
  if (!top.has(RESOURCES)) return []
  const beside = [...top].flatMap(([path, { source }]) => {
    if (!isOfOneResource(path)) return []
    const hint = `put it into ${RESOURCES} of the config file, beside its resource`
    return [{ path: source, message: `belongs to one of ${RESOURCES}`, hint }]
  })
  const conflicts = routeConflicts(resources.map(({ settings }) => settings))
  return [
    ...beside,
    ...(command === undefined
      ? []
      : [
          {
            path: '--',
            message: `is given together with ${RESOURCES} of the config file`,
            hint: 'leave it out: there each resource names its own server',
          },
        ]),
    ...conflicts.map(({ index, message, hint }) => {
      const { given, listed } = resources[index] ?? {}
      return { path: given?.get('resource')?.source ?? listed?.source ?? '', message, hint }
    }),
  ]
}

export function upstreamWarnings({ settings, given }: ConfiguredResource): readonly string[] {
  const source = given.get('upstream')?.source
  if (source === undefined || !isPlainHttp(settings.upstream ?? '')) return []
  return [`${source}: without TLS; only for a private network`]
}

/** A warning, because most clients send the published URL as it is. */
export function spellingWarnings({ settings, given }: ConfiguredResource): readonly string[] {
  const { resource = '', auth, oauth } = settings
  const source = given.get('resource')?.source
  if (source === undefined || auth === 'none' || !URL.canParse(resource)) return []
  const { href } = new URL(resource)
  if (href === resource || oauth.audience?.includes(href) === true) return []
  return [
    `${source}: URL parsers print ${href}, and some clients ask for a token for that: name both in ${flagOf('oauth.audience')}`,
  ]
}

/** An origin that all apps of a framework share does not identify one of them. */
export function originWarnings({ settings, given }: ConfiguredResource): readonly string[] {
  const source = given.get('allowOrigin')?.source
  const shared = settings.allowOrigin?.filter(isSharedOrigin) ?? []
  if (source === undefined || shared.length === 0) return []
  return [`${source}: every app of the same framework sends ${shared.join(' or ')}`]
}

/** AUD-06: a token for one resource must fail at another, unless they are configured to share an audience. */
export function sharedAudienceWarnings(
  resources: readonly ConfiguredResource[],
): readonly string[] {
  const accepted = resources.map(({ settings, issuers }) => {
    const pairs = issuers.flatMap((issuer) => {
      const { audience = [settings.resource ?? ''] } = issuer.settings.oauth
      return audience.map((each) => JSON.stringify([issuer.settings.oauth.issuer, each]))
    })
    return { pairs, resource: settings.resource }
  })
  return accepted.flatMap(({ pairs, resource }, index) => {
    const others = accepted
      .slice(index + 1)
      .filter((other) => other.pairs.some((pair) => pairs.includes(pair)))
    return others.map(
      (other) =>
        `a token for ${resource} is accepted at ${other.resource}, too: they accept the same audience`,
    )
  })
}

/** Warns about issuers at the top that every resource replaces. */
export function idleIssuerWarnings(
  resources: readonly ConfiguredResource[],
  top: GivenValues,
): readonly string[] {
  if (!resources.every(({ hasOwnIssuers }) => hasOwnIssuers)) return []
  const sources = [...top].flatMap(([path, { source }]) => (concernsIssuers(path) ? [source] : []))
  if (sources.length === 0) return []
  return [
    `each resource has issuers of its own, so these settings have no effect: ${sources.join(', ')}`,
  ]
}
