/**
 * Collects the values of a config file. They are nested by group, with lists of issuers and
 * resources.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import { FileDocument, shownName } from './file-document.js'
import {
  FILE_RESOURCE_SETTINGS,
  LISTED_ISSUER_SETTINGS,
  ISSUER,
  ISSUERS,
  RESOURCES,
} from './setting-lists.js'
import { byPath, type GivenValue, type GivenValues, type Setting } from './setting.js'
import { didYouMean } from './sources.js'
import { splitWords } from './values.js'

/** The values at the top of the file, or of one resource. */
interface CollectedPart {
  readonly given: GivenValues
  /**
   * One for each issuer in the list. `given` holds the place of the list. `undefined`: there is no
   * list.
   */
  readonly issuers?: readonly GivenValues[]
}

/** One resource of the list. */
export interface CollectedResource extends CollectedPart {
  /** The place where it begins: `gatehouse.yaml:8:5: resources[0]`. */
  readonly source: string
  /** The prefix of its names: `resources[0].`. */
  readonly place: string
  /** False when the entry cannot be understood. */
  readonly isRead: boolean
}

export interface CollectedFile extends CollectedPart {
  /** `undefined` where there is no list. */
  readonly resources?: readonly CollectedResource[]
  readonly problems: readonly ConfigurationProblem[]
  /** False when the file as a whole cannot be understood. */
  readonly isRead: boolean
}

/** The names that a map may have. All begin with the prefix; the file leaves the prefix out. */
interface Names {
  readonly prefix: string
  readonly known: ReadonlyMap<string, Setting>
  readonly given: Map<string, GivenValue>
  /** How the prefix is shown. */
  readonly place: string
  /** The list that the map is in, if it is in one. */
  readonly list?: ListKind
  /** Lists that the map may have. */
  readonly lists: ReadonlyMap<string, (node: unknown, source: string, place: string) => void>
}

/** A list of maps, each with one name that it must have. */
interface ListKind {
  readonly name: string
  readonly noun: string
  /** The path of that name. */
  readonly key: string
  readonly hint: string
}

const ISSUER_LIST: ListKind = {
  name: 'issuers',
  noun: 'issuer',
  key: ISSUER,
  hint: '- issuer: URL, and below it its own settings',
}
const RESOURCE_LIST: ListKind = {
  name: RESOURCES,
  noun: 'resource',
  key: 'resource',
  hint: '- resource: URL, and below it upstream: URL and its own settings',
}

const NO_LISTS: Names['lists'] = new Map()

class FileCollector {
  readonly #document: FileDocument
  readonly #all: Names['known']
  readonly #ofIssuer: Names['known']
  readonly #ofResource: Names['known'] = byPath(FILE_RESOURCE_SETTINGS)

