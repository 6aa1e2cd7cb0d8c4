/** A server with sessions: SDK v1 on Express. */
import { randomUUID } from 'node:crypto'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { protectedResource } from 'mcp-gatehouse/node'

const { OAUTH_ISSUER = '', SESSION_KEY = '', PORT = '3000' } = process.env

const guard = protectedResource({
  resource: `http://localhost:${PORT}/mcp`,
  authorizationServers: OAUTH_ISSUER,
  scopes: ['mcp:tools'],
  sessionKeys: [SESSION_KEY], // the same in every process
})
const app = express()
app.use(guard)

function createServer(): McpServer {
  const server = new McpServer({ name: 'sessions-v1', version: '1.0.0' })
  server.registerTool('whoami', {}, ({ authInfo, sessionId }) => ({
    content: [{ type: 'text', text: `${String(authInfo?.extra?.['subject'])} in ${sessionId}` }],
  }))
  return server
}

/** By the server's own ids: only their owners' requests come this far. */
const sessions = new Map<string, StreamableHTTPServerTransport>()

app.all('/mcp', guard, express.json(), async (req, res) => {
  const id = req.headers['mcp-session-id']?.toString()
  const known = sessions.get(id ?? '')
  if (known !== undefined) return known.handleRequest(req, res, req.body)
  if (id !== undefined) return void res.status(404).json({ error: 'session_not_found' })
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (created) => void sessions.set(created, transport),
    onsessionclosed: (closed) => void sessions.delete(closed),
  })
  // Its types are of a compiler without exactOptionalPropertyTypes.
  await createServer().connect(transport as Parameters<McpServer['connect']>[0])
  await transport.handleRequest(req, res, req.body)
})

app.listen(Number(PORT), 'localhost')
