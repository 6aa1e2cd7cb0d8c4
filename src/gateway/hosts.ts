/**
 * Accepted `Host` values: protects against DNS rebinding, where a foreign web page reaches a server
 * on this machine under the page's own host name.
 *
 * @module
 */
import { isIP } from 'node:net'
import { isLoopbackHost } from '../base/http.js'
import { isLoopbackAddress } from './addresses.js'

export interface HostAndPort {
  /** As in `URL.hostname`: lower case, IPv6 in brackets. */
  readonly host: string
  readonly port: string | undefined
}

const HOST = /^(\[[\d.:a-f]+\]|[\w.-]+)(?::(\d{1,5}))?$/i

/** `undefined` when the text is not a `Host` value (RFC 9110 §7.2). */
export function parseHost(text: string): HostAndPort | undefined {
  const [, host, port] = HOST.exec(text) ?? []
  return host === undefined ? undefined : { host: host.toLowerCase(), port }
}

export interface HostGuardOptions {
  /** The address that we listen on. */
  readonly listenHost: string
  /** The resources whose hosts are accepted. */
  readonly resources: readonly string[]
  readonly allowHosts: readonly string[]
}

/**
 * A test for `Host` values. If we listen beyond loopback and nothing is configured, every host is
 * accepted.
 */
export function createHostGuard(options: HostGuardOptions): (host: string) => boolean {
  const isLocal = isLoopbackAddress(options.listenHost)
  if (!isLocal && options.allowHosts.length === 0) return () => true
  const own = new Set(options.resources.map((resource) => new URL(resource).hostname))
  const allowed = options.allowHosts.flatMap((text) => parseHost(text) ?? [])
  const accepted = new Map<string, boolean>()

  function accepts(text: string): boolean {
    const given = parseHost(text)
    if (given === undefined) return false
    if (own.has(given.host) || (isLocal && isLoopbackHost(given.host))) return true
    return allowed.some(
      ({ host, port }) => host === given.host && (port === undefined || port === given.port),
    )
  }

  return function isAllowed(text) {
    const known = accepted.get(text)
    if (known !== undefined) return known
    const verdict = accepts(text)
    // Clients choose these texts, so only a few accepted ones are remembered: ports differ.
    if (verdict && accepted.size < 100) accepted.set(text, verdict)
    return verdict
  }
}

/**
 * A test for `Host` values of the operator's listener, on any address. Names must be known, because
 * a foreign web page could have a name that leads here. Addresses are accepted: probes and scrapers
 * use them.
 */
export function createAdminHostGuard(
  listenHost: string,
  allowHosts: readonly string[],
): (host: string) => boolean {
  const isNamed = createHostGuard({
    listenHost: '127.0.0.1',
    resources: isIP(listenHost) === 0 ? [`http://${listenHost}`] : [],
    allowHosts,
  })
  if (isLoopbackAddress(listenHost)) return isNamed
  return (text) => {
    const host = parseHost(text)?.host ?? ''
    return isIP(host.replace(/^\[|\]$/g, '')) !== 0 || isNamed(text)
  }
}
