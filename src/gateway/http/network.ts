/**
 * Outgoing connections: trusted certificates and company proxies.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import * as tls from 'node:tls'
import type { Dispatcher } from 'undici'
import { proxyFor, type ProxyEnvironment } from './proxies.js'

export interface NetworkOptions {
  /** PEM certificates besides the system's. */
  readonly ca?: string | undefined
  readonly proxyEnvironment?: ProxyEnvironment | undefined
}

/** From Node 22.15 on. */
interface TlsWithDefaults {
  getCACertificates?(type: 'default'): string[]
}

/** Node's default certificates: custom ones would replace them. */
function defaultCertificates(): readonly string[] {
  const known = (tls as TlsWithDefaults).getCACertificates?.('default')
  if (known !== undefined) return known
  const { NODE_EXTRA_CA_CERTS: file } = process.env
  if (file === undefined || file === '') return tls.rootCertificates
  try {
    return [...tls.rootCertificates, readFileSync(file, 'utf8')]
  } catch {
    // Node itself warned about it at startup.
    return tls.rootCertificates
  }
}

function trusted(ca: string | undefined): { ca: string[] } | undefined {
  return ca === undefined ? undefined : { ca: [...defaultCertificates(), ca] }
}

const CONNECT_TIMEOUT = 10_000
/**
 * gunicorn closes idle connections after two seconds, uvicorn and Node after five; we close ours
 * first.
 */
const KEEP_ALIVE = 1_500

/**
 * A dispatcher for the upstream. Loaded on first use: undici takes longer to load than everything
 * else.
 */
export async function createDispatcher(
  url: URL,
  { ca, proxyEnvironment }: NetworkOptions,
): Promise<Dispatcher> {
  const { buildConnector, Pool, ProxyAgent } = await import('undici')
  const certificates = trusted(ca)
  const options = {
    keepAliveTimeout: KEEP_ALIVE,
    keepAliveMaxTimeout: KEEP_ALIVE,
    // A stream may be silent for hours; its reader decides when to leave.
    bodyTimeout: 0,
  }
  const proxy = proxyFor(url, proxyEnvironment)
  // undici would take the TLS name from `Host`, which an operator may set; without one it is that of
  // the URL.
  if (proxy === undefined) {
    const connector = buildConnector({ timeout: CONNECT_TIMEOUT, ...certificates })
    const connect: typeof connector = (named, callback) => {
      const { servername: _, ...target } = named
      connector(target, callback)
    }
    return new Pool(url.origin, { ...options, connect })
  }
  return new ProxyAgent({
    ...options,
    uri: proxy,
    requestTls: { ...certificates },
    ...(certificates !== undefined && { proxyTls: certificates }),
  })
}

/** `fetch` for the identity provider; `undefined` if the runtime's own suffices. */
export function createFetch({ ca, proxyEnvironment }: NetworkOptions): typeof fetch | undefined {
  const isProxied = ['http_proxy', 'https_proxy'].some((name) =>
    [name, name.toUpperCase()].some((spelling) => (proxyEnvironment?.[spelling] ?? '') !== ''),
  )
  if (ca === undefined && !isProxied) return undefined
  /** By proxy URL; an empty one means no proxy. */
  const dispatchers = new Map<string, Promise<Dispatcher>>()

  async function create(proxy: string | undefined): Promise<Dispatcher> {
    const { Agent, ProxyAgent } = await import('undici')
    const certificates = trusted(ca)
    const connect = { timeout: CONNECT_TIMEOUT, ...certificates }
    if (proxy === undefined) return new Agent({ connect })
    return new ProxyAgent({
      uri: proxy,
      ...(certificates !== undefined && { requestTls: certificates, proxyTls: certificates }),
    })
  }

  return async function networkFetch(input, init) {
    const { fetch } = await import('undici')
    const url = input instanceof Request ? input.url : String(input)
    const proxy = proxyFor(new URL(url), proxyEnvironment)
    const dispatcher = dispatchers.get(proxy ?? '') ?? create(proxy)
    dispatchers.set(proxy ?? '', dispatcher)
    const response = await fetch(url, { ...(init as object), dispatcher: await dispatcher })
    return response as unknown as Response
  }
}
