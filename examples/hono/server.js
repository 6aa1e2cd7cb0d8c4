// An MCP server (SDK v2) on Hono that lets in callers with a token for it.
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { protectedResource } from 'mcp-gatehouse/hono'

const { ISSUER, PORT = '3000' } = process.env
if (ISSUER === undefined) throw new Error('set ISSUER to the issuer of your identity provider')
const { RESOURCE = `http://localhost:${PORT}/mcp` } = process.env

const guard = protectedResource({
  resource: RESOURCE, // what users type
  authorizationServers: ISSUER,
  scopes: ['mcp:tools'], // what every request needs
})

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'example-hono', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Says who is calling' }, ({ http }) => ({
    content: [{ type: 'text', text: String(http?.authInfo?.extra?.subject) }],
  }))
  return server
})

const app = new Hono()
app.use(guard) // metadata, preflight, and the token of every request
app.all('/mcp', guard, (c) => handler.fetch(c.req.raw, { authInfo: c.get('auth') }))

serve({ fetch: app.fetch, port: Number(PORT), hostname: 'localhost' }, () => {
  console.log(`${RESOURCE} trusts ${ISSUER}`)
})
