/**
 * An MCP server that knows nothing of OAuth: it is started as a command, and speaks on stdin and stdout. The gateway
 * tells it by environment variables whose process it is.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { z } from 'zod'

const notes = ['Buy milk']
const owner = process.env['GATEHOUSE_SUBJECT'] ?? 'nobody'
const text = (value) => ({ content: [{ type: 'text', text: value }] })

const server = new McpServer({ name: 'notes', version: '1.0.0' })
server.registerTool('read_notes', { description: 'Reads all notes' }, () =>
  text(`${owner}: ${notes.join(', ')}`),
)
server.registerTool(
  'add_note',
  { description: 'Adds a note', inputSchema: { note: z.string() } },
  ({ note }) => text(`${owner} has ${notes.push(note)} notes`),
)
server.registerTool('delete_notes', { description: 'Deletes all notes' }, () => {
  notes.length = 0
  return text(`${owner} has no notes`)
})
await server.connect(new StdioServerTransport())
