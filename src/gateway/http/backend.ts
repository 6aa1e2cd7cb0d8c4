/**
 * An MCP server that is reached by HTTP.
 *
 * @module
 */
import type { Backend } from '../request/backend.js'
import { Forwarding, type ForwardingContext } from './forwarding.js'
import { Probe } from './probe.js'
import { UnexpectedAnswers } from './unexpected-answers.js'
import { createUpstream, type UpstreamOptions } from './upstream.js'

export function createHttpBackend(
  options: UpstreamOptions & Omit<ForwardingContext, 'upstream' | 'unexpected'>,
): Backend {
  const upstream = createUpstream(options)
  const context: ForwardingContext = {
    ...options,
    upstream,
    unexpected: new UnexpectedAnswers(options.clock),
  }
  const probe = new Probe(upstream, options.clock, options.credentials !== undefined)
  return {
    label: upstream.url.origin + upstream.url.pathname,
    readsMessages: false,
    headers: upstream.configured,
    warm: () => upstream.warm(),
    open: (admitted) => new Forwarding(context, admitted),
    probe: () => probe.ask(),
    close: () => upstream.close(),
  }
}
