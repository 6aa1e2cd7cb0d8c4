/** The hosts that every case of a policy runs through, over real sockets. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { serve, type HttpBindings } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { onTestFinished } from 'vitest'
import type { GatewayEvent, GatewayOptions } from 'mcp-gatehouse/gateway'
import { protect } from 'mcp-gatehouse/fetch'
import * as honoEntry from 'mcp-gatehouse/hono'
import * as nodeEntry from 'mcp-gatehouse/node'
import { bodyOf, startGateway, startUpstream } from '../support/gateway.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { protectResource } from '../../examples/fastify/protected-resource.js'
import { fastifyApp, portOf } from './hosts.js'

export const POLICY_HOSTS = [
  'gateway',
  'hono',
  'hono after a reader',
  'fetch',
  'node:http',
  'express',
  'fastify',
] as const
export type PolicyHost = (typeof POLICY_HOSTS)[number]

export interface Served {
  readonly idp: FakeIdp
  readonly events: GatewayEvent[]
  /** Bodies that reached the server. */
  readonly arrived: string[]
  readonly port: number
  /** `fetch` of the endpoint, without a token. */
  call(init: RequestInit): Promise<Response>
}

/** What the server behind it says to everything. */
export interface Answer {
  readonly body: string
  readonly type: string
  /** Its `Mcp-Session-Id`. */
  readonly session?: string
}

export type Options = Pick<
  GatewayOptions,
  | 'policy'
  | 'scopes'
  | 'apiKeys'
  | 'sessionKeys'
  | 'trustedProxies'
  | 'allowOrigins'
  | 'refusalForm'
>

async function startMiddleware(
  host: Exclude<PolicyHost, 'gateway'>,
  options: Options,
  answer: Answer,
): Promise<Served> {
  const idp = await FakeIdp.start()
  const events: GatewayEvent[] = []
  const arrived: string[] = []
  const shared = {
    resource: RESOURCE,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
    onEvent: (event: GatewayEvent) => void events.push(event),
    ...options,
  }

  /** In pieces, which some handlers write. */
  function writeAnswer(response: ServerResponse): void {
    response.setHeader('Content-Type', answer.type)
    if (answer.session !== undefined) response.setHeader('Mcp-Session-Id', answer.session)
    const half = Math.floor(answer.body.length / 2)
    response.write(answer.body.slice(0, half))
    response.end(answer.body.slice(half))
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    arrived.push((await bodyOf(request)).toString())
    writeAnswer(response)
  }

  const headersOf = () => ({
    'content-type': answer.type,
    'content-length': String(Buffer.byteLength(answer.body)),
    ...(answer.session !== undefined && { 'mcp-session-id': answer.session }),
  })

  function startServer() {
    if (host === 'fetch') {
      const guard = protect(shared)
      return serve({
        port: 0,
        hostname: '127.0.0.1',
        fetch: (incoming, env) =>
          guard(
            incoming,
            async (request) => {
              arrived.push(await request.text())
              return new Response(answer.body, { headers: headersOf() })
            },
            { peerAddress: (env as HttpBindings).incoming.socket.remoteAddress },
          ),
      })
    }
    if (host === 'hono' || host === 'hono after a reader') {
      const app = new Hono<honoEntry.ProtectedResourceEnv>()
      if (host === 'hono after a reader') {
        app.use(async (c, next) => {
          await c.req.text()
          await next()
        })
      }
      app.use(honoEntry.protectedResource(shared))
      app.all('/mcp', async (c) => {
        arrived.push(host === 'hono' ? await c.req.raw.text() : await c.req.text())
        return c.body(answer.body, 200, headersOf())
      })
      return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    }
    if (host === 'fastify') {
      const app = fastifyApp()
      protectResource(app, shared)
      app.all('/mcp', (request, reply) => {
        arrived.push(typeof request.body === 'string' ? request.body : '')
        if (answer.session !== undefined) reply.header('mcp-session-id', answer.session)
        if (answer.type !== 'text/event-stream') return reply.type(answer.type).send(answer.body)
        // As transports do that know node:http only.
        reply.hijack()
        writeAnswer(reply.raw)
        return reply
      })
      void app.listen({ port: 0, host: '127.0.0.1' })
      return app.server
    }
    const guard = nodeEntry.protectedResource(shared)
    if (host === 'express') {
      const app = express()
      app.use(guard)
      app.use(express.text({ type: () => true, limit: '50mb' }))
      app.all('/mcp', (request, response) => {
        arrived.push(typeof request.body === 'string' ? request.body : '')
        if (answer.session !== undefined) response.setHeader('Mcp-Session-Id', answer.session)
        response.type(answer.type).send(answer.body)
      })
      return app.listen(0, '127.0.0.1')
    }
    return createServer((request, response) => {
      guard(request, response, () => void handle(request, response))
    }).listen(0, '127.0.0.1')
  }

  const server = startServer()
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  })
  const port = portOf(server as never)
  const url = `http://127.0.0.1:${port}/mcp`
  return { idp, events, arrived, port, call: (init) => fetch(url, init) }
}

async function startBehindGateway(options: Options, answer: Answer): Promise<Served> {
  const arrived: string[] = []
  const upstream = await startUpstream((request, response) => {
    void bodyOf(request).then((body) => {
      arrived.push(body.toString())
      response.setHeader('Content-Type', answer.type)
      if (answer.session !== undefined) response.setHeader('Mcp-Session-Id', answer.session)
      response.end(answer.body)
    })
  })
  const { idp, events, url, port } = await startGateway(upstream, options)
  return { idp, events, arrived, port, call: (init) => fetch(`${url}/mcp`, init) }
}

export function startPolicyHost(
  host: PolicyHost,
  options: Options,
  answer: Answer,
): Promise<Served> {
  return host === 'gateway'
    ? startBehindGateway(options, answer)
    : startMiddleware(host, options, answer)
}
