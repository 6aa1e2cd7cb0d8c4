/**
 * What an operation needs, by rules or by a function, and what a token lacks of it.
 *
 * @module
 */
import type { VerifiedAccessToken } from '../types.js'
import { claimAt } from './claims.js'
import { GlobSet, type Wildcards } from './globs.js'
import { isProtocolMethod, type McpOperation, type McpTarget } from './operation.js'
import {
  RULE_SUBJECTS,
  type CheckedPolicy,
  type CheckedRule,
  type ClaimRequirement,
  type PolicyDocument,
  type RuleSubject,
} from './policy-document.js'
import { ScopeHierarchy } from './scope-hierarchy.js'
import { isScopeToken } from './scopes.js'

/**
 * Says what an operation needs: further scopes (none: the base scopes suffice), or that this token may not use it and
 * no scope would help. It is asked for every operation and for every entry of a list that is filtered, and must answer
 * at once. What it throws, and any other answer, is a denial and a fault of the server (500).
 */
export type JudgeOperation = (
  operation: McpOperation,
  token: VerifiedAccessToken,
) => { readonly scopes: readonly string[] } | 'deny'

/** What an operation needs of a token. */
export interface OperationVerdict {
  readonly scopes: readonly string[]
  /** Why no scope would help; `undefined` where scopes decide. */
  readonly denial: string | undefined
}

/** Judges operations. It knows nothing of base scopes. */
export interface OperationPolicy {
  readonly hierarchy: ScopeHierarchy
  /** Whether a scope is one that the policy knows: such ones of a token are named in challenges of the older eras. */
  isKnown(scope: string): boolean
  /** Whether lists show only what a token may use. */
  readonly filtersLists: boolean
  /** Tokens with the same scopes may do the same: what was found out for one holds for the others. */
  readonly judgesScopesAlone: boolean
  /** @throws whatever a function throws that was given in place of rules */
  judge(operation: McpOperation, token: VerifiedAccessToken): OperationVerdict
}

/** What rules that match have in common; made once for each set of rules that occurs. */
interface Requirement {
  readonly scopes: readonly string[]
  readonly claims: readonly ClaimRequirement[]
}

const NO_RULES: readonly number[] = []
const NAMES: Wildcards = { separator: undefined }
const URIS: Wildcards = { separator: '/' }
const SUBJECTS: Readonly<Record<McpTarget, RuleSubject>> = {
  tool: 'tools',
  prompt: 'prompts',
  resource: 'resources',
}

/** Finds the rules whose patterns a text is like. */
class RuleIndex {
  readonly #exact = new Map<string, readonly number[]>()
  readonly #globs: GlobSet
  /** The rule of each pattern. */
  readonly #ruleOf: readonly number[]
  readonly #known = new WeakMap<readonly number[], readonly number[]>()

  constructor(rules: readonly CheckedRule[], subject: RuleSubject) {
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
    this.#globs = new GlobSet(patterns, subject === 'resources' ? URIS : NAMES)
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

  /** In the order of the policy. Equal answers are the same object, as a rule. */
  find(text: string): readonly number[] {
    if (this.#ruleOf.length === 0) return this.#exact.get(text) ?? NO_RULES
    return this.#exact.get(text) ?? this.#byPattern(text)
  }
}

function hasOneOf(value: unknown, values: readonly string[]): boolean {
  if (typeof value === 'string') return values.includes(value)
  return Array.isArray(value) && value.some((each) => values.includes(each as string))
}

/** A policy of rules. */
export class RulePolicy implements OperationPolicy {
  readonly hierarchy: ScopeHierarchy
  readonly filtersLists: boolean
  readonly judgesScopesAlone: boolean
  readonly #rules: readonly CheckedRule[]
  readonly #indexes: Readonly<Record<RuleSubject, RuleIndex>>
  readonly #unmatched: PolicyDocument['unmatched']
  readonly #known: ReadonlySet<string>
  readonly #requirements = new WeakMap<readonly number[], Requirement>()

  constructor({ implies, rules, unmatched, lists }: CheckedPolicy) {
    this.hierarchy = new ScopeHierarchy(implies)
    this.filtersLists = lists === 'filter'
    this.judgesScopesAlone = rules.every(({ claims }) => claims.length === 0)
    this.#rules = rules
    this.#unmatched = unmatched
    this.#indexes = Object.fromEntries(
      RULE_SUBJECTS.map((subject) => [subject, new RuleIndex(rules, subject)]),
    ) as Record<RuleSubject, RuleIndex>
    this.#known = new Set([
      ...rules.flatMap((rule) => rule.scopes),
      ...Object.entries(implies).flatMap(([scope, included]) => [scope, ...included]),
    ])
  }

  isKnown(scope: string): boolean {
    return this.#known.has(scope)
  }

  /** The rules that decide about an operation, by their place in the policy. */
  rulesFor({ method, target, name }: McpOperation): readonly number[] {
    const named =
      target === undefined || name === undefined
        ? NO_RULES
        : this.#indexes[SUBJECTS[target]].find(name)
    const byMethod = this.#indexes.methods.find(method)
    if (byMethod.length === 0) return named
    return named.length === 0 ? byMethod : [...new Set([...named, ...byMethod])]
  }

  judge(operation: McpOperation, token: VerifiedAccessToken): OperationVerdict {
    const rules = this.rulesFor(operation)
    if (rules.length === 0) {
      const isDenied =
        this.#unmatched === 'deny' &&
        (operation.target !== undefined || !isProtocolMethod(operation.method))
      return { scopes: [], denial: isDenied ? 'no rule names it' : undefined }
    }
    const { scopes, claims } = this.#requirementOf(rules)
    const lacking = claims.find(
      ({ claim, values }) => !hasOneOf(claimAt(token.claims, claim), values),
    )
    const denial = lacking && `claim ${lacking.claim} has none of ${lacking.values.join(', ')}`
    return { scopes, denial }
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

/** A policy by a function of the embedding program. */
export class FunctionPolicy implements OperationPolicy {
  readonly hierarchy: ScopeHierarchy = new ScopeHierarchy()
  readonly filtersLists = true
  readonly judgesScopesAlone = false
  readonly #judge: JudgeOperation

  constructor(judge: JudgeOperation) {
    this.#judge = judge
  }

  isKnown(): boolean {
    return false
  }

  judge(operation: McpOperation, token: VerifiedAccessToken): OperationVerdict {
    const verdict: unknown = this.#judge(operation, token)
    if (verdict === 'deny') return { scopes: [], denial: 'by the policy function' }
    const scopes = (verdict as { readonly scopes?: unknown } | null | undefined)?.scopes
    if (Array.isArray(scopes) && scopes.every(isScopeToken)) return { scopes, denial: undefined }
    throw new TypeError('the policy function returned neither scopes nor deny')
  }
}
