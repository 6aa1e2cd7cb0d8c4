/**
 * Finds the rules of a policy that apply to a URI, and whether one of them allows it.
 *
 * @module
 */
import { Cache } from '../base/cache.js'
import { LONGEST_KNOWN, MAX_TEXTS } from './globs.js'
import { parametersOf } from './query-pattern.js'
import { readPath } from '../mcp/path-readings.js'
import { queriesOf, type QueryParameter } from '../mcp/query-parameters.js'
import { parseResourceUri, type ResourceUri } from '../mcp/resource-uri.js'
import { compileUriPattern, isInAuthority, namesAllOf, type UriPattern } from './uri-pattern.js'

/** What the rules say about a URI. */
export interface UriMatch {
  /** All rules whose demands apply, in the order of the policy. */
  readonly rules: readonly number[]
  /** Whether a pattern matches the whole URI, as it was written. */
  readonly isNamed: boolean
  /**
   * Whether it has a part that many servers strip first: a query, a user, the host of a file, or too
   * many parameters of segments. It then names the same resource as without it, and only a pattern with that part allows it.
   */
  readonly isQualified: boolean
  /** Whether a pattern is about its scheme and authority. */
  readonly isKnownPlace: boolean
  /** Whether it names a user that no pattern contains. */
  readonly isForeignUser: boolean
}

/** As many as fit into one request. */
const MAX_LONG_TEXTS = 350

interface RulePattern extends UriPattern {
  readonly rule: number
}

/** Patterns of one scheme and authority. */
interface Group {
  /** Any of them: they share one authority. */
  readonly first: RulePattern
  readonly exact: Map<string, RulePattern[]>
  readonly globs: RulePattern[]
  readonly users: Set<string>
}

/** What no rule allows. */
const NOWHERE: UriMatch = {
  rules: [],
  isNamed: false,
  isQualified: true,
  isKnownPlace: true,
  isForeignUser: false,
}

export class UriRules {
  readonly #literal = new Map<string, Group>()
  readonly #wild: Group[] = []
  readonly #known = new Cache<UriMatch>(MAX_TEXTS)
  /** Only attackers send long ones, and their request needs them twice. */
  readonly #long = new Cache<UriMatch>(MAX_LONG_TEXTS)

  /** @param patterns of each rule; useless patterns match nothing */
  constructor(patterns: readonly (readonly string[])[]) {
    const wild = new Map<string, Group>()
    for (const [rule, texts] of patterns.entries()) {
      for (const text of texts) {
        const compiled = compileUriPattern(text)
        if (!('patterns' in compiled)) continue
        for (const pattern of compiled.patterns) this.#add({ ...pattern, rule }, text, wild)
      }
    }
    this.#wild.push(...wild.values())
  }

  #add(pattern: RulePattern, text: string, wild: Map<string, Group>): void {
    const { scheme, authority, path, userinfo } = pattern
    const { host, port } = authority ?? {}
    const isLiteral = host?.only !== undefined && port?.only !== undefined
    const groups = isLiteral ? this.#literal : wild
    const key = isLiteral ? keyOf(scheme, host.only, port.only) : text
    let group = groups.get(key)
    if (group === undefined) {
      group = { first: pattern, exact: new Map(), globs: [], users: new Set() }
      groups.set(key, group)
    }
    if (userinfo !== undefined) group.users.add(userinfo)
    if (path.only === undefined) return void group.globs.push(pattern)
    const others = group.exact.get(path.only)
    if (others === undefined) group.exact.set(path.only, [pattern])
    else others.push(pattern)
  }

  /** A text seen before gives the same object. */
  match(text: string): UriMatch {
    const known = text.length > LONGEST_KNOWN ? this.#long : this.#known
    let match = known.get(text)
    if (match === undefined) {
      match = this.#find(text)
      known.set(text, match)
    }
    return match
  }

  #groupsOf(uri: ResourceUri): readonly Group[] {
    const { scheme, host, port } = uri
    const groups = [this.#literal.get(keyOf(scheme, host, port))]
    if (scheme === 'file' && host !== '') groups.push(this.#literal.get(keyOf(scheme, '', '')))
    const wild = this.#wild.filter(({ first }) => isInAuthority(first, uri))
    return [...groups.filter((group) => group !== undefined), ...wild]
  }

  #find(text: string): UriMatch {
    const uri = parseResourceUri(text)
    if (uri === undefined) return NOWHERE
    const { scheme, userinfo, host, query } = uri
    const isOfHost = scheme === 'file' && host !== ''
    const readings = readPath(uri.path)
    if (readings === undefined) return NOWHERE
    const parameters = queriesOf(uri.path, query).flatMap((each) => parametersOf(each))
    const groups = this.#groupsOf(uri)
    const rules = new Set<number>()
    let isNamed = false
    for (const group of groups) {
      for (const pattern of patternsFor(group, uri, readings.all, parameters)) {
        rules.add(pattern.rule)
        isNamed ||= namesAllOf(pattern, uri, readings.kept)
      }
    }
    return {
      rules: Object.freeze([...rules].sort((one, other) => one - other)),
      isNamed,
      isQualified: userinfo !== undefined || query !== undefined || isOfHost,
      isKnownPlace: groups.length > 0,
      isForeignUser: userinfo !== undefined && !groups.some(({ users }) => users.has(userinfo)),
    }
  }
}

function keyOf(scheme: string, host: string, port: string): string {
  return `${scheme}://${host}:${port}`
}

/** Rules whose demands apply: a part that a pattern does not name excludes no rule. */
function* patternsFor(
  { exact, globs }: Group,
  { userinfo, query }: ResourceUri,
  readings: readonly string[],
  parameters: readonly QueryParameter[],
): Iterable<RulePattern> {
  const isOf = (pattern: RulePattern) =>
    (pattern.userinfo === undefined || pattern.userinfo === userinfo) &&
    (pattern.query === undefined || pattern.query.isIn(query, parameters))
  for (const reading of readings) {
    for (const pattern of exact.get(reading) ?? []) if (isOf(pattern)) yield pattern
  }
  for (const pattern of globs) {
    if (readings.some((reading) => pattern.path.isLike(reading)) && isOf(pattern)) yield pattern
  }
}
