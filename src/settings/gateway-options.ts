/**
 * From settings to the options of the gateway.
 *
 * @module
 */
import type { GatewayOptions } from '../gateway/options.js'
import type { Configuration } from './configuration.js'
import { toOptions } from './options.js'

/** Of a configuration without problems, for `streamable-http`. */
export function toGatewayOptions(configuration: Configuration): GatewayOptions {
  const { settings, files, proxyEnvironment } = configuration
  const { auth, host, port, upstream = '', forwardHeader, allowHost } = settings
  // The gateway knows the port in the end, and so what a resource is that nobody named.
  const { resource, allowOrigins, ...tokenOptions } = toOptions(settings, files.issuers)
  return {
    auth,
    host,
    port,
    upstream,
    maxBody: settings.maxBody,
    upstreamTimeout: settings.upstreamTimeout,
    upstreamHeaders: files.upstreamHeaders,
    proxyEnvironment,
    ...(settings.resource !== undefined && { resource }),
    ...(allowOrigins !== undefined && { allowOrigins }),
    ...(auth === 'oauth' && {
      ...tokenOptions,
      streamGrace: settings.streamGrace,
      ...(files.sessionKeys !== undefined && { sessionKeys: files.sessionKeys }),
    }),
    ...(forwardHeader !== undefined && { forwardHeaders: forwardHeader }),
    ...(allowHost !== undefined && { allowHosts: allowHost }),
    ...(files.ca !== undefined && { ca: files.ca }),
  }
}
