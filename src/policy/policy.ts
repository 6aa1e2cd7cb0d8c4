/**
 * What an operation needs, by rules or by a function, and what a token is missing.
 *
 * @module
 */
import { isLeftOut, LEFT_OUT } from '../advice/left-out-claims.js'
import type { VerifiedAccessToken } from '../types.js'
import { claimAt } from '../token/claim-shapes.js'
import { GlobSet, type Wildcards } from './globs.js'
import { isProtocolMethod, type McpOperation } from '../mcp/operation.js'
import type { CheckedPolicy, CheckedRule, ClaimRequirement, PolicyDocument } from './document.js'
import type { CheckedLimit } from './limit.js'
import { parseResourceUri } from '../mcp/resource-uri.js'
import type { ScopeForms } from '../token/asked-scopes.js'
import { ScopeHierarchy } from '../token/scope-hierarchy.js'
import { isScopeToken } from '../token/scopes.js'
import { UriRules, type UriMatch } from './uri-rules.js'

/**
 * Returns what an operation needs: further scopes (none: the base scopes suffice), or a denial that
 * no scope would cure. It is called for every operation and for every entry of a filtered list, and
 * must answer synchronously. If it throws or returns anything else, the operation is denied and the
 * server is at fault (500).
 */
export type AuthorizeOperation = (
  operation: McpOperation,
  token: VerifiedAccessToken,
) => { readonly scopes: readonly string[] } | 'deny'

/** What an operation needs of a token. */
export interface OperationVerdict {
  readonly scopes: readonly string[]
  /** Why no scope would help; `undefined` if scopes decide. */
  readonly denial: string | undefined
  /** Why it was denied, if that needs advice of its own. */
  readonly about?: 'left out'
}

/** Authorizes operations. It does not know the base scopes. */
export interface OperationPolicy {
  readonly hierarchy: ScopeHierarchy
  /** The scopes that clients ask for in other words. */
  readonly asks: ScopeForms
  /**
   * Whether the policy knows a scope: challenges of the older protocol revisions name those that a
   * token has.
   */
  isKnown(scope: string): boolean
  /** Whether lists show only what a token may use. */
  readonly filtersLists: boolean
  /** Tokens with the same scopes may do the same: a result for one holds for the others. */
  readonly dependsOnScopesAlone: boolean
  /**
   * Whether the operation's URI names a user that no rule contains: it is refused (400) before it
   * is authorized.
   */
  isOfForeignUser(operation: McpOperation): boolean
  /** @throws what the policy function throws, if there is one */
  authorize(operation: McpOperation, token: VerifiedAccessToken): OperationVerdict
  /** Whether any operation has a limit. */
  readonly hasLimits: boolean
  /** The limits of an operation: all of them hold. */
  limitsOf(operation: McpOperation): readonly CheckedLimit[]
  /** What needs no token; `undefined`: everything needs one. */
  readonly publicPart: PublicPart | undefined
}

/** The part of a policy for callers without a token. */
export interface PublicPart {
  /** Of each address, for all operations together. */
  readonly limit: CheckedLimit
  /** Whether an operation needs no token. */
  includes(operation: McpOperation): boolean
  /** The scopes that suffice for an operation; `undefined` if no scopes do. */
  scopesOf(operation: McpOperation): readonly string[] | undefined
}

/** The combined demands of all matching rules; made once for each set of rules that occurs. */
interface Requirement {
  readonly scopes: readonly string[]
  readonly claims: readonly ClaimRequirement[]
}

const NO_RULES: readonly number[] = []
/**
 * Without these nobody could find out what needs no token. They name nothing that belongs to the
 * server's owner.
 */
const PUBLIC_METHODS =
  /^(?:initialize|ping|server\/discover|(?:tools|prompts|resources|resources\/templates)\/list|notifications\/(?:initialized|cancelled|progress|roots\/list_changed))$/
const NAMES: Wildcards = { separator: undefined }
/** Subjects whose names are compared literally. */
const NAMED_SUBJECTS = ['tools', 'prompts', 'methods'] as const
type NamedSubject = (typeof NAMED_SUBJECTS)[number]

/** Finds the rules whose patterns match a text. */
class RuleIndex {
  readonly #exact = new Map<string, readonly number[]>()
  readonly #globs: GlobSet
  /** The rule that each pattern belongs to. */
  readonly #ruleOf: readonly number[]
  readonly #known = new WeakMap<readonly number[], readonly number[]>()

