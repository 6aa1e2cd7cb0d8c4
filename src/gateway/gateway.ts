/**
 * The gateway: an HTTP server that lets requests with good tokens through to an MCP server that somebody else
 * wrote. The one place where its parts come together.
 *
 * @module
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { protectedResourceMetadataPaths } from '../discovery/protected-resource.js'
import { createGate } from '../rs/gate.js'
import { createOrigins } from '../rs/origins.js'
import type { ResourceServer } from '../rs/resource-server.js'
import type { Backend, OpenRequest, RequestObserver } from './backend.js'
import { refuseConnection } from './connection-errors.js'
import type { GatewayEvent } from './events.js'
import { createHostGuard } from './hosts.js'
import { createHttpBackend } from './http-backend.js'
import { createFetch } from './network.js'
import type { GatewayOptions } from './options.js'
import { createHeadReader, MAX_HEADER_BYTES } from './request-head.js'
import { createRequestHandler, type RequestHandler } from './request-handler.js'
import { createBridge } from './stdio/bridge.js'
import { checkGatewayOptions, defaultResource, toProtectedResourceOptions } from './settings.js'

/** Milliseconds, for everything that must end some time. */
export interface Limits {
  /** Running answers, when the gateway closes. */
  readonly drain: number
  /** Header fields of a request: whoever has not sent them by then is not going to. */
  readonly head: number
  /** A request with its body. */
  readonly request: number
}

const LIMITS: Limits = { drain: 10_000, head: 15_000, request: 120_000 }
/** Keys are asked for this often at most because somebody wants to know whether they are there. */
const READINESS_INTERVAL = 2_000
/** Longer than proxies in front of us keep theirs (nginx and AWS: 60 s), so that they close first. */
const KEEP_ALIVE = 65_000

/** What one can say about a gateway that listens. */
export interface Listening {
  readonly resource: string
  /** The address as clients on this machine reach it: `http://127.0.0.1:8080`. */
  readonly url: string
  readonly host: string
  readonly port: number
}

/** One thing that must be well for requests to succeed. */
export interface ReadinessCheck {
  readonly name: 'keys' | 'introspection' | 'upstream' | 'gateway'
  /** The issuer or the upstream, without its query. */
  readonly subject: string
  readonly ok: boolean
  readonly reason?: string
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: readonly ReadinessCheck[]
}

export interface GatewayStatus {
  /** Requests with the upstream at this moment, and how many of them are answered by a stream of events. */
  readonly active: number
  readonly streams: number
  /** `undefined` with auth none, and before it listens. */
  readonly resourceServer: ReturnType<ResourceServer['status']> | undefined
}

export interface Gateway {
  /**
   * Opens the socket and begins to fetch keys. Once; after {@link Gateway.close} never again.
   *
   * @throws the socket's error, such as EADDRINUSE
   */
  listen(): Promise<Listening>
  /** Stops accepting, lets running answers end for up to 10 seconds, ends open streams, and frees everything. */
  close(): Promise<void>
  /** Whether requests would succeed now, with the reasons when not. Fetches keys that are not at hand. */
  readiness(): Promise<Readiness>
  status(): GatewayStatus
  /** Reads the keys anew: for a file of keys that was replaced. */
  refreshKeys(): Promise<void>
}

interface Running {
  readonly handle: RequestHandler
  readonly resourceServer: ResourceServer | undefined
}

/**
 * Makes a gateway. It opens no socket and contacts nobody before {@link Gateway.listen}.
 *
 * @throws {ConfigurationError} with every problem of the options
 *
 * @example
 * ```ts
 * import { createGateway } from 'mcp-gatehouse/gateway'
 *
 * const gateway = createGateway({
 *   authorizationServers: 'https://sso.example.com/realms/mcp',
 *   resource: 'https://mcp.example.com/mcp',
 *   upstream: 'http://127.0.0.1:8000/mcp',
 *   onEvent: (event) => console.error(event),
 * })
 * const { url } = await gateway.listen()
 * console.error(`listening on ${url}`)
 * process.once('SIGTERM', () => void gateway.close())
 * ```
 */
