/**
 * One resource with everything that belongs to it: its paths, its guard, and the server behind it.
 *
 * @module
 */
import type { createKeySets } from '../discovery/key-sets.js'
import { metadataPaths, mirrorPaths } from '../web/endpoint.js'
import { createGuard, type Guard } from '../web/guard.js'
import { createOrigins, type Origins } from '../web/origins.js'
import type { Backend } from './request/backend.js'
import { createHttpBackend } from './http/backend.js'
import type { NetworkOptions } from './http/network.js'
import { createHeadReader, type HeadReader } from './request/head.js'
import { ForwardedClaims } from './forwarded-claims.js'
import type { RouteAddress } from './find-route.js'
import type { SessionIds } from '../web/session-ids.js'
import type { ServerSettings, RouteSettings } from './route-settings.js'
import { createBridge } from './stdio/bridge.js'
import type { ChildPools } from './stdio/child-pools.js'
import type { Clock } from './clock.js'
import type { GatewayEventListener } from './events.js'

export interface Route extends RouteAddress {
  /** The resource, for events and metrics; `undefined` if it is the only one. */
  readonly resourceLabel: string | undefined
  /** `undefined` without tokens. */
  readonly guard: Guard | undefined
  readonly origins: Origins
  /** Claims that the upstream gets; `undefined`: none. */
  readonly claims: ForwardedClaims | undefined
  readonly readHead: HeadReader
  readonly backend: Backend
}

/** What all routes of a gateway share. */
export interface RouteContext {
  readonly auth: 'oauth' | 'none'
  readonly maxBody: number
  /** Seconds that an answer to a POST may continue after the end of its token. */
  readonly streamGrace: number
  /** Milliseconds after which a reader that takes no bytes is cut. */
  readonly stalled: number
  /** Milliseconds between two comments on a silent event stream; 0: none are sent. */
  readonly keepAlive: number
  /** `undefined` without tokens: all requests have one caller. */
  readonly sessionIds: SessionIds | undefined
  readonly childPools: ChildPools
  readonly network: NetworkOptions
  /** For the identity provider; `undefined`: the runtime's own. */
  readonly fetch: typeof fetch | undefined
  readonly keySetFor: ReturnType<typeof createKeySets>
  /** Receives events outside of request records; `undefined` if nobody listens. */
  readonly hear: GatewayEventListener | undefined
  readonly clock: Clock
  readonly randomUUID: () => string
}

function createBackend(
  server: ServerSettings,
  context: RouteContext,
  resourceLabel: string | undefined,
): Backend {
  const { maxBody, streamGrace, stalled, keepAlive, clock } = context
  const { sessionIds, childPools, network, hear, randomUUID } = context
  const shared = { maxBody, streamGrace, stalled, keepAlive, clock }
  if (server.command === undefined) {
    return createHttpBackend({
      ...network,
      ...shared,
      url: server.upstream,
      host: server.upstreamHost,
      headers: server.upstreamHeaders,
      timeout: server.upstreamTimeout,
      sessions: sessionIds,
      credentials: server.upstreamCredentials && {
        ask: server.upstreamCredentials,
        timeout: server.upstreamTimeout * 1000,
        clock,
      },
    })
  }
  return createBridge({
    ...server,
    ...shared,
    childPools,
    randomUUID,
    emit: hear && ((event, about) => hear(event, resourceLabel, about)),
  })
}

/** @param isOnly whether it is the only one: then its metadata also has the root form */
export function createRoute(
  settings: RouteSettings,
  resource: string,
  isOnly: boolean,
  context: RouteContext,
): Route {
  const { auth, fetch, keySetFor, hear, clock } = context
  const resourceLabel = isOnly ? undefined : resource
  const { guardOptions, server } = settings
  const ownHeaders = server.command === undefined ? Object.keys(server.upstreamHeaders) : []
  const guard =
    auth === 'none'
      ? undefined
      : createGuard(
          {
            ...guardOptions,
            resource,
            ...(fetch !== undefined && { fetch }),
            onEvent: hear !== undefined && ((event) => hear(event, resourceLabel)),
          },
          keySetFor,
          clock.setTimer,
          'elsewhere',
        )
  const mirrored = guardOptions.mirrorMetadata === true ? mirrorPaths(resource, isOnly) : []
  return {
    resource,
    resourceLabel,
    endpoint: settings.path ?? new URL(resource).pathname,
    metadataPaths: new Set(
      guard === undefined ? [] : [...metadataPaths(resource, isOnly), ...mirrored],
    ),
    guard,
    origins: createOrigins(settings.allowOrigins, resource),
    claims:
      settings.forwardClaims.length === 0
        ? undefined
        : new ForwardedClaims(settings.forwardClaims, (event) => hear?.(event, resourceLabel)),
    readHead: createHeadReader(settings.forwardHeaders, ownHeaders),
    backend: createBackend(server, context, resourceLabel),
  }
}
