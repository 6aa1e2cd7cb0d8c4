/**
 * The gateway: an HTTP server that lets requests with good tokens through to an MCP server that somebody else
 * wrote. The one place where its parts come together.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net'
import { createKeySets } from '../discovery/key-sets.js'
import { settingsOf } from '../base/option-checker.js'
import { createEmit } from '../events.js'
import type { ResourceServer } from '../rs/resource-server.js'
import { Admission, admissionLimits } from './request/admission.js'
import { createAuditTrail, type AuditTrail } from './audit.js'
import type { OpenRequest, RequestObserver } from './request/backend.js'
import { refuseConnection } from './request/connection-errors.js'
import { createHostGuard } from './hosts.js'
import { createFetch } from './http/network.js'
import type { GatewayEventListener } from './events.js'
import type { GatewayOptions } from './options.js'
import { createReadiness, notReady, type Readiness } from './readiness.js'
import { MAX_HEADER_BYTES } from './request/head.js'
import { createRequestHandler, type RequestHandler } from './request/handler.js'
import { withIntrospectors } from './introspectors.js'
import { createRoutes } from './routes.js'
import { createSessionIds } from '../web/session-ids.js'
import { randomKey } from '../web/session-keys.js'
import { checkGateway, defaultResource } from './settings.js'
import { createSite, type Site } from './site.js'
import { TransientSet } from './request/transients.js'
import {
  createTurns,
  cutConnection,
  cutHalf,
  endSilent,
  listenForErrors,
  tellLast,
} from './request/turns.js'
import { Residents } from './stdio/child-pool.js'

/** Milliseconds, for everything that must end some time. */
export interface Limits {
  /** Running answers, when the gateway closes. */
  readonly drain: number
  /**
   * From the end of accepting until idle connections are closed: what a client sends then is answered, with the word that
   * the connection ends, and not by a reset.
   */
  readonly pause: number
  /** Header fields of a request: whoever has not sent them by then is not going to. */
  readonly head: number
  /** A request with its body. */
  readonly request: number
  /** A reader who takes nothing of what is there for it. */
  readonly stalled: number
}

const LIMITS: Limits = {
  drain: 10_000,
  pause: 300,
  head: 15_000,
  request: 120_000,
  stalled: 60_000,
}
/** Longer than proxies in front of us keep theirs (nginx and AWS: 60 s), so that they close first. */
const KEEP_ALIVE = 65_000

/** What one can say about a gateway that listens. */
export interface Listening {
  /** The resource; of several the first. */
  readonly resource: string
  readonly resources: readonly ServedResource[]
  /** The address as clients on this machine reach it: `http://127.0.0.1:8080`. */
  readonly url: string
  readonly host: string
  readonly port: number
}

/** One resource, for whoever wants to know what a gateway does. */
export interface ServedResource {
  readonly resource: string
  /** Whose tokens open it; none with auth none. */
  readonly issuers: readonly string[]
  /** The server behind it, without a query, which could hold a key. */
  readonly upstream: string
}

export interface GatewayStatus {
  /** Requests with the upstream at this moment, and how many of them are answered by a stream of events. */
  readonly active: number
  readonly streams: number
  /** In the configured order; none before it listens. */
  readonly resources: readonly ResourceStatus[]
}

export interface ResourceStatus {
  readonly resource: string
  /** `undefined` with auth none. */
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
  /**
   * Whether requests would succeed now, with the reasons when not. Fetches keys that are not at hand. Of several
   * resources one that can serve is enough.
   */
  readiness(): Promise<Readiness>
  status(): GatewayStatus
  /** Reads the keys anew: for a file of keys that was replaced. */
  refreshKeys(): Promise<void>
}

