/**
 * An MCP server that is reached by HTTP.
 *
 * @module
 */
import type { Backend } from '../request/backend.js'
import { Exchange, type ExchangeContext } from './exchange.js'
import { createUpstream, type UpstreamOptions } from './upstream.js'

export function createHttpBackend(
  options: UpstreamOptions & Omit<ExchangeContext, 'upstream'>,
): Backend {
  const upstream = createUpstream(options)
  const context: ExchangeContext = { ...options, upstream }
  return {
    label: upstream.url.origin + upstream.url.pathname,
    warm: () => upstream.warm(),
    open: (admitted) => new Exchange(context, admitted),
    unreachable: () => upstream.unreachable(),
    close: () => upstream.close(),
  }
}
