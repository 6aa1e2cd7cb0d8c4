/**
 * The gateway: an HTTP server that lets requests with valid tokens through to any MCP server. Its
 * parts come together here.
 *
 * @module
 */
import { settingsOf } from '../base/option-checker.js'
import { createKeySets } from '../discovery/key-sets.js'
import type { PolicyDocument } from '../policy/document.js'
import type { AuthorizeOperation } from '../policy/policy.js'
import type { ResourceServer } from '../rs/resource-server.js'
import { Admission, admissionLimits } from './request/admission.js'
import { auditRecordOf } from './audit.js'
import { REAL_TIME, type Clock } from './clock.js'
import { createHostGuard } from './hosts.js'
import { createFetch } from './http/network.js'
import { FrontServer, LIMITS, type Limits } from './front-server.js'
import { runtimeFault } from './needed-runtime.js'
import type { GatewayOptions } from './options.js'
import { withIntrospectors } from './introspectors.js'
import { replacePolicies } from './policies.js'
import { createReadiness, notReady, type Readiness } from './readiness.js'
import { UnservedPaths } from './request/unserved-paths.js'
import { createRequestHandler, type RequestHandler } from './request/handler.js'
import type { RequestRecord } from './request/record.js'
import { Records } from './request/records.js'
import { createFindRoute } from './find-route.js'
import { createSessionIds, type SessionIds } from '../web/session-ids.js'
import { randomKey } from '../web/session-keys.js'
import { replaceSecrets, type GatewaySecrets } from './secrets.js'
import { checkGateway, defaultResource, type GatewaySettings } from './settings.js'
import { createRoute, type Route } from './route.js'
import type { RouteSettings } from './route-settings.js'
import type { ChildCounts } from './stdio/child-pool.js'
import { ChildPools } from './stdio/child-pools.js'

/** Facts about a gateway that listens. */
export interface Listening {
  /** The resource; the first if there are several. */
  readonly resource: string
  readonly resources: readonly ListeningResource[]
  /** The address as clients on this machine reach it: `http://127.0.0.1:8080`. */
  readonly url: string
  readonly host: string
  readonly port: number
}

/** One resource, for status output. */
export interface ListeningResource {
  readonly resource: string
  /** The issuers of accepted tokens; empty with auth none. */
  readonly issuers: readonly string[]
  /** The server behind it, without a query, which could hold a key. */
  readonly upstream: string
}

export interface GatewayStatus {
  /** Requests at the upstream now, and how many of them have an event stream as answer. */
  readonly active: number
  readonly streams: number
  /** The commands that run now, without those that are ending. */
  readonly children: ChildCounts
  /** In the configured order; none before it listens. */
  readonly resources: readonly ResourceStatus[]
}

export interface ResourceStatus {
  readonly resource: string
  /** The server behind it, without a query, which could hold a key. */
  readonly upstream: string
  /** `undefined` with auth none. */
  readonly resourceServer: ReturnType<ResourceServer['status']> | undefined
}

export interface Gateway {
  /**
   * Opens the socket and begins to fetch keys. Call it once, and not after {@link Gateway.close}.
   *
   * @throws the socket's error, such as EADDRINUSE
   */
  listen(): Promise<Listening>
  /** Stops accepting, lets running answers end for up to 10 seconds, ends open streams, and frees everything. */
  close(): Promise<void>
  /**
   * Whether requests would succeed now, with the reasons if not. Fetches missing keys. One resource
   * that can serve is enough.
   */
  readiness(): Promise<Readiness>
  status(): GatewayStatus
  /** Reads the keys again: for a key file that was replaced. */
  refreshKeys(): Promise<void>
  /**
   * Replaces policies while requests are served, for example after their files have changed.
   * Requests are authorized by the new ones from then on; one that was authorized before continues.
   * Lists in answers that are still open, including streams, show what the new ones allow. Call it
   * while the gateway listens.
   *
   * @param policies by resource, spelled as in {@link Listening.resources}; the others keep theirs.
   * A policy can only replace another one, and must have the same `lists`
   * @throws {ConfigurationError} with every problem; then all old policies stay
   *
   * @example
   * ```ts
   * import { readFileSync } from 'node:fs'
   * import type { PolicyDocument } from 'mcp-gatehouse'
   * import { createGateway } from 'mcp-gatehouse/gateway'
   *
   * const resource = 'https://mcp.example.com/mcp'
   * const readPolicy = () => JSON.parse(readFileSync('policy.json', 'utf8')) as PolicyDocument
   * const gateway = createGateway({
   *   authorizationServers: 'https://sso.example.com/realms/mcp',
   *   resource,
   *   upstream: 'http://127.0.0.1:8000/mcp',
   *   policy: readPolicy(),
   * })
   * await gateway.listen()
   * process.on('SIGHUP', () => {
   *   try {
   *     gateway.replacePolicies({ [resource]: readPolicy() })
   *   } catch (error) {
   *     console.error(error)
   *   }
   * })
   * ```
   */
  replacePolicies(policies: Readonly<Record<string, PolicyDocument | AuthorizeOperation>>): void
  /**
   * Replaces secrets while requests are served, for example after their files have changed.
   * Requests that come afterwards use the new ones. Call it while the gateway listens. Credentials
   * for introspection are replaced at their introspector.
   *
   * @throws {ConfigurationError} with every problem; then all old secrets stay
   *
   * @example
   * ```ts
   * import { readFileSync } from 'node:fs'
   * import { createGateway } from 'mcp-gatehouse/gateway'
   *
   * const resource = 'https://mcp.example.com/mcp'
   * const readHeaders = () => ({ 'X-Api-Key': readFileSync('/run/secrets/key', 'utf8').trim() })
   * const gateway = createGateway({
   *   authorizationServers: 'https://sso.example.com/realms/mcp',
   *   resource,
   *   upstream: 'http://127.0.0.1:8000/mcp',
   *   upstreamHeaders: readHeaders(),
   * })
   * await gateway.listen()
   * process.on('SIGHUP', () => {
   *   gateway.replaceSecrets({ upstreamHeaders: { [resource]: readHeaders() } })
   * })
   * ```
   */
  replaceSecrets(secrets: GatewaySecrets): void
}

