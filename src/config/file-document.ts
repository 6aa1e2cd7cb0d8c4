/**
 * A config file as text: YAML (JSON is a part of it), with the place of everything in it.
 *
 * @module
 */
import { createRequire } from 'node:module'
import type * as YamlModule from 'yaml'
import { quoted, type ConfigurationProblem } from '../errors.js'

type Yaml = typeof YamlModule
type Document = ReturnType<Yaml['parseDocument']>

/** One name in a map, with its value. */
interface Entry {
  /** The name as it was written; `?` when it is not a text. */
  readonly name: string
  /** The value, which has not been read yet. */
  readonly node: unknown
  /** Line and column: `gatehouse.yaml:3:5`. */
  readonly place: string
}

/** Where in a document: `['rules', 3, 'scopes']`. */
type DocumentPath = readonly (string | number)[]

/** A document as plain data. */
export interface DocumentData {
  /**
   * Maps, lists, and texts as they were written: `010` is not 8, and `1.10` not 1.1. A missing
   * value is `null`.
   */
  readonly value: unknown
  /** False if the document is larger than anybody intends. The rest is then missing. */
  readonly isWhole: boolean
  /**
   * Line and column of a name or an entry. If it is not there, those of the nearest thing around
   * it.
   */
  placeOf(path: DocumentPath): string
}

/** A place in the text, and the places of everything inside it. */
interface Spot {
  readonly offset: number
  readonly members: Map<string | number, Spot>
}

const SHAPE_HINT = 'name: value, one per line; the settings of oauth: are indented below it'

/** Nested aliases can expand without end; no real file is this large. */
const MAX_NODES = 500_000
const MAX_ALIASES = 100
const MAX_DEPTH = 50
const ALIAS_HINT = 'replace the aliases by what they stand for'

/** Loaded synchronously, because `./flags` answers synchronously. */
function loadYaml(): Yaml {
  return createRequire(import.meta.url)('yaml') as Yaml
}

/** To resolve one alias, the library walks through the whole document each time. */
function countAliases(yaml: Yaml, document: Document): number {
  let count = 0
  yaml.visit(document, {
    Alias() {
      count++
    },
  })
  return count
}

/**
 * Problems contain neither values nor the parser's own messages. The messages quote the file, and
 * somebody may have put a secret there.
 */
export class FileDocument {
  readonly problems: ConfigurationProblem[] = []
  readonly #yaml: Yaml
  readonly #document: Document | undefined
  readonly #lines: InstanceType<Yaml['LineCounter']>
  readonly #name: string
  readonly #shapeHint: string
  #nodes = 0
  #aliases = 0
  #isTooMuch = false

