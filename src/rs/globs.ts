/**
 * Many patterns, compared with one text at once: the time that takes depends on the text, not on how many they are.
 *
 * @module
 */

/** What `*` and `**` stand for. */
export interface Wildcards {
  /** What one star does not go beyond: `/` in URIs, where two stars go beyond it. `undefined`: any star is any text. */
  readonly separator: '/' | undefined
}

/** A place in a pattern: the code unit that must come, or one of these. */
const ANY = -1
const WITHIN_SEGMENT = -2
const END = -3

/** Positions that a text may have reached, and where it goes from there; found out when a text first goes there. */
interface State {
  readonly positions: readonly number[]
  readonly next: Map<number, State>
  /** The patterns that end here, in their order. */
  readonly matches: readonly number[]
}

/** Positions in the table, each way counted as one more: texts of clients must not make it grow for ever. */
const MOST_LEARNED = 500_000
/** Texts after which a full table is begun anew; until then what it does not know is found out and forgotten. */
const REST = 10_000

function read(pattern: string, { separator }: Wildcards): readonly number[] {
  const tokens: number[] = []
  for (let at = 0; at < pattern.length; at++) {
    if (pattern[at] !== '*') tokens.push(pattern.charCodeAt(at))
    else if (separator === undefined) tokens.push(ANY)
    else if (pattern[at + 1] === '*') {
      tokens.push(ANY)
      at++
    } else tokens.push(WITHIN_SEGMENT)
  }
  return [...tokens, END]
}

/** The subset construction, done for those subsets that texts lead to. */
export class GlobSet {
  /** All patterns behind each other. */
  readonly #tokens: readonly number[]
  /** By the place of its end. */
  readonly #patternEndingAt: ReadonlyMap<number, number>
  readonly #separator: number | undefined
  readonly #starts: readonly number[]
  #states = new Map<string, State>()
  #learned = 0
  #rest = REST
  #start: State

  constructor(patterns: readonly string[], wildcards: Wildcards) {
    const tokens: number[] = []
    const ends = new Map<number, number>()
    const starts: number[] = []
    for (const [index, pattern] of patterns.entries()) {
      starts.push(tokens.length)
      for (const token of read(pattern, wildcards)) tokens.push(token)
      ends.set(tokens.length - 1, index)
    }
    this.#tokens = tokens
    this.#patternEndingAt = ends
    this.#separator = wildcards.separator?.charCodeAt(0)
    this.#starts = starts
    this.#start = this.#stateOf(this.#closureOf(starts))
  }

  /** Which patterns are like the whole text, by their place in the list. Equal answers are the same object for a while. */
  match(text: string): readonly number[] {
    if (this.#learned > MOST_LEARNED && --this.#rest === 0) {
      this.#states = new Map()
      this.#learned = 0
      this.#rest = REST
      this.#start = this.#stateOf(this.#closureOf(this.#starts))
    }
    let state = this.#start
    for (let at = 0; at < text.length && state.positions.length > 0; at++) {
      const unit = text.charCodeAt(at)
      state = state.next.get(unit) ?? this.#go(state, unit)
    }
    return state.matches
  }

  #go(state: State, unit: number): State {
    const reached: number[] = []
    for (const position of state.positions) {
      const token = this.#tokens[position] as number
      if (token === unit) reached.push(position + 1)
      else if (token === ANY || (token === WITHIN_SEGMENT && unit !== this.#separator)) {
        reached.push(position)
      }
    }
    const positions = this.#closureOf(reached)
    if (this.#learned > MOST_LEARNED) return this.#makeState(positions)
    const next = this.#stateOf(positions)
    state.next.set(unit, next)
    this.#learned++
    return next
  }

  /** @param reached ascending, some of them twice */
  #closureOf(reached: readonly number[]): readonly number[] {
    const positions: number[] = []
    let last = -1
    for (const first of reached) {
      // A star may stand for nothing.
      for (let at = first; ; at++) {
        if (at > last) {
          positions.push(at)
          last = at
        }
        const token = this.#tokens[at]
        if (token !== ANY && token !== WITHIN_SEGMENT) break
      }
    }
    return positions
  }

  #makeState(positions: readonly number[]): State {
    const matches: number[] = []
    for (const at of positions) {
      const pattern = this.#tokens[at] === END ? this.#patternEndingAt.get(at) : undefined
      if (pattern !== undefined) matches.push(pattern)
    }
    return { positions, next: new Map(), matches: Object.freeze(matches) }
  }

  #stateOf(positions: readonly number[]): State {
    const key = positions.join()
    const known = this.#states.get(key)
    if (known !== undefined) return known
    const state = this.#makeState(positions)
    this.#states.set(key, state)
    this.#learned += positions.length
    return state
  }
}
