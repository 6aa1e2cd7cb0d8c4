/**
 * The second listener: health and metrics, for whoever operates the gateway and nobody else.
 *
 * @module
 */
import type { AddressInfo, Socket } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Gateway } from './gateway.js'
import { createAdminHostGuard } from './hosts.js'
import type { Metrics } from './metrics.js'
import { listenForErrors } from './request/turns.js'

export interface AdminOptions {
  readonly gateway: Pick<Gateway, 'readiness'>
  readonly metrics: Metrics
  readonly host: string
  /** Further names under which it is reached. */
  readonly allowHosts?: readonly string[] | undefined
  /** 0 picks one. */
  readonly port: number
}

export interface Admin {
  /** @throws the socket's error */
  listen(): Promise<{ readonly port: number }>
  close(): void
}

function createApp({ gateway, metrics, host, allowHosts = [] }: AdminOptions): Hono {
  const isHostAllowed = createAdminHostGuard(host, allowHosts)
  const app = new Hono()
  app.use(async (c, next) => {
    // No page in a browser has any business here.
    if (!isHostAllowed(c.req.header('host') ?? '') || c.req.header('origin') !== undefined) {
      return c.json({ error: 'not_allowed' }, 403)
    }
    await next()
    c.header('Cache-Control', 'no-store')
    return undefined
  })
  app.get('/livez', (c) => c.json({ live: true }))
  app.get('/readyz', async (c) => {
    const readiness = await gateway.readiness()
    return c.json(readiness, readiness.ready ? 200 : 503)
  })
  app.get('/metrics', async (c) => {
    const { text, contentType } = await metrics.collect()
    return c.body(text, 200, { 'Content-Type': contentType })
  })
  app.notFound((c) => c.json({ error: 'not_found' }, 404))
  app.onError((_error, c) => c.json({ error: 'server_error' }, 500))
  return app
}

export function createAdmin(options: AdminOptions): Admin {
  const server = createAdaptorServer({ fetch: createApp(options).fetch })
  server.on('connection', (socket: Socket) => listenForErrors(socket))
  return {
    async listen() {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(options.port, options.host, resolve)
      })
      // Of a connection that could not be accepted.
      server.on('error', () => undefined)
      return { port: (server.address() as AddressInfo).port }
    },
    close() {
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
    },
  }
}
