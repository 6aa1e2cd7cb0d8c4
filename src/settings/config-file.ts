/**
 * Collecting what a config file gives: YAML, of which JSON is a part, nested by group.
 *
 * @module
 */
import type { Node } from 'yaml'
import { quoted, type ConfigurationProblem } from '../errors.js'
import { byPath, type GivenValue, type GivenValues, type Setting } from './setting.js'
import { didYouMean } from './sources.js'
import { splitWords } from './values.js'

interface CollectedFile {
  readonly given: GivenValues
  readonly problems: readonly ConfigurationProblem[]
  /** False when it makes no sense as a whole: nobody knows what it gives. */
  readonly isRead: boolean
}

const SHAPE_HINT = 'name: value, a line each; those of oauth: further in, below it'

function unknownHint(path: string, known: ReadonlyMap<string, Setting>): string {
  const [group, member] = path.split('.')
  // A name has no dot, so whoever writes one at the top means the nested form.
  if (known.has(path)) return `write ${member} below ${group}:`
  return didYouMean(path, [...known.keys()])
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
  const known = byPath(settings)
  const groups = new Set(settings.flatMap(({ path }) => path.split('.').slice(0, -1)))
  const given = new Map<string, GivenValue>()
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

  function readValue({ path, kind, hint }: Setting, node: unknown, source: string): void {
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

  function readMap(node: unknown, prefix: string, at: string): void {
    const map = resolved(node)
    if (!isMap(map)) return problem(at, 'is not a list of names with values', SHAPE_HINT)
    const seen = new Set<string>()
    for (const { key, value } of map.items) {
      const own = textOf(key) ?? '?'
      const path = prefix + own
      const start = (key as Node).range?.[0] ?? 0
      const source = `${placeOf(start)}: ${quoted(path).slice(1, -1)}`
      const setting = own.includes('.') ? undefined : known.get(path)
      if (seen.has(path)) problem(source, 'is there twice', 'keep one')
      else if (setting !== undefined) readValue(setting, value, source)
      else if (prefix === '' && groups.has(own)) readMap(value, `${own}.`, source)
      // A JSON file has no other place to tell its editor about the schema.
      else if (path !== '$schema') problem(source, 'no such setting', unknownHint(path, known))
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
  if (!isEmpty) readMap(contents, '', placeOf(0))
  return { given, problems, isRead: true }
}
