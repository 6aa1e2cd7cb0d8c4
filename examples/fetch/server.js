// An MCP server (SDK v2) that speaks Request and Response, and lets in callers with a token for it.
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { protect } from 'mcp-gatehouse/fetch'

const { ISSUER, PORT = '3000' } = process.env
if (ISSUER === undefined) throw new Error('set ISSUER to the issuer of your identity provider')
const { RESOURCE = `http://localhost:${PORT}/mcp` } = process.env

const guard = protect({
  resource: RESOURCE, // what users type
  authorizationServers: ISSUER,
  scopes: ['mcp:tools'], // what every request needs
})

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'example-fetch', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Says who is calling' }, ({ http }) => ({
    content: [{ type: 'text', text: String(http?.authInfo?.extra?.subject) }],
  }))
  return server
})

/** Workers, Deno and Bun take the same function. */
function handle(request) {
  return guard(request, (guarded, { auth }) =>
    // Without `auth` the request is for another path than that of the resource.
    auth === undefined
      ? new Response('not found', { status: 404 })
      : handler.fetch(guarded, { authInfo: auth }),
  )
}

serve({ fetch: handle, port: Number(PORT), hostname: 'localhost' }, () => {
  console.log(`${RESOURCE} trusts ${ISSUER}`)
})
