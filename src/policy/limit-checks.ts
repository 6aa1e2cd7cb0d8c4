/**
 * Checks the limits of a policy.
 *
 * @module
 */
import { isPlainObject, type JsonObject } from '../base/json.js'
import type { OptionPath } from '../base/option-checker.js'
import { isCountedBy, parseRate, readBurst, toLimit, type CheckedLimit } from './limit.js'

/** Takes what is wrong with a policy. */
export interface LimitChecker {
  problem(path: OptionPath, message: string, hint: string): void
  unknownNames(path: OptionPath, object: JsonObject, known: ReadonlySet<string>): void
}

const NAMES = new Set(['rate', 'burst', 'per'])
const HINT = '{ rate: 20/min, burst: 5, per: subject }'
const ANONYMOUS_NAMES = new Set(['rate', 'burst'])
const ANONYMOUS_HINT = '{ rate: 60/min, burst: 60 }'

/** Of a policy that says nothing about it. */
export const DEFAULT_ANONYMOUS_LIMIT: CheckedLimit = toLimit(
  'anonymousLimit',
  { rate: '60/min', per: 'address' },
  { uses: 60, time: 60_000 },
)

/** The limits of a rule: one, or a list. */
export function readLimits(
  checker: LimitChecker,
  path: OptionPath,
  value: unknown,
): readonly CheckedLimit[] {
  if (!Array.isArray(value)) return readLimit(checker, path, value)
  if (value.length === 0) checker.problem(path, 'must not be empty', HINT)
  return value.flatMap((each, index) => readLimit(checker, [...path, index], each))
}

function readLimit(
  checker: LimitChecker,
  path: OptionPath,
  value: unknown,
): readonly CheckedLimit[] {
  if (!isPlainObject(value)) {
    checker.problem(path, 'must be a limit', HINT)
    return []
  }
  checker.unknownNames(path, value, NAMES)
  const { per = 'subject' } = value
  if (!isCountedBy(per)) {
    checker.problem([...path, 'per'], 'must be subject, client, tool or key', HINT)
  }
  const limit = readRate(checker, path, value, isCountedBy(per) ? per : 'subject')
  return limit === undefined ? [] : [limit]
}

/** The limit for callers without a token. */
export function readAnonymousLimit(checker: LimitChecker, value: unknown): CheckedLimit {
  if (value === undefined) return DEFAULT_ANONYMOUS_LIMIT
  const path = ['anonymousLimit']
  if (!isPlainObject(value)) {
    checker.problem(path, 'must be a limit', ANONYMOUS_HINT)
    return DEFAULT_ANONYMOUS_LIMIT
  }
  checker.unknownNames(path, value, ANONYMOUS_NAMES)
  return readRate(checker, path, value, 'address') ?? DEFAULT_ANONYMOUS_LIMIT
}

function readRate(
  checker: LimitChecker,
  path: OptionPath,
  { rate, burst }: JsonObject,
  per: CheckedLimit['per'],
): CheckedLimit | undefined {
  const parsed = parseRate(rate)
  if (parsed === undefined) {
    const hint = '20/min; s, min, h or d'
    checker.problem([...path, 'rate'], 'must be a number of uses in a time', hint)
  }
  const most = readBurst(burst)
  if (burst !== undefined && most === undefined) {
    checker.problem([...path, 'burst'], 'must be a whole number of at least 1', HINT)
  }
  if (parsed === undefined) return undefined
  const limit = { rate: String(rate), per, ...(most !== undefined && { burst: most }) }
  return toLimit(path.join('.'), limit, parsed)
}
