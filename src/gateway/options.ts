/**
 * The options of a gateway.
 *
 * @module
 */
import type { Principal } from '../rs/principal.js'
import type { VerifiedAccessToken } from '../types.js'
import type { ProtectedResourceOptions } from '../web/options.js'
import type { AuditRecord } from './audit.js'
import type { GatewayEventListener } from './events.js'
import type { ForwardedClaim } from './forwarded-claims.js'
import type { ChildLimits } from './stdio/limits.js'

/** The caller of a request that was admitted. */
export interface UpstreamCaller {
  /** The verified facts of their access token. */
  readonly token: VerifiedAccessToken
  /**
   * The access token itself, for a token exchange (RFC 8693). Never log it, and never send it to
   * the upstream.
   */
  readonly bearer: string
  /** Their principal; its `key` is what a cache of credentials must use. */
  readonly principal: Principal
}

/**
 * Gives the headers of one request to an upstream, such as the caller's own token for it. They
 * replace headers with equal names: those of the client, and those of `upstreamHeaders`. The same
 * names and values are allowed as in `upstreamHeaders`. They are used for this request only.
 *
 * A request fails if the function throws, rejects, gives invalid headers, or takes longer than
 * `upstreamTimeout`: 503 with `Retry-After` for an `AuthorizationServerError`
 * (`ERR_UPSTREAM_CREDENTIALS_UNAVAILABLE`), else 502 (`ERR_UPSTREAM_CREDENTIALS`). The message of
 * the error reaches neither the client nor an event.
 *
 * @param caller the caller of the request
 * @param resource the identifier of the resource that was called
 * @param signal aborted when the time is over, and when the client leaves
 *
 * @example
 * ```ts
 * import { createGateway, type UpstreamCredentials } from 'mcp-gatehouse/gateway'
 *
 * const keys = new Map([['user-1', 'key of user 1']])
 *
 * const upstreamCredentials: UpstreamCredentials = ({ token }) => {
 *   const key = keys.get(token.subject ?? '')
 *   if (key === undefined) throw new Error('no key for this user')
 *   return { 'X-Api-Key': key }
 * }
 * createGateway({
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 *   resource: 'https://mcp.example.com/mcp',
 *   upstream: 'http://127.0.0.1:8000/mcp',
 *   upstreamCredentials,
 * })
 * ```
 */
export type UpstreamCredentials = (
  caller: UpstreamCaller,
  resource: string,
  signal: AbortSignal,
) => Readonly<Record<string, string>> | PromiseLike<Readonly<Record<string, string>>>

/** The MCP server behind a resource: reached by HTTP, or started as a command. */
export interface ServerOptions {
  /** Its endpoint, exactly: `http://127.0.0.1:8000/mcp`. */
  readonly upstream?: string
  /** The stdio command to start: a file and its arguments, without a shell. */
  readonly command?: readonly string[]
  /**
   * The whole environment of a command, besides the caller that it serves (`GATEHOUSE_*`). Default
   * empty.
   */
  readonly childEnvironment?: Readonly<Record<string, string>>
  /** Limits for commands. */
  readonly children?: Partial<ChildLimits>
  /**
   * Start the command once while the gateway starts, without a caller, and end it after its first
   * answer: what it does only the first time, such as a download, is over before a client waits for
   * it. Default false.
   */
  readonly childWarm?: boolean
  /** Headers for every request to the upstream, such as its API key. Never sent anywhere else. */
  readonly upstreamHeaders?: Readonly<Record<string, string>>
  /**
   * Gives the credentials of one caller for the upstream. Called for each request. Only with
   * `upstream` and with tokens. Default: none.
   */
  readonly upstreamCredentials?: UpstreamCredentials
  /**
   * The `Host` that the upstream gets, if it refuses its own: `localhost:8000`. It never changes the
   * address or the name in its certificate. Only with `upstream`. Default: that of `upstream`.
   */
  readonly upstreamHost?: string
  /** Seconds until the upstream's answer begins. Default 60. */
  readonly upstreamTimeout?: number
  /** Further request headers that reach the upstream. */
  readonly forwardHeaders?: readonly string[]
  /**
   * Claims of the token that reach the upstream as `X-Gatehouse-Claim-HEADER`: a text, a number, or
   * a list of these, each encoded like the other `X-Gatehouse-` headers, and lists separated by
   * blanks. Only with `upstream` and with tokens. Default: none.
   */
  readonly forwardClaims?: readonly ForwardedClaim[]
}

