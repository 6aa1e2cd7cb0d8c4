/**
 * Converts settings to the options of the gateway.
 *
 * @module
 */
import type { GatewayOptions, GatewayResource } from '../gateway/options.js'
import type { Configuration } from './configuration.js'
import { createFetch } from '../gateway/http/network.js'
import type { ReadIssuer } from './issuers.js'
import { optionsOf, tokenOptions, type ConfiguredOptions } from './to-options.js'
import type { ConfiguredResource } from './resources.js'
import type { Settings } from './setting-table.js'
import type { Setting } from './setting.js'

/** A command without an upstream speaks stdio. */
function commandOptions(
  command: readonly string[],
  settings: Settings,
  { environmentFor }: Configuration,
): Pick<GatewayResource, 'command' | 'childEnvironment' | 'children' | 'childWarm'> {
  return {
    command,
    childEnvironment: environmentFor(settings.childEnv),
    children: optionsOf('children', settings),
    childWarm: settings.childWarm,
  }
}

type ResourceFiles = Configuration['files']['resources'][number]

/** Whether a resource may have its own. The other settings are at the top. */
function isOfResource({ perResource }: Setting): boolean {
  return perResource !== undefined
}

/** Issuers with certificates of their own have a `fetch` that trusts them, besides the shared ones. */
function withNetworks(
  options: ConfiguredOptions,
  issuers: readonly ReadIssuer[],
  { files, proxyEnvironment }: Configuration,
): ConfiguredOptions {
  const authorizationServers = [options.authorizationServers].flat().map((server, index) => {
    const ca = issuers[index]?.ca
    if (ca === undefined || typeof server === 'string') return server
    const fetch = createFetch({ ca: `${files.ca ?? ''}\n${ca}`, proxyEnvironment })
    return { ...server, ...(fetch !== undefined && { fetch }) }
  })
  return { ...options, authorizationServers }
}

/**
 * The options of one resource: the only one, or one of several with what it inherits from the top.
 */
function toResource(
  { settings, listed }: ConfiguredResource,
  { issuers, upstreamHeaders, policy, apiKeys }: ResourceFiles,
  configuration: Configuration,
): Omit<GatewayResource, 'resource'> {
  const { command = [] } = listed === undefined ? configuration : settings
  const { resource: _, ...endpoint } = optionsOf('endpoint', settings)
  return {
    ...(settings.upstream === undefined
      ? commandOptions(command, settings, configuration)
      : { ...optionsOf('upstream', settings), upstreamHeaders }),
    ...optionsOf('server', settings),
    ...endpoint,
    ...(settings.auth === 'oauth' &&
      withNetworks(
        tokenOptions(settings, issuers, { policy, apiKeys }, isOfResource),
        issuers,
        configuration,
      )),
  }
}

/** The options at the top. */
function toGateway({
  settings,
  given,
  files,
  proxyEnvironment,
}: Configuration): Omit<GatewayOptions, 'resource' | 'resources'> {
  const isOAuth = settings.auth === 'oauth'
  return {
    ...optionsOf('gateway', settings, ({ path, onlyWhen }) => {
      if (onlyWhen === 'given') return given.has(path)
      return onlyWhen === undefined || isOAuth
    }),
    ...(isOAuth && {
      ...optionsOf('tokens', settings, (setting) => !isOfResource(setting)),
      ...(files.sessionKeys !== undefined && { sessionKeys: files.sessionKeys }),
    }),
    proxyEnvironment,
    ...(files.ca !== undefined && { ca: files.ca }),
  }
}

/** @param configuration without problems, and for `streamable-http` */
export function toGatewayOptions(configuration: Configuration): GatewayOptions {
  const { settings, files, resources } = configuration
  const common = toGateway(configuration)
  const served = resources.flatMap((each, index) => {
    const read = files.resources[index]
    return read === undefined ? [] : [{ ...each, options: toResource(each, read, configuration) }]
  })
  const [only] = served
  if (only?.listed === undefined) {
    // The gateway makes the default resource, because it knows the port.
    const { resource } = settings
    return { ...common, ...only?.options, ...(resource !== undefined && { resource }) }
  }
  return {
    ...common,
    resources: served.map(({ settings: { resource = '' }, options }) => ({ resource, ...options })),
  }
}
