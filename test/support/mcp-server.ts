/** An MCP server, as little of it as the commands need that look at one. */
import type { RequestListener } from 'node:http'
import { bodyOf } from './gateway.js'

/** An MCP server of both eras, with a tool that must not be called. */
export function mcpServer(seen: string[] = []): RequestListener {
  return (request, response) => {
    void bodyOf(request).then((bytes) => {
      const { method: verb = '' } = request
      if (verb !== 'POST') return response.writeHead(verb === 'DELETE' ? 204 : 405).end()
      const { id, method } = JSON.parse(bytes.toString()) as { id?: number; method: string }
      seen.push(method)
      const result = {
        initialize: {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'demo' },
        },
        'tools/list': { tools: [{ name: 'delete_everything', inputSchema: {} }] },
        'server/discover': { supportedVersions: ['2026-07-28'] },
      }[method]
      if (id === undefined) return response.writeHead(202).end()
      response.writeHead(200, { 'content-type': 'application/json' })
      return response.end(JSON.stringify({ jsonrpc: '2.0', id, result: result ?? {} }))
    })
  }
}
