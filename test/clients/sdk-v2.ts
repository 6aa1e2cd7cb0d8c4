/** A server of the SDK's second generation, which speaks the stateless revision and older ones. */
import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

export function createSdkV2(): McpServer {
  const server = new McpServer({ name: 'upstream', version: '1.0.0' })
  server.registerTool(
    'echo',
    { description: 'Says it again', inputSchema: z.object({ message: z.string() }) },
    ({ message }) => ({ content: [{ type: 'text', text: `Echo: ${message}` }] }),
  )
  return server
}
