/**
 * Which content types a client accepts (RFC 9110 §12.5.1).
 *
 * @module
 */

/** An element up to its comma, and a parameter up to its semicolon: neither ends within a quoted text. */
const ELEMENT = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/gs
const PART = /(?:[^;"]|"(?:[^"\\]|\\.)*"?)+/gs
/** RFC 9110 §12.4.2. */
const NO_WEIGHT = /^q[ \t]*=[ \t]*0(?:\.0{0,3})?$/

/** The precision of a range: 2 for an exact type, 1 for its main type, 0 for everything. */
function strengthOf(range: string, type: string): number | undefined {
  if (range === type) return 2
  if (range === '*/*') return 0
  return range === `${type.slice(0, type.indexOf('/'))}/*` ? 1 : undefined
}

/**
 * Whether the field accepts this type. The most precise matching range decides; among equal ones,
 * any that accepts.
 *
 * @param field the value of `Accept`; without one everything is accepted
 * @param type in lower case, without parameters
 */
export function acceptsType(field: string | undefined, type: string): boolean {
  if (field === undefined) return true
  let strongest = -1
  let isAccepted = false
  for (const element of field.match(ELEMENT) ?? []) {
    const [range = '', ...parameters] = (element.match(PART) ?? []).map((part) =>
      part.trim().toLowerCase(),
    )
    const strength = strengthOf(range, type)
    if (strength === undefined || strength < strongest) continue
    const isWanted = !parameters.some((parameter) => NO_WEIGHT.test(parameter))
    isAccepted = isWanted || (isAccepted && strength === strongest)
    strongest = strength
  }
  return isAccepted
}
