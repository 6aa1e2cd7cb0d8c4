/**
 * Looking again at a token while what it opened goes on: streams outlive tokens.
 *
 * @module
 */
import { AuthorizationServerError, type Refusal } from '../errors.js'

/** How long a verdict holds by itself, in milliseconds since 1970. */
export interface Standing {
  /** The token's own end, with the tolerance for clocks; `undefined` when it names none. */
  readonly endsAt: number | undefined
  /** When the authorization server's answer is too old to go by; `undefined` when it was not asked. */
  readonly askAgainAt: number | undefined
}

export interface TokenWatchOptions {
  /** The verdict that let the request in. */
  readonly standing: Standing
  /**
   * The verdict now.
   *
   * @throws {AuthorizationServerError} when nobody can tell
   */
  readonly judge: () => Promise<Standing | Refusal>
  /** Called once: with the refusal, `ended` when nobody could be asked at its end, or the error of a bug of ours. */
  readonly onEnd: (reason: Refusal | 'ended' | Error) => void
  readonly now: () => number
  /** Returns what takes it back. */
  readonly setTimer?: (callback: () => void, delay: number) => () => void
}

/** Keys may be withdrawn, and scopes and issuers be others: nothing tells us, so somebody has to look. */
const LONGEST = 60_000
/** Also where answers are not remembered at all, or the server is away: thousands of streams may be watched. */
const SHORTEST = 5_000

/** A timer that keeps no process alive: what it watches does. */
export function setQuietTimer(callback: () => void, delay: number): () => void {
  const timer: unknown = setTimeout(callback, delay)
  // Of Node; a number elsewhere.
  ;(timer as { unref?: () => void }).unref?.()
  return () => clearTimeout(timer as number)
}

/**
 * Judges a token again: at its own end, when the answer about it is too old, and once a minute. An authorization
 * server that is away ends nothing before the token's own end, and does not keep it open beyond.
 *
 * @returns ends the watch
 */
export function watchToken(options: TokenWatchOptions): () => void {
  const { judge, now, onEnd, setTimer = setQuietTimer } = options
  let { standing } = options
  let isOver = false
  let clear = wait(SHORTEST)

  /** No timer is longer than a minute, so that clocks which are set, and machines which sleep, matter little. */
  function wait(longest: number): () => void {
    const { endsAt = Number.POSITIVE_INFINITY, askAgainAt = Number.POSITIVE_INFINITY } = standing
    const at = now()
    // Timers run a little early.
    const untilEnd = Math.max(endsAt - at, 1)
    return setTimer(
      () => void look(),
      Math.min(longest, Math.max(askAgainAt - at, SHORTEST), untilEnd),
    )
  }

  function end(reason: Refusal | 'ended' | Error): void {
    if (isOver) return
    stop()
    onEnd(reason)
  }

  function stop(): void {
    isOver = true
    clear()
  }

  /** An answer that takes long must not prolong what is over. */
  function endWhenOver(): void {
    const { endsAt = Number.POSITIVE_INFINITY } = standing
    const rest = endsAt - now()
    if (rest <= 0) return end('ended')
    clear = setTimer(endWhenOver, Math.min(rest, LONGEST))
  }

  async function look(): Promise<void> {
    const { endsAt = Number.POSITIVE_INFINITY } = standing
    const isLast = now() >= endsAt
    // A verdict that needs nobody comes before this does.
    clear = setTimer(endWhenOver, isLast ? 0 : Math.min(endsAt - now(), LONGEST))
    try {
      const verdict = await judge()
      if (isOver) return
      if (!('endsAt' in verdict)) return end(verdict)
      standing = verdict
    } catch (error) {
      if (isOver) return
      if (!(error instanceof AuthorizationServerError)) {
        return end(error instanceof Error ? error : new Error('thrown'))
      }
      if (isLast) return end('ended')
      clear()
      clear = wait(SHORTEST)
      return
    }
    clear()
    clear = wait(LONGEST)
  }

  return stop
}
