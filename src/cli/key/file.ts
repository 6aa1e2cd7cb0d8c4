/**
 * The file of API keys, as its owner changes it. What else stands in it, comments too, stays.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { isSeq, parseDocument, type Document } from 'yaml'
import { codeOf } from '../../base/error-code.js'
import { parseApiKeys } from '../../config/api-keys-file.js'
import { shownFile } from '../../config/named-file.js'
import { sharedFileFault } from '../../config/owner-file.js'
import type { ConfigurationProblem } from '../../errors.js'
import type { ApiKey } from '../../rs/api-keys.js'
import { CommandFault } from '../command-fault.js'
import { replaceFile } from '../owner-file.js'

const EMPTY = `# API keys of mcp-gatehouse: --oauth-keys-file names this file. It holds no key, only SHA-256 of each.
keys: []
`

/** A file without problems. */
export interface KeysFile {
  readonly keys: readonly ApiKey[]
  add(key: ApiKey): void
  /** @returns false if there is no such key */
  remove(id: string): boolean
  /**
   * @returns the problems that the changed file would have; then it was not written
   * @throws {CommandFault} when it cannot be written
   */
  save(): readonly ConfigurationProblem[]
}

/** @returns `undefined` if there is no such file @throws {CommandFault} */
function readText(file: string): string | undefined {
  const shown = shownFile(file)
  try {
    const fault = sharedFileFault(statSync(file))
    if (fault !== undefined) throw new CommandFault(`${shown} ${fault}`, `chmod go-w ${shown}`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof CommandFault) throw error
    if (codeOf(error) === 'ENOENT') return undefined
    throw new CommandFault(`${shown} cannot be read (${codeOf(error)})`, 'a file of your own')
  }
}

function withoutOne(document: Document, keys: readonly ApiKey[], id: string): boolean {
  const place = keys.findIndex((key) => key.id === id)
  return place >= 0 && document.deleteIn(['keys', place])
}

/**
 * @param mayBeNew whether a missing file is an empty one
 * @returns the problems of the file, if it has any
 * @throws {CommandFault} when it cannot be read, or others may write it
 */
export function openKeysFile(
  file: string,
  mayBeNew: boolean,
): KeysFile | readonly ConfigurationProblem[] {
  const text = readText(file) ?? (mayBeNew ? EMPTY : undefined)
  if (text === undefined) {
    throw new CommandFault(`${shownFile(file)} is not there`, 'mcp-gatehouse key new makes it')
  }
  const { document: read, problems } = parseApiKeys(file, text)
  if (read === undefined) return problems
  const document = parseDocument(text)
  const { keys } = read
  return {
    keys,
    add(key) {
      const list = document.get('keys')
      // An empty list is written in brackets.
      if (isSeq(list) && list.items.length === 0) list.flow = false
      document.addIn(['keys'], document.createNode(key))
    },
    remove: (id) => withoutOne(document, keys, id),
    save() {
      const changed = String(document)
      const { problems: found } = parseApiKeys(file, changed)
      if (found.length === 0) replaceFile(file, changed)
      return found
    },
  }
}
