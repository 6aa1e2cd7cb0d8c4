/**
 * What `explain` prints about a token, for people and for programs.
 *
 * @module
 */
import type { JsonObject } from '../../base/json.js'
import { inOneLine, jsonText } from '../policy/shown.js'
import { adviceFor, cureFor } from '../../advice/cures.js'
import type { Examination, RuleResult } from './examination.js'
import { withTimes } from '../time-in-words.js'

/** Characters of one line. */
const LONGEST = 1_000

function line(text: string): string {
  return inOneLine(withTimes(text), LONGEST)
}

function ruleLine({ rule, result, detail }: RuleResult): string {
  return `  ${result.padEnd(7)}  ${rule.padEnd(13)}  ${line(detail)}`
}

function part(name: string, value: JsonObject | undefined): readonly string[] {
  return value === undefined ? [] : ['', `${name}:`, jsonText(value).trimEnd()]
}

/** The cause, and what to change. */
function causeOf({ result, status, code, reason, hint }: Examination): readonly string[] {
  if (code === undefined) return []
  const verdict = result === 'undecided' ? 'it cannot be decided now' : 'the likeliest cause'
  return [
    '',
    `${verdict}: ${code} (HTTP ${status})`,
    `  ${line(reason ?? '')}`,
    ...adviceFor(hint, code).map((advice) => `  → ${line(advice)}`),
  ]
}

/** Ends with a line break. */
export function formatExamination(examination: Examination): string {
  const { resource, result, header, claims, introspection, rules, remarks } = examination
  const lines = [
    `${result} at ${resource}`,
    ...part('header', header),
    ...part('claims', claims),
    ...part('introspection', introspection),
    '',
    'rules:',
    ...rules.map(ruleLine),
    ...causeOf(examination),
    ...(remarks.length === 0
      ? []
      : ['', 'worth knowing:', ...remarks.map((each) => `  → ${each}`)]),
  ]
  return `${lines.join('\n')}\n`
}

/** The same as data. */
export function toJson(examination: Examination): object {
  return { ...examination, setting: cureFor(examination.code) }
}
