/**
 * Reading what people type: pure functions from text to values and back.
 *
 * @module
 */

const MILLISECONDS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
const DURATION = /^(\d{1,9})(ms|s|m|h)?$/

/** Seconds of `500ms`, `30s`, `10m`, `24h`; a bare number is seconds. `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = DURATION.exec(text) ?? []
  if (digits === undefined) return undefined
  return (Number(digits) * MILLISECONDS[(unit ?? 's') as keyof typeof MILLISECONDS]) / 1000
}

/** The shortest text for whole milliseconds, in the largest unit that has no fraction. */
export function formatDuration(seconds: number): string {
  const milliseconds = Math.round(seconds * 1000)
  for (const [unit, size] of Object.entries(MILLISECONDS)) {
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`
  }
  return '0s'
}

/** A list as the environment spells it: separated by blanks or commas. */
export function splitList(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter(Boolean)
}

/** Words separated by blanks only: a comma is a legal character of a scope (RFC 6749 §3.3). */
export function splitWords(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean)
}
