/**
 * Translates problems of options into problems of the settings that became these options.
 *
 * @module
 */
import {
  formatPath,
  OptionChecker,
  type OptionPath,
  type OptionWords,
} from '../base/option-checker.js'
import type { ConfigurationProblem } from '../errors.js'
import { readTokenIntrospector } from '../rs/introspector-settings.js'
import { missingForProvider } from '../rs/introspectors.js'
import { readProtectedResource, readUnprotectedResource } from '../web/options.js'
import type { ReadIssuer } from './issuers.js'
import { flagOf } from './names.js'
import { shownFile } from './named-file.js'
import { introspectorOptions, optionsOf, type ConfiguredOptions } from './to-options.js'
import { EVERYWHERE, type Settings } from './setting-table.js'
import { ISSUER, ISSUERS } from './setting-lists.js'

/** Where a setting was given: for all, or for the issuer with this index. */
type SourceOf = (path: string, issuer?: number) => string | undefined

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
function fileOf([option, index, ofIssuer]: OptionPath, issuers: readonly ReadIssuer[]): string {
  if (option !== 'authorizationServers') return ''
  const { jwksFile, discoveryTokenFile } = issuers[Number(index)]?.settings.oauth ?? {}
  const files: Readonly<Record<string, string | undefined>> = {
    jwks: jwksFile,
    discoveryToken: discoveryTokenFile,
  }
  const file = files[String(ofIssuer)]
  return file === undefined ? '' : `${shownFile(file)} `
}

function settingWords(sourceOf: SourceOf, issuers: readonly ReadIssuer[]): OptionWords {
  return {
    locate(path, message) {
      const { paths, issuer } = settingsAt(path)
      const sources = paths.flatMap((each) => sourceOf(each, issuer) ?? [])
      return {
        path: sources.join(', ') || formatPath(path),
        message: entryOf(path) + fileOf(path, issuers) + message,
      }
    },
    nameOf: (option) => settingsThatBecome(option).map(flagOf).join(),
    // The rules between settings report what is missing.
    mayBeMissing: () => true,
  }
}

/** @param issuers the issuers of the options, with the contents of their files */
export function optionProblems(
  options: ConfiguredOptions,
  issuers: readonly ReadIssuer[],
  sourceOf: SourceOf,
): readonly ConfigurationProblem[] {
  const checker = new OptionChecker(settingWords(sourceOf, issuers))
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
  const checker = new OptionChecker(settingWords(sourceOf, []))
  readUnprotectedResource(checker, optionsOf('endpoint', settings))
  return checker.finish(undefined).problems
}
