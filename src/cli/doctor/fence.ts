/**
 * Keeps a server elsewhere from leading the doctor into the network that it runs in: documents name
 * the addresses that are asked next.
 *
 * @module
 */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { isLoopbackHost } from '../../base/http.js'
import { proxyFor, type ProxyEnvironment } from '../../gateway/http/proxies.js'

/** The addresses of a host; none if it has none, or if a proxy looks it up. */
export type AddressesOf = (url: URL) => Promise<readonly string[]>

/** This machine, private networks, and the services of a cloud for its machines (RFC 6890). */
const INSIDE = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  INSIDE.addSubnet(network, bits, 'ipv4')
}
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  INSIDE.addSubnet(network, bits, 'ipv6')
}

function isInside(address: string): boolean {
  return INSIDE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Whether a host is inside. */
async function isInsideHost(url: URL, addressesOf: AddressesOf): Promise<boolean> {
  if (isLoopbackHost(url.hostname)) return true
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const addresses = isIP(host) === 0 ? await addressesOf(url) : [host]
  return addresses.some(isInside)
}

/** Looks names up as the system does. The request that follows tells what cannot be found. */
export function resolveWith(environment: ProxyEnvironment): AddressesOf {
  return async (url) => {
    if (proxyFor(url, environment) !== undefined) return []
    const found = await lookup(url.hostname, { all: true }).catch(() => [])
    return found.map(({ address }) => address)
  }
}

const NOBODY: AddressesOf = () => Promise.resolve([])

/**
 * Whether a URL must not be asked. A server of our own network may name others that are in it. With
 * https a name is no danger: what answers proves that it has this name.
 *
 * @param from the URL of the server that is looked at
 */
export function fenceFrom(
  from: string,
  addressesOf: AddressesOf,
): (url: string) => Promise<boolean> {
  const isOurs = isInsideHost(new URL(from), addressesOf)
  return async (text) => {
    const url = new URL(text)
    if (await isOurs) return false
    return isInsideHost(url, url.protocol === 'https:' ? NOBODY : addressesOf)
  }
}
