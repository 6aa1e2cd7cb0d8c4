/**
 * Checks options and reports all problems at once, in the words of the caller: option names, flags, places in a file.
 *
 * A check takes one value, reports what is wrong with it, and returns the setting. It starts
 * nothing.
 *
 * @module
 */
import { ConfigurationError, type ConfigurationProblem } from '../errors.js'
import type { JsonObject } from './json.js'

/** Where in the options: `['authorizationServers', 1, 'issuer']`. */
export type OptionPath = readonly (string | number)[]

/** How options are spelled in their source. */
export interface OptionWords {
  /** The place of a problem. The message may change where the place is less exact than the path. */
  locate(path: OptionPath, message: string): Pick<ConfigurationProblem, 'path' | 'message'>
  /** The name of an option inside a sentence. */
  nameOf(option: string): string
  /** Whether an option may be missing, because that is reported elsewhere or the option follows later. */
  mayBeMissing(option: string): boolean
}

/** As one text: `rules[3].scopes`. */
export function formatPath(path: OptionPath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}

/** The names of options, as the library's users write them. */
export const OPTION_WORDS: OptionWords = {
  locate: (path, message) => ({ path: formatPath(path), message }),
  nameOf: (option) => option,
  mayBeMissing: () => false,
}

/** Settings, or all problems. */
export interface Checked<Settings> {
  /** `undefined` when there are problems, or when an option is missing that may be missing. */
  readonly settings: Settings | undefined
  readonly problems: readonly ConfigurationProblem[]
}

/** @throws {ConfigurationError} with every problem */
export function settingsOf<Settings>({ settings, problems }: Checked<Settings>): Settings {
  if (settings === undefined) throw new ConfigurationError(problems)
  return settings
}

/** Checks one value. Returns the setting, the default, or `undefined`. */
type OptionCheck<Value = unknown> = (
  checker: OptionChecker,
  path: OptionPath,
  value: unknown,
) => Value

/** A check for each option. An option without a check does not compile. */
export type OptionChecks<Options> = { readonly [Name in keyof Options]-?: OptionCheck }

type CheckedOptions<Checks> = {
  readonly [Name in keyof Checks]: Checks[Name] extends OptionCheck<infer Value> ? Value : never
}

/** Collects problems, and has the checks that many options need. */
export class OptionChecker {
  readonly #words: OptionWords
  readonly #problems = new Map<string, ConfigurationProblem>()

  constructor(words: OptionWords = OPTION_WORDS) {
    this.#words = words
  }

  /** The result: the settings count only when there are no problems. */
  finish<Settings>(settings: Settings | undefined): Checked<Settings> {
    const problems = [...this.#problems.values()]
    return { settings: problems.length > 0 ? undefined : settings, problems }
  }

  /** Reports a problem. One that several options have in common is reported once. */
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

  /** Runs a table of checks, in the order of the table. */
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
      this.problem([...path, name], 'no such option', `known: ${known.join(', ')}`)
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
    const message = 'must be a string or a list of strings, none of them empty'
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

  /**
   * A list of texts, each without a fault.
   *
   * @param kind what the list holds, and an example of it
   * @param faultOf why a text cannot be used
   * @param hint for such a text
   */
  faultlessTexts(
    path: OptionPath,
    value: unknown,
    kind: { readonly what: string; readonly example: string },
    faultOf: (text: string) => string | undefined,
    hint: string,
  ): void {
    if (value === undefined) return
    if (!Array.isArray(value) || !value.every((text) => typeof text === 'string')) {
      this.problem(path, `must be a list of ${kind.what}`, kind.example)
      return
    }
    for (const [index, text] of value.entries()) {
      const fault = faultOf(text)
      if (fault !== undefined) this.problem([...path, index], fault, hint)
    }
  }

  /** A function, or `false` for nothing at all. */
  callableOrOff(path: OptionPath, value: unknown): void {
    if (value !== false) this.callable(path, value)
  }

  text(path: OptionPath, value: unknown): string | undefined {
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    this.problem(path, 'must be a string that is not empty', 'leave it out')
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
