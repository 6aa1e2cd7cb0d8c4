/**
 * API keys as a file: YAML or JSON, with the place of everything that is wrong with it. The gateway
 * reads it and never writes it.
 *
 * @module
 */
import { statSync } from 'node:fs'
import { formatPath, OPTION_WORDS, OptionChecker } from '../base/option-checker.js'
import { withoutRepeats, type ConfigurationProblem } from '../errors.js'
import { checkApiKeys, type ApiKeysDocument } from '../rs/api-keys.js'
import { FileDocument, shownName } from './file-document.js'
import { readFault, shownFile, type ReadFile } from './named-file.js'
import { sharedFileFault } from './owner-file.js'
import type { GivenValues } from './setting.js'

export const API_KEYS = 'oauth.keysFile'
const HINT = 'mcp-gatehouse key new writes such a file'

export interface ApiKeysFile {
  /** `undefined` if there are problems. */
  readonly document: ApiKeysDocument | undefined
  readonly problems: readonly ConfigurationProblem[]
}

/** @param name of the file, as it is to be shown */
export function parseApiKeys(name: string, content: string): ApiKeysFile {
  const file = new FileDocument(name, content, HINT)
  if (file.problems.length === 0 && file.root() === undefined) {
    file.problem(shownName(name), 'is empty', HINT)
  }
  const { value, isWhole, placeOf } = file.data()
  if (!isWhole) file.problem(shownName(name), 'is larger than anybody intends', HINT)
  if (file.problems.length === 0) {
    const locate = (path: Parameters<typeof placeOf>[0], message: string) => {
      const where = path.length === 0 ? '' : `: ${shownName(formatPath(path))}`
      return { path: placeOf(path) + where, message }
    }
    const checker = new OptionChecker({ ...OPTION_WORDS, locate })
    checkApiKeys(checker, [], value)
    for (const { path, message, hint } of checker.finish(undefined).problems) {
      file.problem(path, message, hint)
    }
  }
  const problems = withoutRepeats(file.problems)
  return { document: problems.length > 0 ? undefined : (value as ApiKeysDocument), problems }
}

/** A missing file is reported when it is read. */
function modeFault(file: string): string | undefined {
  try {
    return sharedFileFault(statSync(file))
  } catch {
    return undefined
  }
}

/** Reads the keys that a setting names, if one does. */
export function readApiKeys(given: GivenValues, readFile: ReadFile): ApiKeysFile {
  const named = given.get(API_KEYS)
  // An empty name was reported already.
  if (named === undefined || named.value === '') return { document: undefined, problems: [] }
  const file = String(named.value)
  const problem = (message: string, hint: string) => ({
    document: undefined,
    problems: [{ path: named.source, message, hint }],
  })
  const fault = modeFault(file)
  if (fault !== undefined)
    return problem(`${shownFile(file)} ${fault}`, `chmod go-w ${shownFile(file)}`)
  try {
    return parseApiKeys(file, readFile(file))
  } catch (error) {
    return problem(readFault(file, error), HINT)
  }
}
