/**
 * From settings to the options of the gateway.
 *
 * @module
 */
import type { GatewayOptions } from '../gateway/options.js'
import type { Configuration } from './configuration.js'
import { toOptions } from './options.js'

/** A command without an upstream speaks stdio. */
function commandOptions({
  settings,
  command = [],
  commandEnvironment: childEnvironment,
}: Configuration): GatewayOptions {
  return {
    command,
    childEnvironment,
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

/** Of a configuration without problems, for `streamable-http`. */
export function toGatewayOptions(configuration: Configuration): GatewayOptions {
  const { settings, files, proxyEnvironment } = configuration
  const { auth, host, port, upstream, forwardHeader, allowHost } = settings
  // The gateway knows the port in the end, and so what a resource is that nobody named.
  const { resource, allowOrigins, ...tokenOptions } = toOptions(settings, files.issuers)
  return {
    auth,
    host,
    port,
    ...(upstream === undefined ? commandOptions(configuration) : { upstream }),
    maxBody: settings.maxBody,
    upstreamTimeout: settings.upstreamTimeout,
    upstreamHeaders: files.upstreamHeaders,
    proxyEnvironment,
    ...(settings.resource !== undefined && { resource }),
    ...(allowOrigins !== undefined && { allowOrigins }),
    ...(auth === 'oauth' && tokenOptions),
    ...(forwardHeader !== undefined && { forwardHeaders: forwardHeader }),
    ...(allowHost !== undefined && { allowHosts: allowHost }),
    ...(files.ca !== undefined && { ca: files.ca }),
  }
}