interface Running {
  readonly handle: RequestHandler
  readonly sites: readonly [Site, ...Site[]]
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
  const settings = settingsOf(checkGateway(options))
  const { host, auth } = settings
  const randomUUID = options.randomUUID ?? (() => crypto.randomUUID())
  const trail = createTrail(options)
  const emit = createEmit(withTrail(options.onEvent, trail))
  const network = { ca: options.ca, proxyEnvironment: options.proxyEnvironment }
  const ownFetch = options.fetch ?? createFetch(network)
  const isOnly = settings.sites.length === 1
  const siteSettings = withIntrospectors(settings.sites, ({ resource }) => ({
    now: options.now ?? Date.now,
    fetch: ownFetch ?? ((url, init) => fetch(url, init)),
    onEvent: (event) => emit?.(event, isOnly ? undefined : resource),
  }))
  const open = new TransientSet<OpenRequest>()
  let draining = false
  /** Requests whose tokens are being judged. */
  let waiting = 0
  let noneLeft: (() => void) | undefined
  let running: Running | undefined
  let listening: Promise<Listening> | undefined
  let closing: Promise<void> | undefined
  const checkReadiness = createReadiness()

  const observe = (tag: string | undefined): RequestObserver => ({
    onFault: (requestId, fault) => emit?.({ type: 'upstream.failed', requestId, ...fault }, tag),
    onRefused: (requestId, refusal) =>
      emit?.({ type: 'request.refused', requestId, ...refusal }, tag),
    onEnd(ended, status, end) {
      open.delete(ended)
      if (draining) endWhatIsLeft()
      if (emit === undefined) return
      const { requestId, request, startedAt } = ended.admitted
      const seconds = (performance.now() - startedAt) / 1000
      const { upstreamSeconds, refused } = ended
      const completed = {
        type: 'request.completed',
        requestId,
        method: request.method ?? 'GET',
        status,
        from: upstreamSeconds === undefined ? 'gateway' : 'upstream',
        end,
        ...(refused !== undefined && { refused }),
        seconds,
        ...(upstreamSeconds !== undefined && { upstreamSeconds }),
      } as const
      emit(completed, tag)
    },
  })

