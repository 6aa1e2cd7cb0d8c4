/**
 * The resources of a configuration, each with all settings that apply to it.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import type { CollectedFile, CollectedResource } from './config-file.js'
import { configuredIssuers, without, type ConfiguredIssuer } from './issuers.js'
import { parseSettings, type Settings } from './setting-table.js'
import { FILE_RESOURCE_SETTINGS, ISSUER, ISSUER_SETTINGS, ISSUERS } from './setting-lists.js'
import type { GivenValues } from './setting.js'

/** One resource. */
export interface ConfiguredResource {
  /** The settings that apply to it. Its own settings replace those for all resources. */
  readonly settings: Settings
  /** The same values as they were given. */
  readonly given: GivenValues
  /** Its own values in the list of the config file. */
  readonly own: GivenValues
  readonly issuers: readonly ConfiguredIssuer[]
  /** Whether a config file lists its issuers. */
  readonly areIssuersListed: boolean
  /** Whether it has issuers of its own. */
  readonly hasOwnIssuers: boolean
  /** Its place in the list of the config file; `undefined` without a list. */
  readonly listed?: Pick<CollectedResource, 'source' | 'place' | 'isRead'>
}

interface ConfiguredResources {
  readonly resources: readonly ConfiguredResource[]
  readonly problems: readonly ConfigurationProblem[]
}

const NOTHING: GivenValues = new Map()

const OF_ONE = new Set(
  FILE_RESOURCE_SETTINGS.filter(({ perResource }) => perResource === 'only').map(
    ({ path }) => path,
  ),
)
const OF_ALL_TOO = new Set(
  FILE_RESOURCE_SETTINGS.filter(({ perResource }) => perResource === 'too').map(({ path }) => path),
)
/**
 * The settings about trusted issuers and how to contact them. A client secret must go to its own
 * issuer only.
 */
const OF_ISSUERS: ReadonlySet<string> = new Set([
  ISSUER,
  ISSUERS,
  ...ISSUER_SETTINGS.map(({ path }) => path),
])

/** Whether a setting belongs to the issuers at the top. */
export function concernsIssuers(path: string): boolean {
  return OF_ISSUERS.has(path)
}

/** Whether a setting belongs to one resource when the config file lists resources. */
export function isOfOneResource(path: string): boolean {
  return OF_ONE.has(path)
}

function configuredResource(
  given: GivenValues,
  file: CollectedFile,
  typed: GivenValues,
  { given: written, issuers, ...listed }: CollectedResource,
): { readonly resource: ConfiguredResource; readonly problems: readonly ConfigurationProblem[] } {
  const hasOwnIssuers = written.has(ISSUER) || written.has(ISSUERS)
  const isInherited = (path: string) =>
    !isOfOneResource(path) && !(hasOwnIssuers && concernsIssuers(path))
  // A flag overrides the file here, too. But a flag about the issuers at the top does not apply to
  // other issuers.
  const isTyped = (path: string) => typed.has(path) && OF_ALL_TOO.has(path) && isInherited(path)
  const own = without(written, isTyped)
  const its = new Map([...without(given, (path) => !isInherited(path)), ...own])
  const { settings } = parseSettings(its)
  // A resource's own settings replace those of an issuer at the top.
  const before = issuers === undefined ? new Map([...typed, ...own]) : typed
  const list = issuers ?? (hasOwnIssuers ? undefined : file.issuers)
  const configured = configuredIssuers(settings, its, list, before)
  return {
    resource: {
      settings,
      given: its,
      own,
      issuers: configured.issuers,
      areIssuersListed: list !== undefined,
      hasOwnIssuers,
      listed,
    },
    problems: [...parseSettings(written).problems, ...configured.problems],
  }
}

/**
 * @param settings the settings at the top: for the only resource, or for all
 * @param typed the values from flags and environment
 */
export function configuredResources(
  settings: Settings,
  given: GivenValues,
  file: CollectedFile,
  typed: GivenValues,
): ConfiguredResources {
  if (file.resources !== undefined && file.resources.length > 0) {
    const found = file.resources.map((each) => configuredResource(given, file, typed, each))
    return {
      resources: found.map(({ resource }) => resource),
      problems: found.flatMap(({ problems }) => problems),
    }
  }
  const { issuers, problems } = configuredIssuers(settings, given, file.issuers, typed)
  const areIssuersListed = file.issuers !== undefined
  const hasOwnIssuers = false
  return {
    resources: [{ settings, given, own: NOTHING, issuers, areIssuersListed, hasOwnIssuers }],
    problems,
  }
}