  constructor(rules: readonly CheckedRule[], subject: NamedSubject) {
    const patterns: string[] = []
    const ruleOf: number[] = []
    const exact = new Map<string, number[]>()
    for (const [index, rule] of rules.entries()) {
      for (const pattern of rule.patterns[subject]) {
        if (pattern.includes('*')) {
          patterns.push(pattern)
          ruleOf.push(index)
        } else {
          const others = exact.get(pattern)
          if (others === undefined) exact.set(pattern, [index])
          else others.push(index)
        }
      }
    }
    this.#globs = new GlobSet(patterns, NAMES)
    this.#ruleOf = ruleOf
    for (const [name, indexes] of exact) {
      const all = new Set([...indexes, ...this.#byPattern(name)])
      this.#exact.set(
        name,
        [...all].sort((one, other) => one - other),
      )
    }
  }

  #byPattern(text: string): readonly number[] {
    const matches = this.#globs.match(text)
    let rules = this.#known.get(matches)
    if (rules === undefined) {
      rules = [...new Set(matches.map((pattern) => this.#ruleOf[pattern] as number))]
      this.#known.set(matches, rules)
    }
    return rules
  }

  /** In the order of the policy. Equal results are usually the same object. */
  find(text: string): readonly number[] {
    if (this.#ruleOf.length === 0) return this.#exact.get(text) ?? NO_RULES
    return this.#exact.get(text) ?? this.#byPattern(text)
  }
}

function hasOneOf(value: unknown, values: readonly string[]): boolean {
  if (typeof value === 'string') return values.includes(value)
  return Array.isArray(value) && value.some((each) => values.includes(each as string))
}

function denialOf(
  { claim, values }: ClaimRequirement,
  { claims }: VerifiedAccessToken,
): Pick<OperationVerdict, 'denial' | 'about'> {
  const denial = `claim ${claim} has none of ${values.join(', ')}`
  return isLeftOut(claims, claim)
    ? { denial: `${denial}; ${LEFT_OUT}`, about: 'left out' }
    : { denial }
}

/** What the rules say about an operation. */
interface Look {
  readonly uri: UriMatch | undefined
  readonly byName: readonly number[]
  readonly byMethod: readonly number[]
}

function allOf({ byName, byMethod }: Look): readonly number[] {
  if (byMethod.length === 0) return byName
  return byName.length === 0 ? byMethod : [...new Set([...byName, ...byMethod])]
}

/** A policy of rules. */
export class RulePolicy implements OperationPolicy {
  readonly publicPart: PublicPart | undefined
  readonly hierarchy: ScopeHierarchy
  readonly asks: ScopeForms
  readonly filtersLists: boolean
  readonly dependsOnScopesAlone: boolean
  readonly hasLimits: boolean
  readonly #rules: readonly CheckedRule[]
  readonly #indexes: Readonly<Record<NamedSubject, RuleIndex>>
  readonly #uris: UriRules
  readonly #unmatched: PolicyDocument['unmatched']
  readonly #known: ReadonlySet<string>
  readonly #requirements = new WeakMap<readonly number[], Requirement>()

  constructor({ implies, asks, rules, unmatched, lists, anonymousLimit }: CheckedPolicy) {
    if (rules.some(({ isPublic }) => isPublic)) {
      this.publicPart = {
        limit: anonymousLimit,
        includes: (operation) => this.#isPublic(operation),
        scopesOf: (operation) => this.#scopesOf(operation),
      }
    }
    this.asks = asks
    this.hierarchy = new ScopeHierarchy(implies)
    this.filtersLists = lists === 'filter'
    this.dependsOnScopesAlone = rules.every(({ claims }) => claims.length === 0)
    this.hasLimits = rules.some(({ limits }) => limits.length > 0)
    this.#rules = rules
    this.#unmatched = unmatched
    this.#indexes = Object.fromEntries(
      NAMED_SUBJECTS.map((subject) => [subject, new RuleIndex(rules, subject)]),
    ) as Record<NamedSubject, RuleIndex>
    this.#uris = new UriRules(rules.map(({ patterns }) => patterns.resources))
    this.#known = new Set([
      ...rules.flatMap((rule) => rule.scopes),
      ...Object.entries(implies).flatMap(([scope, included]) => [scope, ...included]),
    ])
  }

  isKnown(scope: string): boolean {
    return this.#known.has(scope)
  }

  isOfForeignUser(operation: McpOperation): boolean {
    return this.#uriOf(operation)?.isForeignUser === true
  }

  #uriOf({ target, name }: McpOperation): UriMatch | undefined {
    return target === 'resource' && name !== undefined ? this.#uris.match(name) : undefined
  }

