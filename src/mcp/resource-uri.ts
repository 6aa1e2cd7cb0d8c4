/**
 * The URI of a resource, parsed once: a resource that a rule names must not be reachable by another
 * spelling, nor by parts that a server strips first.
 *
 * @module
 */

import { Cache } from '../base/cache.js'

/** A URI that can be compared with a policy. */
export interface ResourceUri {
  /** In lower case. */
  readonly scheme: string
  /** As it was written, in canonical form; `undefined` if there is none. */
  readonly userinfo: string | undefined
  /** In lower case, without the last dot. Empty if there is none. */
  readonly host: string
  /** Empty for the scheme's default port, and if there is none. */
  readonly port: string
  /** Whether `//` follows the scheme. */
  readonly hasAuthority: boolean
  /** Decoded. In a URI without `//`, everything after its scheme. */
  readonly path: string
  /** Decoded except for the delimiters of names and values. Empty for a question mark alone. */
  readonly query: string | undefined
  /** The whole URI in canonical form. */
  readonly text: string
}

/** No real URI is longer. */
export const LONGEST_URI = 2048

/** RFC 3986 §3, without the fragment. */
const URI = /^([a-z][a-z\d+.-]*):(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/is
/** Schemes whose URIs always have an authority, however many slashes are written (URL standard). */
const SPECIAL = new Set(['http', 'https', 'ws', 'wss', 'ftp', 'file'])

export function needsHost(scheme: string): boolean {
  return scheme !== 'file' && SPECIAL.has(scheme)
}

/**
 * Characters that the URL standard drops or reads as a slash, and those that cannot be decoded. A
 * lone surrogate cannot be encoded.
 */
const ODD = /[\p{Cc}\\#\p{Cs}]|%(?![\da-f]{2})|^\p{Z}|\p{Z}$/iu
/** Dots, slashes, backslashes and NUL, encoded once or twice. */
const ENCODED = /%(?:25)*(?:2e|2f|5c|00)/i
/** Servers split texts at these, and join the parts to a path. */
const EDGE = String.raw`[\p{Z}/?#&=;,:+|!%"'()<>[\]{}]`
/**
 * Segments that servers resolve first, whatever stands beside them (`..;`). One dot alone may stand
 * for itself, but not as a segment of a path.
 */
const DOT_SEGMENT = new RegExp(
  [String.raw`(?:^|${EDGE})\.\.(?=${EDGE}|$)`, String.raw`(?:^|[/?])[\p{Z}+]*\.(?=${EDGE}|$)`].join(
    '|',
  ),
  'u',
)
const SCHEME = /^[a-z][a-z\d+.-]*:/i
const CONTROLS = /\p{Cc}/u

/** RFC 3986 §3.3: what may stand in a path. Anything else is encoded. */
const FOREIGN_IN_PATH = /[^\w.~!$&'()*+,;=:@/-]+/gu
const FOREIGN = /[^\w.~!$&'()*+,;=:@/?%-]+/gu
/** Characters that mean something else when they are not encoded. */
const DELIMITER = /[%&=+;#]/

/** @returns `undefined` for invalid UTF-8: every server reads it differently */
export function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Once more, as servers do that take an invalid escape for text. */
export function decodeAgain(text: string): string {
  const decoded = text.includes('%') ? decodeOnce(text) : text
  const ascii = /%([0-7][\da-f])/gi
  return (
    decoded ??
    text.replace(ascii, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  )
}

function decodeBut(kept: RegExp, text: string): string | undefined {
  const decoded = text.split(/((?:%[\da-f]{2})+)/i).map((part, index) => {
    if (index % 2 === 0) return part
    const plain = decodeOnce(part)
    return plain?.replace(/[^]/gu, (character) =>
      kept.test(character) ? encodeURIComponent(character) : character,
    )
  })
  return decoded.includes(undefined) ? undefined : decoded.join('')
}

/** Decoded except for delimiters: `a%26b` is one value, `a&b` are two. */
export function decodeQuery(text: string): string | undefined {
  return decodeBut(DELIMITER, text)
}

/** Decoded except for stars, which would be wildcards of a pattern, and for what would decode again. */
export function decodeAroundStars(text: string): string {
  return decodeBut(/[*%]/, text) ?? text
}

function encode(text: string, foreign: RegExp): string {
  return text.replace(foreign, encodeURIComponent)
}

export function encodePath(path: string): string {
  return encode(path, FOREIGN_IN_PATH)
}

export function encodeQuery(query: string): string {
  return encode(query, FOREIGN)
}

/** How often a text may be decoded until it stays the same: no real URI is encoded more often. */
const MOST_DECODINGS = 4

/** Whether no server finds dot segments or slashes in a decoded text, however often it decodes. */
function isClearDecoded(decoded: string): boolean {
  let text = decoded.replace(SCHEME, '')
  for (let times = 1; times <= MOST_DECODINGS; times++) {
    if (ENCODED.test(text) || DOT_SEGMENT.test(text)) return false
    const next = decodeAgain(text)
    if (next === text) return true
    text = next
  }
  return false
}

/** Whether a URI, or a pattern for URIs, is unambiguous. */
export function isClear(text: string): boolean {
  if (text.length > LONGEST_URI || ODD.test(text) || ENCODED.test(text)) return false
  const decoded = decodeOnce(text)
  return decoded !== undefined && !CONTROLS.test(decoded) && isClearDecoded(decoded)
}

/** The components of a URI, none of them decoded. */
export interface UriParts {
  readonly scheme: string
  /** `undefined` without `//`, unless the scheme always has an authority. */
  readonly authority: string | undefined
  readonly path: string
  readonly query: string | undefined
}

/** For `file`, the path starts at the root, and a drive is written as in the URL standard. */
function asFile(authority: string, path: string): Pick<UriParts, 'authority' | 'path'> {
  const isDrive = /^[a-z][:|]$/i.test(authority)
  const full = `/${isDrive ? authority : ''}${path.replace(/^(?!\/|$)/, '/')}`
  return {
    authority: isDrive ? '' : authority,
    path: full.replace(/^\/+/, '/').replace(/^\/([a-z])\|(?=\/|$)/i, '/$1:'),
  }
}

/**
 * As servers read it that follow the URL standard (the TypeScript and Python SDKs), which takes
 * `file:/srv` and `file:srv` for `file:///srv`, and `https:h` for `https://h`.
 */
function asSpecial(
  scheme: string,
  authority: string,
  path: string,
): Pick<UriParts, 'authority' | 'path'> {
  if (scheme === 'file') return asFile(authority, path)
  if (authority !== '') return { authority, path: path || '/' }
  const [, host = '', rest = ''] = /^\/*([^/]*)(.*)$/s.exec(path) ?? []
  return { authority: host, path: rest || '/' }
}

/** @returns `undefined` without a scheme */
export function splitUri(text: string): UriParts | undefined {
  const [written, named = '', authority, longPath = '', query] = URI.exec(text) ?? []
  if (written === undefined) return undefined
  const scheme = named.toLowerCase()
  const path = longPath.replace(/\/{2,}/g, '/')
  const special = SPECIAL.has(scheme) ? asSpecial(scheme, authority ?? '', path) : undefined
  return { scheme, authority, path, ...special, query }
}

/** In lower case, without unnecessary escapes. */
function spellHost(host: string): string {
  return encode(decodeBut(/[^\w.~-]/, host) ?? host, FOREIGN).toLowerCase()
}

/** Host and port as they are compared. */
export interface HostAndPort {
  readonly host: string
  readonly port: string
}

/** @returns `undefined` if the host is invalid by the URL standard */
export function readHost(scheme: string, written: string): HostAndPort | undefined {
  let host = written
  let port = ''
  if (written !== '') {
    try {
      ;({ hostname: host, port } = new URL(`${scheme}://${written}/`))
    } catch {
      // In other schemes the authority may be any text; only a number is then a port.
      if (SPECIAL.has(scheme)) return undefined
      ;[, host = '', port = ''] = /^(.*?)(?::0*(\d*))?$/s.exec(written) ?? []
    }
  }
  const isAddress = /^\[[\da-f:.]+\]$/i.test(host)
  const spelled = isAddress ? host.toLowerCase() : spellHost(host)
  host = spelled.replace(/\.$/, '')
  if ((host === '' && spelled !== '') || /^\.|\.$|:\d*$/.test(host)) return undefined
  return { host: scheme === 'file' && host === 'localhost' ? '' : host, port }
}

/** The user of an authority, if it names one, and the rest. */
export function splitUser(
  authority: string,
): readonly [userinfo: string | undefined, rest: string] {
  const at = authority.lastIndexOf('@')
  if (at < 0) return [undefined, authority]
  const written = authority.slice(0, at)
  return [encode(decodeBut(/[^\w.~-]/, written) ?? written, FOREIGN), authority.slice(at + 1)]
}

/** Joins the components of a URI. */
export function writeUri(
  { scheme, userinfo, host, port, hasAuthority }: Omit<ResourceUri, 'path' | 'query' | 'text'>,
  path: string,
  query: string | undefined,
): string {
  const user = userinfo === undefined ? '' : `${userinfo}@`
  const authority = hasAuthority ? `//${user}${host}${port === '' ? '' : `:${port}`}` : ''
  return `${scheme}:${authority}${path}${query === undefined ? '' : `?${query}`}`
}

/**
 * @returns `undefined` for an invalid URI, or one that servers read in different ways: with a
 * fragment, dot segments, encoded slashes or dots, backslashes, control characters, surrounding
 * blanks, or excessive length
 */
export function parseResourceUri(text: string): ResourceUri | undefined {
  const parts = isClear(text) ? splitUri(text) : undefined
  if (parts === undefined) return undefined
  const { scheme, authority } = parts
  const [userinfo, rest] = splitUser(authority ?? '')
  const place = readHost(scheme, rest)
  const path = decodeOnce(parts.path)
  const query = parts.query === undefined ? undefined : decodeQuery(parts.query)
  if (place === undefined || path === undefined) return undefined
  if (needsHost(scheme) && place.host === '') return undefined
  const hasAuthority = authority !== undefined
  const named = { scheme, userinfo, ...place, hasAuthority }
  const written = query === undefined ? undefined : encodeQuery(query)
  const spelled = writeUri(named, encodePath(path), written)
  return { ...named, path, query, text: spelled }
}

/** Clients repeat the same URIs, and the result for a text never changes. */
const spellings = new Cache<ResourceUri>(1_000)
const LONGEST_KNOWN = 200

/** The canonical form (RFC 3986 §6.2.2); `undefined` if {@link parseResourceUri} refuses it. */
export function canonicalUri(text: string): string | undefined {
  if (text.length > LONGEST_KNOWN) return parseResourceUri(text)?.text
  const known = spellings.get(text)
  if (known !== undefined) return known.text
  const uri = parseResourceUri(text)
  if (uri !== undefined) spellings.set(text, uri)
  return uri?.text
}
