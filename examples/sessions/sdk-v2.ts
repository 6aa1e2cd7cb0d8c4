/** A server with sessions: SDK v2 on Hono. */
import { serve } from '@hono/node-server'
import { McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { protectedResource } from 'mcp-gatehouse/hono'

const { OAUTH_ISSUER = '', SESSION_KEY = '', PORT = '3000' } = process.env

const guard = protectedResource({
  resource: `http://localhost:${PORT}/mcp`,
  authorizationServers: OAUTH_ISSUER,
  scopes: ['mcp:tools'],
  sessionKeys: [SESSION_KEY], // the same in every process
})
const app = new Hono()
app.use(guard)

function createServer(): McpServer {
  const server = new McpServer({ name: 'sessions-v2', version: '1.0.0' })
  server.registerTool('whoami', {}, ({ http, sessionId }) => ({
    content: [
      { type: 'text', text: `${String(http?.authInfo?.extra?.['subject'])} in ${sessionId}` },
    ],
  }))
  return server
}

/** By the server's own ids: only their owners' requests come this far. */
const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()

app.all('/mcp', guard, async (c) => {
  const id = c.req.header('mcp-session-id')
  const known = sessions.get(id ?? '')
  const authInfo = c.get('auth')
  if (known !== undefined) return known.handleRequest(c.req.raw, { authInfo })
  if (id !== undefined) return c.json({ error: 'session_not_found' }, 404)
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    onsessioninitialized: (created) => void sessions.set(created, transport),
    onsessionclosed: (closed) => void sessions.delete(closed),
  })
  await createServer().connect(transport)
  return transport.handleRequest(c.req.raw, { authInfo })
})

serve({ fetch: app.fetch, port: Number(PORT), hostname: 'localhost' })
