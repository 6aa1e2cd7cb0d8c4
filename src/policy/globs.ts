/**
 * Compares texts with patterns. A text is read once from start to end, whatever the pattern.
 * Servers have few names and clients repeat them, so results are remembered: a thousand patterns
 * then cost no more than ten.
 *
 * @module
 */
import { Cache } from '../base/cache.js'

/** What `*` and `**` stand for. */
export interface Wildcards {
  /**
   * The separator that `*` does not cross and `**` does: `/` in URIs. `undefined`: every star
   * matches any text.
   */
  readonly separator: '/' | undefined
}

/** A pattern in pieces: a text, or one of these. */
const ANY: unique symbol = Symbol('any text')
const WITHIN_SEGMENT: unique symbol = Symbol('any text without the separator')
export type Piece = string | typeof ANY | typeof WITHIN_SEGMENT

/** The part of a string that is needed. */
export type Text = Pick<string, 'length' | 'startsWith' | 'endsWith' | 'charCodeAt'>

/** A compiled text, with or without stars. */
export interface TextPattern {
  /** The only text that matches; `undefined` with wildcards. */
  readonly only: string | undefined
  isLike(text: Text): boolean
}

/** How many texts are remembered, and their length: a few megabytes, whatever clients ask for. */
export const MAX_TEXTS = 10_000
export const LONGEST_KNOWN = 200

/** Stars become pieces of their own; `literal` reads the text between them. */
export function piecesOf(
  pattern: string,
  { separator }: Wildcards,
  literal: (text: string) => string = (text) => text,
): readonly Piece[] {
  return pattern
    .split(/(\*+)/)
    .filter((part) => part !== '')
    .map((part): Piece => {
      if (!part.startsWith('*')) return literal(part)
      return separator === undefined || part.length > 1 ? ANY : WITHIN_SEGMENT
    })
}

const BITS = 32

/**
 * Simulates all positions in a pattern at once: one bit for each pattern character that has been
 * matched. A star is a position that may be kept.
 */
class Places {
  readonly #words: number
  readonly #last: number
  readonly #separator: number
  /** The positions that a character leads to. */
  readonly #met = new Map<number, Int32Array>()
  /** Positions kept by any character, and those kept by any but the separator. */
  readonly #stay: Int32Array
  readonly #stayWithin: Int32Array

  constructor(pieces: readonly Piece[], separator: string | undefined) {
    const length = pieces.reduce(
      (sum, piece) => sum + (typeof piece === 'string' ? piece.length : 0),
      0,
    )
    this.#words = Math.floor(length / BITS) + 1
    this.#last = length
    this.#separator = separator?.charCodeAt(0) ?? -1
    this.#stay = new Int32Array(this.#words)
    this.#stayWithin = new Int32Array(this.#words)
    let place = 0
    for (const piece of pieces) {
      if (piece === ANY) set(this.#stay, place)
      else if (piece === WITHIN_SEGMENT) set(this.#stayWithin, place)
      else {
        for (let i = 0; i < piece.length; i++) set(this.#metBy(piece.charCodeAt(i)), ++place)
      }
    }
  }

  #metBy(unit: number): Int32Array {
    let places = this.#met.get(unit)
    if (places === undefined) this.#met.set(unit, (places = new Int32Array(this.#words)))
    return places
  }

  /** Whether the text from `start` up to `end` matches the whole pattern. */
  isLike(text: Text, start: number, end: number): boolean {
    const words = this.#words
    const places = new Int32Array(words)
    places[0] = 1
    for (let at = start; at < end; at++) {
      const unit = text.charCodeAt(at)
      const met = this.#met.get(unit)
      const isSeparator = unit === this.#separator
      let carry = 0
      let isAnywhere = 0
      for (let word = 0; word < words; word++) {
        const before = places[word] as number
        const stay =
          (this.#stay[word] as number) | (isSeparator ? 0 : (this.#stayWithin[word] as number))
        const next = met === undefined ? 0 : ((before << 1) | carry) & (met[word] as number)
        carry = before >>> (BITS - 1)
        places[word] = next | (before & stay)
        isAnywhere |= places[word] as number
      }
      if (isAnywhere === 0) return false
    }
    return has(places, this.#last)
  }
}

function set(bits: Int32Array, bit: number): void {
  const word = Math.floor(bit / BITS)
  bits[word] = (bits[word] as number) | (1 << (bit % BITS))
}

function has(bits: Int32Array, bit: number): boolean {
  return ((bits[Math.floor(bit / BITS)] as number) & (1 << (bit % BITS))) !== 0
}

/** One pattern. */
export class Glob {
  /** The literal start and end, a quick check that settles most texts. */
  readonly #head: string
  readonly #tail: string
  /** `undefined` if the pattern is head and tail alone, with or without any text between them. */
  readonly #middle: Places | undefined
  readonly #isLiteral: boolean

  constructor(pieces: readonly Piece[], { separator }: Wildcards) {
    const [first] = pieces
    const last = pieces.at(-1)
    this.#isLiteral = pieces.every((piece) => typeof piece === 'string')
    this.#head = this.#isLiteral ? pieces.join('') : typeof first === 'string' ? first : ''
    this.#tail = this.#isLiteral || typeof last !== 'string' ? '' : last
    const middle = pieces.slice(this.#head === '' ? 0 : 1, this.#tail === '' ? undefined : -1)
    const isAnything = middle.length === 1 && middle[0] === ANY
    this.#middle = this.#isLiteral || isAnything ? undefined : new Places(middle, separator)
  }

  /** Whether it matches the whole text. */
  isLike(text: Text): boolean {
    const start = this.#head.length
    const end = text.length - this.#tail.length
    if (start > end || !text.startsWith(this.#head) || !text.endsWith(this.#tail)) return false
    if (this.#isLiteral) return start === end
    return this.#middle === undefined || this.#middle.isLike(text, start, end)
  }
}

/** @param literal reads the text between stars */
export function compileText(
  text: string,
  wildcards: Wildcards,
  literal?: (part: string) => string,
): TextPattern {
  const pieces = piecesOf(text, wildcards, literal)
  const glob = new Glob(pieces, wildcards)
  const isOnly = pieces.every((piece) => typeof piece === 'string')
  return { only: isOnly ? pieces.join('') : undefined, isLike: (other) => glob.isLike(other) }
}

export class GlobSet {
  readonly #patterns: readonly Glob[]
  readonly #known = new Cache<readonly number[]>(MAX_TEXTS)

  constructor(patterns: readonly string[], wildcards: Wildcards) {
    this.#patterns = patterns.map((pattern) => new Glob(piecesOf(pattern, wildcards), wildcards))
  }

  /**
   * The patterns that match the whole text, by their index. A text seen before gives the same
   * object.
   */
  match(text: string): readonly number[] {
    if (text.length > LONGEST_KNOWN) return this.#find(text)
    let matches = this.#known.get(text)
    if (matches === undefined) {
      matches = Object.freeze(this.#find(text))
      this.#known.set(text, matches)
    }
    return matches
  }

  #find(text: string): number[] {
    return this.#patterns.flatMap((glob, index) => (glob.isLike(text) ? [index] : []))
  }
}
