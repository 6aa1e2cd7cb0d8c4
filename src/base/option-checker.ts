/**
 * Checking options: all problems at once, in the words of the one who gave the options.
 *
 * A check looks at one value, tells the checker what is wrong with it, and returns what the value means. It makes
 * nothing.
 *
 * @module
 */
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import type { JsonObject } from './json.js'

/** Where in the options: `['authorizationServers', 1, 'issuer']`. */
export type OptionPath = readonly (string | number)[]

/** How the one who gave the options spells them: by name, as flags, or as places in a file. */
export interface OptionWords {
  /** The place of a problem, and its message where the place is less exact than the path. */
  locate(path: OptionPath, message: string): Pick<ConfigurationProblem, 'path' | 'message'>
  /** An option in a sentence. */
  nameOf(option: string): string
  /** Whether an option may be missing: that was told already, or it follows later. */
  mayBeMissing(option: string): boolean
}

/** As one text: `rules[3].scopes`. */
export function formatPath(path: OptionPath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}

/** Those of the library. */
export const OPTION_WORDS: OptionWords = {
  locate: (path, message) => ({ path: formatPath(path), message }),
  nameOf: (option) => option,
  mayBeMissing: () => false,
}

/** Settings, or all that is wrong. */
export interface Checked<Settings> {
  /** `undefined` with problems, and where something is missing that may be missing. */
  readonly settings: Settings | undefined
  readonly problems: readonly ConfigurationProblem[]
}

/** @throws {ConfigurationError} with every problem */
export function settingsOf<Settings>({ settings, problems }: Checked<Settings>): Settings {
  if (settings === undefined) throw new ConfigurationError(problems)
  return settings
}

/** Looks at one value: `undefined` when the option is missing or wrong and has no default. */
export type OptionCheck<Value = unknown> = (
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
) => Value

/** A check for each option. An option without one does not compile. */
export type OptionChecks<Options> = { readonly [Name in keyof Options]-?: OptionCheck }

type CheckedOptions<Checks> = {
  readonly [Name in keyof Checks]: Checks[Name] extends OptionCheck<infer Value> ? Value : never
}

/** Collects problems. Its own checks are those that many options need. */
export class OptionChecker {
  readonly #words: OptionWords
  readonly #problems = new Map<string, ConfigurationProblem>()

  constructor(words: OptionWords = OPTION_WORDS) {
    this.#words = words
  }

  /** The settings count only when nothing is wrong. */
  finish<Settings>(settings: Settings | undefined): Checked<Settings> {
    const problems = [...this.#problems.values()]
    return { settings: problems.length > 0 ? undefined : settings, problems }
  }

  /** What is wrong with a value that several have in common is told once. */
  problem(path: OptionPath, message: string, hint: string): void {
    const located = this.#words.locate(path, message)
    const key = `${located.path}: ${located.message}`
    if (!this.#problems.has(key)) this.#problems.set(key, { ...located, hint })
  }

  nameOf(option: string): string {
    return this.#words.nameOf(option)
  }

  mayBeMissing(option: string): boolean {
    return this.#words.mayBeMissing(option)
  }

  /** Runs a table of checks, in its order. */
  each<Checks extends Readonly<Record<string, OptionCheck>>>(
    checks: Checks,
    path: OptionPath,
    options: JsonObject,
  ): CheckedOptions<Checks> {
    const checked = Object.entries(checks).map(([name, check]) => [
      name,
      check(this, [...path, name], options[name]),
    ])
    return Object.fromEntries(checked) as CheckedOptions<Checks>
  }

  unknownNames(path: OptionPath, value: object, known: readonly string[]): void {
    for (const name of Object.keys(value)) {
      if (known.includes(name)) continue
      this.problem([...path, name], 'no such option', `known are ${known.join(', ')}`)
    }
  }

  texts(path: OptionPath, value: unknown): readonly string[] | undefined {
    if (value === undefined) return undefined
    const list: unknown = typeof value === 'string' ? [value] : value
    const isValid =
      Array.isArray(list) &&
      list.length > 0 &&
      list.every((entry) => typeof entry === 'string' && entry !== '')
    if (isValid) return list as string[]
    const message = 'must be a text or a list of texts, none of them empty'
    this.problem(path, message, 'leave it out for the default')
    return undefined
  }

  number(
    path: OptionPath,
    value: unknown,
    { fallback, max, unit = 'seconds' }: { fallback: number; max: number; unit?: string },
  ): number {
    if (value === undefined) return fallback
    if (typeof value === 'number' && value >= 0 && value <= max) return value
    const hint = `in ${unit}; the default is ${fallback}`
    this.problem(path, `must be a number from 0 to ${max}`, hint)
    return fallback
  }

  callable(path: OptionPath, value: unknown): void {
    if (value === undefined || typeof value === 'function') return
    this.problem(path, 'must be a function', 'leave it out for the default')
  }

  text(path: OptionPath, value: unknown): string | undefined {
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    this.problem(path, 'must be a text that is not empty', 'leave it out')
    return undefined
  }

  choice<Value extends string>(
    path: OptionPath,
    value: unknown,
    [first, ...others]: readonly [Value, ...Value[]],
  ): Value | undefined {
    const choices = [first, ...others]
    const chosen = choices.find((each) => each === value)
    if (value !== undefined && chosen === undefined) {
      this.problem(path, `must be ${choices.join(' or ')}`, `the default is ${first}`)
    }
    return chosen
  }

  flag(path: OptionPath, value: unknown, fallback: boolean): boolean | undefined {
    if (value === undefined || typeof value === 'boolean') return value
    this.problem(path, 'must be true or false', `the default is ${fallback}`)
    return undefined
  }
}
