/**
 * Where a request comes from: the peer of its connection, or what a trusted proxy says about it.
 *
 * @module
 */

/** 4 bytes, or 16. An IPv4 address in an IPv6 one (`::ffff:192.0.2.1`) has 4. */
type Address = readonly number[]

/** Addresses with the same first bits. */
interface Network {
  readonly address: Address
  readonly bits: number
}

/** The parts of a request that say where it comes from. */
export interface AddressedRequest {
  /** The peer of the connection; `undefined`: the host does not know it. */
  readonly peerAddress?: string | undefined
  /** `X-Forwarded-For`: all fields in one list. */
  readonly forwardedFor?: string | undefined
}

/** The key of all requests whose address is not known. */
const UNKNOWN = 'unknown'
/** Of an IPv6 address, the bits that one customer of a provider usually has to themselves. */
const BYTES_OF_ONE = 8

function parseIpv4(text: string): Address | undefined {
  const parts = text.split('.', 5)
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) {
    return undefined
  }
  const bytes = parts.map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : undefined
}

/** The bytes of groups between colons; the last one may be an IPv4 address. */
function bytesOfGroups(text: string): number[] | undefined {
  if (text === '') return []
  const groups = text.split(':')
  const last = groups.at(-1) ?? ''
  const tail = last.includes('.') ? parseIpv4(last) : []
  if (tail === undefined) return undefined
  const whole = tail.length > 0 ? groups.slice(0, -1) : groups
  if (!whole.every((group) => /^[\da-f]{1,4}$/i.test(group))) return undefined
  return [
    ...whole.flatMap((group) => {
      const value = Number.parseInt(group, 16)
      return [value >> 8, value & 255]
    }),
    ...tail,
  ]
}

function parseIpv6(text: string): Address | undefined {
  const [front = '', back, ...more] = text.split('::')
  const head = bytesOfGroups(front)
  const tail = bytesOfGroups(back ?? '')
  if (head === undefined || tail === undefined || more.length > 0) return undefined
  if (back === undefined) return head.length === 16 ? head : undefined
  const isShortened = head.length + tail.length <= 14 && !front.includes('.')
  if (!isShortened) return undefined
  return [...head, ...Array<number>(16 - head.length - tail.length).fill(0), ...tail]
}

function isMapped(address: Address): boolean {
  return address.slice(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 255))
}

/** Without port, brackets and zone. */
function parseAddress(text: string): Address | undefined {
  // No address is longer.
  if (text.length > 45) return undefined
  if (!text.includes(':')) return parseIpv4(text)
  const address = parseIpv6(text)
  return address !== undefined && isMapped(address) ? address.slice(12) : address
}

/** The address of a peer, or of an entry that a proxy wrote, perhaps with a port or a zone. */
function parseEntry(text: string): Address | undefined {
  const entry = text.trim()
  if (entry.length > 100) return undefined
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry)?.[1]
  const withPort = /^([\d.]+):\d{1,5}$/.exec(entry)?.[1]
  return parseAddress((bracketed ?? withPort ?? entry).replace(/%[\w.~-]+$/, ''))
}

function bitAt(address: Address, bit: number): number {
  return ((address[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1
}

function isIn({ address, bits }: Network, other: Address): boolean {
  if (address.length !== other.length) return false
  for (let bit = 0; bit < bits; bit++) if (bitAt(address, bit) !== bitAt(other, bit)) return false
  return true
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. */
function parseNetwork(text: string): Network | string {
  const [front = '', prefix, ...more] = text.split('/')
  const address = parseAddress(front)
  if (address === undefined || more.length > 0) return 'is not an address or a network'
  const size = address.length * 8
  if (prefix === undefined) return { address, bits: size }
  const isNumber = /^(?:0|[1-9]\d{0,2})$/.test(prefix)
  // The prefix of a mapped address counts the bits before it.
  const bits = Number(prefix) - (size === 32 && front.includes(':') ? 96 : 0)
  if (!isNumber || bits < 0 || bits > size) return 'has a prefix that it cannot have'
  if (bits === 0) return 'would trust every peer'
  for (let bit = bits; bit < size; bit++) {
    if (bitAt(address, bit) === 1) return 'has bits after its prefix'
  }
  return { address, bits }
}

/** Why a text is not a network of proxies; `undefined` if it is one. */
export function networkFault(text: string): string | undefined {
  const network = parseNetwork(text)
  return typeof network === 'string' ? network : undefined
}

/** One text for all addresses that count as one: an IPv4 address, or a /64 of IPv6. */
function keyOf(address: Address): string {
  if (address.length === 4) return address.join('.')
  const bytes = address.slice(0, BYTES_OF_ONE)
  return `${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}/64`
}

/** Says where requests come from. */
export class ClientAddresses {
  readonly #proxies: readonly Network[]

  /** @param trustedProxies addresses and networks without faults */
  constructor(trustedProxies: readonly string[]) {
    this.#proxies = trustedProxies.flatMap((each) => {
      const network = parseNetwork(each)
      return typeof network === 'string' ? [] : network
    })
  }

  /** One text for all requests that are counted together. */
  keyFor({ peerAddress, forwardedFor }: AddressedRequest): string {
    const peer = peerAddress === undefined ? undefined : parseEntry(peerAddress)
    if (peer === undefined) return UNKNOWN
    const isBelieved = forwardedFor !== undefined && this.#isProxy(peer)
    return keyOf(isBelieved ? this.#clientOf(forwardedFor, peer) : peer)
  }

  #isProxy(address: Address): boolean {
    return this.#proxies.some((network) => isIn(network, address))
  }

  /**
   * The last entry that no trusted proxy has: each proxy appends the peer that it saw, and what
   * stands before that was sent by the client. If all of them are proxies, the first one.
   */
  #clientOf(forwardedFor: string, peer: Address): Address {
    let client = peer
    const entries = forwardedFor.split(',')
    for (let at = entries.length - 1; at >= 0; at--) {
      const address = parseEntry(entries[at] ?? '')
      // A proxy that writes something else says nothing.
      if (address === undefined) return peer
      client = address
      if (!this.#isProxy(address)) return client
    }
    return client
  }
}
