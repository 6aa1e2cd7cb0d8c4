/**
 * Reads keys from a file.
 *
 * @module
 */
import { FetchFault } from '../base/http.js'
import type { ConfigurationProblem } from '../errors.js'
import { readFault, type ReadFile } from './named-file.js'
import type { GivenValues } from './setting.js'

/**
 * The JSON of a file.
 *
 * @throws {FetchFault} It shows nothing of the content; a parser's message or cause would.
 */
function readJwks(path: string, readFile: ReadFile): unknown {
  let message: string
  try {
    return JSON.parse(readFile(path))
  } catch (error) {
    message = readFault(path, error, 'not JSON')
  }
  throw new FetchFault(message)
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
