/**
 * A policy as it is written: who may use which tools, prompts, resources and methods.
 *
 * @module
 */
import { quoted, type ConfigurationProblem } from '../errors.js'
import { isPlainObject, type JsonObject } from '../base/json.js'
import type { OptionPath } from '../base/option-checker.js'
import { GlobSet, type Wildcards } from './globs.js'
import { LONGEST_NAME } from '../mcp/operation.js'
import type { ScopeForms } from '../token/asked-scopes.js'
import { findCycle, type Implications } from '../token/scope-hierarchy.js'
import { isScopeToken, parseScopes } from '../token/scopes.js'
import { DEFAULT_ANONYMOUS_LIMIT, readAnonymousLimit, readLimits } from './limit-checks.js'
import type { CheckedLimit, PolicyLimit } from './limit.js'
import { compileUriPattern } from './uri-pattern.js'

/**
 * What a rule is about. `*` matches any text in names; in URIs it stays within a segment, and `**`
 * crosses segments. A URI is compared part by part. A pattern without a query requires its scopes
 * for any query. Only a pattern with a query (`weather://forecast?*`) allows one, and it requires
 * its scopes whenever the query has its parameters. A star in a parameter stays in it.
 */
export interface PolicyRule {
  readonly tools?: string | readonly string[]
  readonly prompts?: string | readonly string[]
  readonly resources?: string | readonly string[]
  readonly methods?: string | readonly string[]
  /** The scopes that a caller needs for them besides the base scopes. An empty list means none. */
  readonly scopes?: string | ScopeWithForms | readonly (string | ScopeWithForms)[]
  /**
   * Claims that the token must have, each with one of these values: an equal string, or a list that
   * contains it. A dotted path names nested claims: `realm_access.roles`. No scope can cure a
   * denial by claims.
   */
  readonly claims?: Readonly<Record<string, string | readonly string[]>>
  /**
   * How often the operations may be used. With several limits, or several matching rules, all of
   * them hold. Each process counts for itself.
   */
  readonly limit?: PolicyLimit | readonly PolicyLimit[]
  /**
   * Its tools, prompts and resources need no token, unless another rule that matches needs one.
   * `initialize`, `ping` and lists then need no token either. Such a rule has neither scopes nor
   * claims. Default false.
   */
  readonly anonymous?: boolean
}

/** A scope that clients ask for in other words than tokens hold (Entra). */
export interface ScopeWithForms {
  /** What a token must hold: `mcp.use`. */
  readonly require: string
  /** What challenges name: `api://APP/mcp.use`. */
  readonly ask: string
}

/** Scopes and claims for operations. Every rule that matches adds what it needs; order never matters. */
export interface PolicyDocument {
  /** Scopes, each with the scopes that it includes, transitively. */
  readonly implies?: Implications
  readonly rules: readonly PolicyRule[]
  /**
   * Names for groups that tokens hold by an id (Entra), each with its id or ids. With names, a rule
   * about the claim `groups` takes no other values than these.
   */
  readonly groups?: Readonly<Record<string, string | readonly string[]>>
  /**
   * For operations that no rule names: `deny`, also for methods outside of the protocol, or `base`:
   * the base scopes suffice.
   */
  readonly unmatched: 'deny' | 'base'
  /** `filter`: lists show what this token may use. `full`: as the server says. Default `filter`. */
  readonly lists?: 'filter' | 'full'
  /**
   * How often callers without a token may use what needs none: all of it together, for each address.
   * Default `60/min`.
   */
  readonly anonymousLimit?: Omit<PolicyLimit, 'per'>
}

/** One problem of a policy. */
export interface PolicyProblem extends Omit<ConfigurationProblem, 'path'> {
  readonly path: OptionPath
}