  #look(operation: McpOperation): Look {
    const { method, target, name } = operation
    const uri = this.#uriOf(operation)
    const byMethod = this.#indexes.methods.find(method)
    if (uri !== undefined) return { uri, byName: uri.rules, byMethod }
    if (target === undefined || name === undefined) return { uri, byName: NO_RULES, byMethod }
    const byName = this.#indexes[target === 'tool' ? 'tools' : 'prompts'].find(name)
    return { uri, byName, byMethod }
  }

  /** The rules that decide about an operation, by their index in the policy. */
  rulesFor(operation: McpOperation): readonly number[] {
    return allOf(this.#look(operation))
  }

  /** Why an operation is denied to every token. */
  closedBy(operation: McpOperation): string | undefined {
    return this.#closedBy(operation, this.#look(operation))
  }

  #closedBy({ target, method }: McpOperation, { uri, byName, byMethod }: Look): string | undefined {
    const isOpen = byMethod.length > 0 || this.#unmatched === 'base'
    if (uri?.isForeignUser === true) return 'no rule names its user'
    if (uri?.isQualified === true) {
      if (uri.isNamed || (isOpen && !uri.isKnownPlace)) return undefined
      return 'no rule names it with its query, user, host or parameters of segments'
    }
    if (isOpen || (uri?.isNamed ?? byName.length > 0)) return undefined
    return target === undefined && isProtocolMethod(method) ? undefined : 'no rule names it'
  }

  authorize(operation: McpOperation, token: VerifiedAccessToken): OperationVerdict {
    const look = this.#look(operation)
    const closed = this.#closedBy(operation, look)
    const { scopes, claims } = this.#requirementOf(allOf(look))
    if (closed !== undefined) return { scopes, denial: closed }
    const lacking = claims.find(
      ({ claim, values }) => !hasOneOf(claimAt(token.claims, claim), values),
    )
    return lacking === undefined
      ? { scopes, denial: undefined }
      : { scopes, ...denialOf(lacking, token) }
  }

  /** Every rule that matches must be one for callers without a token. */
  #isPublic(operation: McpOperation): boolean {
    const look = this.#look(operation)
    const rules = allOf(look)
    if (rules.length === 0) return PUBLIC_METHODS.test(operation.method)
    if (this.#closedBy(operation, look) !== undefined) return false
    // Other readings of a URI add demands; they open nothing.
    if (look.uri?.isNamed === false) return false
    return rules.every((index) => this.#rules[index]?.isPublic === true)
  }

  #scopesOf(operation: McpOperation): readonly string[] | undefined {
    const look = this.#look(operation)
    if (this.#closedBy(operation, look) !== undefined) return undefined
    const { scopes, claims } = this.#requirementOf(allOf(look))
    return claims.length === 0 ? scopes : undefined
  }

  limitsOf(operation: McpOperation): readonly CheckedLimit[] {
    return this.rulesFor(operation).flatMap((index) => this.#rules[index]?.limits ?? [])
  }

  #requirementOf(rules: readonly number[]): Requirement {
    let requirement = this.#requirements.get(rules)
    if (requirement === undefined) {
      const all = rules.map((index) => this.#rules[index] as CheckedRule)
      const scopes = [...new Set(all.flatMap((rule) => rule.scopes))]
      requirement = { scopes, claims: all.flatMap((rule) => rule.claims) }
      this.#requirements.set(rules, requirement)
    }
    return requirement
  }
}

/** A policy that is a function of the embedding program. */
class FunctionPolicy implements OperationPolicy {
  readonly hierarchy: ScopeHierarchy = new ScopeHierarchy()
  readonly asks: ScopeForms = {}
  readonly filtersLists = true
  readonly dependsOnScopesAlone = false
  readonly hasLimits = false
  readonly publicPart = undefined
  readonly #authorize: AuthorizeOperation

  constructor(authorize: AuthorizeOperation) {
    this.#authorize = authorize
  }

  isKnown(): boolean {
    return false
  }

  isOfForeignUser({ target, name }: McpOperation): boolean {
    if (target !== 'resource' || name === undefined) return false
    return name.includes('@') && parseResourceUri(name)?.userinfo !== undefined
  }

  limitsOf(): readonly CheckedLimit[] {
    return []
  }

  authorize(operation: McpOperation, token: VerifiedAccessToken): OperationVerdict {
    if (this.isOfForeignUser(operation)) return { scopes: [], denial: 'a user in a URI' }
    const verdict: unknown = this.#authorize(operation, token)
    if (verdict === 'deny') return { scopes: [], denial: 'by the policy function' }
    const scopes = (verdict as { readonly scopes?: unknown } | null | undefined)?.scopes
    if (Array.isArray(scopes) && scopes.every(isScopeToken)) return { scopes, denial: undefined }
    throw new TypeError('the policy function returned neither scopes nor deny')
  }
}

export function createOperationPolicy(
  policy: CheckedPolicy | AuthorizeOperation | undefined,
): OperationPolicy | undefined {
  if (policy === undefined) return undefined
  return typeof policy === 'function' ? new FunctionPolicy(policy) : new RulePolicy(policy)
}