  /**
   * @param name of the file, as it was typed
   * @param shapeHint what such a document looks like
   */
  constructor(name: string, content: string, shapeHint: string = SHAPE_HINT) {
    const yaml = (this.#yaml = loadYaml())
    this.#name = name.replace(/\p{Cc}/gu, '?')
    this.#shapeHint = shapeHint
    const lineCounter = (this.#lines = new yaml.LineCounter())
    const options = { lineCounter, prettyErrors: false, uniqueKeys: false }
    try {
      const document = yaml.parseDocument(content, options)
      if (countAliases(yaml, document) <= MAX_ALIASES) this.#document = document
      else this.problem(this.#name, `has more than ${MAX_ALIASES} aliases`, ALIAS_HINT)
    } catch {
      // The document is nested deeper than the parser's stack.
      this.problem(this.#name, 'is nested too deeply', shapeHint)
    }
    const { errors = [], warnings = [] } = this.#document ?? {}
    for (const { code, pos } of [...errors, ...warnings]) {
      const reason = code.toLowerCase().replaceAll('_', ' ')
      this.problem(this.#placeAt(pos[0]), `is not valid YAML (${reason})`, shapeHint)
    }
  }

  problem(path: string, message: string, hint: string): void {
    this.problems.push({ path, message, hint })
  }

  /** `undefined` for an empty file. */
  root(): { readonly node: unknown; readonly place: string } | undefined {
    const contents = this.#document?.contents ?? null
    const isEmpty = contents === null || (this.#yaml.isScalar(contents) && contents.value === null)
    return isEmpty ? undefined : { node: contents, place: this.#placeAt(0) }
  }

  /** `undefined`, with a problem, when the node is not a map. */
  entriesOf(node: unknown, source: string): readonly Entry[] | undefined {
    const map = this.#resolved(node)
    if (!this.#yaml.isMap(map)) {
      this.problem(source, 'is not a list of names with values', this.#shapeHint)
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

  /** `undefined` when the node is not a list. */
  itemsOf(node: unknown): readonly unknown[] | undefined {
    const list = this.#resolved(node)
    return this.#yaml.isSeq(list) ? list.items : undefined
  }

  /**
   * The text as it was written: 010 is not 8, and a number may have too many digits for a
   * JavaScript number.
   */
  textOf(node: unknown): string | undefined {
    const scalar = this.#resolved(node)
    if (!this.#yaml.isScalar(scalar) || scalar.value === null) return undefined
    return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? undefined)
  }

  placeOf(node: unknown): string {
    return this.#placeAt(this.#offsetOf(node))
  }

  /** The same, for the target of an alias. */
  placeOfTarget(node: unknown): string {
    return this.placeOf(this.#resolved(node))
  }

  /**
   * The whole document as plain data. Repeated names, names that are not texts, and more data than
   * anybody intends are problems. With such a problem, the data must not be used.
   */
  data(): DocumentData {
    const contents = this.problems.length > 0 ? undefined : this.#document?.contents
    const root = this.#spotOf(contents)
    const value = this.#dataOf(contents, root, 0)
    if (this.#isTooMuch) {
      this.problem(this.#name, 'has too many values, or is nested too deeply', ALIAS_HINT)
    }
    return {
      value,
      isWhole: !this.#isTooMuch,
      placeOf: (path) => {
        let spot = root
        for (const step of path) {
          const next = spot.members.get(step)
          if (next === undefined) break
          spot = next
        }
        return this.#placeAt(spot.offset)
      },
    }
  }

  #spotOf(node: unknown): Spot {
    return { offset: this.#offsetOf(node), members: new Map() }
  }

  #dataOf(node: unknown, spot: Spot, depth: number): unknown {
    const isAlias = this.#yaml.isAlias(node)
    if (isAlias) this.#aliases++
    this.#isTooMuch ||=
      ++this.#nodes > MAX_NODES || this.#aliases > MAX_ALIASES || depth > MAX_DEPTH
    if (this.#isTooMuch) return null
    if (isAlias) return this.#dataOf(this.#resolved(node), spot, depth + 1)
    if (this.#yaml.isSeq(node)) {
      return node.items.map((item, index) => {
        const own = this.#spotOf(item)
        spot.members.set(index, own)
        return this.#dataOf(item, own, depth + 1)
      })
    }
    return this.#yaml.isMap(node) ? this.#mapOf(node, spot, depth) : (this.textOf(node) ?? null)
  }

  #mapOf({ items }: YamlModule.YAMLMap, spot: Spot, depth: number): object {
    const members: [string, unknown][] = []
    for (const { key, value } of items) {
      const name = this.#yaml.isScalar(key) ? this.textOf(key) : undefined
      const own = this.#spotOf(key)
      if (name === undefined) {
        this.problem(this.#placeAt(own.offset), 'is a name that is not a string', this.#shapeHint)
      } else if (spot.members.has(name)) {
        const source = `${this.#placeAt(own.offset)}: ${shownName(name)}`
        this.problem(source, 'is written twice', 'keep one')
      } else {
        spot.members.set(name, own)
        members.push([name, this.#dataOf(value, own, depth + 1)])
      }
    }
    // This defines members, so `__proto__` is a name like any other.
    return Object.fromEntries(members)
  }

  #resolved(node: unknown): unknown {
    return this.#document !== undefined && this.#yaml.isAlias(node)
      ? node.resolve(this.#document)
      : node
  }

  #offsetOf(node: unknown): number {
    return (node as YamlModule.Node | null | undefined)?.range?.[0] ?? 0
  }

  #placeAt(offset: number): string {
    const { line, col } = this.#lines.linePos(offset)
    return `${this.#name}:${line}:${col}`
  }
}

/** A name from the file, made fit for one line. */
export function shownName(name: string): string {
  return quoted(name).slice(1, -1)
}