/** A checked rule. */
export interface CheckedRule {
  readonly patterns: Readonly<Record<RuleSubject, readonly string[]>>
  readonly scopes: readonly string[]
  readonly claims: readonly ClaimRequirement[]
  readonly limits: readonly CheckedLimit[]
  /** Whether it needs no token. */
  readonly isPublic: boolean
}

/** A claim that must hold one of these. */
export interface ClaimRequirement {
  readonly claim: string
  readonly values: readonly string[]
}

export interface CheckedPolicy {
  readonly implies: Implications
  /** The scopes that clients ask for in other words. */
  readonly asks: ScopeForms
  readonly rules: readonly CheckedRule[]
  readonly unmatched: 'deny' | 'base'
  readonly lists: 'filter' | 'full'
  /** For each address without a token. */
  readonly anonymousLimit: CheckedLimit
}

export const RULE_SUBJECTS = ['tools', 'prompts', 'resources', 'methods'] as const
type RuleSubject = (typeof RULE_SUBJECTS)[number]

const NAMES: Wildcards = { separator: undefined }
const MEMBERS = new Set(['implies', 'groups', 'rules', 'unmatched', 'lists', 'anonymousLimit'])
const RULE_NAMES = new Set<string>([...RULE_SUBJECTS, 'scopes', 'claims', 'limit', 'anonymous'])
const GROUPS_HINT = 'admins: 3f1c2b7e-5d0a-4c1e-9a77-2f6d8e0c3b41'
/** The claim itself, or one in another: `groups`, `resource.groups`. */
const CLAIM_OF_GROUPS = /(?:^|[.:/])groups$/
const FORMS = new Set(['require', 'ask'])
const FORMS_HINT = "{ require: mcp.use, ask: 'api://APP/mcp.use' }"
const NAMES_HINT = 'a list of names, in which only * stands for any text'
const SCOPES_HINT = 'printable ASCII without blanks, quotes and backslashes: mcp:read'

/**
 * Line ends, escapes and zero-width characters: such a name looks like another and never matches.
 */
