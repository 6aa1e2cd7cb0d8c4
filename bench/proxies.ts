/** One proxy under load, in a process of its own: ours, or a peer as its documentation shows it. */
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { proxy } from 'hono/proxy'
import httpProxy from 'http-proxy-3'
import { createProxyServer } from 'httpxy'
import { createGateway } from 'mcp-gatehouse/gateway'
import { ISSUER, RESOURCE } from './tokens.js'

export type Proxy =
  'gateway' | 'gateway with policy' | 'http-proxy-3' | 'httpxy' | 'hono/proxy' | 'node:http'

interface Setup {
  readonly proxy: Proxy
  readonly upstream: string
  readonly jwks: { readonly keys: readonly object[] }
}

function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

/** A thousand rules: names and patterns by turns, and the one that decides. */
const RULES = [
  ...Array.from({ length: 999 }, (_, i) => ({
    tools: i % 2 === 0 ? `tool_${i}` : `*_${i}_*`,
    scopes: [`mcp:${i % 10}`],
  })),
  { tools: ['echo', 'shown_*'], scopes: [] },
]

async function start({ proxy: name, upstream, jwks }: Setup): Promise<number> {
  const target = new URL(upstream).origin
  switch (name) {
    case 'gateway':
    case 'gateway with policy': {
      const gateway = createGateway({
        port: 0,
        resource: RESOURCE,
        authorizationServers: { issuer: ISSUER, jwks },
        upstream,
        ...(name === 'gateway with policy' && {
          policy: { rules: RULES, unmatched: 'deny' as const },
        }),
        // As the command runs it: with a listener that counts.
        onEvent: () => undefined,
      })
      return (await gateway.listen()).port
    }
    case 'http-proxy-3': {
      const peer = httpProxy.createProxyServer({ target })
      return listen((request, response) => peer.web(request, response))
    }
    case 'httpxy': {
      const peer = createProxyServer({ target })
      return listen((request, response) => void peer.web(request, response))
    }
    case 'hono/proxy': {
      const app = new Hono()
      app.all('*', (c) => proxy(target + c.req.path, { ...c.req }))
      return new Promise((resolve) => {
        serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => resolve(port))
      })
    }
    case 'node:http':
      return listen((_request, response) => response.end('{}'))
  }
}

process.once('message', (setup: Setup) => {
  void start(setup).then((port) => process.send?.({ port, rss: process.memoryUsage().rss }))
})
/** Full collections; the small ones are as many as there is garbage. */
let collections = 0
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as { readonly detail?: { readonly kind?: number } }).detail ?? {}
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections++
  }
}).observe({ entryTypes: ['gc'] })

process.on('message', (message: unknown) => {
  if (message === 'rss') process.send?.({ rss: process.memoryUsage().rss })
  if (message === 'collections') process.send?.({ collections })
})
