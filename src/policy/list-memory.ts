/**
 * Lists that were read before: a server gives the same one to everybody, all day long, and reading costs more than
 * judging. What is remembered is what the server said, before anything of it was judged for anybody.
 *
 * @module
 */
import { concatBytes } from '../base/bytes.js'
import { eachElement, MALFORMED, readMembers, skipValue, valueAt } from '../base/json-spans.js'

/** An entry of a list, by its place there. */
interface ListEntry {
  readonly start: number
  readonly end: number
  /** What names it, decoded; `undefined` where nothing does. */
  readonly name: unknown
}

/** Selections of one list that are kept: as many kinds of callers as there usually are. */
const MOST_SELECTIONS = 8
const encoder = new TextEncoder()
const OPEN = encoder.encode('[')
const COMMA = encoder.encode(',')
const CLOSE = encoder.encode(']')

/** What a list is of; compared as an object. */
export interface ListNaming {
  /** The member of an entry that names it. */
  readonly member: string
}

/** A list as its server wrote it. */
export class ReadList {
  /** From bracket to bracket. */
  readonly bytes: Uint8Array
  readonly naming: ListNaming
  readonly #entries: readonly ListEntry[]
  /** By which entries they have. */
  readonly #selections = new Map<string, Uint8Array>()
  readonly #ofCallers = new WeakMap<object, Uint8Array>()

  constructor(bytes: Uint8Array, naming: ListNaming, entries: readonly ListEntry[]) {
    this.bytes = bytes
    this.naming = naming
    this.#entries = entries
  }

  /**
   * The list in its order, without what is not shown.
   *
   * @param caller for the same one the same is shown
   */
  select(isShown: (name: unknown) => boolean, caller: object | undefined): Uint8Array {
    const known = caller === undefined ? undefined : this.#ofCallers.get(caller)
    if (known !== undefined) return known
    const selection = this.#judge(isShown)
    if (caller !== undefined) this.#ofCallers.set(caller, selection)
    return selection
  }

  #judge(isShown: (name: unknown) => boolean): Uint8Array {
    let key = ''
    for (const { name } of this.#entries) key += isShown(name) ? '+' : '-'
    let selection = this.#selections.get(key)
    if (selection === undefined) {
      selection = this.#write(key)
      if (this.#selections.size >= MOST_SELECTIONS) this.#selections.clear()
      this.#selections.set(key, selection)
    }
    return selection
  }

  /** For longer than the answer that it came in. */
  copy(): ReadList {
    return new ReadList(this.bytes.slice(), this.naming, this.#entries)
  }

  #write(key: string): Uint8Array {
    const pieces: Uint8Array[] = [OPEN]
    for (const [index, { start, end }] of this.#entries.entries()) {
      if (key[index] !== '+') continue
      if (pieces.length > 1) pieces.push(COMMA)
      pieces.push(this.bytes.subarray(start, end))
    }
    pieces.push(CLOSE)
    return concatBytes(pieces)
  }
}

/** Lists of one resource: its tools, prompts, resources and templates, in pages. */
const MOST_LISTS = 16
/** Shorter ones are read as fast as they are compared, longer ones are nobody's who wants to be used. */
const SHORTEST = 1024
const LONGEST = 1024 * 1024

interface NativeBytes {
  readonly Buffer?: { compare(one: Uint8Array, other: Uint8Array): number }
}

const { Buffer } = globalThis as NativeBytes

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (Buffer !== undefined) return Buffer.compare(one, other) === 0
  return one.every((byte, at) => byte === other[at])
}

/** @returns `undefined` where no list begins */
function readList(bytes: Uint8Array, start: number, naming: ListNaming): ReadList | undefined {
  const { member } = naming
  const entries: ListEntry[] = []
  const isName = (name: string): name is string => name === member
  const end = eachElement(bytes, start, (at) => {
    const read = readMembers(bytes, at, isName)
    // What is no object, or has two names, has none.
    const after = read?.end ?? skipValue(bytes, at)
    const span = read?.members.get(member)
    const name = span && valueAt(bytes, span)
    entries.push({ start: at - start, end: after - start, name })
    return after
  })
  return end === MALFORMED ? undefined : new ReadList(bytes.subarray(start, end), naming, entries)
}

export class ListMemory {
  /** The newest last. */
  readonly #lists: ReadList[] = []

  /** The list that begins there; `undefined` where none does. */
  read(bytes: Uint8Array, start: number, naming: ListNaming): ReadList | undefined {
    // The same to its last bracket is the same list.
    const known = this.#lists.find((list) => {
      const end = start + list.bytes.length
      // The same text may be a list of tools and one of prompts.
      if (list.naming !== naming || end > bytes.length) return false
      return isSame(bytes.subarray(start, end), list.bytes)
    })
    if (known !== undefined) return known
    const list = readList(bytes, start, naming)
    const length = list?.bytes.length ?? 0
    if (list !== undefined && length >= SHORTEST && length <= LONGEST) {
      this.#lists.push(list.copy())
      if (this.#lists.length > MOST_LISTS) this.#lists.shift()
    }
    return list
  }
}
