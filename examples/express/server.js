// An MCP server (SDK v1) on Express that lets in callers with a token for it.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { protectedResource } from 'mcp-gatehouse/node'

const { ISSUER, PORT = '3000' } = process.env
if (ISSUER === undefined) throw new Error('set ISSUER to the issuer of your identity provider')
const { RESOURCE = `http://localhost:${PORT}/mcp` } = process.env

function createServer() {
  const server = new McpServer({ name: 'example-express', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Says who is calling' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: String(authInfo?.extra?.subject) }],
  }))
  return server
}

const app = express()
const guard = protectedResource({
  resource: RESOURCE, // what users type
  authorizationServers: ISSUER,
  scopes: ['mcp:tools'], // what every request needs
})
app.use(guard) // publishes the metadata
app.use(express.json()) // after the guard: no body of a stranger is read
// On the route, too: it stays closed even if its path and that of RESOURCE differ.
app.post('/mcp', guard, async (req, res) => {
  const transport = new StreamableHTTPServerTransport()
  await createServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
})
app.all('/mcp', (_req, res) => void res.set('Allow', 'POST').status(405).end())

app.listen(Number(PORT), 'localhost', () => console.log(`${RESOURCE} trusts ${ISSUER}`))
