/**
 * The MCP server that is protected: two tools, the SDK, Hono, and one `app.use`.
 */
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono } from 'hono'
import type { EventListener } from 'mcp-gatehouse'
import { protectedResource } from 'mcp-gatehouse/hono'
import { z } from 'zod'
import { listenOn, PORTS } from './ports.js'

/** The scope that every request needs. */
export const SCOPE = 'mcp:tools'

export function createMcpServer(): McpServer {
  const server = new McpServer({ name: 'demo', version: '1.0.0' })
  server.registerTool(
    'whoami',
    { description: 'Says who is calling, as the access token has it' },
    ({ authInfo }) => {
      const { clientId, scopes, extra } = authInfo ?? {}
      const who = { subject: extra?.['subject'], clientId, scopes, issuer: extra?.['issuer'] }
      return { content: [{ type: 'text', text: JSON.stringify(who) }] }
    },
  )
  server.registerTool(
    'add',
    { description: 'Adds two numbers', inputSchema: { a: z.number(), b: z.number() } },
    ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }] }),
  )
  return server
}

interface AppOptions {
  readonly resource: string
  readonly issuer: string
  readonly onEvent?: EventListener
}

function createApp({ resource, issuer, onEvent }: AppOptions): Hono {
  // The whole protection: metadata, challenges, and every check of the token.
  const guard = protectedResource({
    resource,
    authorizationServers: issuer,
    scopes: SCOPE,
    resourceName: 'mcp-gatehouse demo',
    ...(onEvent !== undefined && { onEvent }),
  })
  const app = new Hono()
  app.use(guard)

  // One server and transport a request: stateless, so there are no sessions to clean up.
  app.post('/mcp', guard, async (c) => {
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
    await createMcpServer().connect(transport)
    return transport.handleRequest(c.req.raw, { authInfo: c.get('auth') })
  })
  app.all('/mcp', (c) => c.text('Method Not Allowed', 405, { Allow: 'POST' }))
  return app
}

export interface RunningServer {
  /** The MCP endpoint, which is the resource identifier too. */
  readonly url: string
  stop(): Promise<void>
}

/** Starts it on the loopback interface. */
export async function startServer(issuer: string, onEvent: EventListener): Promise<RunningServer> {
  const server = createServer()
  const url = `http://127.0.0.1:${await listenOn(server, PORTS.server)}/mcp`
  const app = createApp({ resource: url, issuer, onEvent })
  server.on('request', getRequestListener(app.fetch))
  return {
    url,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
