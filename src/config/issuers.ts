/**
 * The issuers of a configuration, each with all that holds for it.
 *
 * @module
 */
import { withoutRepeats, type ConfigurationProblem } from '../errors.js'
import { readCredentials, type Credentials } from './credentials.js'
import { readJwks, readKeys, type ReadFile } from './keys.js'
import { parseSettings, type Settings } from './setting-table.js'
import { FILE_ISSUER_SETTINGS, ISSUER_SETTINGS } from './setting-lists.js'
import type { GivenValues } from './setting.js'

/** One issuer. */
export interface ConfiguredIssuer {
  /** The settings that hold for it. `oauth.issuer` names it alone. Its own settings replace those for all. */
  readonly settings: Settings
  /** The same as it was given. */
  readonly given: GivenValues
  /** What it alone was given: where the config file lists issuers. */
  readonly own: GivenValues
}

/** An issuer with what its files hold. */
export interface ReadIssuer extends ConfiguredIssuer {
  /** A JWK Set, or a function that reads it anew. */
  readonly jwks?: unknown
  /** Our credentials at its introspection endpoint; `undefined` when they have problems. */
  readonly credentials?: Credentials
}

const NOTHING: GivenValues = new Map()

const OF_ONE = new Set(ISSUER_SETTINGS.map(({ path }) => path))
const OF_ALL_TOO = new Set(
  FILE_ISSUER_SETTINGS.filter(({ perIssuer }) => perIssuer === 'too').map(({ path }) => path),
)

/** What holds for all issuers: without settings of a single one. */
function shared(given: GivenValues): GivenValues {
  return without(given, (path) => OF_ONE.has(path))
}

export function without(given: GivenValues, isLeftOut: (path: string) => boolean): GivenValues {
  return new Map([...given].filter(([path]) => !isLeftOut(path)))
}

/** The issuers that `oauth.issuer` names. Settings of a single issuer belong to the first. */
function namedIssuers(settings: Settings, given: GivenValues): readonly ConfiguredIssuer[] {
  const names = settings.oauth.issuer ?? [undefined]
  return names.map((name, index) => {
    const isFirst = index === 0
    const its = isFirst ? given : shared(given)
    const { oauth, ...others } = isFirst ? settings : parseSettings(its).settings
    const issuer = name === undefined ? undefined : [name]
    return { settings: { ...others, oauth: { ...oauth, issuer } }, given: its, own: NOTHING }
  })
}

/**
 * @param settings those of all, of which `oauth.issuer` may name several
 * @param listed what each issuer of the config file was given, where it lists them
 * @param before what comes before the rules of one issuer: what flags and environment gave
 */
export function configuredIssuers(
  settings: Settings,
  given: GivenValues,
  listed: readonly GivenValues[] | undefined,
  before: GivenValues = NOTHING,
): {
  readonly issuers: readonly ConfiguredIssuer[]
  readonly problems: readonly ConfigurationProblem[]
} {
  if (listed === undefined || listed.length === 0) {
    return { issuers: namedIssuers(settings, given), problems: [] }
  }
  const issuers = listed.map((written) => {
    // A flag comes before the file, here too.
    const own = without(written, (path) => before.has(path) && OF_ALL_TOO.has(path))
    const its = new Map([...shared(given), ...own])
    return { settings: parseSettings(its).settings, given: its, own }
  })
  return { issuers, problems: listed.flatMap((own) => parseSettings(own).problems) }
}

function readIssuer(configured: ConfiguredIssuer, readFile: ReadFile) {
  const { settings, given, own } = configured
  const { jwksFile } = settings.oauth
  const keys = readKeys(given, readFile)
  const { credentials, problems } = readCredentials(settings, given, readFile, own.size > 0)
  const common = { ...configured, ...(problems.length === 0 && { credentials }) }
  return {
    issuer: {
      ...common,
      ...(jwksFile !== undefined && { jwks: (): unknown => readJwks(jwksFile, readFile) }),
    },
    now: { ...common, ...('jwks' in keys && { jwks: keys.jwks }) },
    problems: [...keys.problems, ...problems],
  }
}

/**
 * Reads the files of the issuers.
 *
 * @returns `now`: with the keys as they are; `issuers`: with functions that read them anew
 */
export function readIssuers(
  configured: readonly ConfiguredIssuer[],
  readFile: ReadFile,
): {
  readonly issuers: readonly ReadIssuer[]
  readonly now: readonly ReadIssuer[]
  readonly problems: readonly ConfigurationProblem[]
} {
  const read = configured.map((each) => readIssuer(each, readFile))
  return {
    issuers: read.map(({ issuer }) => issuer),
    now: read.map(({ now }) => now),
    // A setting for all issuers has the same problem at each of them.
    problems: withoutRepeats(read.flatMap(({ problems }) => problems)),
  }
}
