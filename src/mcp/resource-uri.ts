/**
 * The URI of a resource, taken apart once: what a rule names must not be reached by another spelling, nor by what a
 * server takes away before it looks.
 *
 * @module
 */

import { Cache } from '../base/cache.js'

/** A URI that can be judged. */
export interface ResourceUri {
  /** In lower case. */
  readonly scheme: string
  /** As it was written, in one spelling; `undefined` where there is none. */
  readonly userinfo: string | undefined
  /** In lower case, without the last dot. Empty where there is none. */
  readonly host: string
  /** Empty for that of the scheme, and where there is none. */
  readonly port: string
  /** Whether `//` stands behind the scheme. */
  readonly hasAuthority: boolean
  /** Decoded. Of a URI without `//` all that stands behind its scheme. */
  readonly path: string
  /** Decoded but for what separates names and values. Empty for a question mark alone. */
  readonly query: string | undefined
  /** All of it in one spelling. */
  readonly text: string
}

/** Longer ones are nobody's. */
export const LONGEST_URI = 2048

/** RFC 3986 §3, without the fragment. */
const URI = /^([a-z][a-z\d+.-]*):(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/is
/** Schemes whose URIs always have an authority, however many slashes are written (URL standard). */
const SPECIAL = new Set(['http', 'https', 'ws', 'wss', 'ftp', 'file'])

export function needsHost(scheme: string): boolean {
  return scheme !== 'file' && SPECIAL.has(scheme)
}

/** What the URL standard drops, or takes for a slash, and what cannot be decoded. Half a pair cannot be encoded. */
const ODD = /[\p{Cc}\\#\p{Cs}]|%(?![\da-f]{2})|^\p{Z}|\p{Z}$/iu
/** Dots, slashes, backslashes and NUL that are encoded, or will be when it was decoded once. */
const ENCODED = /%(?:25)*(?:2e|2f|5c|00)/i
/**
 * What servers resolve before they look, also with parameters (`..;`). In a query one dot may stand for itself; two
 * are no value that anybody needs.
 */
const DOT_SEGMENT = /(?:^|[/?]) *\.{1,2} *(?=[/?;]|$)|[&=;] *\.\. *(?=[/?;&]|$)/
const SCHEME = /^[a-z][a-z\d+.-]*:/i
const CONTROLS = /\p{Cc}/u

/** RFC 3986 §3.3: what may stand in a path. Anything else is encoded. */
const FOREIGN_IN_PATH = /[^\w.~!$&'()*+,;=:@/-]+/gu
const FOREIGN = /[^\w.~!$&'()*+,;=:@/?%-]+/gu
/** What means something else where it is not encoded. */
const DELIMITER = /[%&=+;#]/

/** @returns `undefined` for what is no UTF-8: each server reads something else */
export function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
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

/** Decoded but for delimiters: `a%26b` is one value, `a&b` are two. */
export function decodeQuery(text: string): string | undefined {
  return decodeBut(DELIMITER, text)
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

/** Whether nobody can read it in two ways: said of URIs and of patterns for them. */
export function isClear(text: string): boolean {
  if (text.length > LONGEST_URI || ODD.test(text) || ENCODED.test(text)) return false
  const decoded = decodeOnce(text)
  if (decoded === undefined || CONTROLS.test(decoded) || ENCODED.test(decoded)) return false
  return !DOT_SEGMENT.test(decoded.replace(SCHEME, ''))
}

/** A URI in its components, nothing of it decoded. */
export interface UriParts {
  readonly scheme: string
  /** `undefined` without `//`, where the scheme does not always have one. */
  readonly authority: string | undefined
  readonly path: string
  readonly query: string | undefined
}

/** With the path of a file from its root, and a drive as the URL standard writes it. */
function asFile(authority: string, path: string): Pick<UriParts, 'authority' | 'path'> {
  const isDrive = /^[a-z][:|]$/i.test(authority)
  const full = `/${isDrive ? authority : ''}${path.replace(/^(?!\/|$)/, '/')}`
  return {
    authority: isDrive ? '' : authority,
    path: full.replace(/^\/+/, '/').replace(/^\/([a-z])\|(?=\/|$)/i, '/$1:'),
  }
}

/**
 * As servers read it that parse it with the URL standard or what follows it (the TypeScript and Python SDKs): it takes
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

/** @returns `undefined` for what has no scheme */
export function splitUri(text: string): UriParts | undefined {
  const [written, named = '', authority, longPath = '', query] = URI.exec(text) ?? []
  if (written === undefined) return undefined
  const scheme = named.toLowerCase()
  const path = longPath.replace(/\/{2,}/g, '/')
  const special = SPECIAL.has(scheme) ? asSpecial(scheme, authority ?? '', path) : undefined
  return { scheme, authority, path, ...special, query }
}

/** In lower case, with no escape that need not be. */
function spellHost(host: string): string {
  return encode(decodeBut(/[^\w.~-]/, host) ?? host, FOREIGN).toLowerCase()
}

/** Host and port as they are compared. */
export interface HostAndPort {
  readonly host: string
  readonly port: string
}

/** @returns `undefined` where the URL standard knows no such host */
export function readHost(scheme: string, written: string): HostAndPort | undefined {
  let host = written
  let port = ''
  if (written !== '') {
    try {
      ;({ hostname: host, port } = new URL(`${scheme}://${written}/`))
    } catch {
      // Those of other schemes may be anything, and then only a number is a port.
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

/** A URI put together again. */
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
 * @returns `undefined` for what is no URI, or one that servers read in different ways: a fragment, dot segments, encoded
 * slashes or dots, backslashes, control characters, blanks around it, or more than any has
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

/** Clients ask for the same ones all day long. What is known of a text never changes. */
const spellings = new Cache<ResourceUri>(1_000)
const LONGEST_KNOWN = 200

/** In one spelling (RFC 3986 §6.2.2); `undefined` for what {@link parseResourceUri} does not read. */
export function canonicalUri(text: string): string | undefined {
  if (text.length > LONGEST_KNOWN) return parseResourceUri(text)?.text
  const known = spellings.get(text)
  if (known !== undefined) return known.text
  const uri = parseResourceUri(text)
  if (uri !== undefined) spellings.set(text, uri)
  return uri?.text
}
