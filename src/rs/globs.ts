/**
 * Many patterns, compared with one text. Servers have few names and clients ask for the same ones all day long, so that
 * what was found out is remembered, and costs the same for a thousand patterns as for ten.
 *
 * @module
 */
import { createCacheStore } from '../cache.js'

/** What `*` and `**` stand for. */
export interface Wildcards {
  /** What one star does not go beyond: `/` in URIs, where two stars go beyond it. `undefined`: any star is any text. */
  readonly separator: '/' | undefined
}

/** A pattern in pieces: a text, or one of these. */
const ANY = Symbol('any text')
const WITHIN_SEGMENT = Symbol('any text without the separator')
type Piece = string | typeof ANY | typeof WITHIN_SEGMENT

/** Texts that are remembered, and how long they may be: a few megabytes, whatever clients ask for. */
const MAX_TEXTS = 10_000
const LONGEST = 200

function piecesOf(pattern: string, { separator }: Wildcards): readonly Piece[] {
  return pattern
    .split(/(\*+)/)
    .filter((part) => part !== '')
    .map((part): Piece => {
      if (!part.startsWith('*')) return part
      return separator === undefined || part.length > 1 ? ANY : WITHIN_SEGMENT
    })
}

/**
 * Where to go on when what follows a star did not fit: the star takes one character more. Only the last star of each kind
 * need be tried again, for what an earlier one could take as well, the later one takes.
 */
interface Retry {
  readonly piece: number
  at: number
}

function isLike(pieces: readonly Piece[], text: string, separator: string | undefined): boolean {
  let piece = 0
  let at = 0
  let any: Retry | undefined
  let within: Retry | undefined
  for (;;) {
    const wanted = pieces[piece]
    if (wanted === ANY) {
      // Nothing after it can be false.
      if (piece === pieces.length - 1) return true
      any = { piece: ++piece, at }
      within = undefined
    } else if (wanted === WITHIN_SEGMENT) {
      within = { piece: ++piece, at }
    } else if (wanted !== undefined && text.startsWith(wanted, at)) {
      piece++
      at += wanted.length
    } else if (wanted === undefined && at === text.length) {
      return true
    } else if (within !== undefined && within.at < text.length && text[within.at] !== separator) {
      within.at++
      ;({ piece, at } = within)
    } else if (any !== undefined && any.at < text.length) {
      any.at = nextStart(pieces[any.piece], text, any.at + 1)
      ;({ piece, at } = any)
      within = undefined
    } else {
      return false
    }
  }
}

/** Where what follows a star of any text can begin at the earliest. */
function nextStart(wanted: Piece | undefined, text: string, from: number): number {
  if (typeof wanted !== 'string') return from
  const found = text.indexOf(wanted, from)
  return found < 0 ? text.length : found
}

export class GlobSet {
  readonly #patterns: readonly (readonly Piece[])[]
  readonly #separator: string | undefined
  readonly #known = createCacheStore<readonly number[]>(MAX_TEXTS)

  constructor(patterns: readonly string[], wildcards: Wildcards) {
    this.#patterns = patterns.map((pattern) => piecesOf(pattern, wildcards))
    this.#separator = wildcards.separator
  }

  /** Which patterns are like the whole text, by their place in the list. Of a text seen before it is the same object. */
  match(text: string): readonly number[] {
    if (text.length > LONGEST) return this.#find(text)
    let matches = this.#known.get(text)
    if (matches === undefined) {
      matches = Object.freeze(this.#find(text))
      this.#known.set(text, matches)
    }
    return matches
  }

  #find(text: string): number[] {
    return this.#patterns.flatMap((pieces, index) =>
      isLike(pieces, text, this.#separator) ? [index] : [],
    )
  }
}
