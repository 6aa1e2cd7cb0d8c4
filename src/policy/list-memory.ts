/**
 * Remembers lists: a server sends the same one to everybody, and parsing costs more than
 * authorizing. What is remembered is the server's list, before it was filtered for anybody.
 *
 * @module
 */
import { concatBytes } from '../base/bytes.js'
import {
  eachElement,
  MALFORMED,
  readMembers,
  skipValue,
  valueAt,
  type Span,
} from '../base/json-spans.js'

/** An entry of a list, by its position. */
interface ListEntry {
  readonly start: number
  readonly end: number
  /** Its decoded name or URI; `undefined` if it has none. */
  readonly name: unknown
  /** The value of the replaced member; `undefined` if it has none. */
  readonly replaced: Span | undefined
}

/** How many selections of one list are kept: enough for the usual number of kinds of callers. */
const MOST_SELECTIONS = 8
const encoder = new TextEncoder()
const OPEN = encoder.encode('[')
const COMMA = encoder.encode(',')
const CLOSE = encoder.encode(']')

/** The kind of a list; compared by identity. */
export interface ListNaming {
  /** The member of an entry that names it. */
  readonly member: string
  /** The member of an entry that we write, in place of the server's. */
  readonly replaced?: string
}

/** Writes the replaced member of an entry: its value as JSON. */
export type WriteMember = (name: unknown) => string

/** A list as its server wrote it. */
export class ReadList {
  /** The text from bracket to bracket. */
  readonly bytes: Uint8Array
  readonly naming: ListNaming
  readonly #entries: readonly ListEntry[]
  /** By the entries that they show. */
  readonly #selections = new Map<string, Uint8Array>()
  readonly #ofCallers = new WeakMap<object, Uint8Array>()

  constructor(bytes: Uint8Array, naming: ListNaming, entries: readonly ListEntry[]) {
    this.bytes = bytes
    this.naming = naming
    this.#entries = entries
  }

  /**
   * The list in its order, without hidden entries.
   *
   * @param caller the same object is shown the same entries
   * @param write the replaced member, in the same way for all callers of one memory
   */
  select(
    isShown: (name: unknown) => boolean,
    caller: object | undefined,
    write: WriteMember | undefined,
  ): Uint8Array {
    const known = caller === undefined ? undefined : this.#ofCallers.get(caller)
    if (known !== undefined) return known
    const selection = this.#select(isShown, write)
    if (caller !== undefined) this.#ofCallers.set(caller, selection)
    return selection
  }

  #select(isShown: (name: unknown) => boolean, write: WriteMember | undefined): Uint8Array {
    let key = ''
    for (const { name } of this.#entries) key += isShown(name) ? '+' : '-'
    let selection = this.#selections.get(key)
    if (selection === undefined) {
      selection = this.#write(key, write)
      if (this.#selections.size >= MOST_SELECTIONS) this.#selections.clear()
      this.#selections.set(key, selection)
    }
    return selection
  }

  /** The list outlives the answer that it arrived in. */
  copy(): ReadList {
    return new ReadList(this.bytes.slice(), this.naming, this.#entries)
  }

  #write(key: string, write: WriteMember | undefined): Uint8Array {
    const pieces: Uint8Array[] = [OPEN]
    for (const [index, entry] of this.#entries.entries()) {
      if (key[index] !== '+') continue
      if (pieces.length > 1) pieces.push(COMMA)
      if (write === undefined) pieces.push(this.bytes.subarray(entry.start, entry.end))
      else pieces.push(...this.#withMember(entry, write(entry.name)))
    }
    pieces.push(CLOSE)
    return concatBytes(pieces)
  }

  /** @param value of the replaced member, as JSON */
  #withMember({ start, end, replaced }: ListEntry, value: string): readonly Uint8Array[] {
    // An entry that is shown has a name, so that something follows the new first member.
    const [from, to, text] =
      replaced === undefined
        ? [start + 1, start + 1, `${JSON.stringify(this.naming.replaced)}:${value},`]
        : [replaced.start, replaced.end, value]
    return [this.bytes.subarray(start, from), encoder.encode(text), this.bytes.subarray(to, end)]
  }
}

/** Lists of one resource: its tools, prompts, resources and templates, in pages. */
const MOST_LISTS = 16
/** Shorter lists are parsed as fast as they are compared; no usable list is longer. */
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

/** @returns `undefined` if no list begins there */
function readList(bytes: Uint8Array, start: number, naming: ListNaming): ReadList | undefined {
  const { member, replaced } = naming
  const entries: ListEntry[] = []
  const isRead = (name: string): name is string => name === member || name === replaced
  const end = eachElement(bytes, start, (at) => {
    const read = readMembers(bytes, at, isRead)
    // A value that is not an object, or has two names, counts as unnamed.
    const after = read?.end ?? skipValue(bytes, at)
    const span = read?.members.get(member)
    const name = span && valueAt(bytes, span)
    const old = replaced === undefined ? undefined : read?.members.get(replaced)
    const there = old && { start: old.start - start, end: old.end - start }
    entries.push({ start: at - start, end: after - start, name, replaced: there })
    return after
  })
  return end === MALFORMED ? undefined : new ReadList(bytes.subarray(start, end), naming, entries)
}

export class ListMemory {
  /** The newest last. */
  readonly #lists: ReadList[] = []

  /** The list that begins there; `undefined` if there is none. */
  read(bytes: Uint8Array, start: number, naming: ListNaming): ReadList | undefined {
    // A list with the same text up to its last bracket is the same list.
    const known = this.#lists.find((list) => {
      const end = start + list.bytes.length
      // The same text may be a list of tools and a list of prompts.
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
