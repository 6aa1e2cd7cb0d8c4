/**
 * From settings to the options of the gateway.
 *
 * @module
 */
import type { GatewayOptions, GatewayResource } from '../gateway/options.js'
import type { Configuration } from './configuration.js'
import { toOptions } from './options.js'
import type { ConfiguredResource } from './resources.js'
import type { Settings } from './schema.js'

/** A command without an upstream speaks stdio. */
function commandOptions(
  command: readonly string[],
  settings: Settings,
  { environmentFor }: Configuration,
): Pick<GatewayResource, 'command' | 'childEnvironment' | 'children'> {
  return {
    command,
    childEnvironment: environmentFor(settings.childEnv),
    children: {
      idle: settings.childIdle,
      startTimeout: settings.childStartTimeout,
      maxChildren: settings.maxChildren,
      maxChildrenPerPrincipal: settings.maxChildrenPerPrincipal,
      maxMessage: settings.childMaxMessage,
      queue: settings.childQueue,
    },
  }
}

type ResourceFiles = Configuration['files']['resources'][number]

/** What one resource has: the only one, or one of several with all that the top says, too. */
function toResource(
  { settings, listed }: ConfiguredResource,
  { issuers, upstreamHeaders, policy }: ResourceFiles,
  configuration: Configuration,
): Omit<GatewayResource, 'resource'> {
  const { upstream, upstreamTimeout, forwardHeader } = settings
  const { command = [] } = listed === undefined ? configuration : settings
  const {
    resource: _,
    allowOrigins,
    allowHttp: _ofAll,
    ...tokenOptions
  } = toOptions(settings, issuers, policy)
  return {
    ...(upstream === undefined
      ? commandOptions(command, settings, configuration)
      : { upstream, upstreamTimeout, upstreamHeaders }),
    ...(allowOrigins !== undefined && { allowOrigins }),
    ...(settings.auth === 'oauth' && tokenOptions),
    ...(forwardHeader !== undefined && { forwardHeaders: forwardHeader }),
  }
}

/** Of a configuration without problems, for `streamable-http`. */
export function toGatewayOptions(configuration: Configuration): GatewayOptions {
  const { settings, given, files, proxyEnvironment, resources } = configuration
  const { auth, host, port, allowHost, allowHttp, maxBody } = settings
  const { maxRequests, maxRequestsPerCaller } = settings
  const common = {
    auth,
    host,
    port,
    // The smaller default of bodies that are judged holds where nobody says how large they may be.
    ...(given.has('maxBody') && { maxBody }),
    maxRequests,
    maxRequestsPerCaller,
    proxyEnvironment,
    ...(settings.auditArguments && { auditArguments: true }),
    ...(auth === 'oauth' && {
      streamGrace: settings.streamGrace,
      ...(allowHttp !== undefined && { allowHttp }),
      ...(files.sessionKeys !== undefined && { sessionKeys: files.sessionKeys }),
    }),
    ...(allowHost !== undefined && { allowHosts: allowHost }),
    ...(files.ca !== undefined && { ca: files.ca }),
  }
  const served = resources.flatMap((each, index) => {
    const read = files.resources[index]
    return read === undefined ? [] : [{ ...each, options: toResource(each, read, configuration) }]
  })
  const [only] = served
  if (only?.listed === undefined) {
    // The gateway knows the port in the end, and so what a resource is that nobody named.
    const { resource } = settings
    return { ...common, ...only?.options, ...(resource !== undefined && { resource }) }
  }
  return {
    ...common,
    resources: served.map(({ settings: { resource = '' }, options }) => ({ resource, ...options })),
  }
}
