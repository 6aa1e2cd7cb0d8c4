/**
 * Which settings stand where, and the names of places that code speaks of.
 *
 * @module
 */
import { EVERYWHERE } from './schema.js'
import { byPath, type Setting } from './setting.js'

/** Those that have three spellings. */
const ALL = EVERYWHERE.filter(({ perResource }) => perResource !== 'alone')

/** Those that may stand in the environment: all, and secrets nowhere else. */
export const ENVIRONMENT_SETTINGS: readonly Setting[] = ALL

/** Those of the gateway. */
export const SETTINGS: readonly Setting[] = ALL.filter(({ secret }) => secret !== true).map(
  (setting) => {
    const { defaultInGateway } = setting
    if (defaultInGateway === undefined) return setting
    return { ...setting, default: defaultInGateway, required: false }
  },
)

/** Those of `./flags`, in the order of its help. */
export const AUTH_SETTINGS: readonly Setting[] = ALL.filter(
  ({ inFlags, secret }) => inFlags === true && secret !== true,
)

/** Those of `./flags` that may stand in the environment. */
export const AUTH_ENVIRONMENT_SETTINGS: readonly Setting[] = ALL.filter(
  ({ inFlags }) => inFlags === true,
)

/** Those that a config file may have: it cannot lead to another. */
export const FILE_SETTINGS: readonly Setting[] = SETTINGS.filter(({ path }) => path !== 'config')

/** Those that belong to one issuer. */
export const ISSUER_SETTINGS: readonly Setting[] = ALL.filter(
  ({ perIssuer }) => perIssuer === 'only',
)

/** Those that an issuer in a config file may have, beside its name. */
export const FILE_ISSUER_SETTINGS: readonly Setting[] = FILE_SETTINGS.filter(
  ({ perIssuer }) => perIssuer !== undefined,
)

/** Those that a resource in a config file may have. */
export const FILE_RESOURCE_SETTINGS: readonly Setting[] = EVERYWHERE.filter(
  ({ perResource, secret }) => perResource !== undefined && secret !== true,
)

const BY_PATH = byPath(EVERYWHERE)

/** What must be there for a setting to do something; `undefined`: nothing more. */
export function needsOf(path: string): Setting['needs'] {
  // Lists are no settings, and what is in them concerns tokens.
  return path === ISSUERS ? 'tokens' : BY_PATH.get(path)?.needs
}

/** Whether a setting does something with `--transport stdio`. */
export function isForStdio(path: string): boolean {
  return BY_PATH.get(path)?.inStdio === true
}

export const ISSUER = 'oauth.issuer'

export const POLICY = 'oauth.policy'

/** Where a config file lists issuers with settings of their own. */
export const ISSUERS = 'oauth.issuers'

/** Where it lists resources, each with a server and settings of its own. */
export const RESOURCES = 'resources'
