/**
 * Translates problems of options into problems of the settings that became these options.
 *
 * @module
 */
import {
  formatPath,
  OPTION_WORDS,
  OptionChecker,
  type OptionPath,
  type OptionWords,
} from '../base/option-checker.js'
import type { ConfigurationProblem } from '../errors.js'
import { readTokenIntrospector } from '../rs/introspector-settings.js'
import { missingForProvider } from '../rs/introspectors.js'
import { readProtectedResource, readUnprotectedResource } from '../web/options.js'
import type { ReadIssuer } from './issuers.js'
import { flagOf, memberOf } from './names.js'
import { shownFile } from './named-file.js'
import { introspectorOptions, optionsOf, type ConfiguredOptions } from './to-options.js'
import { EVERYWHERE, type Settings } from './setting-table.js'
import { FILE_ONLY, ISSUER, ISSUERS } from './setting-lists.js'

/** Where a setting was given: for all, or for the issuer with this index. */
export type SourceOf = (path: string, issuer?: number) => string | undefined

/** The settings that a problem of options may be about. */
export interface NamedSettings {
  readonly sourceOf: SourceOf
  /** The issuers of the options, with the contents of their files. */
  readonly issuers: readonly ReadIssuer[]
  /** The settings that are not about one issuer. */
  readonly settings: Settings
}

/** The settings that say where keys come from. Only one of them may be given. */
const KEY_SOURCES = ['oauth.jwksUri', 'oauth.discoveryUrl', 'oauth.jwksFile']

function settingsThatBecome(option: string): readonly string[] {
  return EVERYWHERE.filter(({ becomes }) => becomes?.endsWith(`.${option}`)).map(({ path }) => path)
}

/** The settings that a problem is about, and the issuer that they belong to. */
function settingsAt([option, index, ofIssuer]: OptionPath): {
  readonly paths: readonly string[]
  readonly issuer?: number
} {
  if (option !== 'authorizationServers') return { paths: settingsThatBecome(String(option)) }
  // A problem of all issuers is a problem of their list.
  if (typeof index !== 'number') return { paths: [ISSUERS, ISSUER] }
  if (ofIssuer === undefined) return { paths: KEY_SOURCES, issuer: index }
  return { paths: settingsThatBecome(String(ofIssuer)), issuer: index }
}

/** Names a value of a list by its number, because it may be a secret typed into the wrong place. */
function entryOf(path: OptionPath): string {
  const [option, index] = path
  const isEntry = path.length === 2 && option !== 'authorizationServers'
  return isEntry && typeof index === 'number' ? `value ${index + 1} ` : ''
}

/** The file that an option was read from, as the message begins. */
function fileOf(
  [option, index, ofIssuer]: OptionPath,
  { settings, issuers }: Pick<NamedSettings, 'settings' | 'issuers'>,
): string {
  const ofOne = issuers[Number(index)]?.settings.oauth
  const files: Readonly<Record<string, string | undefined>> =
    option === 'authorizationServers'
      ? { jwks: ofOne?.jwksFile, discoveryToken: ofOne?.discoveryTokenFile }
      : { policy: settings.oauth.policy, apiKeys: settings.oauth.keysFile }
  const file = files[String(option === 'authorizationServers' ? ofIssuer : option)]
  return file === undefined ? '' : `${shownFile(file)} `
}

/** A setting by its flag, or as a config file spells it where it has no flag. */
function nameOfSetting(path: string): string {
  return FILE_ONLY.has(path) ? memberOf(path) : flagOf(path)
}

function namesOf(paths: readonly string[]): string {
  return paths.map(nameOfSetting).join(', ')
}

/** Options in the words of the settings that become them. */
export function settingWords(named: NamedSettings): OptionWords {
  return {
    locate(path, message) {
      const { paths, issuer } = settingsAt(path)
      const sources = paths.flatMap((each) => named.sourceOf(each, issuer) ?? [])
      return {
        path: sources.join(', ') || namesOf(paths) || formatPath(path),
        message: entryOf(path) + fileOf(path, named) + message,
      }
    },
    nameOf: (option) => namesOf(settingsThatBecome(option)),
    // The rules between settings report what is missing.
    mayBeMissing: () => true,
  }
}

/**
 * Options of the gateway in the words of settings.
 *
 * @param words those of each resource
 */
export function gatewayWords(words: readonly OptionWords[]): OptionWords {
  const [first = OPTION_WORDS] = words
  return {
    ...first,
    locate(path, message) {
      const [name, index] = path
      const isOfOne = name === 'resources' && typeof index === 'number'
      const own = isOfOne ? path.slice(2) : path
      const named = own[0] === 'children' ? own.slice(1) : own
      return ((isOfOne ? words[index] : undefined) ?? first).locate(named, message)
    },
  }
}

export function optionProblems(
  options: ConfiguredOptions,
  named: NamedSettings,
): readonly ConfigurationProblem[] {
  const { issuers } = named
  const checker = new OptionChecker(settingWords(named))
  const trust = readProtectedResource(checker, options, 'elsewhere')
  const { allowHttp = [] } = options
  for (const [index, issuer] of issuers.entries()) {
    const client = introspectorOptions(issuer)
    if (client === undefined) continue
    readTokenIntrospector(checker, ['authorizationServers', index], { ...client, allowHttp })
    if (trust === undefined || (client.dialect ?? 'rfc7662') === 'rfc7662') continue
    for (const { path, message, hint } of missingForProvider(trust, index)) {
      checker.problem(path, message, hint)
    }
  }
  return checker.finish(undefined).problems
}

/** The same, when no token is checked. */
export function endpointProblems(
  settings: Settings,
  sourceOf: SourceOf,
): readonly ConfigurationProblem[] {
  const checker = new OptionChecker(settingWords({ sourceOf, settings, issuers: [] }))
  readUnprotectedResource(checker, optionsOf('endpoint', settings))
  return checker.finish(undefined).problems
}
