/**
 * Keys from a file.
 *
 * @module
 */
import type { ConfigurationProblem } from '../errors.js'
import type { GivenValues } from './setting.js'

/** The content of a text file; throws when it cannot be read. */
export type ReadFile = (path: string) => string

/** Why a file could not be used, without anything of its content. */
export function faultOf(error: unknown, otherwise: string): string {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : otherwise
  return `cannot be read (${reason})`
}

/** The keys of the file, if one is named. A parser's own message would show a part of the file. */
export function readKeys(
  given: GivenValues,
  readFile: ReadFile,
): {
  readonly jwks?: unknown
  readonly problems: readonly ConfigurationProblem[]
} {
  const file = given.get('oauth.jwksFile')
  // An empty name has its problem already.
  if (file === undefined || file.value === '') return { problems: [] }
  try {
    return { jwks: JSON.parse(readFile(String(file.value))), problems: [] }
  } catch (error) {
    const message = faultOf(error, 'no JSON')
    return { problems: [{ path: file.source, message, hint: 'a JWK Set: {"keys": […]}' }] }
  }
}
