/**
 * Looks after an answer without a token while it goes on: it has no token that could end it.
 *
 * @module
 */
import type { setQuietTimer } from './token-watch.js'

/** Milliseconds between two looks. */
const BETWEEN_LOOKS = 60_000
/** An answer ends with the last look, after ten minutes, so that nobody holds a place for ever. */
const MOST_LOOKS = 10

export interface AnonymousWatchOptions {
  /** Whether callers without a token are still let in. */
  readonly isPublic: () => boolean
  /** Called once, when the answer must end. */
  readonly onEnd: () => void
  readonly setTimer: typeof setQuietTimer
}

/** @returns ends the watch */
export function watchAnonymous({ isPublic, onEnd, setTimer }: AnonymousWatchOptions): () => void {
  let looks = 0
  let clear = setTimer(look, BETWEEN_LOOKS)

  function look(): void {
    looks++
    if (looks === MOST_LOOKS || !isPublic()) return onEnd()
    clear = setTimer(look, BETWEEN_LOOKS)
  }

  return () => clear()
}
