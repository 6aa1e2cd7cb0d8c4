/**
 * Reads keys from a file.
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

/**
 * The JSON of a file.
 *
 * @throws an error that shows nothing of the content; a parser's message or cause would
 */
function readJwks(path: string, readFile: ReadFile): unknown {
  let message: string
  try {
    return JSON.parse(readFile(path))
  } catch (error) {
    message = faultOf(error, 'not JSON')
  }
  throw new Error(message)
}

/** The keys of the file, if one is named. */
export function readKeys(
  given: GivenValues,
  readFile: ReadFile,
): {
  readonly jwks?: unknown
  readonly problems: readonly ConfigurationProblem[]
} {
  const file = given.get('oauth.jwksFile')
  // An empty name was reported already.
  if (file === undefined || file.value === '') return { problems: [] }
  try {
    return { jwks: readJwks(String(file.value), readFile), problems: [] }
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    return { problems: [{ path: file.source, message, hint: 'a JWK Set: {"keys": […]}' }] }
  }
}
