/**
 * Checking what is said about a command.
 *
 * @module
 */
import type { ConfigurationProblem } from '../../errors.js'
import type { GatewayOptions } from '../options.js'
import { DEFAULT_LIMITS, type ChildLimits } from './limits.js'

/** The largest of each; the smallest is 1. */
const MOST: ChildLimits = {
  idle: 86_400,
  startTimeout: 600,
  maxChildren: 10_000,
  maxChildrenPerPrincipal: 10_000,
  maxMessage: 2 ** 30,
  queue: 2 ** 30,
}
/** Those that may be less than a second. */
const SECONDS = new Set(['idle', 'startTimeout'])

function isWithin(name: keyof ChildLimits, value: unknown): boolean {
  if (typeof value !== 'number' || !(value > 0 && value <= MOST[name])) return false
  return SECONDS.has(name) || Number.isInteger(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0')
}

/** Of options with a command. */
export function checkCommand({
  command,
  upstream,
  childEnvironment = {},
  children = {},
}: Omit<GatewayOptions, 'resources'>): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const problem = (path: string, message: string, hint: string) => {
    problems.push({ path, message, hint })
  }
  if (upstream !== undefined)
    problem('command', 'is given beside upstream', 'one server is behind a resource: keep one')
  const isCommand = Array.isArray(command) && command.length > 0 && command.every(isText)
  if (!isCommand || command[0] === '') {
    problem('command', 'must be a list of texts, the file first', "['uvx', 'mcp-server-time']")
  }
  for (const [name, value] of Object.entries(childEnvironment)) {
    const path = `childEnvironment.${name}`
    if (!isText(value)) problem(path, 'must be a text', 'leave it out')
    if (name.startsWith('GATEHOUSE_')) problem(path, 'is a name that only we set', 'leave it out')
  }
  for (const [name, value] of Object.entries(children)) {
    const path = `children.${name}`
    if (!(name in MOST)) {
      problem(path, 'no such option', `known are ${Object.keys(MOST).join(', ')}`)
      continue
    }
    const known = name as keyof ChildLimits
    if (value !== undefined && !isWithin(known, value)) {
      const hint = `the default is ${DEFAULT_LIMITS[known]}`
      problem(path, `must be a number up to ${MOST[known]}`, hint)
    }
  }
  return problems
}
