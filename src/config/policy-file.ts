/**
 * A policy as a file: YAML or JSON, with the place of everything that is wrong with it.
 *
 * @module
 */
import { withoutRepeats, type ConfigurationProblem } from '../errors.js'
import { formatPath, type OptionPath } from '../base/option-checker.js'
import { checkPolicy, type CheckedPolicy, type PolicyDocument } from '../policy/document.js'
import { FileDocument, shownName } from './file-document.js'
import { readFault, type ReadFile } from './named-file.js'
import { POLICY } from './setting-lists.js'
import type { GivenValues } from './setting.js'

/** Room for tens of thousands of rules. */
const MAX_SIZE = 4 * 2 ** 20
const SHAPE_HINT = 'rules: […] and unmatched: deny; mcp-gatehouse policy --help has an example'

export interface PolicyFile {
  /** All problems. If there is one, the other members must not be used. */
  readonly problems: readonly ConfigurationProblem[]
  /** The document as it was written, for code that checks it itself. */
  readonly document: PolicyDocument
  readonly policy: CheckedPolicy
  /** `github.policy.yaml:7:5` */
  placeOf(path: OptionPath): string
}

/** @param name of the file, as it is to be shown */
export function parsePolicy(name: string, content: string): PolicyFile {
  const isTooLarge = content.length > MAX_SIZE
  const document = new FileDocument(name, isTooLarge ? '' : content, SHAPE_HINT)
  if (isTooLarge) document.problem(shownName(name), 'has more than 4 MiB', SHAPE_HINT)
  else if (document.problems.length === 0 && document.root() === undefined) {
    document.problem(shownName(name), 'is empty', SHAPE_HINT)
  }
  const isRead = document.problems.length === 0
  const { value, isWhole, placeOf } = document.data()
  const { policy, problems } = checkPolicy(value)
  // Problems that made the file unreadable were reported already.
  if (isRead && isWhole) {
    for (const { path, message, hint } of problems) {
      const where = path.length === 0 ? '' : `: ${shownName(formatPath(path))}`
      document.problem(placeOf(path) + where, message.replace(/\p{Cc}/gu, '?'), hint)
    }
  }
  return {
    problems: withoutRepeats(document.problems),
    document: value as PolicyDocument,
    policy,
    placeOf,
  }
}

/**
 * Reads the policy that a setting names, if one does. Problems of its file are reported as problems
 * of the setting.
 */
export function readPolicy(
  given: GivenValues,
  readFile: ReadFile,
): {
  readonly document: PolicyDocument | undefined
  readonly problems: readonly ConfigurationProblem[]
} {
  const named = given.get(POLICY)
  // An empty name was reported already.
  if (named === undefined || named.value === '') return { document: undefined, problems: [] }
  const file = String(named.value)
  let content: string
  try {
    content = readFile(file)
  } catch (error) {
    const message = readFault(file, error)
    const hint = 'a policy in YAML or JSON'
    return { document: undefined, problems: [{ path: named.source, message, hint }] }
  }
  const { document, problems } = parsePolicy(file, content)
  return { document: problems.length > 0 ? undefined : document, problems }
}
