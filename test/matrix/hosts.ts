/** The hosts that every case runs through, and what they answered. */
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import { fastify, type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import { createResourceServer, toAuthInfo, type AuthInfo } from 'mcp-gatehouse'
import { createGateway, type GatewayOptions } from 'mcp-gatehouse/gateway'
import { protect } from 'mcp-gatehouse/fetch'
import * as honoEntry from 'mcp-gatehouse/hono'
import * as nodeEntry from 'mcp-gatehouse/node'
import * as fastifyEntry from '../../examples/fastify/protected-resource.js'

export interface TestRequest {
  readonly method: string
  readonly path: string
  /** Name and value; a name may come twice. */
  readonly headers: readonly (readonly [string, string])[]
}

export interface TestAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  /** What the handler behind the gate saw of the caller; `undefined` when it was not reached, or saw nobody. */
  readonly caller: Caller | undefined
}

interface Caller {
  readonly subject: unknown
  /** Middleware hands the token on to the handler; the gateway hands it to nobody. */
  readonly token: string | undefined
  /** Everything else that it saw, as one text. */
  readonly rest: string
}

/** A kernel has no paths, methods and origins; middleware passes on what is not its own, a gateway does not. */
type HostLayer = 'kernel' | 'middleware' | 'gateway'

export interface Host {
  readonly name: string
  readonly layer: HostLayer
  send(request: TestRequest): Promise<TestAnswer>
  close(): Promise<void>
}

/** A listener for the gateway's events takes the kernel's too. */
export type HostOptions = Omit<nodeEntry.ProtectedResourceOptions, 'onEvent'> &
  Pick<GatewayOptions, 'onEvent'>

const HANDLER_BODY = 'the protected thing'
/** Behind the gate but outside of the resource's path. */
export const PUBLIC_BODY = 'a public page'

function kernelHost(options: HostOptions): Host {
  const { allowOrigins: _o, path: _p, rootMetadata: _r, ...rest } = options
  const resourceServer = createResourceServer(rest)
  return {
    name: 'kernel',
    layer: 'kernel',
    async send({ headers }) {
      const fields = headers
        .filter(([name]) => name.toLowerCase() === 'authorization')
        .map(([, value]) => value)
      const decision = await resourceServer.authenticate({ authorization: fields })
      if (decision.outcome !== 'authenticated') {
        return { ...decision, headers: new Headers(decision.headers), caller: undefined }
      }
      const caller = callerOf(toAuthInfo(decision.token, decision.bearer))
      return { status: 200, headers: new Headers(), body: HANDLER_BODY, caller }
    },
    close: () => Promise.resolve(),
  }
}

/** The last caller that a handler saw. */
interface Seen {
  caller: Caller | undefined
}

function callerOf(auth: AuthInfo | undefined): Caller | undefined {
  if (auth === undefined) return undefined
  return { subject: auth.extra?.['subject'], token: auth.token, rest: '' }
}

function honoApp(options: HostOptions, seen: Seen): Hono<honoEntry.ProtectedResourceEnv> {
  const app = new Hono<honoEntry.ProtectedResourceEnv>()
  app.use(honoEntry.protectedResource(options))
  app.get('/health', (c) => c.text(PUBLIC_BODY))
  app.all('/mcp/admin', honoEntry.requireScopes('mcp:admin', 'mcp:audit'), (c) => {
    seen.caller = callerOf(c.get('auth'))
    return c.text(HANDLER_BODY)
  })
  app.all('*', (c) => {
    seen.caller = callerOf(c.get('auth'))
    return c.text(HANDLER_BODY)
  })
  return app
}

function honoHost(options: HostOptions): Host {
  const seen: Seen = { caller: undefined }
  const app = honoApp(options, seen)
  return {
    name: 'hono',
    layer: 'middleware',
    async send({ method, path, headers }) {
      seen.caller = undefined
      const fields = new Headers()
      for (const [name, value] of headers) fields.append(name, value)
      const response = await app.request(path, { method, headers: fields })
      return {
        status: response.status,
        headers: response.headers,
        body: await response.text(),
        caller: seen.caller,
      }
    },
    close: () => Promise.resolve(),
  }
}

type FetchHandler = (request: Request) => Promise<Response>

function fetchHandler(options: HostOptions, seen: Seen): FetchHandler {
  const guard = protect(options)
  return (request) =>
    guard(request, ({ url }, { auth, requireScopes }) => {
      const { pathname } = new URL(url)
      const isAdmin = pathname.startsWith('/mcp/admin')
      const refusal = isAdmin ? requireScopes('mcp:admin', 'mcp:audit') : undefined
      if (refusal !== undefined) return refusal
      seen.caller = callerOf(auth)
      return new Response(pathname === '/health' ? PUBLIC_BODY : HANDLER_BODY)
    })
}