  function run(port: number): Running {
    const { sessionKeys = [randomKey()] } = settings
    const context = {
      auth,
      network,
      emit,
      observe,
      maxBody: settings.maxBody,
      streamGrace: settings.streamGrace,
      stalled: limits.stalled,
      sessionIds: auth === 'oauth' ? createSessionIds(sessionKeys) : undefined,
      residents: new Residents(),
      randomUUID,
      fetch: ownFetch,
      keySetFor: createKeySets(emit),
    }
    const sites = siteSettings.map((each) =>
      createSite(each, each.resource ?? defaultResource(host, port), isOnly, context),
    ) as [Site, ...Site[]]
    const handle = createRequestHandler({
      findSite: createRoutes(sites),
      readHead: sites[0].readHead,
      isHostAllowed: createHostGuard({
        listenHost: host,
        resources: sites.map(({ resource }) => resource),
        allowHosts: settings.allowHosts,
      }),
      randomUUID,
      maxBody: settings.maxJudgedBody,
      isDraining: () => draining,
      admission: new Admission(
        admissionLimits(settings.maxRequests, settings.maxRequestsPerCaller, settings.maxBody),
      ),
      onWaiting() {
        waiting++
        return () => {
          waiting--
          if (draining) endWhatIsLeft()
        }
      },
      emit,
      audit: trail,
      open({ backend }, admitted) {
        trail?.admit(admitted)
        const opened = backend.open(admitted)
        open.add(opened)
        return opened
      },
    })
    return { handle, sites }
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
  // Node ends what is silent, whoever has to speak, unless somebody listens. What that means is told to each connection.
  server.setTimeout(limits.stalled, () => undefined)
  const sockets = new TransientSet<Socket>()
  server.on('connection', (socket) => {
    listenForErrors(socket)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.prependOnceListener('end', () => cutHalf(socket))
    socket.on('timeout', () => endSilent(socket))
  })
  // Of one that could not be accepted, for want of file descriptors above all.
  server.on('error', () => undefined)
  const inTurn = createTurns((waiting) =>
    emit?.({
      type: 'request.refused',
      requestId: randomUUID(),
      status: 429,
      code: 'ERR_REQUESTS_TOO_MANY',
      reason: `more than ${waiting} requests of one connection wait for their answers`,
      hint: 'the client sends requests and reads no answers',
    }),
  )
  function handle(request: IncomingMessage, response: ServerResponse): void {
    running?.handle(request, response)
  }
  function handleContinue(request: IncomingMessage, response: ServerResponse): void {
    running?.handle(request, response, '100-continue')
  }
  function handleExpectation(request: IncomingMessage, response: ServerResponse): void {
    running?.handle(request, response, 'unknown')
  }
  server.on('request', (request, response) => inTurn(request, response, handle))
  server.on('checkContinue', (request, response) => inTurn(request, response, handleContinue))
  server.on('checkExpectation', (request, response) => inTurn(request, response, handleExpectation))
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
    // That of http.Server would close idle connections at once.
    const closed = new Promise<void>((resolve) => {
      NetServer.prototype.close.call(server, () => resolve())
    })
    for (const socket of sockets) tellLast(socket)
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeIsUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limits.drain)
    })
    endWhatIsLeft()
    if (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, limits.pause))
    const noneIsLeft = new Promise<void>((resolve) => {
      noneLeft = resolve
      // Also what came during the pause.
      endWhatIsLeft()
    })
    await Promise.race([noneIsLeft, timeIsUp])
    clearTimeout(timer)
    server.close()
    // Whatever is still open after this had its time.
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200))])
    // Those of the parser are not all: it has given some away.
    for (const socket of sockets) cutConnection(socket)
    await closed
    await Promise.all(running?.sites.map(({ backend }) => backend.close()) ?? [])
  }

  async function start(): Promise<Listening> {
    await openSocket(server, host, settings.port)
    const { port } = server.address() as AddressInfo
    running = run(port)
    const { sites } = running
    for (const { gate, backend } of sites) {
      void gate?.resourceServer.refreshKeys()
      // What fails here fails again at the first request, and is told there.
      backend.warm().catch(() => undefined)
    }
    const name = host.includes(':') ? `[${host}]` : host
    return {
      resource: sites[0].resource,
      resources: sites.map(toServedResource),
      host,
      port,
      url: `http://${name}:${port}`,
    }
  }

  async function readiness(): Promise<Readiness> {
    const { ready, checks } = await checkReadiness(running?.sites ?? [])
    if (running !== undefined && !draining) return { ready, checks }
    const reason = draining ? 'ending' : 'does not listen yet'
    return { ready: false, checks: [...checks, notReady(reason)] }
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
      resources: (running?.sites ?? []).map(({ resource, gate }) => ({
        resource,
        resourceServer: gate?.resourceServer.status(),
      })),
    }),
    async refreshKeys() {
      const gates = running?.sites.flatMap(({ gate }) => gate ?? []) ?? []
      await Promise.all(gates.map(({ resourceServer }) => resourceServer.refreshKeys()))
    },
  }
}

function createTrail(options: GatewayOptions): AuditTrail | undefined {
  const { onAudit, auditArguments = false, now = Date.now } = options
  const write = createEmit(onAudit)
  return write && createAuditTrail(write, auditArguments, now)
}

/** Of one event the trail must hear whatever becomes of the listener. */
function withTrail(
  listener: GatewayEventListener | undefined,
  trail: AuditTrail | undefined,
): GatewayEventListener | undefined {
  if (trail === undefined) return listener
  return function tell(event, resource) {
    trail.note(event, resource)
    return listener?.(event, resource)
  }
}

function toServedResource({ resource, gate, backend }: Site): ServedResource {
  const issuers = gate?.resourceServer.metadata.authorization_servers ?? []
  return { resource, issuers, upstream: backend.label }
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
