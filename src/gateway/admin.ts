/**
 * The second listener, for the operator only: health and metrics, which need no token and name nobody,
 * and a page that needs a token.
 *
 * @module
 */
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { quoted } from '../errors.js'
import { ADMIN_CHALLENGE, mayAdminister } from './admin-access.js'
import { ADMIN_PAGE_HEADERS } from './admin-page.js'
import type { Gateway } from './gateway.js'
import { createAdminHostGuard } from './hosts.js'
import type { RecentRefusal } from './recent-refusals.js'
import type { Metrics } from './metrics.js'
import { listenForErrors } from './request/turns.js'

export interface AdminOptions {
  readonly gateway: Pick<Gateway, 'readiness'>
  readonly metrics: Metrics
  readonly host: string
  /** Further names under which it is reached. */
  readonly allowHosts?: readonly string[] | undefined
  /** 0 picks a free one. */
  readonly port: number
  /** The page at `/`, which names people; `undefined`: it is not served. */
  readonly page?: AdminPage | undefined
  /** Hears of refused requests, at most once a minute. */
  readonly onRefused?: ((refusal: AdminRefusal) => void) | undefined
  /** Milliseconds that never run backwards. */
  readonly now?: () => number
}

/** Why the listener refused a request, for the operator. */
export interface AdminRefusal {
  readonly reason: string
  readonly hint: string
}

export interface AdminPage {
  /** The token that opens it, read for each request; `undefined`: nothing does. */
  readonly token: () => string | undefined
  /** The page as HTML. */
  readonly write: () => Promise<string>
  /** The last refusals, the newest first. */
  readonly refusals: () => readonly RecentRefusal[]
}

export interface Admin {
  /** @throws the socket's error */
  listen(): Promise<{ readonly port: number }>
  close(): void
}

interface AdminAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

function json(status: number, value: object): AdminAnswer {
  return { status, type: 'application/json', body: JSON.stringify(value) }
}

const NOT_FOUND = json(404, { error: 'not_found' })
const NO_PAGE = json(404, {
  error: 'not_found',
  error_description: 'The page needs --admin-token-file',
})
const HOST_REFUSED = json(403, {
  error: 'not_allowed',
  error_description: 'This Host is not allowed: add the name with --allow-host, or use the address',
})
const ORIGIN_REFUSED = json(403, {
  error: 'not_allowed',
  error_description: 'Scripts of web pages must not use this listener: send no Origin',
})
const SERVER_ERROR = json(500, { error: 'server_error' })

const UNAUTHORIZED: AdminAnswer = {
  ...json(401, {
    error: 'unauthorized',
    error_description: 'The token of --admin-token-file is needed',
  }),
  headers: { 'WWW-Authenticate': ADMIN_CHALLENGE },
}

/** The page, or the last refusals for `explain --admin`. */
async function showOperator(
  { token, write, refusals }: AdminPage,
  authorization: string | undefined,
  isPage: boolean,
): Promise<AdminAnswer> {
  if (!mayAdminister(authorization, token)) return UNAUTHORIZED
  if (isPage) {
    const type = 'text/html; charset=utf-8'
    return { status: 200, type, body: await write(), headers: ADMIN_PAGE_HEADERS }
  }
  const shown = refusals().map(({ at, ...rest }) => ({ time: new Date(at).toISOString(), ...rest }))
  return json(200, { refusals: shown })
}

async function answerTo(
  path: string,
  authorization: string | undefined,
  { gateway, metrics, page }: AdminOptions,
): Promise<AdminAnswer> {
  switch (path) {
    case '/':
    case '/refusals':
      return page === undefined ? NO_PAGE : showOperator(page, authorization, path === '/')
    case '/livez':
      return json(200, { live: true })
    case '/readyz': {
      const readiness = await gateway.readiness()
      return json(readiness.ready ? 200 : 503, readiness)
    }
    case '/metrics': {
      const { text, contentType } = await metrics.collect()
      return { status: 200, type: contentType, body: text }
    }
    default:
      return NOT_FOUND
  }
}

function send(response: ServerResponse, { status, type, body, headers }: AdminAnswer): void {
  response.writeHead(status, {
    ...headers,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  response.end(body)
}

const MINUTE = 60_000

/** Scanners must not fill the log. */
function oncePerMinute({
  onRefused = () => undefined,
  now = () => performance.now(),
}: AdminOptions): (refusal: AdminRefusal) => void {
  let toldAt = Number.NEGATIVE_INFINITY
  return function tell(refusal) {
    const at = now()
    if (at - toldAt < MINUTE) return
    toldAt = at
    onRefused(refusal)
  }
}

function createHandler(options: AdminOptions): RequestListener {
  const isHostAllowed = createAdminHostGuard(options.host, options.allowHosts ?? [])
  const tell = oncePerMinute(options)
  return function handleAdmin({ method, url = '/', headers }, response) {
    const { host = '', origin } = headers
    if (!isHostAllowed(host)) {
      const hint = 'add the name with --allow-host, or use the address'
      tell({ reason: `Host ${quoted(host)}`, hint })
      return send(response, HOST_REFUSED)
    }
    // Browser pages must not use this listener.
    if (origin !== undefined) {
      const hint = 'scripts of web pages must not use this listener: let the proxy send no Origin'
      tell({ reason: `Origin ${quoted(origin)}`, hint })
      return send(response, ORIGIN_REFUSED)
    }
    if (method !== 'GET' && method !== 'HEAD') return send(response, NOT_FOUND)
    const [path = ''] = url.split('?', 1)
    answerTo(path, headers.authorization, options).then(
      (answer) => send(response, answer),
      () => send(response, SERVER_ERROR),
    )
  }
}

export function createAdmin(options: AdminOptions): Admin {
  const server = createServer(createHandler(options))
  server.on('connection', listenForErrors)
  return {
    async listen() {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(options.port, options.host, resolve)
      })
      // The error of a connection that could not be accepted.
      server.on('error', () => undefined)
      return { port: (server.address() as AddressInfo).port }
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
