/**
 * Reads what people type: pure functions from text to values and back.
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
  return inLargestUnit(Math.round(seconds * 1000), MILLISECONDS) ?? '0s'
}

const BYTES = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10 }
const SIZE = /^(\d{1,9})(KiB|MiB|GiB)?$/

/** Bytes of `64KiB`, `4MiB`, `1GiB`; a bare number is bytes. `undefined` for anything else. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = SIZE.exec(text) ?? []
  if (digits === undefined) return undefined
  return Number(digits) * (unit === undefined ? 1 : BYTES[unit as keyof typeof BYTES])
}

/** The text for bytes, in the largest unit that has no fraction. */
export function formatSize(bytes: number): string {
  return inLargestUnit(bytes, BYTES) ?? String(bytes)
}

/** @param units from the largest to the smallest */
function inLargestUnit(value: number, units: Readonly<Record<string, number>>): string | undefined {
  const unit = Object.entries(units).find(([, size]) => value >= size && value % size === 0)
  return unit === undefined ? undefined : `${value / unit[1]}${unit[0]}`
}

/** `undefined` when the text is not a port. */
export function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

/** A list as the environment spells it: separated by blanks or commas. */
export function splitList(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter(Boolean)
}

/** Words separated by blanks only: a comma is a legal character of a scope (RFC 6749 §3.3). */
export function splitWords(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean)
}

/** The parts of `NAME=VALUE`. `undefined` when one of them is missing. */
export function splitPair(text: string): readonly [name: string, value: string] | undefined {
  const equals = text.indexOf('=')
  if (equals < 1 || equals === text.length - 1) return undefined
  return [text.slice(0, equals), text.slice(equals + 1)]
}
