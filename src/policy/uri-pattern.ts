/**
 * Patterns for URIs of resources, compared component by component: a wildcard never matches beyond
 * its component.
 *
 * @module
 */
import { compileText, type TextPattern, type Wildcards } from './globs.js'
import {
  decodeOnce,
  decodeQuery,
  encodePath,
  encodeQuery,
  isClear,
  needsHost,
  readHost,
  splitUri,
  splitUser,
  writeUri,
  type HostAndPort,
  type ResourceUri,
} from '../mcp/resource-uri.js'
import { collapsePath } from '../mcp/path-readings.js'
import { QueryPattern, reasonUnclearQuery } from './query-pattern.js'

const IN_PATH: Wildcards = { separator: '/' }
const IN_AUTHORITY: Wildcards = { separator: undefined }

/** A pattern, compiled. */
export interface UriPattern {
  readonly scheme: string
  readonly userinfo: string | undefined
  readonly hasAuthority: boolean
  /** `undefined`: any authority, or none. */
  readonly authority: { readonly host: TextPattern; readonly port: TextPattern } | undefined
  readonly path: TextPattern
  /** The path without parameters of its segments; `undefined` if it has none. */
  readonly bare: TextPattern | undefined
  /** `undefined` if the pattern has no query. */
  readonly query: QueryPattern | undefined
  /** Whether a match may allow access; else it only adds what its rule requires. */
  readonly permits: boolean
}

/** Decodes every escape. */
export interface UriPatterns {
  /** In one spelling. */
  readonly text: string
  readonly patterns: readonly UriPattern[]
}

/** Why a text is not a pattern, or matches no URI. */
export class UselessPattern {
  readonly reason: string
  readonly hint: string
  constructor(reason: string, hint: string) {
    this.reason = reason
    this.hint = hint
  }
}

/** A valid host label that replaces stars while the URL standard parses the rest. */
const MARK = 'wildcard-0-'

/** @returns `undefined` if no URI has such an authority */
function readAuthority(scheme: string, written: string): HostAndPort | undefined {
  if (!written.includes('*')) return readHost(scheme, written)
  // A wildcard port cannot be parsed as a number.
  const [, host = '', port] = /^(.*?)(?::([\d*]*))?$/s.exec(written) ?? []
  if (host.includes(MARK)) return undefined
  const read =
    port === undefined || port.includes('*') || !host.includes('*')
      ? readHost(scheme, host.replace(/\*+/g, MARK))
      : readHost(scheme, `${host.replace(/\*+/g, MARK)}:${port}`)
  if (read === undefined || /xn--[^.]*wildcard-0-/.test(read.host)) return undefined
  return { host: read.host.replaceAll(MARK, '*'), port: port?.includes('*') ? port : read.port }
}

const STARS = /(\*+)/

/** Normalizes escapes between stars; `undefined` for invalid UTF-8. */
function decodeParts(
  text: string,
  decode: (part: string) => string | undefined,
): readonly string[] | undefined {
  const parts = text.split(STARS).map((part, index) => (index % 2 === 0 ? decode(part) : part))
  return parts.includes(undefined) ? undefined : (parts as readonly string[])
}

/** Back to a text, with literal stars encoded. */
function spellParts(parts: readonly string[], encode: (part: string) => string): string {
  return parts
    .map((part, index) => (index % 2 === 0 ? encode(part).replaceAll('*', '%2A') : part))
    .join('')
}

/** Everything of a scheme that has an authority. */
const ALL = /^[^:/?]*:\/\/\*\*(?:\?.*)?$/s
const EXAMPLE = 'file:///srv/**'

/** Text that matches no valid URI, whatever the wildcards match. */
function reasonUnclear(text: string): UselessPattern {
  if (text.includes('#'))
    return new UselessPattern('has a fragment: URIs with a fragment are refused', EXAMPLE)
  const reason =
    'is not a URI, or has dot segments, blanks around it or needlessly encoded characters'
  return new UselessPattern(reason, EXAMPLE)
}

/**
 * Compiles a pattern. `*` matches text within a segment, `**` in a path any text; in a host, one
 * star matches any text. In a query, a star stays in its parameter. `scheme://**` and `scheme:**`
 * match every URI of a scheme.
 */
