/**
 * The MCP server behind us.
 *
 * @module
 */
import type { Dispatcher } from 'undici'
import { createDispatcher, type NetworkOptions } from './network.js'
import { comparableHeader } from './operator-headers.js'
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

/** A request without a client. */
interface OwnRequest {
  readonly method: string
  /** Alternating names and values. */
  readonly headers: readonly string[]
  readonly body: string | null
}

export interface OwnAnswer {
  readonly status: number
  /** @param name in lower case */
  readonly field: (name: string) => string | undefined
  /** Reads the rest until the signal, so that its connection can be used again. */
  readonly drain: (signal: AbortSignal) => Promise<void>
}

/** Bytes. A longer rest costs more than a new connection. */
const MOST_DRAINED = 128 * 1024

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
  /**
   * Sends a request of our own, with the configured headers.
   *
   * @throws the error of the connection, or that of the signal
   */
  exchange(request: OwnRequest, signal: AbortSignal): Promise<OwnAnswer>
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
    async exchange({ method, headers: fields, body }, signal) {
      await warm()
      const answer = await (dispatcher as Dispatcher).request({
        origin: url.origin,
        path: targetFor(undefined),
        method,
        headers: [...fields, ...own],
        body,
        signal,
        headersTimeout,
        bodyTimeout: 0,
      })
      return {
        status: answer.statusCode,
        field: (name) => answer.headers[name]?.toString(),
        drain: (until) => answer.body.dump({ limit: MOST_DRAINED, signal: until }),
      }
    },
    async close() {
      if (loading !== undefined) await (await loading).destroy()
    },
  }
}
