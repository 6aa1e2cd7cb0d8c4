/**
 * Checks the options of a command.
 *
 * @module
 */
import { isJsonObject } from '../../base/json.js'
import type { OptionChecker, OptionPath } from '../../base/option-checker.js'
import { DEFAULT_LIMITS, type ChildLimits } from './limits.js'

/** The largest value of each limit; the smallest is 1, except where it may be 0. */
const MOST: ChildLimits = {
  idle: 86_400,
  startTimeout: 600,
  maxChildren: 10_000,
  maxChildrenPerPrincipal: 10_000,
  maxAnonymousChildren: 10_000,
  maxMessage: 2 ** 30,
  queue: 2 ** 30,
}
/** Limits that may be less than a second. */
const SECONDS = new Set(['idle', 'startTimeout'])
const MAY_BE_0 = new Set(['maxAnonymousChildren'])

function isWithin(name: keyof ChildLimits, value: unknown): boolean {
  if (value === 0) return MAY_BE_0.has(name)
  if (typeof value !== 'number' || !(value > 0 && value <= MOST[name])) return false
  return SECONDS.has(name) || Number.isInteger(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0')
}

export function checkCommand(checker: OptionChecker, path: OptionPath, command: unknown): void {
  const isCommand = Array.isArray(command) && command.length > 0 && command.every(isText)
  if (isCommand && command[0] !== '') return
  checker.problem(path, 'must be a list of strings, the file first', "['uvx', 'mcp-server-time']")
}

export function checkEnvironment(
  checker: OptionChecker,
  path: OptionPath,
  environment: unknown = {},
): void {
  if (!isJsonObject(environment)) {
    checker.problem(path, 'must be an object', "{ TZ: 'UTC' }")
    return
  }
  for (const [name, value] of Object.entries(environment)) {
    const place = [...path, name]
    if (!isText(value)) checker.problem(place, 'must be a string', 'leave it out')
    if (name.startsWith('GATEHOUSE_')) {
      checker.problem(place, 'is a name that only the gateway sets', 'leave it out')
    }
  }
}

export function checkLimits(checker: OptionChecker, path: OptionPath, limits: unknown = {}): void {
  if (!isJsonObject(limits)) {
    checker.problem(path, 'must be an object', '{ maxChildren: 10 }')
    return
  }
  checker.unknownNames(path, limits, Object.keys(MOST))
  for (const [name, value] of Object.entries(limits)) {
    if (value === undefined || !Object.hasOwn(MOST, name)) continue
    const known = name as keyof ChildLimits
    if (isWithin(known, value)) continue
    const hint = `the default is ${DEFAULT_LIMITS[known]}`
    checker.problem([...path, name], `must be a number up to ${MOST[known]}`, hint)
  }
}
