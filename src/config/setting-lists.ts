/**
 * Lists of settings by the places where they are allowed, and names that rules refer to.
 *
 * @module
 */
import { EVERYWHERE } from './setting-table.js'
import { byPath, type Setting } from './setting.js'

/** The settings that have three spellings. */
const ALL = EVERYWHERE.filter(
  ({ perIssuer, perResource }) => perIssuer !== 'alone' && perResource !== 'alone',
)

/** The settings of the environment: all of them. Secrets are allowed nowhere else. */
export const ENVIRONMENT_SETTINGS: readonly Setting[] = ALL

/** The settings that only a config file has. */
export const FILE_ONLY: ReadonlySet<string> = new Set(
  EVERYWHERE.filter((setting) => !ALL.includes(setting)).map(({ path }) => path),
)

/** The settings of the gateway's command line. */
export const SETTINGS: readonly Setting[] = ALL.filter(({ secret }) => secret !== true).map(
  (setting) => {
    const { defaultInGateway } = setting
    if (defaultInGateway === undefined) return setting
    return { ...setting, default: defaultInGateway, required: false }
  },
)

/** The settings of `./flags`, in the order of its help. */
export const AUTH_SETTINGS: readonly Setting[] = ALL.filter(
  ({ inFlags, secret }) => inFlags === true && secret !== true,
)

/** The settings of `./flags` in the environment. */
export const AUTH_ENVIRONMENT_SETTINGS: readonly Setting[] = ALL.filter(
  ({ inFlags }) => inFlags === true,
)

/** The settings of a config file. A config file cannot name another one. */
export const FILE_SETTINGS: readonly Setting[] = SETTINGS.filter(({ path }) => path !== 'config')

/** The settings of a single issuer. */
export const ISSUER_SETTINGS: readonly Setting[] = ALL.filter(
  ({ perIssuer }) => perIssuer === 'only',
)

/** The settings that an issuer in a config file may have, besides its name. */
export const FILE_ISSUER_SETTINGS: readonly Setting[] = EVERYWHERE.filter(
  ({ perIssuer, secret }) => perIssuer !== undefined && secret !== true,
)

/** The settings that a resource in a config file may have. */
export const FILE_RESOURCE_SETTINGS: readonly Setting[] = EVERYWHERE.filter(
  ({ perIssuer, perResource, secret }) =>
    perIssuer !== 'alone' && perResource !== undefined && secret !== true,
)

const BY_PATH = byPath(EVERYWHERE)

/** What a setting needs to have an effect; `undefined`: nothing. */
export function needsOf(path: string): Setting['needs'] {
  // The list of issuers is not a setting itself.
  return path === ISSUERS ? 'tokens' : BY_PATH.get(path)?.needs
}

/** Settings of the gateway that only a server reached by HTTP uses. */
const FOR_HTTP: ReadonlySet<string> = new Set(['forwardHeader', 'sessionKeyFile'])

/** Whether a setting has no effect if the server is a command. */
export function isForHttp(path: string): boolean {
  return FOR_HTTP.has(path) || BY_PATH.get(path)?.becomes?.startsWith('upstream.') === true
}

/** Whether a setting has an effect with `--transport stdio`. */
export function isForStdio(path: string): boolean {
  return BY_PATH.get(path)?.inStdio === true
}

export const ISSUER = 'oauth.issuer'

/** The settings of an issuer in the list of a config file: its name, and its own. */
export const LISTED_ISSUER_SETTINGS: readonly Setting[] = EVERYWHERE.filter(
  (setting) => setting.path === ISSUER || FILE_ISSUER_SETTINGS.includes(setting),
)

export const POLICY = 'oauth.policy'

/** Where a config file lists issuers with settings of their own. */
export const ISSUERS = 'oauth.issuers'

/** Where a config file lists resources, each with its own server and settings. */
export const RESOURCES = 'resources'
