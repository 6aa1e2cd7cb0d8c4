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

/** Beyond this the table is begun anew: texts of clients must not make it grow for ever. */
const MAX_TRANSITIONS = 50_000

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
  #transitions = 0
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
    this.#start = this.#stateOf(starts)
  }

  /** Which patterns are like the whole text, by their place in the list. Equal answers are the same object for a while. */
  match(text: string): readonly number[] {
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
    if (++this.#transitions > MAX_TRANSITIONS) {
      this.#states = new Map()
      this.#transitions = 0
      this.#start = this.#stateOf(this.#starts)
    }
    const next = this.#stateOf(reached)
    state.next.set(unit, next)
    return next
  }

  #stateOf(reached: readonly number[]): State {
    const positions = new Set<number>()
    for (const first of reached) {
      // A star may stand for nothing.
      for (let at = first; ; at++) {
        positions.add(at)
        const token = this.#tokens[at]
        if (token !== ANY && token !== WITHIN_SEGMENT) break
      }
    }
    const sorted = [...positions].sort((one, other) => one - other)
    const key = sorted.join()
    const known = this.#states.get(key)
    if (known !== undefined) return known
    const matches = sorted.flatMap((at) => this.#patternEndingAt.get(at) ?? [])
    const state: State = { positions: sorted, next: new Map(), matches: Object.freeze(matches) }
    this.#states.set(key, state)
    return state
  }
}
