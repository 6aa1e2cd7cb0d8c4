/** A gateway between the demo's identity provider and a server: a URL, with a tap before it, or a command. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGateway, type GatewayEvent, type GatewayOptions } from 'mcp-gatehouse/gateway'
import { startIdp, type Idp } from '../../examples/demo/idp.js'
import { until } from '../gateway/stdio/support.js'
import type { PythonEnvironments } from './python.js'
import { startTap, type Head } from './tap.js'
import type { RunningUpstream, StdioCommand, Upstream } from './upstreams.js'

export const SCOPE = 'mcp:tools'

export interface Fixture {
  /** The only thing that a client is told. */
  readonly url: string
  readonly issuer: string
  /** The upstream's name, as its requests must have it. */
  readonly upstreamHost: string
  /** What the gateway told, and what an upstream got by HTTP, since the last time. */
  takeEvents(): GatewayEvent[]
  takeHeads(): Head[]
  /** Waits until no request is under way any more: a client that has closed leaves a stream for a moment. */
  settled(): Promise<void>
  stop(): Promise<void>
}

/** What stands behind the gateway. */
interface Behind {
  readonly options: Partial<GatewayOptions>
  readonly host: string
  take(): Head[]
  stop(): Promise<void>
}

async function tapped(upstream: RunningUpstream): Promise<Behind> {
  const tap = await startTap(upstream.url)
  return {
    options: { upstream: tap.url },
    host: tap.host,
    take: () => tap.take(),
    async stop() {
      await tap.stop()
      await upstream.stop()
    },
  }
}

function started(command: StdioCommand): Behind {
  const home = mkdtempSync(join(tmpdir(), 'gatehouse-child-'))
  const childEnvironment = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    FASTMCP_CHECK_FOR_UPDATES: 'off',
  }
  return {
    options: { command: command(home), childEnvironment },
    host: '',
    take: () => [],
    stop: () => Promise.resolve(rmSync(home, { recursive: true, force: true })),
  }
}

/** Stops the upstream as well, and the identity provider. */
export async function startFixture(
  upstream: RunningUpstream | StdioCommand,
  more: Partial<GatewayOptions> = {},
  knownIdp?: Idp,
): Promise<Fixture> {
  const idp = knownIdp ?? (await startIdp([SCOPE]))
  const behind = typeof upstream === 'function' ? started(upstream) : await tapped(upstream)
  const events: GatewayEvent[] = []
  const gateway = createGateway({
    port: 0,
    authorizationServers: idp.issuer,
    scopes: SCOPE,
    onEvent: (event) => events.push(event),
    ...behind.options,
    ...more,
  })
  const { resource } = await gateway.listen()
  idp.resources.set(resource, { scope: SCOPE })
  return {
    url: resource,
    issuer: idp.issuer,
    upstreamHost: behind.host,
    takeEvents: () => events.splice(0),
    takeHeads: () => behind.take(),
    settled: () => until(() => gateway.status().active === 0),
    async stop() {
      await gateway.close()
      await Promise.all([behind.stop(), idp.stop()])
    },
  }
}

/** Whichever kind it is. */
export async function startFixtureOf(
  upstream: Upstream,
  python: PythonEnvironments,
  more?: Partial<GatewayOptions>,
  knownIdp?: Idp,
): Promise<Fixture> {
  const behind = 'start' in upstream ? await upstream.start(python) : upstream.command(python)
  return startFixture(behind, more, knownIdp)
}
