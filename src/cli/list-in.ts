/**
 * Lists in metadata documents.
 *
 * @module
 */
import type { JsonObject } from '../base/json.js'

/** The texts of a list. `undefined`: there is no list. */
export function listIn(
  document: JsonObject | undefined,
  name: string,
): readonly string[] | undefined {
  const value = document?.[name]
  if (!Array.isArray(value)) return undefined
  return value.filter((each) => typeof each === 'string')
}
