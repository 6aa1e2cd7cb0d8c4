/**
 * Compares clocks by `Date`.
 *
 * @module
 */
import { isAnswer, type Exchange } from '../exchange.js'
import type { Findings } from '../finding.js'

/** Seconds. It is what the gateway tolerates by default. `Date` has no fractions, and may be cached for a moment. */
const TOLERATED = 30

/** How far the clock of a server is ahead of ours, in seconds. */
function aheadOf(exchange: Exchange | undefined): number | undefined {
  if (!isAnswer(exchange)) return undefined
  // A cache gives its own age.
  if (exchange.headers.has('age')) return undefined
  const date = Date.parse(exchange.headers.get('date') ?? '')
  return Number.isNaN(date) ? undefined : (date - exchange.at) / 1000
}

export function checkClock(
  about: string,
  exchange: Exchange | undefined,
  findings: Findings,
): void {
  const ahead = aheadOf(exchange)
  if (ahead === undefined || Math.abs(ahead) <= TOLERATED) return
  const way = ahead > 0 ? 'ahead of' : 'behind'
  findings.add('clock-differs', about, `Its clock is ${Math.round(Math.abs(ahead))} s ${way} ours.`)
}
