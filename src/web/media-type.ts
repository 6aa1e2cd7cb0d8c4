/**
 * What a `Content-Type` must say of a body that is judged.
 *
 * @module
 */

/**
 * RFC 8259 §11, and the one parameter that nobody can read as another charset. All else is refused: `charset*=`, a
 * charset within quotes of another parameter, two of them, or a blank that is none (HDR-08), each of which some server
 * reads in its own way.
 */
const JSON_IN_UTF8 =
  /^[ \t]*application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*(?:utf-8|"utf-8")[ \t]*)?$/i

/** @param field several are joined by commas */
export function isJsonInUtf8(field: string | undefined): boolean {
  return field !== undefined && JSON_IN_UTF8.test(field)
}

/** What is said of any other, and of a request without one. */
export const NO_JSON_IN_UTF8 = 'Content-Type must be application/json, alone or with charset=utf-8'
