/**
 * Lengths of time, for people.
 *
 * @module
 */

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const

/** In the largest unit of which there are at least two: `90 s`, `4 min`, `3 d`. */
export function timeInWords(seconds: number): string {
  const length = Math.max(0, Math.floor(seconds))
  const [unit, size] = UNITS.find(([, each]) => length >= 2 * each) ?? ['s', 1]
  return `${Math.floor(length / size)} ${unit}`
}

/** A reason of the kernel counts in seconds. This adds larger units to long times. */
export function withTimes(reason: string): string {
  return reason.replace(/\b(\d{3,}) s\b/g, (counted, digits: string) => {
    const words = timeInWords(Number(digits))
    return words === counted ? counted : `${counted} (${words})`
  })
}
