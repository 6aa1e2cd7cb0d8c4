/**
 * Addresses to listen on and to send to, and hosts as clients name them.
 *
 * @module
 */
import { isLoopbackHost, parseHttpUrl } from '../base/http.js'

const LABEL = /^[a-z\d](?:[a-z\d_-]{0,61}[a-z\d])?$/i

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`)

/** A host name (RFC 1123 §2.1), or an IPv4 address, which has the same form. */
function isName(text: string): boolean {
  if (/^[\d.]+$/.test(text)) return IPV4.test(text)
  return text.length <= 253 && text.split('.').every((label) => LABEL.test(label))
}

function isIpv6(text: string): boolean {
  return /^[\d.:a-f]+$/i.test(text) && URL.canParse(`http://[${text}]`)
}

/** Why this is not an address to listen on, or `undefined`. */
export function listenHostFault(text: string): string | undefined {
  // Link-local addresses need the name of an interface.
  const isAddress = isName(text) || isIpv6(text.replace(/%[\w.-]+$/, ''))
  return isAddress ? undefined : 'is neither an IP address nor a host name'
}

/** Whether only this machine can reach a listener there. Other names may lead anywhere. */
export function isLoopbackAddress(host: string): boolean {
  if (/^localhost$/i.test(host)) return true
  if (isIpv6(host)) return new URL(`http://[${host}]`).hostname === '[::1]'
  return host.startsWith('127.') && IPV4.test(host)
}

/** Why this is not a valid `Host` value (RFC 9110 §7.2), or `undefined`. */
export function hostValueFault(text: string): string | undefined {
  const [, address, name, port = '1'] = /^(?:\[(.+)\]|([^[\]:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const isHost = address === undefined ? isName(name ?? '') : isIpv6(address)
  const isPort = Number(port) > 0 && Number(port) <= 65_535
  return isHost && isPort ? undefined : 'is not a host as in a Host header'
}

/** Why no request can be sent there, or `undefined`. */
export function upstreamFault(text: string): string | undefined {
  const url = parseHttpUrl(text)
  if (url === undefined) return 'must be an absolute http(s) URL'
  // The parser drops some of these, so the result would not be the endpoint that was written.
  if (/[^\x21-\x7e]/.test(text))
    return 'has blanks, line ends or other characters that are not allowed'
  if (text.includes('#')) return 'must not have a fragment'
  // Parsers repair these, and the result differs from what was written.
  if (!/^https?:\/\/[^/]/i.test(text) || /\/\.{1,2}(?:[/?]|$)/.test(text)) {
    return 'is not the exact endpoint: it has dot segments, or too few slashes'
  }
  const hasCredentials = url.username !== '' || url.password !== ''
  return hasCredentials ? 'must not have a user name or password' : undefined
}

/** Whether anybody beyond this machine can read what is sent there. */
export function isPlainHttp(text: string): boolean {
  const url = parseHttpUrl(text)
  return url?.protocol === 'http:' && !isLoopbackHost(url.hostname)
}
