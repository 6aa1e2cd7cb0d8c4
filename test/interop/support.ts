/**
 * MCP servers of both generations of the SDK behind our entries, on real sockets; and what tests ask of
 * them. The identity provider and the browser are those of the demo.
 */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler, McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import express from 'express'
import { Hono } from 'hono'
import * as hono from 'mcp-gatehouse/hono'
import * as node from 'mcp-gatehouse/node'
import { createMcpServer, SCOPE } from '../../examples/demo/server.js'

export { SCOPE }

export type GuardOptions = Omit<hono.ProtectedResourceOptions, 'resource'>

export interface Running {
  /** The MCP endpoint and the resource identifier. */
  readonly url: string
  stop(): Promise<void>
}

/** Listens on a free port, then makes the listener: it needs to know its own URL. */
export async function listen(create: (url: string) => RequestListener): Promise<Running> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
  server.on('request', create(url))
  return {
    url,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A server of the SDK's first generation behind the Hono entry. */
export function startHono(options: GuardOptions): Promise<Running> {
  return listen((resource) => {
    const app = new Hono()
    const guard = hono.protectedResource({ ...options, resource })
    app.use(guard)
    app.post('/mcp', guard, async (c) => {
      const transport = new WebStandardStreamableHTTPServerTransport()
      await createMcpServer().connect(transport)
      return transport.handleRequest(c.req.raw, { authInfo: c.get('auth') })
    })
    app.all('/mcp', (c) => c.body(null, 405))
    return getRequestListener(app.fetch)
  })
}

/** The same with Express behind the Node entry: `req.auth` is all that the transport needs. */
export function startExpress(options: GuardOptions): Promise<Running> {
  return listen((resource) => {
    const app = express()
    app.use(node.protectedResource({ ...options, resource }))
    app.use(express.json())
    app.post('/mcp', async (req, res) => {
      const transport = new StreamableHTTPServerTransport()
      await createMcpServer().connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.all('/mcp', (_req, res) => void res.status(405).end())
    return app
  })
}

/** Bare `node:http`, with sessions: GET streams and DELETE pass the guard too. */
export function startNode(options: GuardOptions): Promise<Running> {
  return listen((resource) => {
    const guard = node.protectedResource({ ...options, resource })
    const sessions = new Map<string, StreamableHTTPServerTransport>()
    async function serve(
      request: node.AuthenticatedRequest,
      response: Parameters<RequestListener>[1],
    ): Promise<void> {
      const known = sessions.get(String(request.headers['mcp-session-id']))
      if (known !== undefined) return known.handleRequest(request, response)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => void sessions.set(id, transport),
      })
      await createMcpServer().connect(transport)
      await transport.handleRequest(request, response)
    }
    return (request, response) => guard(request, response, () => void serve(request, response))
  })
}

/** A server of the second generation, which speaks the stateless revision and older ones, behind the Hono entry. */
export function startHonoV2(options: GuardOptions): Promise<Running> {
  return listen((resource) => {
    const handler = createMcpHandler(() => {
      const server = new McpServerV2({ name: 'interop', version: '1.0.0' })
      server.registerTool('whoami', { description: 'Says who is calling' }, (ctx) => {
        const { clientId, scopes, extra } = ctx.http?.authInfo ?? {}
        const who = { subject: extra?.['subject'], clientId, scopes, issuer: extra?.['issuer'] }
        return { content: [{ type: 'text', text: JSON.stringify(who) }] }
      })
      return server
    })
    const app = new Hono()
    const guard = hono.protectedResource({ ...options, resource })
    app.use(guard)
    app.all('/mcp', guard, (c) => handler.fetch(c.req.raw, { authInfo: c.get('auth') }))
    return getRequestListener(app.fetch)
  })
}

/** What the tool `whoami` of all these servers tells. */
export interface Who {
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly issuer: string
}

/** Structural, because the two generations share no types. */
interface ToolCaller {
  callTool(params: { name: string }): Promise<object>
}

export async function whoami(client: ToolCaller): Promise<Who> {
  const result = await client.callTool({ name: 'whoami' })
  const [first] = (result as { readonly content: readonly { readonly text: string }[] }).content
  return JSON.parse(first?.text ?? '') as Who
}