/**
 * Makes a gateway. It opens no socket and contacts nobody before {@link Gateway.listen}.
 *
 * @throws {ConfigurationError} with every problem of the options
 * @throws {Error} on Bun, and on a Node that is too old
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

/** With limits and a clock for tests. */
export function createLimitedGateway(
  options: GatewayOptions,
  limits: Limits,
  clock: Clock = REAL_TIME,
): Gateway {
  const fault = runtimeFault(process.versions)
  if (fault !== undefined) throw new Error(fault)
  const gateway = new HttpGateway(options, limits, clock)
  return {
    listen: () => gateway.listen(),
    close: () => gateway.close(),
    readiness: () => gateway.readiness(),
    status: () => gateway.status(),
    refreshKeys: () => gateway.refreshKeys(),
    replacePolicies: (policies) => gateway.replacePolicies(policies),
    replaceSecrets: (secrets) => gateway.replaceSecrets(secrets),
  }
}

/** The parts that need the port. */
interface Running {
  readonly handle: RequestHandler
  readonly routes: readonly [Route, ...Route[]]
  /** `undefined` without tokens. */
  readonly sessionIds: SessionIds | undefined
}

class HttpGateway implements Gateway {
  readonly #options: GatewayOptions
  readonly #settings: GatewaySettings
  readonly #routeSettings: readonly RouteSettings[]
  readonly #network: {
    readonly ca: GatewayOptions['ca']
    readonly proxyEnvironment: GatewayOptions['proxyEnvironment']
  }
  readonly #fetch: typeof fetch | undefined
  readonly #limits: Limits
  readonly #clock: Clock
  readonly #randomUUID: () => string
  readonly #records: Records
  readonly #childPools = new ChildPools()
  readonly #front: FrontServer
  readonly #checkReadiness: ReturnType<typeof createReadiness>
  #running: Running | undefined
  #listening: Promise<Listening> | undefined
  #closing: Promise<void> | undefined

  constructor(options: GatewayOptions, limits: Limits, clock: Clock) {
    this.#options = options
    this.#settings = settingsOf(checkGateway(options))
    this.#network = { ca: options.ca, proxyEnvironment: options.proxyEnvironment }
    this.#fetch = options.fetch ?? createFetch(this.#network)
    this.#limits = limits
    this.#clock = clock
    this.#randomUUID = options.randomUUID ?? (() => crypto.randomUUID())
    this.#records = createRecords(options, clock)
    this.#checkReadiness = createReadiness({ now: clock.now, hear: this.#records.hear })
    this.#routeSettings = this.#makeIntrospectors()
    this.#front = new FrontServer({
      limits,
      randomUUID: this.#randomUUID,
      handle: (request, response, expectation) =>
        this.#running?.handle(request, response, expectation),
      onRefused: (refused) => this.#records.hear?.(refused),
    })
  }

  listen(): Promise<Listening> {
    if (this.#closing !== undefined) return Promise.reject(new Error('the gateway was closed'))
    this.#listening ??= this.#start()
    return this.#listening
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async readiness(): Promise<Readiness> {
    const { ready, checks } = await this.#checkReadiness(this.#routes)
    const { isDraining } = this.#records
    if (this.#running !== undefined && !isDraining) return { ready, checks }
    const reason = isDraining ? 'ending' : 'does not listen yet'
    return { ready: false, checks: [...checks, notReady(reason)] }
  }

  status(): GatewayStatus {
    const { active, streams } = this.#records
    const resources = this.#routes.map(({ resource, guard, backend }) => ({
      resource,
      upstream: backend.label,
      resourceServer: guard?.resourceServer.status(),
    }))
    return { active, streams, children: this.#childPools.counts, resources }
  }

  async refreshKeys(): Promise<void> {
    const guards = this.#routes.flatMap(({ guard }) => guard ?? [])
    await Promise.all(guards.map(({ resourceServer }) => resourceServer.refreshKeys()))
  }

  replacePolicies(policies: Readonly<Record<string, PolicyDocument | AuthorizeOperation>>): void {
    replacePolicies(this.#routes, policies)
  }

  replaceSecrets(secrets: GatewaySecrets): void {
    replaceSecrets({ routes: this.#routes, sessionIds: this.#running?.sessionIds }, secrets)
  }

  get #routes(): readonly Route[] {
    return this.#running?.routes ?? []
  }

  async #start(): Promise<Listening> {
    const { host } = this.#settings
    const port = await this.#front.listen(host, this.#settings.port)
    const { auth, sessionKeys = [randomKey()] } = this.#settings
    const sessionIds = auth === 'oauth' ? createSessionIds(sessionKeys) : undefined
    const routes = this.#createRoutes(port, sessionIds)
    this.#running = { routes, sessionIds, handle: this.#createHandler(routes) }
    for (const { guard, backend } of routes) {
      void guard?.resourceServer.refreshKeys()
      // A failure here repeats at the first request and is reported there.
      backend.warm().catch(() => undefined)
    }
    const name = host.includes(':') ? `[${host}]` : host
    return {
      resource: routes[0].resource,
      resources: routes.map(toListeningResource),
      host,
      port,
      url: `http://${name}:${port}`,
    }
  }

  /** Makes all of them at once, so that a problem of one stops the start. */
  #makeIntrospectors(): readonly RouteSettings[] {
    const { routes } = this.#settings
    const isOnly = routes.length === 1
    return withIntrospectors(routes, ({ resource }) => ({
      now: this.#options.now ?? Date.now,
      fetch: this.#fetch ?? ((url, init) => fetch(url, init)),
      onEvent: (event) => this.#records.hear?.(event, isOnly ? undefined : resource),
    }))
  }

  #createRoutes(port: number, sessionIds: SessionIds | undefined): readonly [Route, ...Route[]] {
    const { auth, host, maxBody, streamGrace, sseKeepAlive } = this.#settings
    const { hear } = this.#records
    const context = {
      auth,
      network: this.#network,
      hear,
      clock: this.#clock,
      maxBody,
      streamGrace,
      stalled: this.#limits.stalled,
      keepAlive: sseKeepAlive * 1000,
      sessionIds,
      childPools: this.#childPools,
      randomUUID: this.#randomUUID,
      fetch: this.#fetch,
      keySetFor: createKeySets(hear),
    }
    const routes = this.#routeSettings
    const isOnly = routes.length === 1
    return routes.map((each) =>
      createRoute(each, each.resource ?? defaultResource(host, port), isOnly, context),
    ) as [Route, ...Route[]]
  }

  #createHandler(routes: readonly [Route, ...Route[]]): RequestHandler {
    const { host, allowHosts, maxRequests, maxRequestsPerCaller, maxBody, maxAuthorizedBody } =
      this.#settings
    const limits = admissionLimits(maxRequests, maxRequestsPerCaller, maxBody)
    return createRequestHandler({
      findRoute: createFindRoute(routes),
      healthPath: this.#settings.healthPath,
      readHead: routes[0].readHead,
      isHostAllowed: createHostGuard({
        listenHost: host,
        resources: routes.map(({ resource }) => resource),
        allowHosts,
      }),
      randomUUID: this.#randomUUID,
      maxBody: maxAuthorizedBody,
      admission: new Admission(limits),
      overhearing:
        this.#options.onAudit === undefined
          ? undefined
          : { admission: new Admission(limits), maxBody },
      records: this.#records,
      clock: this.#clock,
      unservedPaths: new UnservedPaths(
        routes.map(({ resource }) => resource),
        this.#clock.now,
      ),
    })
  }

  async #end(): Promise<void> {
    this.#records.startDraining()
    // A socket that is still opening must be open before it can be closed.
    await this.#listening?.catch(() => undefined)
    this.#front.stopAccepting()
    let timer: NodeJS.Timeout | undefined
    const timeIsUp = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#limits.drain)
    })
    this.#records.endOpenEnded()
    if (this.#front.hasConnections) {
      await new Promise((resolve) => setTimeout(resolve, this.#limits.pause))
    }
    await Promise.race([this.#records.drained(), timeIsUp])
    clearTimeout(timer)
    await this.#front.end()
    await Promise.all(this.#routes.map(({ backend }) => backend.close()))
  }
}

function createRecords(options: GatewayOptions, clock: Clock): Records {
  const { onEvent, onAudit, auditArguments = false, now = Date.now } = options
  const writeLine = (record: RequestRecord) => {
    const line = auditRecordOf(record)
    return line && onAudit?.(line)
  }
  const kept = auditArguments ? 'operations and arguments' : 'operations'
  const isHeard = onAudit !== undefined || typeof onEvent === 'function'
  return new Records({
    onEvent,
    onClose: onAudit && writeLine,
    kept: isHeard ? kept : 'nothing',
    now,
    clock,
  })
}

function toListeningResource({ resource, guard, backend }: Route): ListeningResource {
  const issuers = guard?.resourceServer.metadata.authorization_servers ?? []
  return { resource, issuers, upstream: backend.label }
}