const UNSEEN = /[\p{Cc}\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/u
const BLANK_AROUND = /^\p{Z}|\p{Z}$/u

/**
 * Syntax of other pattern languages: here it is literal, and the rule would match nothing. A dot
 * before a star is allowed: `github.*` matches the tools of a server behind a server.
 */
const FOREIGN_PATTERN = /[?|\\]|\[.*\]|\{.*\}|^\.\*|^[!^~]|^\/.*\/$|\$$/
/** A blank may be part of a name, but not of a method. */
const SEVERAL_NAMES = /[,;]/
const SEVERAL_METHODS = /[\s,;]/

/**
 * Why a text seems to match more than it does. Names may contain all of this: such a name is
 * written in a list, without a star.
 */
function patternFault(text: string, isMethod: boolean, isListed: boolean): string | undefined {
  const isOneName = isListed && !isMethod
  if (isOneName && !text.includes('*')) return undefined
  if (FOREIGN_PATTERN.test(text)) return 'looks like a pattern of another kind'
  const several = isMethod ? SEVERAL_METHODS : SEVERAL_NAMES
  return !isOneName && several.test(text) ? 'looks like several names' : undefined
}

/** Why a text in a rule cannot be the name that it seems to be. */
export function nameFault(text: string): string | undefined {
  if (UNSEEN.test(text)) return 'has invisible characters'
  if (BLANK_AROUND.test(text)) return 'begins or ends with a blank'
  if (text.length > LONGEST_NAME) return 'is longer than any name that a request may have'
  return undefined
}

/**
 * Methods that use a kind of subject: a rule for one of them applies to every subject of that kind.
 */
const METHODS_OF: Readonly<Record<Exclude<RuleSubject, 'methods'>, readonly string[]>> = {
  tools: ['tools/call'],
  prompts: ['prompts/get', 'completion/complete'],
  resources: [
    'resources/read',
    'resources/subscribe',
    'resources/unsubscribe',
    'completion/complete',
    'subscriptions/listen',
  ],
}

class PolicyChecker {
  readonly problems: PolicyProblem[] = []
  /** By the scope that is required. */
  readonly #asks = new Map<string, string>()
  #groups: ReadonlyMap<string, readonly string[]> | undefined

  problem(path: OptionPath, message: string, hint: string): void {
    this.problems.push({ path, message, hint })
  }

  unknownNames(path: OptionPath, object: JsonObject, known: ReadonlySet<string>): void {
    for (const name of Object.keys(object)) {
      if (known.has(name)) continue
      this.problem([...path, name], 'no such name', `known: ${[...known].join(', ')}`)
    }
  }

  #texts(path: OptionPath, value: unknown, hint: string): readonly string[] {
    const list: unknown = typeof value === 'string' ? [value] : value
    if (!Array.isArray(list) || list.length === 0) {
      this.problem(path, 'must be a string or a list of strings, and not empty', hint)
      return []
    }
    return list.filter((entry, index): entry is string => {
      if (typeof entry === 'string' && entry !== '') return true
      this.problem([...path, index], 'must be a string, and not empty', hint)
      return false
    })
  }

  #scopes(path: OptionPath, value: unknown): readonly string[] {
    const scopes = parseScopes(value)
    if (scopes === undefined) this.problem(path, 'must be scopes', SCOPES_HINT)
    // A variable that is not set, for example: nobody means "no scopes" by it.
    else if (typeof value === 'string' && scopes.length === 0) {
      this.problem(path, 'names no scope', 'scopes: [] where the base scopes suffice')
    }
    return scopes ?? []
  }

  /** The scopes of a rule. There, a scope may have two forms. */
  #ruleScopes(path: OptionPath, value: unknown): readonly string[] {
    if (isPlainObject(value)) return this.#scopeWithForms(path, value)
    if (!Array.isArray(value)) return this.#withoutOffline(path, this.#scopes(path, value))
    const all = value.flatMap((entry, index) =>
      isPlainObject(entry)
        ? this.#scopeWithForms([...path, index], entry)
        : this.#scopes(path, [entry]),
    )
    return this.#withoutOffline(path, [...new Set(all)])
  }

  #scopeWithForms(path: OptionPath, value: JsonObject): readonly string[] {
    this.unknownNames(path, value, FORMS)
    const { require, ask } = value
    if (!isScopeToken(require) || !isScopeToken(ask)) {
      this.problem(path, 'must have a scope in require and one in ask', FORMS_HINT)
      return []
    }
    const known = this.#asks.get(require)
    if (known !== undefined && known !== ask) {
      this.problem(path, `${quoted(require)} has another ask elsewhere`, 'keep one of them')
    }
    const twin = [...this.#asks].find(([other, form]) => form === ask && other !== require)
    if (twin !== undefined) {
      const message = `${quoted(require)} and ${quoted(twin[0])} have the same ask`
      this.problem(path, message, 'nobody could tell which one a client asks for')
    }
    this.#asks.set(require, ask)
    return [require]
  }

  #withoutOffline(path: OptionPath, scopes: readonly string[]): readonly string[] {
    if (scopes.includes('offline_access')) {
      const hint = 'it requests a refresh token; no access token needs to hold it'
      this.problem(path, 'must not contain offline_access', hint)
    }
    return scopes
  }

  #implies(value: unknown): Implications {
    if (value === undefined) return {}
    if (!isPlainObject(value)) {
      this.problem(['implies'], 'must be scopes with those they include', 'mcp:write: [mcp:read]')
      return {}
    }
    const implies: [string, readonly string[]][] = []
    for (const [scope, included] of Object.entries(value)) {
      if (parseScopes([scope]) === undefined) {
        this.problem(['implies', scope], 'is not a scope', SCOPES_HINT)
      }
      implies.push([scope, this.#scopes(['implies', scope], included)])
    }
    const cycle = findCycle(Object.fromEntries(implies))
    if (cycle !== undefined) {
      const message = `is a cycle: ${cycle.join(', ')}`
      this.problem(
        ['implies', cycle[0] as string],
        message,
        'the greater scope includes the lesser',
      )
    }
    return Object.fromEntries(implies)
  }

  #claims(path: OptionPath, value: unknown): readonly ClaimRequirement[] {
    const hint = 'realm_access.roles: [ops]'
    if (!isPlainObject(value) || Object.keys(value).length === 0) {
      this.problem(path, 'must be claims with the values that suffice', hint)
      return []
    }
    return Object.entries(value).map(([claim, given]) => {
      const values = this.#texts([...path, claim], given, hint)
      return { claim, values: this.#idsOf([...path, claim], claim, given, values) }
    })
  }

  #readGroups(value: unknown): void {
    if (value === undefined) return
    if (!isPlainObject(value) || Object.keys(value).length === 0) {
      this.problem(['groups'], 'must be names with the ids of groups', GROUPS_HINT)
      return
    }
    this.#groups = new Map(
      Object.entries(value).map(([name, ids]) => [
        name,
        this.#texts(['groups', name], ids, GROUPS_HINT),
      ]),
    )
  }

  /** The values of a claim of groups, with ids in place of names. */
  #idsOf(
    path: OptionPath,
    claim: string,
    given: unknown,
    values: readonly string[],
  ): readonly string[] {
    const groups = this.#groups
    if (groups === undefined || !CLAIM_OF_GROUPS.test(claim)) return values
    return values.flatMap((name) => {
      const ids = groups.get(name)
      if (ids !== undefined) return ids
      const place = Array.isArray(given) ? [...path, given.indexOf(name)] : path
      const hint = `known: ${[...groups.keys()].join(', ')}`
      this.problem(place, `${quoted(name)} is not a name in groups`, hint)
      return []
    })
  }

  #patterns(path: OptionPath, subject: RuleSubject, value: unknown): readonly string[] {
    if (value === undefined) return []
    return this.#texts(path, value, 'names, or patterns with *').map((text) => {
      const place = Array.isArray(value) ? [...path, value.indexOf(text)] : path
      if (subject === 'resources') {
        const compiled = compileUriPattern(text)
        if ('patterns' in compiled) return compiled.text
        this.problem(place, `${quoted(text)} ${compiled.reason}`, compiled.hint)
        return text
      }
      const fault = nameFault(text)
      const hint = 'write the name without them; if it really has them, write a star in their place'
      if (fault !== undefined) this.problem(place, `${quoted(text)} ${fault}`, hint)
      const misread = fault ?? patternFault(text, subject === 'methods', Array.isArray(value))
      if (misread !== fault) this.problem(place, `${quoted(text)} ${misread}`, NAMES_HINT)
      return text
    })
  }

  /**
   * `{ tools: [search], methods: [tools/call] }` seems to be about one tool but is about all of
   * them.
   */
  #contradictions(path: OptionPath, rule: JsonObject, methods: readonly string[]): void {
    for (const subject of ['tools', 'prompts', 'resources'] as const) {
      if (rule[subject] === undefined) continue
      const all = methods.find((pattern) =>
        METHODS_OF[subject].some(
          (method) => new GlobSet([pattern], NAMES).match(method).length > 0,
        ),
      )
      if (all === undefined) continue
      const message = `${quoted(all)} applies to all ${subject}, not only to those that the rule names`
      this.problem(
        [...path, 'methods'],
        message,
        `write a separate rule; ${subject} need no method`,
      )
    }
  }

  #rule(path: OptionPath, rule: unknown): CheckedRule | undefined {
    if (!isPlainObject(rule)) {
      this.problem(path, 'must be a rule', '{ tools: [read_*], scopes: [mcp:read] }')
      return undefined
    }
    this.unknownNames(path, rule, RULE_NAMES)
    const [tools, prompts, resources, methods] = RULE_SUBJECTS.map((subject) =>
      this.#patterns([...path, subject], subject, rule[subject]),
    ) as [readonly string[], readonly string[], readonly string[], readonly string[]]
    this.#contradictions(path, rule, methods)
    if (RULE_SUBJECTS.every((subject) => rule[subject] === undefined)) {
      this.problem(path, 'names nothing', 'tools, prompts, resources or methods')
    }
    const { scopes, claims, limit } = rule
    const isPublic = this.#isPublic(path, rule)
    if (scopes === undefined && claims === undefined && !isPublic) {
      const hint = 'scopes or claims; scopes: [] where the base scopes suffice'
      this.problem(path, 'does not say what it requires', hint)
    }
    return {
      patterns: { tools, prompts, resources, methods },
      scopes: scopes === undefined ? [] : this.#ruleScopes([...path, 'scopes'], scopes),
      claims: claims === undefined ? [] : this.#claims([...path, 'claims'], claims),
      limits: limit === undefined ? [] : readLimits(this, [...path, 'limit'], limit),
      isPublic,
    }
  }

  #isPublic(path: OptionPath, { anonymous = false, ...rule }: JsonObject): boolean {
    const place = [...path, 'anonymous']
    // A policy file gives every value as text.
    const isPublic = anonymous === true || anonymous === 'true'
    if (!isPublic && anonymous !== false && anonymous !== 'false') {
      this.problem(place, 'must be true or false', 'anonymous: true')
    }
    if (!isPublic) return false
    if (rule['scopes'] !== undefined || rule['claims'] !== undefined) {
      const message = 'stands beside scopes or claims'
      this.problem(place, message, 'leave one of them out')
    }
    if (rule['methods'] !== undefined) {
      const message = 'is not for methods'
      this.problem(place, message, 'initialize, ping and lists need no rule')
    }
    return true
  }

  check(document: unknown): CheckedPolicy {
    if (!isPlainObject(document)) {
      this.problem([], 'must be a policy', '{ rules: […], unmatched: deny }')
      return {
        implies: {},
        asks: {},
        rules: [],
        unmatched: 'deny',
        lists: 'filter',
        anonymousLimit: DEFAULT_ANONYMOUS_LIMIT,
      }
    }
    this.unknownNames([], document, MEMBERS)
    const { rules, unmatched, lists = 'filter', anonymousLimit } = document
    const implies = this.#implies(document['implies'])
    this.#readGroups(document['groups'])
    if (!Array.isArray(rules)) this.problem(['rules'], 'must be a list of rules', '- tools: […]')
    const checked = (Array.isArray(rules) ? rules : []).flatMap(
      (rule, index) => this.#rule(['rules', index], rule) ?? [],
    )
    if (unmatched !== 'deny' && unmatched !== 'base') {
      const message =
        unmatched === undefined ? 'does not say what holds for the rest' : 'must be deny or base'
      const hint = 'unmatched: deny (what no rule names is denied) or base (base scopes suffice)'
      this.problem(unmatched === undefined ? [] : ['unmatched'], message, hint)
    }
    if (lists !== 'filter' && lists !== 'full') {
      this.problem(['lists'], 'must be filter or full', 'filter: lists show what a token may use')
    }
    return {
      implies,
      asks: Object.fromEntries(this.#asks),
      rules: checked,
      unmatched: unmatched === 'base' ? 'base' : 'deny',
      lists: lists === 'full' ? 'full' : 'filter',
      anonymousLimit: readAnonymousLimit(this, anonymousLimit),
    }
  }
}

/** Checks a whole policy; the result cannot be used if there are problems. */
export function checkPolicy(document: unknown): {
  readonly policy: CheckedPolicy
  readonly problems: readonly PolicyProblem[]
} {
  const checker = new PolicyChecker()
  return { policy: checker.check(document), problems: checker.problems }
}
