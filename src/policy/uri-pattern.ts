/**
 * Patterns for URIs of resources, compared component by component: a wildcard never matches beyond
 * its component.
 *
 * @module
 */
import { Glob, piecesOf, type Text, type Wildcards } from './globs.js'
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

const IN_PATH: Wildcards = { separator: '/' }
const IN_AUTHORITY: Wildcards = { separator: undefined }

/** What a pattern says of one component. */
interface ComponentPattern {
  /** The only text that matches; `undefined` with wildcards. */
  readonly only: string | undefined
  isLike(text: Text): boolean
}

/** A pattern, compiled. */
export interface UriPattern {
  readonly scheme: string
  readonly userinfo: string | undefined
  readonly hasAuthority: boolean
  /** `undefined`: any authority, or none. */
  readonly authority:
    { readonly host: ComponentPattern; readonly port: ComponentPattern } | undefined
  readonly path: ComponentPattern
  /** `undefined` if the pattern has no query. */
  readonly query: ComponentPattern | undefined
  /** Each of its parameters alone, as forms are read. */
  readonly parameters: readonly ComponentPattern[]
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

function component(
  text: string,
  wildcards: Wildcards,
  literal?: (part: string) => string,
): ComponentPattern {
  const pieces = piecesOf(text, wildcards, literal)
  const glob = new Glob(pieces, wildcards)
  const isOnly = pieces.every((piece) => typeof piece === 'string')
  return { only: isOnly ? pieces.join('') : undefined, isLike: (other) => glob.isLike(other) }
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
 * star matches any text. `scheme://**` and `scheme:**` match every URI of a scheme.
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
  return toPatterns({ ...parts, userinfo, place, path, query, isAll })
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
      host: component(place.host, IN_AUTHORITY),
      port: component(place.port, IN_AUTHORITY),
    },
    path: component(spelledPath, IN_PATH, (part) => decodeOnce(part) ?? part),
    query: spelledQuery === undefined ? undefined : component(spelledQuery, IN_PATH, decodeStars),
    parameters: parametersOf(spelledQuery ?? '').map((each) =>
      component(each, IN_PATH, decodeStars),
    ),
    permits: true,
  }
  const anything = component('**', IN_PATH)
  if (isAll) {
    const port = component('*', IN_AUTHORITY)
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
  const bare = component(spelledPath.slice(0, -1), IN_PATH, (part) => decodeOnce(part) ?? part)
  return { text, patterns: [own, { ...own, path: bare, permits: false }] }
}

/** In a query, all other escapes are kept. */
function decodeStars(part: string): string {
  return decodeQuery(part) ?? part
}

/** Names with values, in any order: servers look up one name and take its first or last value. */
export function parametersOf(query: string): readonly string[] {
  const parameters = query.replaceAll('+', ' ').split(/[&;]/)
  return [...new Set(parameters)].filter((each) => each !== '')
}

/**
 * Whether a pattern's demands apply to this query: if it matches the whole query, or the query
 * contains each of the pattern's parameters.
 *
 * @param given from {@link parametersOf}
 */
export function isDemanded(
  { query, parameters }: UriPattern,
  written: string | undefined,
  given: readonly string[],
): boolean {
  if (query === undefined) return true
  if (written === undefined) return false
  if (query.isLike(written)) return true
  return (
    parameters.length > 0 && parameters.every((each) => given.some((other) => each.isLike(other)))
  )
}

/** Whether a pattern covers every part of a URI that servers may strip first. */
export function namesAllOf(pattern: UriPattern, uri: ResourceUri): boolean {
  const { authority, userinfo, query, hasAuthority, permits, path } = pattern
  const isOfAnotherHost = uri.scheme === 'file' && uri.host !== '' && authority?.host.only === ''
  return (
    permits &&
    !isOfAnotherHost &&
    (authority === undefined || hasAuthority === uri.hasAuthority) &&
    (uri.userinfo === undefined || userinfo !== undefined) &&
    (uri.query === undefined || query?.isLike(uri.query) === true) &&
    path.isLike(uri.path)
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
