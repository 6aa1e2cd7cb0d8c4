/** A gateway between the demo's identity provider and an upstream, with a tap before the latter. */
import { createGateway, type GatewayEvent } from 'mcp-gatehouse/gateway'
import { startIdp } from '../../examples/demo/idp.js'
import { startTap, type Head } from './tap.js'
import type { RunningUpstream } from './upstreams.js'

export const SCOPE = 'mcp:tools'

export interface Stage {
  /** The only thing that a client is told. */
  readonly url: string
  readonly issuer: string
  /** The upstream's name, as its requests must have it. */
  readonly upstreamHost: string
  /** What the gateway told, and what the upstream got, since the last time. */
  takeEvents(): GatewayEvent[]
  takeHeads(): Head[]
  stop(): Promise<void>
}

/** Stops the upstream as well. */
export async function startStage(upstream: RunningUpstream): Promise<Stage> {
  const idp = await startIdp([SCOPE])
  const tap = await startTap(upstream.url)
  const events: GatewayEvent[] = []
  const gateway = createGateway({
    port: 0,
    authorizationServers: idp.issuer,
    scopes: SCOPE,
    upstream: tap.url,
    onEvent: (event) => events.push(event),
  })
  const { resource } = await gateway.listen()
  idp.resources.set(resource, { scope: SCOPE })
  return {
    url: resource,
    issuer: idp.issuer,
    upstreamHost: tap.host,
    takeEvents: () => events.splice(0),
    takeHeads: () => tap.take(),
    async stop() {
      await gateway.close()
      await tap.stop()
      await Promise.all([upstream.stop(), idp.stop()])
    },
  }
}
