/** The hosts that every case runs through, and what they answered. */
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { createResourceServer, toAuthInfo, type AuthInfo } from 'mcp-gatehouse'
import * as honoFace from 'mcp-gatehouse/hono'
import * as nodeFace from 'mcp-gatehouse/node'

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
  /** What the handler behind the gate saw; `undefined` when it was not reached. */
  readonly auth: AuthInfo | undefined
}

export interface Host {
  readonly name: string
  /** `kernel` hosts have no paths, methods and origins. */
  readonly layer: 'kernel' | 'http'
  send(request: TestRequest): Promise<TestAnswer>
  close(): Promise<void>
}

export type HostOptions = nodeFace.ProtectedResourceOptions

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
        return { ...decision, headers: new Headers(decision.headers), auth: undefined }
      }
      const auth = toAuthInfo(decision.token, decision.bearer)
      return { status: 200, headers: new Headers(), body: HANDLER_BODY, auth }
    },
    close: () => Promise.resolve(),
  }
}

/** The last `auth` that a handler saw. */
interface Seen {
  auth: AuthInfo | undefined
}

function honoApp(options: HostOptions, seen: Seen): Hono<honoFace.ProtectedResourceEnv> {
  const app = new Hono<honoFace.ProtectedResourceEnv>()
  app.use(honoFace.protectedResource(options))
  app.get('/health', (c) => c.text(PUBLIC_BODY))
  app.all('/mcp/admin', honoFace.requireScopes('mcp:admin', 'mcp:audit'), (c) => {
    seen.auth = c.get('auth')
    return c.text(HANDLER_BODY)
  })
  app.all('*', (c) => {
    seen.auth = c.get('auth')
    return c.text(HANDLER_BODY)
  })
  return app
}

function honoHost(options: HostOptions): Host {
  const seen: Seen = { auth: undefined }
  const app = honoApp(options, seen)
  return {
    name: 'hono',
    layer: 'http',
    async send({ method, path, headers }) {
      seen.auth = undefined
      const fields = new Headers()
      for (const [name, value] of headers) fields.append(name, value)
      const response = await app.request(path, { method, headers: fields })
      return {
        status: response.status,
        headers: response.headers,
        body: await response.text(),
        auth: seen.auth,
      }
    },
    close: () => Promise.resolve(),
  }
}

/** Sends over a real socket, with every header field as given. */
export function sendTo(
  server: Server,
  { method, path, headers }: TestRequest,
): Promise<Omit<TestAnswer, 'auth'>> {
  const { port } = server.address() as AddressInfo
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
    outgoing.end()
  })
}

async function socketHost(name: string, server: Server, seen: Seen): Promise<Host> {
  if (!server.listening) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  }
  return {
    name,
    layer: 'http',
    async send(request) {
      seen.auth = undefined
      return { ...(await sendTo(server, request)), auth: seen.auth }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function honoOnNodeHost(options: HostOptions): Promise<Host> {
  const seen: Seen = { auth: undefined }
  return new Promise((resolve) => {
    const server = serve(
      { fetch: honoApp(options, seen).fetch, port: 0, hostname: '127.0.0.1' },
      () => resolve(socketHost('hono on node', server, seen)),
    ) as Server
  })
}

function nodeHost(options: HostOptions): Promise<Host> {
  const seen: Seen = { auth: undefined }
  const guard = nodeFace.protectedResource(options)
  const adminOnly = nodeFace.requireScopes('mcp:admin', 'mcp:audit')
  const listener: RequestListener = (request: nodeFace.AuthenticatedRequest, response) => {
    guard(request, response, () => {
      const handle = () => {
        seen.auth = request.auth
        response.end(request.url === '/health' ? PUBLIC_BODY : HANDLER_BODY)
      }
      if (request.url?.startsWith('/mcp/admin')) adminOnly(request, response, handle)
      else handle()
    })
  }
  return socketHost('node:http', createServer(listener), seen)
}

function expressHost(options: HostOptions): Promise<Host> {
  const seen: Seen = { auth: undefined }
  const app = express()
  app.use(nodeFace.protectedResource(options))
  app.get('/health', (_request, response) => {
    response.send(PUBLIC_BODY)
  })
  app.all('/mcp/admin', nodeFace.requireScopes('mcp:admin', 'mcp:audit'))
  app.use((request: nodeFace.AuthenticatedRequest, response: express.Response) => {
    seen.auth = request.auth
    response.send(HANDLER_BODY)
  })
  return socketHost('express', createServer(app), seen)
}

export function createHosts(options: HostOptions): Promise<Host[]> {
  return Promise.all([
    kernelHost(options),
    honoHost(options),
    honoOnNodeHost(options),
    nodeHost(options),
    expressHost(options),
  ])
}
