/**
 * What can be configured about a gateway.
 *
 * @module
 */
import type { ProtectedResourceOptions } from '../web/options.js'
import type { AuditRecord } from './audit.js'
import type { GatewayEventListener } from './events.js'
import type { ChildLimits } from './stdio/limits.js'

/** The MCP server behind a resource: reached by HTTP, or started as a command. */
export interface ServerOptions {
  /** Its endpoint, exactly: `http://127.0.0.1:8000/mcp`. */
  readonly upstream?: string
  /** What to start, and to speak stdio with: a file and its arguments, without a shell. */
  readonly command?: readonly string[]
  /** All that a command finds in its environment, beside whom it serves (`GATEHOUSE_*`). Default nothing. */
  readonly childEnvironment?: Readonly<Record<string, string>>
  /** How much a command may take. */
  readonly children?: Partial<ChildLimits>
  /** Headers for every request to the upstream, such as an API key of its own. Never sent anywhere else. */
  readonly upstreamHeaders?: Readonly<Record<string, string>>
  /** Seconds until the upstream's answer begins. Default 60. */
  readonly upstreamTimeout?: number
  /** Further request headers that reach the upstream. */
  readonly forwardHeaders?: readonly string[]
}

type TokenOptions = Partial<
  Omit<
    ProtectedResourceOptions,
    'path' | 'rootMetadata' | 'onEvent' | 'sessionKeys' | 'streamGrace' | 'maxBody'
  >
>

/**
 * One of several resources behind one gateway. What it names replaces what stands at the top, each option as a
 * whole; what it does not name is taken from there.
 *
 * @example
 * ```ts
 * import { createGateway, type GatewayResource } from 'mcp-gatehouse/gateway'
 *
 * const github: GatewayResource = {
 *   resource: 'https://mcp.example.com/github/mcp',
 *   upstream: 'http://127.0.0.1:8001/mcp',
 *   scopes: ['github:read'],
 * }
 * const files: GatewayResource = {
 *   resource: 'https://mcp.example.com/files/mcp',
 *   upstream: 'http://127.0.0.1:8002/mcp',
 * }
 * createGateway({
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 *   resources: [github, files],
 * })
 * ```
 */
export interface GatewayResource
  extends Omit<TokenOptions, 'allowHttp' | 'now' | 'fetch' | 'randomUUID'>, ServerOptions {
  /**
   * The MCP endpoint as clients type it. No two may have the same host and path. Unless `audience` says otherwise,
   * only tokens for this one open it.
   */
  readonly resource: string
}

/** What concerns the gateway itself. */
export interface GatewayOwnOptions {
  /** `none` checks no token and is for loopback addresses only. Default `oauth`: then an issuer is required. */
  readonly auth?: 'oauth' | 'none'
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string
  /** Default 8080; 0 picks a free one. */
  readonly port?: number
  /**
   * Several resources, each with a server of its own, in place of `resource` and of all that belongs to one alone.
   * A request goes to the one whose path it asks for; where several have that path, or `Host` is the host of another
   * one, to the one whose host it names.
   */
  readonly resources?: readonly GatewayResource[]
  /**
   * Further accepted `Host` values; a port counts only when written. On a loopback address the hosts of the
   * resources and loopback names are accepted, elsewhere any host as long as this is not given.
   */
  readonly allowHosts?: readonly string[]
  /** Bytes of a request body. Default 4 MiB, of one that is judged 2 MiB: with a policy, and in the era of 2026-07-28. */
  readonly maxBody?: number
  /** Requests under way at once, open streams among them; what comes beyond is refused (429). Default 10000. */
  readonly maxRequests?: number
  /**
   * Of these, for one caller: a subject with all its clients; who has no subject counts together. Their bodies that are kept take
   * at most 16 times `maxBody`. Without tokens all requests are of one caller, who has what there is. Default 1000.
   */
  readonly maxRequestsPerCaller?: number
  /**
   * Keys that bind the sessions of the server behind us to their user and this resource: at least 32 characters each,
   * the first signs, all verify. Replicas need the same ones. Default: one made at the start, which ends with it.
   */
  readonly sessionKeys?: readonly string[]
  /** Seconds that an answer to a POST may go on after the end of the token. Default 300. */
  readonly streamGrace?: number
  /** PEM certificates that are trusted beside the system's, for identity provider and upstream. */
  readonly ca?: string
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in either case. Loopback hosts are always reached directly. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>>
  /** Receives what happens, with exact reasons, and neither tokens nor session ids. */
  readonly onEvent?: GatewayEventListener
  /** Receives a record of every decision, once its request has ended. What it throws is ignored. */
  readonly onAudit?: (record: AuditRecord) => void
  /** With the arguments of the tools that were called, as far as requests are read. Default false. */
  readonly auditArguments?: boolean
}

/**
 * Options of {@link createGateway}. What concerns tokens is as for the middleware.
 */
export interface GatewayOptions extends TokenOptions, ServerOptions, GatewayOwnOptions {}
