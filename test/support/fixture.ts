/** A gateway that trusts an identity provider that really runs, in front of a small MCP server that tells who is calling. */
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import {
  createGateway,
  type Gateway,
  type GatewayEvent,
  type GatewayOptions,
} from 'mcp-gatehouse/gateway'
import { listen } from '../interop/support.js'

export const SCOPE = 'mcp:tools'

/** What the tool `whoami` tells: the header fields by which the gateway says who is calling. */
export interface Caller {
  readonly issuer?: string
  readonly subject?: string
  readonly clientId?: string
  readonly scope?: string
}

function createUpstream(): McpServer {
  const server = new McpServer({ name: 'upstream', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Says who is calling' }, ({ requestInfo }) => {
    const field = (name: string) => requestInfo?.headers[`x-gatehouse-${name}`]
    const caller = {
      issuer: field('issuer'),
      subject: field('subject'),
      clientId: field('client-id'),
      scope: field('scope'),
    }
    return { content: [{ type: 'text', text: JSON.stringify(caller) }] }
  })
  return server
}

/** How one request with a token ended. */
export interface Verdict {
  readonly status: number
  /** Of the event, where it was refused or could not be judged. */
  readonly code?: string
  readonly reason?: string
  readonly hint?: string
}

/** Whom the gateway trusts, and as what it is known there. */
interface Setting {
  readonly issuer: string
  readonly resource: string
}

export interface Fixture {
  /** The only thing that a client is told. */
  readonly url: string
  readonly gateway: Gateway
  /** The server behind it. */
  readonly upstream: string
  readonly events: GatewayEvent[]
  /** One call of `whoami` with this token. */
  post(token: string): Promise<Response>
  /** The same, and what the gateway told about it. */
  send(token: string): Promise<Verdict>
  /** What the upstream heard about the caller. */
  call(token: string): Promise<Caller>
  stop(): Promise<void>
}

const CALL = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'whoami' },
})

/** Listens where the resource identifier says. */
export async function startFixture(
  { issuer, resource }: Setting,
  options: Partial<GatewayOptions> = {},
): Promise<Fixture> {
  const upstream = await listen(() =>
    getRequestListener(async (request) => {
      const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
      await createUpstream().connect(transport)
      return transport.handleRequest(request)
    }),
  )
  const events: GatewayEvent[] = []
  const gateway = createGateway({
    port: Number(new URL(resource).port),
    resource,
    authorizationServers: issuer,
    scopes: SCOPE,
    upstream: upstream.url,
    onEvent: (event) => events.push(event),
    ...options,
  })
  await gateway.listen()

  function post(token: string): Promise<Response> {
    return fetch(resource, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: CALL,
    })
  }

  return {
    url: resource,
    gateway,
    upstream: upstream.url,
    events,
    post,
    async send(token) {
      const answer = await post(token)
      await answer.arrayBuffer()
      if (answer.status === 200) return { status: 200 }
      const requestId = answer.headers.get('x-request-id')
      const reported = events.find(
        (event) =>
          (event.type === 'request.denied' || event.type === 'request.unavailable') &&
          event.requestId === requestId,
      )
      const { code, reason, hint } = (reported ?? {}) as Partial<Verdict>
      return {
        status: answer.status,
        ...(code !== undefined && { code }),
        ...(reason !== undefined && { reason }),
        ...(hint !== undefined && { hint }),
      }
    },
    async call(token) {
      const answer = await post(token)
      const { result } = (await answer.json()) as {
        readonly result: { readonly content: readonly { readonly text: string }[] }
      }
      return JSON.parse(result.content[0]?.text ?? '') as Caller
    },
    async stop() {
      await gateway.close()
      await upstream.stop()
      // The next one listens on the same port: let clients see that their idle connections are gone.
      await sleep(50)
    },
  }
}
