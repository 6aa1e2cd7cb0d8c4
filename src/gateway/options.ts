/**
 * What can be configured about a gateway.
 *
 * @module
 */
import type { ProtectedResourceOptions } from '../rs/gate.js'
import type { GatewayEventListener } from './events.js'
import type { ChildLimits } from './stdio/limits.js'

/**
 * Options of {@link createGateway}. What concerns tokens is as for the middleware.
 */
export interface GatewayOptions extends Partial<
  Omit<ProtectedResourceOptions, 'path' | 'rootMetadata' | 'onEvent'>
> {
  /** `none` checks no token and is for loopback addresses only. Default `oauth`: then an issuer is required. */
  readonly auth?: 'oauth' | 'none'
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string
  /** Default 8080; 0 picks a free one. */
  readonly port?: number
  /** The MCP endpoint behind us, exactly: `http://127.0.0.1:8000/mcp`. Either this or `command`. */
  readonly upstream?: string
  /** The MCP server behind us as a command that speaks stdio: a file and its arguments, started without a shell. */
  readonly command?: readonly string[]
  /** All that such a command finds in its environment, beside who it serves (`GATEHOUSE_*`). Default nothing. */
  readonly childEnvironment?: Readonly<Record<string, string>>
  /** How much commands may take. */
  readonly children?: Partial<ChildLimits>
  /** Headers for every request to the upstream, such as an API key of its own. Never sent anywhere else. */
  readonly upstreamHeaders?: Readonly<Record<string, string>>
  /** Further request headers that reach the upstream. */
  readonly forwardHeaders?: readonly string[]
  /**
   * Further accepted `Host` values; a port counts only when written. On a loopback address the resource's
   * host and loopback names are accepted, elsewhere any host as long as this is not given.
   */
  readonly allowHosts?: readonly string[]
  /** Bytes of a request body. Default 4 MiB. */
  readonly maxBody?: number
  /** Seconds until the upstream's answer begins. Default 60. */
  readonly upstreamTimeout?: number
  /** PEM certificates that are trusted beside the system's, for identity provider and upstream. */
  readonly ca?: string
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in either case. Loopback hosts are always reached directly. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>>
  /** Receives what happens, with exact reasons, and neither tokens nor session ids. */
  readonly onEvent?: GatewayEventListener
}
