/**
 * Converts settings to options of the middleware.
 *
 * @module
 */
import type { PolicyDocument } from '../policy/document.js'
import type { ApiKeysDocument } from '../rs/api-keys.js'
import type { TokenIntrospectorOptions } from '../rs/introspector-settings.js'
import type { AuthorizationServerOptions } from '../rs/options.js'
import { createTokenIntrospector } from '../rs/token-introspector.js'
import type { ProtectedResourceOptions } from '../web/options.js'
import { authenticationOf } from './credentials.js'
import type { ReadIssuer } from './issuers.js'
import { EVERYWHERE, valueOf, type Settings } from './setting-table.js'
import type { OptionGroup, OptionsOf, Setting } from './setting.js'

/** The resource may be missing: a rule reports that, or the gateway makes a default. */
export type ConfiguredOptions = Omit<ProtectedResourceOptions, 'onEvent' | 'resource'> &
  Partial<Pick<ProtectedResourceOptions, 'resource'>>

/** Options whose values stand in files of their own. */
export interface FileOptions {
  readonly policy?: PolicyDocument | undefined
  readonly apiKeys?: ApiKeysDocument | undefined
}

/**
 * The options of one group. Settings that name a file are left out: the code that reads the file
 * adds its content.
 */
export function optionsOf<Group extends OptionGroup>(
  group: Group,
  settings: Settings,
  isWanted: (setting: Setting) => boolean = () => true,
): Partial<OptionsOf<Group>> {
  const entries = EVERYWHERE.flatMap((setting) => {
    const { path, becomes = '', file, toOption } = setting
    const [ofGroup, option] = becomes.split('.')
    if (ofGroup !== group || file !== undefined || !isWanted(setting)) return []
    const value = valueOf(settings, path)
    if (value === undefined) return []
    return [[option, toOption === undefined ? value : toOption(value as readonly string[])]]
  })
  return Object.fromEntries(entries) as Partial<OptionsOf<Group>>
}

/**
 * How to introspect tokens at the issuer; `undefined` without a client id, or with credentials that
 * have problems.
 */
export function introspectorOptions({
  settings,
  given,
  credentials,
}: ReadIssuer): Omit<TokenIntrospectorOptions, 'issuer'> | undefined {
  const { clientId, ...others } = optionsOf('introspector', settings)
  if (clientId === undefined || credentials === undefined) return undefined
  return { ...others, ...credentials, authentication: authenticationOf(settings, given), clientId }
}

function toAuthorizationServer(issuer: ReadIssuer): AuthorizationServerOptions {
  const { settings, own, jwks, discoveryToken } = issuer
  const [name] = settings.oauth.issuer ?? []
  const isWanted = ({ path, onlyWhen }: Setting) => onlyWhen === undefined || own.has(path)
  const { issuer: _list, ...places } = optionsOf('issuer', settings, isWanted)
  const client = introspectorOptions(issuer)
  return {
    // A missing name is reported by the rules between settings.
    ...(name !== undefined && { issuer: name }),
    ...places,
    ...(jwks !== undefined && { jwks }),
    ...(discoveryToken !== undefined && { discoveryToken }),
    // Only its own token rules. Rules for all issuers are at the top.
    ...optionsOf('tokens', settings, ({ path, perIssuer }) => perIssuer === 'too' && own.has(path)),
    ...(client !== undefined && {
      ...optionsOf('asked', settings),
      introspector: (world) =>
        (issuer.live.introspector = createTokenIntrospector({ ...world, ...client })),
    }),
  } as AuthorizationServerOptions
}

/**
 * The options about tokens.
 *
 * @param issuers with the contents of their files
 * @param files the contents of further files
 */
export function tokenOptions(
  settings: Settings,
  issuers: readonly ReadIssuer[],
  { policy, apiKeys }: FileOptions,
  isWanted?: (setting: Setting) => boolean,
): ConfiguredOptions {
  return {
    ...optionsOf('tokens', settings, isWanted),
    authorizationServers: issuers.map(toAuthorizationServer),
    ...(policy !== undefined && { policy }),
    ...(apiKeys !== undefined && { apiKeys }),
  }
}

/** All options of the middleware. */
export function toOptions(
  settings: Settings,
  issuers: readonly ReadIssuer[],
  files: FileOptions = {},
): ConfiguredOptions {
  return { ...optionsOf('endpoint', settings), ...tokenOptions(settings, issuers, files) }
}