export function compileUriPattern(text: string): UriPatterns | UselessPattern {
  const parts = isClear(text) ? splitUri(text) : undefined
  if (parts === undefined) return reasonUnclear(text)
  const { scheme, authority } = parts
  const [userinfo, written] = splitUser(authority ?? '')
  if (userinfo !== undefined && (userinfo.includes('*') || scheme === 'file')) {
    return new UselessPattern(
      'has a user that no URI can have: write a user without a star',
      `${scheme}://reader@host/**`,
    )
  }
  const isAll = ALL.test(text)
  if (!isAll && written.includes('**')) {
    const hint = `${scheme}://*/**`
    return new UselessPattern(
      'has two stars in its authority; one star there matches any text',
      hint,
    )
  }
  const place = readAuthority(scheme, isAll ? '*' : written)
  if (place === undefined || (needsHost(scheme) && place.host === '')) {
    return new UselessPattern('has an authority that no URI can have', EXAMPLE)
  }
  const path = decodeParts(parts.path, decodeOnce)
  const query = parts.query === undefined ? undefined : decodeParts(parts.query, decodeQuery)
  if (path === undefined || (parts.query !== undefined && query === undefined)) {
    return reasonUnclear(text)
  }
  const unclear = query && reasonUnclearQuery(spellParts(query, encodeQuery))
  if (unclear !== undefined) return new UselessPattern(...unclear)
  return toPatterns({ ...parts, userinfo, place, path, query, isAll })
}

function pathPattern(spelled: string): TextPattern {
  return compileText(spelled, IN_PATH, (part) => decodeOnce(part) ?? part)
}

function withoutParameters(path: string): string {
  return collapsePath(path.replace(/;[^/]*/g, ''))
}

interface ReadPattern {
  readonly scheme: string
  readonly authority: string | undefined
  readonly userinfo: string | undefined
  readonly place: HostAndPort
  readonly path: readonly string[]
  readonly query: readonly string[] | undefined
  readonly isAll: boolean
}

function toPatterns({ path, query, isAll, ...pattern }: ReadPattern): UriPatterns {
  const { scheme, authority, userinfo, place } = pattern
  const spelledPath = spellParts(path, encodePath)
  const spelledQuery = query && spellParts(query, encodeQuery)
  const host = isAll ? '**' : place.host
  const hasAuthority = authority !== undefined
  const text = writeUri(
    { scheme, userinfo, ...place, host, hasAuthority },
    isAll ? '' : spelledPath,
    spelledQuery,
  )
  const own = {
    scheme,
    userinfo,
    hasAuthority,
    authority: {
      host: compileText(place.host, IN_AUTHORITY),
      port: compileText(place.port, IN_AUTHORITY),
    },
    path: pathPattern(spelledPath),
    bare: spelledPath.includes(';') ? pathPattern(withoutParameters(spelledPath)) : undefined,
    query: spelledQuery === undefined ? undefined : new QueryPattern(spelledQuery),
    permits: true,
  }
  const anything = compileText('**', IN_PATH)
  if (isAll) {
    const port = compileText('*', IN_AUTHORITY)
    return { text, patterns: [{ ...own, authority: { ...own.authority, port }, path: anything }] }
  }
  // A pattern without an authority allows no URI that has one; a pattern that begins with ** may
  // still restrict it.
  if (!hasAuthority && spelledPath.startsWith('**')) {
    const permits = spelledPath === '**'
    return { text, patterns: [own, { ...own, authority: undefined, permits }] }
  }
  if (!/.\/$/.test(spelledPath)) return { text, patterns: [own] }
  // A directory is the same with or without its last slash.
  const file = pathPattern(spelledPath.slice(0, -1))
  return { text, patterns: [own, { ...own, path: file, permits: false }] }
}

/** Whether a pattern covers a path, and what servers read that drop parameters of its segments. */
function namesPath({ path, bare }: UriPattern, written: string, kept: readonly string[]): boolean {
  if (path.only !== undefined) return path.only === written
  return (
    path.isLike(written) &&
    kept.every((reading) => path.isLike(reading) || bare?.isLike(reading) === true)
  )
}

/**
 * Whether a pattern covers every part of a URI that servers may strip first.
 *
 * @param kept the readings of its path
 */
export function namesAllOf(
  pattern: UriPattern,
  uri: ResourceUri,
  kept: readonly string[],
): boolean {
  const { authority, userinfo, query, hasAuthority, permits } = pattern
  const isOfAnotherHost = uri.scheme === 'file' && uri.host !== '' && authority?.host.only === ''
  return (
    permits &&
    !isOfAnotherHost &&
    (authority === undefined || hasAuthority === uri.hasAuthority) &&
    (uri.userinfo === undefined || userinfo !== undefined) &&
    (uri.query === undefined ? query === undefined : query?.permits(uri.query) === true) &&
    namesPath(pattern, uri.path, kept)
  )
}

/** Whether a URI has the authority of a pattern, ignoring the user. */
export function isInAuthority(
  { scheme, authority }: UriPattern,
  uri: Pick<ResourceUri, 'scheme' | 'host' | 'port'>,
): boolean {
  if (scheme !== uri.scheme) return false
  if (authority === undefined) return true
  // Servers that open files look at the path alone.
  const isAnyHost = scheme === 'file' && authority.host.only === ''
  return isAnyHost || (authority.host.isLike(uri.host) && authority.port.isLike(uri.port))
}
