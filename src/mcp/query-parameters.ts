/**
 * The parameters of a query, as servers read them.
 *
 * @module
 */
import { collapsePath } from './path-readings.js'
import { decodeAgain } from './resource-uri.js'

/** One parameter. Each server reads one of the names and one of the values. */
export interface QueryParameter {
  readonly names: readonly string[]
  /** Empty for a name alone. */
  readonly values: readonly string[]
}

/** Decodes a part of a query. */
type Decode = (text: string) => readonly string[]

/** Forms have a blank for `+`. */
function decodedForms(text: string, decode: Decode): readonly string[] {
  return [text, text.replaceAll('+', ' ')].flatMap((each) => decode(each))
}

/** PHP reads blanks, dots and an unclosed `[` as `_`, and drops leading blanks. */
function namesOf(name: string): readonly string[] {
  const plain = name.trim().replace(/[. ]/g, '_')
  return [name, plain, plain.replaceAll('[', '_')]
}

/** PHP and others take `a[]` and `a[x]` for elements of `a`. */
function arraysOf(name: string): readonly string[] {
  const first = name.indexOf('[')
  if (first < 1) return []
  return [name.slice(0, first), name.slice(0, name.lastIndexOf('[')), name.replace(/\].*$/s, ']')]
}

/** A value may be a path below some folder. */
function valuesOf(value: string): readonly string[] {
  if (!value.includes('/')) return [value]
  const path = collapsePath(value).replace(/^(?:\.?\/)+/, '')
  return [value, path, path.replace(/\/$/, '')]
}

/** @param decode reads an escaped text; `+` is not decoded there */
export function readParameter(text: string, decode: Decode): QueryParameter {
  const at = text.indexOf('=')
  const name = at < 0 ? text : text.slice(0, at)
  const value = at < 0 ? '' : text.slice(at + 1)
  return {
    names: [...new Set(decodedForms(name, decode).flatMap((each) => namesOf(each)))],
    values: [...new Set(decodedForms(value, decode).flatMap((each) => valuesOf(each)))],
  }
}

/** Some servers separate parameters by `;`, too. */
export function readQuery(query: string, decode: Decode): readonly QueryParameter[] {
  const parts = new Set([...query.split('&'), ...query.split(/[&;]/)])
  parts.delete('')
  return [...parts].map((part) => {
    const { names, values } = readParameter(part, decode)
    return { names: [...new Set([...names, ...names.flatMap((each) => arraysOf(each))])], values }
  })
}

/** Once and twice more, as servers do that decode a whole URI. */
function decodedTexts(text: string): readonly string[] {
  const once = decodeAgain(text)
  return [text, once, decodeAgain(once)]
}

/**
 * The texts that servers take for the query of a URI: what was written, and what those find that
 * decode the whole URI first. Then `%3F` begins a query, `%26` parts two parameters, and `%23` ends
 * them.
 *
 * @param path decoded
 */
export function queriesOf(path: string, query: string | undefined): readonly string[] {
  const behind = decodedTexts(path).flatMap((text) => {
    const at = text.indexOf('?')
    return at < 0 ? [] : [text.slice(at + 1)]
  })
  const written = query === undefined ? [] : decodedTexts(query)
  return [...new Set([...written, ...behind].map((text) => text.replace(/#.*$/s, '')))]
}

/** The name of a parameter as most servers take it: two that are equal overwrite each other. */
export function foldParameterName(name: string): string {
  const closed = name.trim().replace(/(?:\[\])+$/, '')
  return /^[^[\]]+(?:\[[^[\]]*\])*$/.test(closed)
    ? closed.replace(/[. +]/g, '_')
    : closed.replace(/[. +[]/g, '_')
}

/** Whether one of them overwrites or holds the other, for some server. */
export function isTwinParameter(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}[`) || other.startsWith(`${one}[`)
}
