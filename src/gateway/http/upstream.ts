/**
 * The MCP server behind us.
 *
 * @module
 */
import type { Dispatcher } from 'undici'
import { createDispatcher, type NetworkOptions } from './network.js'
import { comparableHeader } from './operator-headers.js'
import { proxyFor } from './proxies.js'
import { tryToConnect } from './reach.js'
import type { BackendHeaders } from '../request/backend.js'
import { createUpstreamTarget } from '../request/target.js'

export interface UpstreamOptions extends NetworkOptions {
  readonly url: string
  /** The `Host` for every request; `undefined`: that of the URL. */
  readonly host: string | undefined
  /** For every request. */
  readonly headers: Readonly<Record<string, string>>
  /** Seconds until an answer begins. */
  readonly timeout: number
}

interface UpstreamRequest {
  readonly method: string
  readonly query: string | undefined
  /** Alternating names and values. */
  readonly headers: string[]
  readonly body: Dispatcher.DispatchOptions['body']
}

export interface Upstream {
  readonly url: URL
  /** For every request: alternating names and values. They may be replaced. */
  readonly headers: readonly string[]
  readonly configured: BackendHeaders
  /** Milliseconds until an answer begins. */
  readonly timeout: number
  /** Preloads modules for requests, so that the first one need not wait. */
  warm(): Promise<void>
  send(request: UpstreamRequest, handler: Dispatcher.DispatchHandler): void
  /** `undefined`, or why no connection is possible. Unknown behind a company proxy. */
  unreachable(): Promise<string | undefined>
  close(): Promise<void>
}

/** An upstream that compresses hides from us where an event ends, and what a list holds. */
const NO_CODING = ['Accept-Encoding', 'identity']

function ownHeaders(host: string | undefined, headers: UpstreamOptions['headers']): string[] {
  const names = Object.keys(headers).map(comparableHeader)
  return [
    ...(host === undefined ? [] : ['Host', host]),
    ...(names.includes('accept-encoding') ? [] : NO_CODING),
    ...Object.entries(headers).flat(),
  ]
}

export function createUpstream(options: UpstreamOptions): Upstream {
  const { host, headers } = options
  const url = new URL(options.url)
  const targetFor = createUpstreamTarget(url)
  const headersTimeout = options.timeout * 1000
  const isProxied = proxyFor(url, options.proxyEnvironment) !== undefined
  let own = ownHeaders(host, headers)
  let dispatcher: Dispatcher | undefined
  let loading: Promise<Dispatcher> | undefined

  async function warm(): Promise<void> {
    loading ??= createDispatcher(url, options)
    dispatcher = await loading
  }

  function dispatch(
    through: Dispatcher,
    { method, query, headers: fields, body }: UpstreamRequest,
    handler: Dispatcher.DispatchHandler,
  ): void {
    through.dispatch(
      {
        origin: url.origin,
        path: targetFor(query),
        method,
        headers: fields,
        body: body ?? null,
        headersTimeout,
        bodyTimeout: 0,
      },
      handler,
    )
  }

  return {
    url,
    get headers() {
      return own
    },
    configured: {
      names: Object.keys(headers),
      replace(values) {
        own = ownHeaders(host, values)
      },
    },
    timeout: headersTimeout,
    warm,
    send(request, handler) {
      if (dispatcher !== undefined) return dispatch(dispatcher, request, handler)
      warm().then(
        () => dispatch(dispatcher as Dispatcher, request, handler),
        (error: unknown) => handler.onError?.(error instanceof Error ? error : new Error('failed')),
      )
    },
    unreachable: () => (isProxied ? Promise.resolve(undefined) : tryToConnect(url)),
    async close() {
      if (loading !== undefined) await (await loading).destroy()
    },
  }
}
