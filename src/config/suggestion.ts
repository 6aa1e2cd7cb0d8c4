/**
 * Suggests the name that a user probably meant.
 *
 * @module
 */

/** How many characters must be typed, removed or replaced to get from one text to the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, character] of [...from].entries()) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (character === to[column - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

/** The candidate that is nearest, or `undefined` when none is near enough to be meant. */
export function closestName(name: string, candidates: readonly string[]): string | undefined {
  let closest: string | undefined
  // Names share a long prefix, so changing a third of one of the shorter names already makes a
  // different word. Changing that much of a short name does so, too.
  let least = Math.min(4, Math.floor(name.length / 4) + 2)
  for (const candidate of candidates) {
    // A name of kilobytes is not a typo, and comparing it would cost time.
    if (Math.abs(candidate.length - name.length) >= least) continue
    const steps = distance(name, candidate)
    if (steps < least) {
      closest = candidate
      least = steps
    }
  }
  return closest
}
