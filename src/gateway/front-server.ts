/**
 * The HTTP server that clients connect to: its limits, its connections, and how it ends.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net'
import { REAL_TIME } from './clock.js'
import { errorAnswer, sendAnswer } from './request/answer.js'
import { tooManyRequests } from './request/body.js'
import { refuseConnection } from './request/connection-errors.js'
import type { RequestRefused } from './events.js'
import type { Expectation } from './request/form.js'
import { MAX_HEADER_BYTES } from './request/head.js'
import { TransientSet } from './request/transients.js'
import {
  createTurns,
  cutConnection,
  cutHalf,
  endSilent,
  listenForErrors,
  tellLast,
  type OnTooMany,
} from './request/turns.js'

/** Limits in milliseconds. */
export interface Limits {
  /** For running answers when the gateway closes. */
  readonly drain: number
  /**
   * The time between the end of accepting and the closing of idle connections: a request that
   * arrives then is answered with `Connection: close`, not a reset.
   */
  readonly pause: number
  /** For the header fields of a request. Fields that have not arrived by then will not arrive. */
  readonly head: number
  /** For a request with its body. */
  readonly request: number
  /** For a reader that takes none of the waiting bytes. */
  readonly stalled: number
}

export const LIMITS: Limits = {
  drain: 10_000,
  pause: 300,
  head: 15_000,
  request: 120_000,
  stalled: 60_000,
}
/** Proxies in front of us keep connections for less time (nginx and AWS: 60 s), so they close first. */
const KEEP_ALIVE = 65_000
/** Milliseconds for connections to close by themselves, once they may. */
const LAST_WAIT = 200

export interface FrontServerOptions {
  readonly limits: Limits
  readonly randomUUID: () => string
  /** Gets each request in its turn. */
  readonly handle: (
    request: IncomingMessage,
    response: ServerResponse,
    expectation: Expectation,
  ) => void
  /** Gets invalid requests, and those beyond a limit. */
  readonly onRefused: (refused: RequestRefused) => void
}

export class FrontServer {
  readonly #options: FrontServerOptions
  readonly #server: Server
  readonly #sockets = new TransientSet<Socket>()
  #closed: Promise<void> | undefined

  constructor(options: FrontServerOptions) {
    this.#options = options
    this.#server = createLimitedServer(options.limits)
    this.#hearConnections()
    this.#hearRequests()
    this.#hearErrors()
  }

  get hasConnections(): boolean {
    return this.#sockets.size > 0
  }

  /**
   * @returns the port
   * @throws the socket's error, such as EADDRINUSE
   */
  listen(host: string, port: number): Promise<number> {
    const server = this.#server
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => {
        server.off('error', reject)
        resolve((server.address() as AddressInfo).port)
      })
    })
  }

  /** Accepts no further connections, and announces that on the open ones. */
  stopAccepting(): void {
    // The method of http.Server would close idle connections at once.
    this.#closed = new Promise((resolve) => {
      NetServer.prototype.close.call(this.#server, () => resolve())
    })
    for (const socket of this.#sockets) tellLast(socket)
  }

  /** Ends every connection. After {@link stopAccepting}. */
  async end(): Promise<void> {
    this.#server.close()
    // Connections that are still open after this have had their time.
    await Promise.race([this.#closed, new Promise((resolve) => setTimeout(resolve, LAST_WAIT))])
    // The parser does not know all of them: it has released some.
    for (const socket of this.#sockets) cutConnection(socket)
    await this.#closed
  }

  #hearConnections(): void {
    this.#server.on('connection', (socket) => {
      listenForErrors(socket)
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.prependOnceListener('end', () => cutHalf(socket))
      socket.on('timeout', () => endSilent(socket))
    })
  }

  #hearRequests(): void {
    const { handle } = this.#options
    const inTurn = createTurns((...turn) => this.#refuseTurn(...turn))
    function handlePlain(request: IncomingMessage, response: ServerResponse): void {
      handle(request, response, 'nothing')
    }
    function handleContinue(request: IncomingMessage, response: ServerResponse): void {
      handle(request, response, '100-continue')
    }
    function handleExpectation(request: IncomingMessage, response: ServerResponse): void {
      handle(request, response, 'unknown')
    }
    this.#server
      .on('request', (request, response) => inTurn(request, response, handlePlain))
      .on('checkContinue', (request, response) => inTurn(request, response, handleContinue))
      .on('checkExpectation', (request, response) => inTurn(request, response, handleExpectation))
  }

  #hearErrors(): void {
    // The error of a connection that could not be accepted, mostly for lack of file descriptors.
    this.#server.on('error', () => undefined)
    this.#server.on('clientError', (error, socket) => this.#refuse(error, socket as Socket))
    this.#server.on('connect', (_request, socket) => {
      this.#refuse(Object.assign(new Error('CONNECT'), { code: 'CONNECT' }), socket as Socket)
    })
  }

  #refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const refused = refuseConnection(error, socket, this.#options.randomUUID)
    if (refused !== undefined) this.#options.onRefused(refused)
  }

  #refuseTurn(...[request, response, waiting, isOver]: Parameters<OnTooMany>): void {
    const requestId = this.#options.randomUUID()
    const { refusal, error, description, headers } = tooManyRequests({
      reason: `more than ${waiting} requests of one connection wait for their answers`,
      hint: 'the client sends requests and reads no answers',
    })
    const { status, ...rest } = refusal
    const told = { type: 'request.refused', requestId, ...rest } as const
    if (isOver) return this.#options.onRefused(told)
    this.#options.onRefused({ ...told, status })
    const answer = errorAnswer(status, requestId, error, description, headers)
    sendAnswer(request, response, answer, 0, REAL_TIME)
  }
}

function createLimitedServer(limits: Limits): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: limits.head,
    requestTimeout: limits.request,
    keepAliveTimeout: KEEP_ALIVE,
    // TCP keep-alive: a peer that vanished must not hold a stream for ever.
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    connectionsCheckingInterval: Math.min(1_000, limits.head),
    // We answer these as well.
    requireHostHeader: false,
    insecureHTTPParser: false,
  })
  // Beyond its default of 2000 Node drops fields silently; we limit their bytes instead.
  server.maxHeadersCount = 0
  // Without a listener, Node ends each silent connection. We decide for each one what silence
  // means.
  server.setTimeout(limits.stalled, () => undefined)
  return server
}
