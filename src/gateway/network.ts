/**
 * How we reach others: trusted certificates, and proxies of the company's.
 *
 * @module
 */
import { rootCertificates } from 'node:tls'
import type { Dispatcher } from 'undici'
import { isLoopbackHost } from '../http.js'

export interface NetworkOptions {
  /** PEM certificates beside the system's. */
  readonly ca?: string | undefined
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>> | undefined
}

interface Proxies {
  readonly httpProxy?: string
  readonly httpsProxy?: string
  readonly noProxy: string
}

const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/** The proxies that the environment names. Lower case comes first, as curl has it. */
export function proxiesOf(
  environment: Readonly<Record<string, string | undefined>> = {},
): Proxies | undefined {
  const read = (name: string) => environment[name] || environment[name.toUpperCase()] || undefined
  const httpProxy = read('http_proxy')
  const httpsProxy = read('https_proxy')
  if (httpProxy === undefined && httpsProxy === undefined) return undefined
  return {
    ...(httpProxy !== undefined && { httpProxy }),
    ...(httpsProxy !== undefined && { httpsProxy }),
    noProxy: [read('no_proxy') ?? '', ...LOOPBACK].filter(Boolean).join(','),
  }
}

function trusted(ca: string | undefined): { ca: string[] } | undefined {
  return ca === undefined ? undefined : { ca: [...rootCertificates, ca] }
}

const CONNECT_TIMEOUT = 10_000
/** uvicorn and Node close idle connections after five seconds; a request must not meet that moment. */
const KEEP_ALIVE = 3_000

/**
 * A dispatcher for one origin; through a proxy, for any. Loaded when first needed: undici takes longer to load
 * than everything else of ours.
 */
export async function createDispatcher(
  origin: URL,
  { ca, proxyEnvironment }: NetworkOptions,
): Promise<Dispatcher> {
  const { EnvHttpProxyAgent, Pool } = await import('undici')
  const tls = trusted(ca)
  const options = {
    connect: { timeout: CONNECT_TIMEOUT, ...tls },
    keepAliveTimeout: KEEP_ALIVE,
    keepAliveMaxTimeout: KEEP_ALIVE,
    // A stream may be silent for hours; its reader decides when it is enough.
    bodyTimeout: 0,
  }
  const proxies = isLoopbackHost(origin.hostname) ? undefined : proxiesOf(proxyEnvironment)
  if (proxies === undefined) return new Pool(origin.origin, options)
  return new EnvHttpProxyAgent({
    ...options,
    ...proxies,
    ...(tls !== undefined && { requestTls: tls, proxyTls: tls }),
  })
}

/** `fetch` for the identity provider; `undefined` when the runtime's own will do. */
export function createFetch({ ca, proxyEnvironment }: NetworkOptions): typeof fetch | undefined {
  const proxies = proxiesOf(proxyEnvironment)
  if (ca === undefined && proxies === undefined) return undefined
  let dispatcher: Promise<Dispatcher> | undefined
  async function load(): Promise<Dispatcher> {
    const { Agent, EnvHttpProxyAgent } = await import('undici')
    const tls = trusted(ca)
    const options = { connect: { timeout: CONNECT_TIMEOUT, ...tls } }
    if (proxies === undefined) return new Agent(options)
    return new EnvHttpProxyAgent({
      ...options,
      ...proxies,
      ...(tls !== undefined && { requestTls: tls, proxyTls: tls }),
    })
  }
  return async function networkFetch(input, init) {
    const { fetch } = await import('undici')
    dispatcher ??= load()
    const response = await fetch(input as string, {
      ...(init as object),
      dispatcher: await dispatcher,
    })
    return response as unknown as Response
  }
}