  constructor(document: FileDocument, settings: readonly Setting[]) {
    this.#document = document
    this.#all = byPath(settings)
    this.#ofIssuer = byPath(
      LISTED_ISSUER_SETTINGS.map((setting) =>
        setting.path === ISSUER ? { ...setting, kind: 'text' } : setting,
      ),
    )
  }

  collect(): CollectedFile {
    const { problems } = this.#document
    const isRead = problems.length === 0
    const root = this.#document.root()
    if (!isRead || root === undefined) return { given: new Map(), problems, isRead }
    let resources: CollectedResource[] | undefined
    const part = this.#readPart(root.node, root.place, { known: this.#all, place: '' }, (given) => [
      RESOURCES,
      (node, source, place) => {
        // Marked as given, so that nothing is reported as missing.
        given.set(RESOURCES, { value: [], source })
        resources = this.#readResources(node, source, place)
      },
    ])
    return { ...part, problems, isRead, ...(resources !== undefined && { resources }) }
  }

  /** Reads settings, and a list of issuers among them. */
  #readPart(
    node: unknown,
    at: string,
    names: Pick<Names, 'known' | 'place' | 'list'>,
    more?: (
      given: Names['given'],
    ) => readonly [string, (node: unknown, source: string, place: string) => void],
  ): CollectedPart & { readonly isRead: boolean } {
    const given: Names['given'] = new Map()
    let issuers: GivenValues[] | undefined
    const lists: Names['lists'] = new Map([
      [
        ISSUERS,
        (list, source, place) => {
          given.set(ISSUERS, { value: [], source })
          issuers = this.#readIssuers(list, source, place)
        },
      ],
      ...(more === undefined ? [] : [more(given)]),
    ])
    const isRead = this.#readMap(node, { ...names, prefix: '', given, lists }, at)
    return { given, isRead, ...(issuers !== undefined && { issuers }) }
  }

  #readIssuers(node: unknown, at: string, place: string): GivenValues[] {
    return this.#readList(node, at, place, ISSUER_LIST, (item, source, place) => {
      const given: Names['given'] = new Map()
      const known = this.#ofIssuer
      const names = { prefix: 'oauth.', known, given, place, list: ISSUER_LIST, lists: NO_LISTS }
      this.#readMap(item, names, source)
      const issuer = given.get(ISSUER)
      if (issuer !== undefined) given.set(ISSUER, { ...issuer, value: [String(issuer.value)] })
      return { given }
    }).map(({ given }) => given)
  }

  #readResources(node: unknown, at: string, place: string): CollectedResource[] {
    return this.#readList(node, at, place, RESOURCE_LIST, (item, source, place) => {
      const names = { known: this.#ofResource, place, list: RESOURCE_LIST }
      return { ...this.#readPart(item, source, names), source, place }
    })
  }

  #readList<Item extends { readonly given: GivenValues }>(
    node: unknown,
    at: string,
    place: string,
    { noun, key, hint }: ListKind,
    read: (item: unknown, source: string, place: string) => Item,
  ): Item[] {
    const document = this.#document
    const nodes = document.itemsOf(node)
    if (nodes === undefined) {
      document.problem(at, `is not a list of ${noun}s`, hint)
      return []
    }
    if (nodes.length === 0) document.problem(at, 'is empty', hint)
    return nodes.map((item, index) => {
      const own = `${place}[${index}]`
      const source = `${document.placeOfTarget(item)}: ${own}`
      const before = document.problems.length
      const collected = read(item, source, `${own}.`)
      // Another problem of this entry was reported already.
      if (!collected.given.has(key) && document.problems.length === before) {
        document.problem(source, `has no ${noun}`, hint)
      }
      return collected
    })
  }

  /** Returns false when the node is not a map. */
  #readMap(node: unknown, names: Names, at: string): boolean {
    const { prefix, known, given, place, lists } = names
    const entries = this.#document.entriesOf(node, at)
    const seen = new Set<string>()
    for (const { name, node: value, place: start } of entries ?? []) {
      const path = prefix + name
      const source = `${start}: ${shownName(place + name)}`
      const setting = name.includes('.') ? undefined : known.get(path)
      const readList = lists.get(path)
      if (seen.has(path)) this.#document.problem(source, 'is written twice', 'keep one')
      else if (setting !== undefined) this.#readValue(setting, value, source, given)
      else if (readList !== undefined) readList(value, source, place + name)
      else if (prefix === '' && [...known.keys()].some((each) => each.startsWith(`${name}.`))) {
        const group = { ...names, prefix: `${name}.`, place: `${place}${name}.` }
        this.#readMap(value, group, source)
        // JSON files name their schema for editors in this way.
      } else if (path !== '$schema' || place !== '') {
        this.#document.problem(source, 'no such setting', this.#unknownHint(name, names))
      }
      seen.add(path)
    }
    return entries !== undefined
  }

  #readValue(
    { path, kind, hint }: Setting,
    node: unknown,
    source: string,
    given: Names['given'],
  ): void {
    const document = this.#document
    if (document.isMap(node)) {
      return document.problem(source, 'is not a group and has no names below it', hint)
    }
    const items = document.itemsOf(node)
    if (items === undefined) {
      const text = document.textOf(node)
      if (text === undefined) {
        return document.problem(source, 'has no value', 'give it one, or leave it out')
      }
      const value = kind === 'list' ? [text] : kind === 'words' ? splitWords(text) : text
      given.set(path, { value, source })
      return
    }
    if (kind !== 'list' && kind !== 'words') {
      return document.problem(source, 'takes one value', hint)
    }
    const texts = items.map((item) => document.textOf(item))
    const wrong = texts.indexOf(undefined)
    if (wrong >= 0) return document.problem(source, `value ${wrong + 1} is not a string`, hint)
    const list = texts.filter((text) => text !== undefined)
    given.set(path, { value: kind === 'words' ? list.flatMap(splitWords) : list, source })
  }

  #unknownHint(own: string, { prefix, known, lists, list }: Names): string {
    const path = prefix + own
    const [group, member] = path.split('.')
    // Names have no dots, so a dotted name at the top means the nested form.
    if (known.has(path)) return `write ${member} below ${group}:`
    if (prefix === '') {
      const nested = [...known.keys(), ...lists.keys()].find((each) => each.endsWith(`.${own}`))
      if (nested !== undefined) return `write it below ${nested.slice(0, nested.indexOf('.'))}:`
      if (list === undefined && this.#ofResource.has(path)) return `write it below ${RESOURCES}:`
    }
    if (list !== undefined && this.#all.has(path)) {
      return `it applies to all: write it beside ${list.name}:`
    }
    // Inside a list the group is not written.
    const start = list === undefined ? 0 : prefix.length
    const names = [...known.keys(), ...lists.keys()].map((name) => name.slice(start))
    return didYouMean(path.slice(start), names)
  }
}

/** @param name of the file, as it was typed */
export function collectFile(
  settings: readonly Setting[],
  name: string,
  content: string,
): CollectedFile {
  return new FileCollector(new FileDocument(name, content), settings).collect()
}