type TokenOptions = Partial<
  Omit<
    ProtectedResourceOptions,
    'rootMetadata' | 'onEvent' | 'sessionKeys' | 'streamGrace' | 'maxBody'
  >
>

/**
 * One of several resources behind one gateway. Its options replace those at the top, each as a
 * whole; missing ones are inherited.
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
   * The MCP endpoint as clients type it. No two may have the same host and path. Unless `audience`
   * says otherwise, it accepts only tokens for itself.
   */
  readonly resource: string
}

/** The options of the gateway itself. */
export interface GatewayOwnOptions {
  /** `none` checks no token and is for loopback addresses only. Default `oauth`: then an issuer is required. */
  readonly auth?: 'oauth' | 'none'
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string
  /** Default 8080; 0 picks a free one. */
  readonly port?: number
  /**
   * Several resources, each with its own server, instead of `resource` and the options of a single
   * one. The path of a request selects its resource; if several have that path, or `Host` belongs
   * to another one, the host selects it.
   */
  readonly resources?: readonly GatewayResource[]
  /**
   * Further accepted `Host` values; a port counts only when written. Default: on a loopback address
   * the hosts of the resources and loopback names, elsewhere any host.
   */
  readonly allowHosts?: readonly string[]
  /**
   * The size limit of a request body, in bytes. Default 4 MiB; 2 MiB for one that is read: with a
   * policy, and in protocol revision 2026-07-28.
   */
  readonly maxBody?: number
  /** Concurrent requests, including open streams; further ones are refused (429). Default 10000. */
  readonly maxRequests?: number
  /**
   * The same for one caller: a subject with all its clients; callers without a subject count as
   * one. Their buffered bodies take at most 16 times `maxBody`. Without tokens all requests belong
   * to one caller, who may use the whole limit. Default 1000.
   */
  readonly maxRequestsPerCaller?: number
  /**
   * Keys that bind the sessions of the server behind us to their user and this resource: at least
   * 32 characters each, the first signs, all verify. Replicas need the same ones. Default: a random
   * one, which ends with the process.
   */
  readonly sessionKeys?: readonly string[]
  /** Seconds that an answer to a POST may continue after the token ends. Default 300. */
  readonly streamGrace?: number
  /**
   * Seconds of silence on an event stream after which a comment is sent, so that no proxy closes
   * it. The stream of a GET begins with one if nothing else comes at once. Default 15; 0 sends none.
   */
  readonly sseKeepAlive?: number
  /**
   * A path that answers 200 as long as this process runs, to anybody, without a token and whatever
   * the `Host`: for load balancers that can reach no second port. It says nothing about the server
   * behind. Neither a resource nor below one. Default: none.
   */
  readonly healthPath?: string
  /** PEM certificates that are trusted besides the system's, for identity provider and upstream. */
  readonly ca?: string
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in either case. Loopback hosts are always reached directly. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>>
  /**
   * Receives every event, with exact reasons, without tokens and session ids. Default: a line on the
   * console for each code and issuer, at most one a minute (`logEvents`); `false`: nothing.
   */
  readonly onEvent?: GatewayEventListener | false
  /** Receives a record of every decision, once its request has ended. Exceptions are ignored. */
  readonly onAudit?: (record: AuditRecord) => void
  /** Include the arguments of called tools, if the request was read. Default false. */
  readonly auditArguments?: boolean
}

/**
 * Options of {@link createGateway}. The options about tokens are those of the middleware.
 */
export interface GatewayOptions extends TokenOptions, ServerOptions, GatewayOwnOptions {}
