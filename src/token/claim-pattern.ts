/**
 * Values of claims with `*`, which stands for any text without `/` and `:`. So `repo:acme/*` fits every
 * repository of `acme`, and none of `acme-evil`.
 *
 * @module
 */

const SEPARATORS = new Set(['/', ':'])

/** Whether a value fits the pattern. The time grows with the product of both lengths. */
export function fitsPattern(pattern: string, value: string): boolean {
  if (!pattern.includes('*')) return pattern === value
  let [at, star, from] = [0, -1, 0]
  let position = 0
  while (position < value.length) {
    if (pattern[at] === '*') {
      ;[star, from] = [at, position]
      at++
    } else if (pattern[at] === value[position]) {
      at++
      position++
    } else if (star >= 0 && !SEPARATORS.has(value[from] ?? '')) {
      // The last star takes one character more.
      from++
      ;[at, position] = [star + 1, from]
    } else {
      return false
    }
  }
  return /^\**$/.test(pattern.slice(at))
}

/** Whether a pattern says nothing, because it has only stars and separators. */
export function fitsAnything(pattern: string): boolean {
  return /^[*/:]*\*[*/:]*$/.test(pattern)
}
