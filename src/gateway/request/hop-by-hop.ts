/**
 * Header fields as lists, and hop-by-hop fields (RFC 9110 §7.6.1).
 *
 * @module
 */

/** Several fields of one name are one list (RFC 9110 §5.2). */
export function join(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`
}

const NOBODY: readonly string[] = []

/** The fields that `Connection` names, in lower case: they are meant for the next hop alone. */
export function nominatedBy(connection: string | undefined): readonly string[] {
  if (connection === undefined || /^(?:keep-alive|close)$/i.test(connection)) return NOBODY
  return connection.toLowerCase().split(/[\s,]+/)
}

/**
 * Removes the fields that the sender's `Connection` names: they were meant for us.
 *
 * @param headers alternating names and values
 */
export function withoutNominated(headers: string[], connection: string | undefined): string[] {
  const nominated = new Set(nominatedBy(connection))
  if (nominated.size === 0) return headers
  return headers.filter((_, index) => !nominated.has((headers[index & ~1] ?? '').toLowerCase()))
}

/** Most names differ in length already. */
function isNamed(candidate: string | undefined, name: string): boolean {
  return candidate?.length === name.length && candidate.toLowerCase() === name
}

/**
 * The values of a field.
 *
 * @param headers alternating names and values
 * @param name in lower case
 */
export function valuesOf(headers: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i], name)) values.push(headers[i + 1] ?? '')
  }
  return values
}

/** Replaces the value of a field, if present. */
export function replaceValue(headers: string[], name: string, value: string): void {
  for (let i = 0; i < headers.length; i += 2) if (isNamed(headers[i], name)) headers[i + 1] = value
}
