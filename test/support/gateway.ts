/** A gateway over a fake IdP and an upstream that the test writes, both on loopback. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import type { Gateway, GatewayEvent, GatewayOptions } from 'mcp-gatehouse/gateway'
import type { Clock } from '../../src/gateway/clock.js'
import type { Limits } from '../../src/gateway/front-server.js'
import { createLimitedGateway } from '../../src/gateway/gateway.js'
import { FakeIdp, ISSUER, RESOURCE } from './idp.js'
import { listenForTest } from './listening.js'

export interface GatewayFixture {
  readonly gateway: Gateway
  readonly idp: FakeIdp
  readonly events: GatewayEvent[]
  readonly port: number
  readonly url: string
  /** A token that opens it. */
  readonly token: string
  /** `fetch` of the endpoint with the token. */
  call(init?: RequestInit, path?: string): Promise<Response>
  /** The events of one type. */
  reported<Type extends GatewayEvent['type']>(type: Type): Extract<GatewayEvent, { type: Type }>[]
}

/** An HTTP server for the length of the test. Its URL ends in `/mcp`. */
export async function startUpstream(handler: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listenForTest(createServer(handler))}/mcp`
}

/** A server that speaks whatever the test writes. */
export async function startTcpUpstream(handler: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    handler(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${port}/mcp`
}

/** The body, once all of it is there. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/**
 * A gateway for the length of the test.
 *
 * @param server its URL, or a command that speaks stdio
 */
export async function startGateway(
  server: string | readonly string[],
  options: Partial<GatewayOptions> = {},
  limits: Partial<Limits> = {},
  clock?: Clock,
): Promise<GatewayFixture> {
  const idp = await FakeIdp.start()
  const events: GatewayEvent[] = []
  const gateway = createLimitedGateway(
    {
      port: 0,
      resource: RESOURCE,
      ...(options.auth !== 'none' && { authorizationServers: ISSUER }),
      fetch: idp.fetch,
      ...(typeof server === 'string' ? { upstream: server } : { command: server }),
      onEvent: (event) => events.push(event),
      ...options,
    },
    { drain: 10_000, pause: 0, head: 1_000, request: 3_000, stalled: 60_000, ...limits },
    clock,
  )
  const { port, url } = await gateway.listen()
  onTestFinished(() => gateway.close())
  const token = await idp.token()
  return {
    gateway,
    idp,
    events,
    port,
    url,
    token,
    call: (init = {}, path = '/mcp') =>
      fetch(`${url}${path}`, {
        redirect: 'manual',
        ...init,
        headers: { authorization: `Bearer ${token}`, ...(init.headers as object) },
      }),
    reported: (type) => events.filter((event) => event.type === type) as never,
  }
}

/** Sends bytes over a connection of its own, and returns all that came until it closed. */
export function exchangeBytes(
  port: number,
  bytes: string | Buffer | readonly (string | Buffer)[],
  { until = 'close', timeout = 5_000 }: { until?: 'close' | RegExp; timeout?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1' })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`no end within ${timeout} ms after ${JSON.stringify(answer.slice(0, 500))}`))
    }, timeout)
    const end = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (until !== 'close' && until.test(answer)) end()
    })
    socket.on('close', end)
    socket.on('error', () => undefined)
    for (const part of [bytes].flat()) socket.write(part as string)
  })
}

/** The server's ends of the connections whose requests have reached this port since now. */
export function socketsAt(port: number): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  const hear = (message: unknown) => {
    const { socket } = message as { readonly socket: Socket }
    if (socket.localPort === port) sockets.add(socket)
  }
  subscribe('http.server.request.start', hear)
  onTestFinished(() => void unsubscribe('http.server.request.start', hear))
  return sockets
}

/** Waits until something holds. */
export async function eventually(
  holds: () => boolean,
  timeout = 5_000,
  interval = 2,
): Promise<void> {
  const deadline = performance.now() + timeout
  let isSo = holds()
  while (!isSo && performance.now() <= deadline) {
    await new Promise((resolve) => setTimeout(resolve, interval))
    isSo = holds()
  }
  expect(isSo, 'happened in time').toBe(true)
}
