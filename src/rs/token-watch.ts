/**
 * Verifies a token again while its stream goes on: streams outlive tokens.
 *
 * @module
 */
import { AuthorizationServerError, type Refusal } from '../errors.js'

/** How long a verdict holds without another check, in milliseconds since 1970. */
export interface Standing {
  /** The token's expiry with the clock tolerance; `undefined` if it has none. */
  readonly endsAt: number | undefined
  /** When the introspection answer expires; `undefined` if there was none. */
  readonly askAgainAt: number | undefined
}

export interface TokenWatchOptions {
  /** The verdict that let the request in. */
  readonly standing: Standing
  /**
   * The verdict now.
   *
   * @throws {AuthorizationServerError} when it cannot be decided
   */
  readonly verify: () => Promise<Standing | Refusal>
  /**
   * Called once: with the refusal, with `ended` if the server was not available when the token
   * expired, or with the error of a bug.
   */
  readonly onEnd: (reason: Refusal | 'ended' | Error) => void
  readonly now: () => number
  /** Returns a function that cancels it. */
  readonly setTimer?: (callback: () => void, delay: number) => () => void
}

/** Keys may be withdrawn, and scopes and issuers may change without notice, so we poll. */
const LONGEST = 60_000
/** Also if answers are not cached, or the server is down: thousands of streams may be watched. */
const SHORTEST = 5_000

/** A timer that does not keep the process alive: the stream does. */
export function setQuietTimer(callback: () => void, delay: number): () => void {
  const timer: unknown = setTimeout(callback, delay)
  // An object in Node; a number elsewhere.
  ;(timer as { unref?: () => void }).unref?.()
  return () => clearTimeout(timer as number)
}

/**
 * Verifies a token again: when it expires, when its introspection answer is too old, and once a
 * minute. An outage of the authorization server neither ends a stream before the token expires nor
 * keeps it open afterwards.
 *
 * @returns ends the watch
 */
export function watchToken(options: TokenWatchOptions): () => void {
  const { verify, now, onEnd, setTimer = setQuietTimer } = options
  let { standing } = options
  let isOver = false
  let clear = wait(SHORTEST)

  /**
   * No timer is longer than a minute, so that changed clocks and sleeping machines matter little.
   */
  function wait(longest: number): () => void {
    const { endsAt = Number.POSITIVE_INFINITY, askAgainAt = Number.POSITIVE_INFINITY } = standing
    const at = now()
    // Timers may fire a little early.
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

  /** A slow answer must not keep an expired token's stream open. */
  function endWhenOver(): void {
    const { endsAt = Number.POSITIVE_INFINITY } = standing
    const rest = endsAt - now()
    if (rest <= 0) return end('ended')
    clear = setTimer(endWhenOver, Math.min(rest, LONGEST))
  }

  async function look(): Promise<void> {
    const { endsAt = Number.POSITIVE_INFINITY } = standing
    const isLast = now() >= endsAt
    // A synchronous verdict arrives before this does.
    clear = setTimer(endWhenOver, isLast ? 0 : Math.min(endsAt - now(), LONGEST))
    try {
      const verdict = await verify()
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
