/**
 * The resources of a configuration, each with all that holds for it.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import type { CollectedFile, CollectedResource } from './config-file.js'
import { configuredIssuers, without, type ConfiguredIssuer } from './issuers.js'
import { parseSettings, type Settings } from './schema.js'
import { FILE_RESOURCE_SETTINGS, ISSUER, ISSUER_SETTINGS, ISSUERS } from './setting-lists.js'
import type { GivenValues } from './setting.js'

/** One resource. */
export interface ConfiguredResource {
  /** What holds for it: its own settings come before those of all. */
  readonly settings: Settings
  /** The same as it was given. */
  readonly given: GivenValues
  /** What it alone was given: where the config file lists resources. */
  readonly own: GivenValues
  readonly issuers: readonly ConfiguredIssuer[]
  /** Whether a config file lists them. */
  readonly areIssuersListed: boolean
  /** Whether it has them for itself. */
  readonly hasOwnIssuers: boolean
  /** Where the config file has it in its list; `undefined` where it has none. */
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
/** Who is trusted, and how that one is reached and asked: our secret there is for nobody else. */
const OF_ISSUERS: ReadonlySet<string> = new Set([
  ISSUER,
  ISSUERS,
  ...ISSUER_SETTINGS.map(({ path }) => path),
])

/** Whether it belongs to the issuers that the top names. */
export function concernsIssuers(path: string): boolean {
  return OF_ISSUERS.has(path)
}

/** Whether it stands with one of the resources, where the config file lists them. */
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
  // A flag comes before the file, here too; but one about the issuers at the top is not about others.
  const isTyped = (path: string) => typed.has(path) && OF_ALL_TOO.has(path) && isInherited(path)
  const own = without(written, isTyped)
  const its = new Map([...without(given, (path) => !isInherited(path)), ...own])
  const { settings } = parseSettings(its)
  // What a resource says comes before what the top says of one issuer.
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
 * @param settings what stands at the top: of the only resource, or of all
 * @param typed what flags and environment gave
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