export function createGateway(options: GatewayOptions): Gateway {
  return createLimitedGateway(options, LIMITS)
}

/** With limits that a test need not wait for. */
export function createLimitedGateway(options: GatewayOptions, limits: Limits): Gateway {
  const settings = checkGatewayOptions(options)
  const { host, auth } = settings
  const randomUUID = options.randomUUID ?? (() => crypto.randomUUID())
  const emit = createGatewayEmit(options.onEvent)
  const network = { ca: options.ca, proxyEnvironment: options.proxyEnvironment }
  const open = new Set<OpenRequest>()
  let draining = false
  /** Requests whose tokens are being judged. */
  let waiting = 0
  let noneLeft: (() => void) | undefined
  let running: Running | undefined
  let listening: Promise<Listening> | undefined
  let closing: Promise<void> | undefined
  let keysAskedAt = Number.NEGATIVE_INFINITY

  const observer: RequestObserver = {
    onFault: (requestId, fault) => emit?.({ type: 'upstream.failed', requestId, ...fault }),
    onRefused: (requestId, refusal) => emit?.({ type: 'request.refused', requestId, ...refusal }),
    onEnd(ended, status, end) {
      open.delete(ended)
      if (draining) endWhatIsLeft()
      if (emit === undefined) return
      const { requestId, request, startedAt } = ended.admitted
      const seconds = (performance.now() - startedAt) / 1000
      const { upstreamSeconds } = ended
      emit({
        type: 'request.completed',
        requestId,
        method: request.method ?? 'GET',
        status,
        from: upstreamSeconds === undefined ? 'gateway' : 'upstream',
        end,
        seconds,
        ...(upstreamSeconds !== undefined && { upstreamSeconds }),
      })
    },
  }
  const backend = createBackend()

  function createBackend(): Backend {
    const { server, maxBody } = settings
    if (server.command !== undefined) {
      return createBridge({ ...server, streamGrace: 300, maxBody, observer, randomUUID, emit })
    }
    return createHttpBackend({
      ...network,
      url: server.upstream,
      headers: settings.upstreamHeaders,
      timeout: settings.upstreamTimeout,
      maxBody,
      isPrivate: auth === 'oauth',
      observer,
    })
  }

  function run(resource: string): Running {
    const fetchFunction = options.fetch ?? createFetch(network)
    const gate =
      auth === 'none'
        ? undefined
        : createGate({
            ...toProtectedResourceOptions(options, resource),
            ...(fetchFunction !== undefined && { fetch: fetchFunction }),
          })
    const handle = createRequestHandler({
      endpoint: new URL(resource).pathname,
      metadataPaths: new Set(gate === undefined ? [] : protectedResourceMetadataPaths(resource)),
      gate,
      origins: createOrigins(settings.allowOrigins, resource),
      readHead: createHeadReader(settings.forwardHeaders, Object.keys(settings.upstreamHeaders)),
      isHostAllowed: createHostGuard({
        listenHost: host,
        resource,
        allowHosts: settings.allowHosts,
      }),
      randomUUID,
      isDraining: () => draining,
      onWaiting() {
        waiting++
        return () => {
          waiting--
          if (draining) endWhatIsLeft()
        }
      },
      emit,
      forward(admitted) {
        const opened = backend.open(admitted)
        open.add(opened)
        opened.begin()
      },
    })
    return { handle, resourceServer: gate?.resourceServer }
  }

  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: limits.head,
    requestTimeout: limits.request,
    keepAliveTimeout: KEEP_ALIVE,
    // Of TCP: a peer that vanished without a word must not hold a stream for ever.
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    connectionsCheckingInterval: Math.min(1_000, limits.head),
    // Ours to answer, as everything else.
    requireHostHeader: false,
    insecureHTTPParser: false,
  })
  // Beyond its default of 2000 Node drops fields silently; what it counts, we bound by bytes.
  server.maxHeadersCount = 0
  server.on('request', (request, response) => running?.handle(request, response))
  server.on('checkContinue', (request, response) =>
    running?.handle(request, response, '100-continue'),
  )
  server.on('checkExpectation', (request, response) =>
    running?.handle(request, response, 'unknown'),
  )
  function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const refusal = refuseConnection(error, socket, randomUUID)
    if (refusal !== undefined) emit?.(refusal)
  }
  server.on('clientError', refuse)
  server.on('connect', (_request, socket) => {
    refuse(Object.assign(new Error('CONNECT'), { code: 'CONNECT' }), socket as Socket)
  })

  /** Streams that only their reader would end are ended once nobody waits for an answer any more. */
  function endWhatIsLeft(): void {
    if (waiting > 0) return
    const left = [...open]
    if (left.every((each) => each.isOpenEnded)) for (const each of left) each.end()
    if (open.size === 0) noneLeft?.()
  }

  async function close(): Promise<void> {
    draining = true
    // A socket that is being opened is open before it can be closed.
    await listening?.catch(() => undefined)
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    let timer: ReturnType<typeof setTimeout> | undefined
    await Promise.race([
      new Promise<void>((resolve) => {
        noneLeft = resolve
        endWhatIsLeft()
      }),
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limits.drain)
      }),
    ])
    clearTimeout(timer)
    server.closeIdleConnections()
    // Whatever is still open after this had its time.
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200))])
    server.closeAllConnections()
    await closed
    await backend.close()
  }

  async function start(): Promise<Listening> {
    await openSocket(server, host, settings.port)
    const { port } = server.address() as AddressInfo
    const resource = settings.resource ?? defaultResource(host, port)
    running = run(resource)
    void running.resourceServer?.refreshKeys()
    // What fails here fails again at the first request, and is told there.
    backend.warm().catch(() => undefined)
    const name = host.includes(':') ? `[${host}]` : host
    return { resource, host, port, url: `http://${name}:${port}` }
  }

  async function readiness(): Promise<Readiness> {
    const { resourceServer } = running ?? {}
    const isMissing = resourceServer?.status().issuers.some(({ serving }) => !serving) === true
    // Whoever asks us often must not make us ask others often.
    if (isMissing && performance.now() - keysAskedAt > READINESS_INTERVAL) {
      keysAskedAt = performance.now()
      await resourceServer.refreshKeys()
    }
    const { issuers = [], introspectors = [] } = resourceServer?.status() ?? {}
    const authorization = [
      ...issuers.map(({ issuer, serving, fault }) =>
        check('keys', issuer, serving, fault?.message),
      ),
      ...introspectors.map(({ issuer, fault }) =>
        check('introspection', issuer, fault === undefined, fault?.message),
      ),
    ]
    const unreachable = await backend.unreachable()
    const checks: ReadinessCheck[] = [
      ...authorization,
      check('upstream', backend.label, unreachable === undefined, unreachable),
    ]
    if (draining) checks.push(check('gateway', 'this process', false, 'ending'))
    // One issuer that is down must not take the users of the others with it.
    const isServed = authorization.some(({ subject }) =>
      authorization.every((each) => each.subject !== subject || each.ok),
    )
    const ready =
      !draining &&
      unreachable === undefined &&
      (authorization.length === 0 || isServed) &&
      running !== undefined
    return { ready, checks }
  }

  return {
    listen() {
      if (closing !== undefined) return Promise.reject(new Error('the gateway was closed'))
      listening ??= start()
      return listening
    },
    close() {
      closing ??= close()
      return closing
    },
    readiness,
    status: () => ({
      active: open.size,
      streams: [...open].filter((each) => each.isStream).length,
      resourceServer: running?.resourceServer?.status(),
    }),
    async refreshKeys() {
      await running?.resourceServer?.refreshKeys()
    },
  }
}

function check(
  name: ReadinessCheck['name'],
  subject: string,
  ok: boolean,
  reason: string | undefined,
): ReadinessCheck {
  return { name, subject, ok, ...(reason !== undefined && { reason }) }
}

function openSocket(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function createGatewayEmit(
  listener: GatewayOptions['onEvent'],
): ((event: GatewayEvent) => void) | undefined {
  if (listener === undefined) return undefined
  return function emit(event) {
    try {
      listener(event)
    } catch {
      // A broken log must not open or close the gate.
    }
  }
}
