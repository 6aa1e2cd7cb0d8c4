/**
 * Patterns for the query of a URI. To allow, a pattern must match each parameter of a query. To add
 * what its rule requires, it is enough that some server finds its parameters there.
 *
 * @module
 */
import {
  foldParameterName,
  isTwinParameter,
  readParameter,
  readQuery,
  type QueryParameter,
} from '../mcp/query-parameters.js'
import { decodeAgain, decodeAroundStars, decodeOnce, decodeQuery } from '../mcp/resource-uri.js'
import { compileText, type TextPattern, type Wildcards } from './globs.js'

const IN_QUERY: Wildcards = { separator: '/' }
/** Parameters and, between them, what separates them. */
const SEPARATOR = /([&;])/
const STARS_ALONE = /^\*+$/

/** Most delimiters stay encoded: they are not those of the query. */
function keepDelimiters(part: string): string {
  return decodeQuery(part) ?? part
}

function decodeAll(part: string): string {
  return decodeOnce(part) ?? part
}

/** Once, and again for servers that do. */
function decodings(text: string): readonly string[] {
  const once = decodeAll(text)
  return once.includes('%') ? [once, decodeAgain(once)] : [once]
}

/** The parameters of a query in a URI, for {@link QueryPattern.isIn}. */
export function parametersOf(query: string): readonly QueryParameter[] {
  return readQuery(query, decodings)
}

function nameIn(parameter: string): string {
  return parameter.split('=', 1)[0] ?? ''
}

/** One parameter of a pattern, as it is compared with one of a query, both as written. */
class WrittenParameter {
  readonly #name: TextPattern
  /** `undefined` without `=`: the pattern is then for the whole parameter. */
  readonly #value: TextPattern | undefined

  constructor(spelled: string) {
    const name = nameIn(spelled)
    this.#name = compileText(name, IN_QUERY, keepDelimiters)
    this.#value =
      name === spelled
        ? undefined
        : compileText(spelled.slice(name.length + 1), IN_QUERY, keepDelimiters)
  }

  isLike(written: string): boolean {
    if (this.#value === undefined) return this.#name.isLike(written)
    const name = nameIn(written)
    return (
      name !== written &&
      this.#name.isLike(name) &&
      this.#value.isLike(written.slice(name.length + 1))
    )
  }
}

/** One parameter of a pattern, as servers may find it in a query. */
class ReadParameter {
  readonly #names: readonly TextPattern[]
  readonly #values: readonly TextPattern[]
  /** Whether it is for the whole parameter, with a star beyond its name. */
  readonly #isWhole: boolean

  constructor(spelled: string) {
    const { names, values } = readParameter(spelled, (text) => [decodeAroundStars(text)])
    // Elements of a list may have numbers, or not.
    const all = new Set(names.flatMap((name) => [name, name.replace(/(?:\[\d*\])+$/, '')]))
    this.#names = [...all].map((name) => compileText(name, IN_QUERY, decodeAll))
    this.#values = values.map((value) => compileText(value, IN_QUERY, decodeAll))
    this.#isWhole = spelled.includes('*') && !spelled.includes('=')
  }

  isLike({ names, values }: QueryParameter): boolean {
    if (this.#isWhole) {
      return names.some((name) =>
        values.some((value) => hasMatch(this.#names, value === '' ? name : `${name}=${value}`)),
      )
    }
    return (
      names.some((name) => hasMatch(this.#names, name)) &&
      values.some((value) => hasMatch(this.#values, value))
    )
  }
}

function hasMatch(patterns: readonly TextPattern[], text: string): boolean {
  return patterns.some((pattern) => pattern.isLike(text))
}

/** A compiled pattern of a query. */
export class QueryPattern {
  readonly #whole: TextPattern
  /** Whether it is for any query, or for one text. */
  readonly #isWhole: boolean
  readonly #written: readonly (string | WrittenParameter)[]
  readonly #read: readonly ReadParameter[]

  /** @param spelled in one spelling, with literal stars encoded */
  constructor(spelled: string) {
    const parts = spelled.split(SEPARATOR)
    this.#whole = compileText(spelled, IN_QUERY, keepDelimiters)
    this.#isWhole = this.#whole.only !== undefined || STARS_ALONE.test(spelled)
    this.#written = parts.map((part, index) => (index % 2 ? part : new WrittenParameter(part)))
    this.#read = parts
      .filter((part, index) => index % 2 === 0 && part !== '')
      .map((part) => new ReadParameter(part))
  }

  /**
   * Whether a query may be allowed: it has exactly the parameters of the pattern, in their order. A
   * star stays in its parameter.
   */
  permits(query: string): boolean {
    if (this.#isWhole) return this.#whole.isLike(query)
    const parts = query.split(SEPARATOR)
    return (
      parts.length === this.#written.length &&
      this.#written.every((own, index) => {
        const part = parts[index] as string
        return typeof own === 'string' ? own === part : own.isLike(part)
      })
    )
  }

  /**
   * Whether a query is what the pattern is about, for some server: it matches as a text, or has each
   * of the pattern's parameters among others.
   *
   * @param query as it was written
   * @param given what servers find there, and in a path that they decode first
   */
  isIn(query: string | undefined, given: readonly QueryParameter[]): boolean {
    if (query !== undefined && this.#whole.isLike(query)) return true
    const parameters = this.#read
    return (
      parameters.length > 0 && parameters.every((own) => given.some((each) => own.isLike(each)))
    )
  }
}

/**
 * Why a pattern of a query does not say which parameter its stars are for, with an example.
 *
 * @param spelled in one spelling
 */
export function reasonUnclearQuery(
  spelled: string,
): readonly [reason: string, hint: string] | undefined {
  if (!spelled.includes('*') || STARS_ALONE.test(spelled)) return undefined
  const parameters = spelled.split(/[&;]/).filter((each) => each !== '')
  if (parameters.length < 2) return undefined
  const names = parameters.map((each) => nameIn(each))
  if (names.some((name) => name.includes('*'))) {
    const hint = 'write ?** for any query, or the names of all parameters'
    return ['has a star in the name of a parameter beside others', hint]
  }
  const folded = names.map((name) => foldParameterName(decodeAll(name)))
  const isTwin = folded.some((name, index) =>
    folded.slice(0, index).some((other) => isTwinParameter(name, other)),
  )
  const hint = 'name each parameter once, or write ?** for any query'
  return isTwin
    ? ['has a parameter twice: servers differ in which of them they take', hint]
    : undefined
}
