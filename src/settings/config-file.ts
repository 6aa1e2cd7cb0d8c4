/**
 * Collecting what a config file gives: YAML, of which JSON is a part, nested by group.
 *
 * @module
 */
import type { Node } from 'yaml'
import { quoted, type ConfigurationProblem } from '../errors.js'
import { ISSUER, ISSUERS } from './schema.js'
import { byPath, type GivenValue, type GivenValues, type Setting } from './setting.js'
import { didYouMean } from './sources.js'
import { splitWords } from './values.js'

interface CollectedFile {
  readonly given: GivenValues
  /** Of each issuer of the list, whose place `given` has; `undefined` where the file has no list. */
  readonly issuers?: readonly GivenValues[]
  readonly problems: readonly ConfigurationProblem[]
  /** False when it makes no sense as a whole: nobody knows what it gives. */
  readonly isRead: boolean
}

const ISSUERS_HINT = '- issuer: URL, and below it what is its own'
const SHAPE_HINT = 'name: value, a line each; those of oauth: further in, below it'

/** The names that a map may have: all begin with the prefix, and are written without it. */
interface Names {
  readonly prefix: string
  readonly known: ReadonlyMap<string, Setting>
  readonly given: Map<string, GivenValue>
  /** How the prefix is shown. */
  readonly place: string
}

function unknownHint(own: string, { prefix, known, place }: Names, all: Names['known']): string {
  const path = prefix + own
  const [group, member] = path.split('.')
  // A name has no dot, so whoever writes one at the top means the nested form.
  if (known.has(path)) return `write ${member} below ${group}:`
  if (prefix === '') {
    const nested = [...known.keys(), ISSUERS].find((each) => each.endsWith(`.${own}`))
    if (nested !== undefined) return `write it below ${nested.slice(0, nested.indexOf('.'))}:`
  }
  if (place !== prefix && all.has(path)) return 'it holds for all: write it beside issuers:'
  // In a list the group is not part of what somebody writes.
  const start = place === prefix ? 0 : prefix.length
  const names = [...known.keys()].map((name) => name.slice(start))
  return didYouMean(path.slice(start), names)
}

/**
 * Values are never part of a problem, and the parser's own messages neither: they quote the file, and
 * somebody may have put a secret there.
 *
 * @param name of the file, as it was typed
 */
export async function collectFile(
  settings: readonly Setting[],
  name: string,
  content: string,
): Promise<CollectedFile> {
  const { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } = await import('yaml')
  const lineCounter = new LineCounter()
  const options = { lineCounter, prettyErrors: false, uniqueKeys: false }
  const document = parseDocument(content, options)
  const all = byPath(settings)
  const names: Names = { prefix: '', known: all, given: new Map(), place: '' }
  const { given } = names
  let issuers: GivenValues[] | undefined
  const ofIssuer = byPath(
    settings
      .filter(({ path, perIssuer }) => path === ISSUER || perIssuer !== undefined)
      .map((setting) => (setting.path === ISSUER ? { ...setting, kind: 'text' } : setting)),
  )
  const groups = new Set(settings.flatMap(({ path }) => path.split('.').slice(0, -1)))
  const problems: ConfigurationProblem[] = []

  function placeOf(offset: number): string {
    const { line, col } = lineCounter.linePos(offset)
    return `${name.replace(/\p{Cc}/gu, '?')}:${line}:${col}`
  }
  const problem = (source: string, message: string, hint: string) => {
    problems.push({ path: source, message, hint })
  }
  const resolved = (node: unknown) => (isAlias(node) ? node.resolve(document) : node)

  /** As it was written: 010 is not 8, and a number may be too long for one. */
  function textOf(node: unknown): string | undefined {
    const scalar = resolved(node)
    if (!isScalar(scalar) || scalar.value === null) return undefined
    return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? undefined)
  }

  function readValue(
    { path, kind, hint }: Setting,
    node: unknown,
    source: string,
    given: Names['given'],
  ): void {
    const target = resolved(node)
    if (isMap(target)) return problem(source, 'is no group and has no names below it', hint)
    if (!isSeq(target)) {
      const text = textOf(target)
      if (text === undefined) return problem(source, 'has no value', 'give it one, or leave it out')
      const value = kind === 'list' ? [text] : kind === 'words' ? splitWords(text) : text
      given.set(path, { value, source })
      return
    }
    if (kind !== 'list' && kind !== 'words') return problem(source, 'takes one value', hint)
    const texts = target.items.map(textOf)
    const wrong = texts.indexOf(undefined)
    if (wrong >= 0) return problem(source, `value ${wrong + 1} is not a text`, hint)
    const list = texts.filter((text) => text !== undefined)
    given.set(path, { value: kind === 'words' ? list.flatMap(splitWords) : list, source })
  }

  /** Each is a map with `issuer` and what else belongs to it. */
  function readIssuers(node: unknown, at: string): void {
    const list = resolved(node)
    // Named all the same: nobody needs to be told that it is missing.
    issuers = []
    given.set(ISSUERS, { value: [], source: at })
    if (!isSeq(list)) return problem(at, 'is not a list of issuers', ISSUERS_HINT)
    issuers = list.items.map((item, index) => {
      const place = `${ISSUERS}[${index}]`
      const source = `${placeOf((resolved(item) as Node | undefined)?.range?.[0] ?? 0)}: ${place}`
      const own: Names = { prefix: 'oauth.', known: ofIssuer, given: new Map(), place: `${place}.` }
      const before = problems.length
      readMap(item, own, source)
      const issuer = own.given.get(ISSUER)
      if (issuer === undefined) {
        // What it has instead is wrong already.
        if (problems.length === before) problem(source, 'has no issuer', ISSUERS_HINT)
      } else own.given.set(ISSUER, { ...issuer, value: [String(issuer.value)] })
      return own.given
    })
    if (issuers.length === 0) problem(at, 'is empty', ISSUERS_HINT)
  }

  function readMap(node: unknown, names: Names, at: string): void {
    const { prefix, known, given, place } = names
    const map = resolved(node)
    if (!isMap(map)) return problem(at, 'is not a list of names with values', SHAPE_HINT)
    const seen = new Set<string>()
    for (const { key, value } of map.items) {
      const own = textOf(key) ?? '?'
      const path = prefix + own
      const start = (key as Node).range?.[0] ?? 0
      const source = `${placeOf(start)}: ${quoted(place + own).slice(1, -1)}`
      const setting = own.includes('.') ? undefined : known.get(path)
      if (seen.has(path)) problem(source, 'is there twice', 'keep one')
      else if (setting !== undefined) readValue(setting, value, source, given)
      else if (place === 'oauth.' && path === ISSUERS) readIssuers(value, source)
      else if (prefix === '' && groups.has(own)) {
        readMap(value, { ...names, prefix: `${own}.`, place: `${own}.` }, source)
        // A JSON file has no other place to tell its editor about the schema.
      } else if (path !== '$schema')
        problem(source, 'no such setting', unknownHint(own, names, all))
      seen.add(path)
    }
  }

  for (const { code, pos } of [...document.errors, ...document.warnings]) {
    const reason = code.toLowerCase().replaceAll('_', ' ')
    problem(placeOf(pos[0]), `is no valid YAML (${reason})`, SHAPE_HINT)
  }
  if (problems.length > 0) return { given, problems, isRead: false }
  const { contents } = document
  const isEmpty = contents === null || (isScalar(contents) && contents.value === null)
  if (!isEmpty) readMap(contents, names, placeOf(0))
  return { given, problems, isRead: true, ...(issuers !== undefined && { issuers }) }
}
