/**
 * The command `policy check`.
 *
 * @module
 */
import { RULE_SUBJECTS, type CheckedPolicy, type CheckedRule } from '../../policy/document.js'
import { RulePolicy } from '../../policy/policy.js'
import type { PolicyFile } from '../../config/policy-file.js'
import { AskedScopes } from '../../token/asked-scopes.js'
import type { CommandIo } from '../command-io.js'
import { shownScalar } from './shown.js'

function hasAll(all: readonly string[], some: readonly string[]): boolean {
  return some.every((each) => all.includes(each))
}

function claimTexts({ claims }: CheckedRule): readonly string[] {
  return claims.map(({ claim, values }) => JSON.stringify([claim, [...values].sort()]))
}

/** Whether meeting `one` implies meeting `other`. */
function asksForAll(one: CheckedRule, other: CheckedRule): boolean {
  if (one.isPublic && !other.isPublic) return false
  return hasAll(one.scopes, other.scopes) && hasAll(claimTexts(one), claimTexts(other))
}

/**
 * Rules that could all be removed at once: other rules have their patterns, and ask for everything
 * that they ask for.
 */
function idleRules({ rules }: CheckedPolicy): readonly number[] {
  const keysOf = (rule: CheckedRule) =>
    RULE_SUBJECTS.flatMap((subject) =>
      rule.patterns[subject].map((pattern) => `${subject} ${pattern}`),
    )
  const rulesWith = new Map<string, Set<CheckedRule>>()
  for (const rule of rules) {
    for (const key of keysOf(rule)) {
      rulesWith.set(key, (rulesWith.get(key) ?? new Set()).add(rule))
    }
  }
  const idle: number[] = []
  // Of equal rules, the first one stays.
  for (let index = rules.length - 1; index >= 0; index--) {
    const rule = rules[index] as CheckedRule
    const isCovered = (key: string) => {
      for (const other of rulesWith.get(key) ?? []) {
        if (other !== rule && asksForAll(other, rule)) return true
      }
      return false
    }
    if (!keysOf(rule).every(isCovered)) continue
    idle.unshift(index)
    for (const key of keysOf(rule)) rulesWith.get(key)?.delete(rule)
  }
  return idle
}

/** Tools that an anonymous rule names, and that need a token all the same. */
function closedTools(policy: CheckedPolicy): readonly (readonly [index: number, tool: string])[] {
  const { publicPart } = new RulePolicy(policy)
  return policy.rules.flatMap(({ isPublic, patterns }, index) => {
    if (!isPublic) return []
    const names = patterns.tools.filter((name) => !name.includes('*'))
    return names
      .filter(
        (name) => publicPart?.includes({ method: 'tools/call', target: 'tool', name }) !== true,
      )
      .map((name) => [index, name] as const)
  })
}

/**
 * Two scopes of the rules that clients would ask for in the same words. The base scopes and a prefix
 * stand in other settings, so only the start can tell.
 */
function twinWarnings({ policy, placeOf }: PolicyFile): readonly string[] {
  const asked = new AskedScopes({ base: [], advertised: undefined, prefix: undefined })
  const scopes = policy.rules.flatMap((rule) => rule.scopes)
  const twins = asked.with(policy.asks).findTwins(scopes)
  if (twins === undefined) return []
  const [one, other] = twins.map((scope) => shownScalar(scope))
  return [
    `${placeOf(['rules'])}: ${one} and ${other} are asked for in the same words: nothing starts with ` +
      'this policy unless scopePrefix tells them apart; give each its own ask',
  ]
}

/**
 * Warnings about rules that are valid but certainly not meant, or that do something not everybody
 * knows.
 */
function policyWarnings(file: PolicyFile): readonly string[] {
  const { policy, placeOf } = file
  const warnings = idleRules(policy).map(
    (index) =>
      `${placeOf(['rules', index])}: rules[${index}] adds nothing: ` +
      'other rules have its patterns, and require as much',
  )
  for (const [index, tool] of closedTools(policy)) {
    warnings.push(
      `${placeOf(['rules', index])}: rules[${index}] is anonymous, but another rule that names ` +
        `${shownScalar(tool)} needs a token, and every rule that matches holds`,
    )
  }
  warnings.push(...twinWarnings(file))
  const hasResources = policy.rules.some(({ patterns }) => patterns.resources.length > 0)
  if (policy.unmatched === 'base' && hasResources) {
    warnings.push(
      `${placeOf(['unmatched'])}: unmatched: base opens every URI that no rule names; ` +
        'if the server accepts another spelling of a URI, that spelling is open, too',
    )
  }
  return warnings
}

/** @param file without problems */
export function checkFile(file: PolicyFile, name: string, { stdout, stderr }: CommandIo): number {
  for (const warning of policyWarnings(file)) stderr(`warning: ${warning}\n`)
  const { length } = file.policy.rules
  stdout(`${name}: ${length} ${length === 1 ? 'rule' : 'rules'}, no problems\n`)
  return 0
}
