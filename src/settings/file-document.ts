/**
 * A config file as text: YAML, of which JSON is a part, with the place of everything in it.
 *
 * @module
 */
import type * as YamlModule from 'yaml'
import { quoted, type ConfigurationProblem } from '../errors.js'

type Yaml = typeof YamlModule
type Document = ReturnType<Yaml['parseDocument']>

/** One name of a map with what belongs to it. */
interface Entry {
  /** As it was written; `?` for what is no text. */
  readonly name: string
  /** What is not looked into yet. */
  readonly node: unknown
  /** Line and column: `gatehouse.yaml:3:5`. */
  readonly place: string
}

const SHAPE_HINT = 'name: value, a line each; those of oauth: further in, below it'

/**
 * Values are never part of a problem, and the parser's own messages neither: they quote the file, and
 * somebody may have put a secret there.
 */
export class FileDocument {
  readonly problems: ConfigurationProblem[] = []
  readonly #yaml: Yaml
  readonly #document: Document
  readonly #lines: InstanceType<Yaml['LineCounter']>
  readonly #name: string

  /** @param name of the file, as it was typed */
  static async parse(name: string, content: string): Promise<FileDocument> {
    return new FileDocument(await import('yaml'), name, content)
  }

  private constructor(yaml: Yaml, name: string, content: string) {
    this.#yaml = yaml
    this.#name = name.replace(/\p{Cc}/gu, '?')
    const lineCounter = (this.#lines = new yaml.LineCounter())
    const options = { lineCounter, prettyErrors: false, uniqueKeys: false }
    this.#document = yaml.parseDocument(content, options)
    for (const { code, pos } of [...this.#document.errors, ...this.#document.warnings]) {
      const reason = code.toLowerCase().replaceAll('_', ' ')
      this.problem(this.#placeAt(pos[0]), `is no valid YAML (${reason})`, SHAPE_HINT)
    }
  }

  problem(path: string, message: string, hint: string): void {
    this.problems.push({ path, message, hint })
  }

  /** `undefined` for an empty file. */
  root(): { readonly node: unknown; readonly place: string } | undefined {
    const { contents } = this.#document
    const isEmpty = contents === null || (this.#yaml.isScalar(contents) && contents.value === null)
    return isEmpty ? undefined : { node: contents, place: this.#placeAt(0) }
  }

  /** `undefined`, and a problem, for what is no map. */
  entriesOf(node: unknown, source: string): readonly Entry[] | undefined {
    const map = this.#resolved(node)
    if (!this.#yaml.isMap(map)) {
      this.problem(source, 'is not a list of names with values', SHAPE_HINT)
      return undefined
    }
    return map.items.map(({ key, value }) => ({
      name: this.textOf(key) ?? '?',
      node: value,
      place: this.placeOf(key),
    }))
  }

  isMap(node: unknown): boolean {
    return this.#yaml.isMap(this.#resolved(node))
  }

  /** `undefined` for what is no list. */
  itemsOf(node: unknown): readonly unknown[] | undefined {
    const list = this.#resolved(node)
    return this.#yaml.isSeq(list) ? list.items : undefined
  }

  /** As it was written: 010 is not 8, and a number may be too long for one. */
  textOf(node: unknown): string | undefined {
    const scalar = this.#resolved(node)
    if (!this.#yaml.isScalar(scalar) || scalar.value === null) return undefined
    return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? undefined)
  }

  placeOf(node: unknown): string {
    return this.#placeAt((node as YamlModule.Node | undefined)?.range?.[0] ?? 0)
  }

  /** The same, of what an alias stands for. */
  placeOfTarget(node: unknown): string {
    return this.placeOf(this.#resolved(node))
  }

  #resolved(node: unknown): unknown {
    return this.#yaml.isAlias(node) ? node.resolve(this.#document) : node
  }

  #placeAt(offset: number): string {
    const { line, col } = this.#lines.linePos(offset)
    return `${this.#name}:${line}:${col}`
  }
}

/** A name of the file's for one line. */
export function shownName(name: string): string {
  return quoted(name).slice(1, -1)
}