function fetchHost(options: HostOptions): Host {
  const seen: Seen = { caller: undefined }
  const handle = fetchHandler(options, seen)
  return {
    name: 'fetch',
    layer: 'middleware',
    async send({ method, path, headers }) {
      seen.caller = undefined
      const fields = new Headers()
      for (const [name, value] of headers) fields.append(name, value)
      const response = await handle(
        new Request(`http://localhost${path}`, { method, headers: fields }),
      )
      const body = await response.text()
      return { status: response.status, headers: response.headers, body, caller: seen.caller }
    },
    close: () => Promise.resolve(),
  }
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** Sends over a real socket, with every header field as given. */
export function sendTo(
  port: number,
  { method, path, headers }: TestRequest,
): Promise<Omit<TestAnswer, 'caller'>> {
  return new Promise((resolve, reject) => {
    const raw = [['Host', `127.0.0.1:${port}`], ...headers].flat() as string[]
    const outgoing = httpRequest(
      { host: '127.0.0.1', port, method, path, headers: raw as never },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('end', () => {
          const fields = new Headers()
          for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
            fields.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '')
          }
          const body = Buffer.concat(chunks).toString()
          resolve({ status: incoming.statusCode ?? 0, headers: fields, body })
        })
      },
    )
    outgoing.on('error', reject)
    // A gateway forwards no POST without a message.
    outgoing.end(method === 'POST' ? '{}' : undefined)
  })
}

async function socketHost(name: string, server: Server, seen: Seen): Promise<Host> {
  if (!server.listening) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  }
  return {
    name,
    layer: 'middleware',
    async send(request) {
      seen.caller = undefined
      return { ...(await sendTo(portOf(server), request)), caller: seen.caller }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function onNodeHost(name: string, handle: FetchHandler, seen: Seen): Promise<Host> {
  return new Promise((resolve) => {
    const server = serve({ fetch: handle, port: 0, hostname: '127.0.0.1' }, () =>
      resolve(socketHost(name, server, seen)),
    ) as Server
  })
}

function honoOnNodeHost(options: HostOptions): Promise<Host> {
  const seen: Seen = { caller: undefined }
  return onNodeHost('hono on node', honoApp(options, seen).fetch as FetchHandler, seen)
}

function fetchOnNodeHost(options: HostOptions): Promise<Host> {
  const seen: Seen = { caller: undefined }
  return onNodeHost('fetch on node', fetchHandler(options, seen), seen)
}

function nodeHost(options: HostOptions): Promise<Host> {
  const seen: Seen = { caller: undefined }
  const guard = nodeEntry.protectedResource(options)
  const adminOnly = nodeEntry.requireScopes('mcp:admin', 'mcp:audit')
  const listener: RequestListener = (request: nodeEntry.AuthenticatedRequest, response) => {
    guard(request, response, () => {
      const handle = () => {
        seen.caller = callerOf(request.auth)
        response.end(request.url === '/health' ? PUBLIC_BODY : HANDLER_BODY)
      }
      if (request.url?.startsWith('/mcp/admin')) adminOnly(request, response, handle)
      else handle()
    })
  }
  return socketHost('node:http', createServer(listener), seen)
}

function expressHost(options: HostOptions): Promise<Host> {
  const seen: Seen = { caller: undefined }
  const app = express()
  app.use(nodeEntry.protectedResource(options))
  app.get('/health', (_request, response) => {
    response.send(PUBLIC_BODY)
  })
  app.all('/mcp/admin', nodeEntry.requireScopes('mcp:admin', 'mcp:audit'))
  app.use((request: nodeEntry.AuthenticatedRequest, response: express.Response) => {
    seen.caller = callerOf(request.auth)
    response.send(HANDLER_BODY)
  })
  return socketHost('express', createServer(app), seen)
}

/** Bodies are the handlers' own affair. */
export function fastifyApp(): FastifyInstance {
  const app = fastify({ forceCloseConnections: true, bodyLimit: 2 ** 26 })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  return app
}

async function fastifyHost(options: HostOptions): Promise<Host> {
  const seen: Seen = { caller: undefined }
  const app = fastifyApp()
  fastifyEntry.protectResource(app, options)
  app.get('/health', () => PUBLIC_BODY)
  const preHandler = fastifyEntry.requireScopes('mcp:admin', 'mcp:audit')
  const handler = ({ auth }: { auth?: AuthInfo }) => {
    seen.caller = callerOf(auth)
    return HANDLER_BODY
  }
  app.all('/mcp/admin', { preHandler }, handler)
  app.all('*', handler)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { ...(await socketHost('fastify', app.server, seen)), close: () => app.close() }
}

/** An upstream that answers everything, and what it saw last. */
async function gatewayHost(options: HostOptions): Promise<Host> {
  const { rootMetadata: _r, ...rest } = options
  const seen: Seen = { caller: undefined }
  const upstream = createServer((request, response) => {
    const subject = request.headers['x-gatehouse-subject']
    seen.caller = { subject, token: undefined, rest: request.url + request.rawHeaders.join() }
    response.end(HANDLER_BODY)
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const gateway = createGateway({
    ...rest,
    port: 0,
    upstream: `http://127.0.0.1:${portOf(upstream)}/mcp`,
  })
  const listening = await gateway.listen()
  return {
    name: 'gateway',
    layer: 'gateway',
    async send(request) {
      seen.caller = undefined
      return { ...(await sendTo(listening.port, request)), caller: seen.caller }
    },
    async close() {
      await gateway.close()
      upstream.closeAllConnections()
      await new Promise((resolve) => upstream.close(resolve))
    },
  }
}

/** Their names; each is one that {@link createHosts} makes. */
export const HOSTS = [
  'kernel',
  'hono',
  'hono on node',
  'fetch',
  'fetch on node',
  'node:http',
  'express',
  'fastify',
  'gateway',
]

export function createHosts(options: HostOptions): Promise<Host[]> {
  return Promise.all([
    kernelHost(options),
    honoHost(options),
    honoOnNodeHost(options),
    fetchHost(options),
    fetchOnNodeHost(options),
    nodeHost(options),
    expressHost(options),
    fastifyHost(options),
    gatewayHost(options),
  ])
}
