/**
 * The issuers of a configuration, each with all settings that apply to it.
 *
 * @module
 */
import { withoutRepeats, type ConfigurationProblem } from '../errors.js'
import { readCredentials, type Credentials } from './credentials.js'
import { readKeys } from './keys.js'
import { readFault, type ReadFile } from './named-file.js'
import type { ClientIntrospector } from '../rs/token-introspector.js'
import { parseSettings, type Settings } from './setting-table.js'
import { FILE_ISSUER_SETTINGS, ISSUER_SETTINGS } from './setting-lists.js'
import type { GivenValues } from './setting.js'

/** One issuer. */
export interface ConfiguredIssuer {
  /**
   * The settings that apply to it. `oauth.issuer` names only this issuer. Its own settings replace
   * those for all issuers.
   */
  readonly settings: Settings
  /** The same values as they were given. */
  readonly given: GivenValues
  /** The values that were given for this issuer alone, in the config file's list of issuers. */
  readonly own: GivenValues
}

/** An issuer with the contents of its files. */
export interface ReadIssuer extends ConfiguredIssuer {
  /** A JWK Set, or a function that returns the one in use. */
  readonly jwks?: unknown
  /** Our credentials at its introspection endpoint; `undefined` when they have problems. */
  readonly credentials?: Credentials
  /** For its documents: a text, or a function that returns the one in use. */
  readonly discoveryToken?: string | (() => string)
  /** PEM certificates, for this issuer alone. */
  readonly ca?: string
  readonly live: LiveIssuer
}

/** What is replaced when its files have changed. */
interface LiveIssuer {
  /** The keys in use. */
  jwks?: unknown
  discoveryToken?: string
  /** Once it was made. */
  introspector?: ClientIntrospector
}

const NOTHING: GivenValues = new Map()

const OF_ONE = new Set(ISSUER_SETTINGS.map(({ path }) => path))
const OF_ALL_TOO = new Set(
  FILE_ISSUER_SETTINGS.filter(({ perIssuer }) => perIssuer === 'too').map(({ path }) => path),
)

/** The settings for all issuers, without those of a single one. */
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
 * @param settings the settings for all issuers; `oauth.issuer` may name several
 * @param listed what the config file gives each issuer, if it lists issuers
 * @param before values that override those of one issuer: from flags and environment
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
    // A flag overrides the file here, too.
    const own = without(written, (path) => before.has(path) && OF_ALL_TOO.has(path))
    const its = new Map([...shared(given), ...own])
    return { settings: parseSettings(its).settings, given: its, own }
  })
  return { issuers, problems: listed.flatMap((own) => parseSettings(own).problems) }
}

const DISCOVERY_TOKEN = 'oauth.discoveryTokenFile'

function readDiscoveryToken(
  given: GivenValues,
  readFile: ReadFile,
): {
  readonly read?: { readonly discoveryToken: string }
  readonly problems: readonly ConfigurationProblem[]
} {
  const file = given.get(DISCOVERY_TOKEN)
  // An empty name was reported already.
  if (file === undefined || file.value === '') return { problems: [] }
  try {
    // Editors add a line end to the last line.
    const discoveryToken = readFile(String(file.value)).replace(/\r?\n$/, '')
    return { read: { discoveryToken }, problems: [] }
  } catch (error) {
    const message = readFault(String(file.value), error)
    const hint = 'a file that holds the token and nothing else'
    return { problems: [{ path: file.source, message, hint }] }
  }
}

/** Reads the files of one issuer. */
export function readIssuer(
  configured: ConfiguredIssuer,
  readFile: ReadFile,
): {
  readonly issuer: ReadIssuer
  readonly now: ReadIssuer
  readonly problems: readonly ConfigurationProblem[]
} {
  const { settings, given, own } = configured
  const keys = readKeys(given, readFile)
  const { credentials, problems } = readCredentials(settings, given, readFile, own.size > 0)
  const token = readDiscoveryToken(given, readFile)
  const live: LiveIssuer = { jwks: keys.jwks, ...token.read }
  const common = { ...configured, live, ...(problems.length === 0 && { credentials }) }
  return {
    issuer: {
      ...common,
      ...(settings.oauth.jwksFile !== undefined && { jwks: (): unknown => live.jwks }),
      ...(token.read !== undefined && { discoveryToken: () => live.discoveryToken ?? '' }),
    },
    now: { ...common, ...('jwks' in keys && { jwks: keys.jwks }), ...token.read },
    problems: [...keys.problems, ...problems, ...token.problems],
  }
}

/**
 * Reads the files of the issuers.
 *
 * @returns `now`: with the keys as they are; `issuers`: with functions that return the keys in use
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
