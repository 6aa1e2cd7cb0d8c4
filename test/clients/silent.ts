/** An MCP server of the older kind, with a GET stream that says nothing. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { listen } from '../interop/support.js'
import type { RunningUpstream } from './upstreams.js'

interface Message {
  readonly id?: number | string
  readonly method: string
}

const RESULTS: Readonly<Record<string, object>> = {
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'silent', version: '1.0.0' },
  },
  'tools/list': { tools: [{ name: 'nothing', inputSchema: { type: 'object' } }] },
}

async function answerPost(request: IncomingMessage, response: ServerResponse): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  const { id, method } = JSON.parse(text) as Message
  if (id === undefined) response.writeHead(202).end()
  else {
    response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'silent-1' })
    const result = RESULTS[method]
    const error = { code: -32_601, message: 'Method not found' }
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error }) }))
  }
  return method
}

export interface SilentUpstream extends RunningUpstream {
  /** `GET`, and the methods of messages, as they came. */
  readonly asked: readonly string[]
}

/**
 * @param holdHeaders milliseconds until the stream's headers leave, with a first comment: what becomes of it
 * behind a proxy that waits for a byte. Otherwise they leave at once, and nothing follows.
 */
export async function startSilent(holdHeaders?: number): Promise<SilentUpstream> {
  const asked: string[] = []
  const serve: RequestListener = (request, response) => {
    if (request.method === 'POST') {
      void answerPost(request, response).then((method) => asked.push(method))
      return
    }
    asked.push(request.method ?? '')
    if (request.method !== 'GET') {
      response.writeHead(200).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    if (holdHeaders === undefined) response.flushHeaders()
    else setTimeout(() => response.write(': at last\n\n'), holdHeaders)
  }
  return { ...(await listen(() => serve)), asked }
}
