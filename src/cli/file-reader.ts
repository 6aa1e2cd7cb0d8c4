/**
 * Reads text files, and sees whether they have changed since.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { codeOf } from '../base/error-code.js'

/** A pipe can be read once, so it never changes. */
const NO_FILE = 'no regular file'

/** Size, time and inode: a replaced file differs in one of them. */
function lookAt(path: string): string {
  try {
    const stats = statSync(path, { bigint: true })
    return stats.isFile() ? `${stats.size} ${stats.mtimeNs} ${stats.ino}` : NO_FILE
  } catch (error) {
    return codeOf(error)
  }
}

export class FileReader {
  /** By path: how the file looked when it was read last. */
  readonly #looks = new Map<string, string>()
  /** The contents of pipes. */
  readonly #kept = new Map<string, string>()

  /** The content as UTF-8. @throws the error of the file system */
  readonly read = (path: string): string => {
    const kept = this.#kept.get(path)
    if (kept !== undefined) return kept
    // Before it is read: a change in between is then seen later.
    const look = lookAt(path)
    this.#looks.set(path, look)
    const content = readFileSync(path, 'utf8')
    if (look === NO_FILE) this.#kept.set(path, content)
    return content
  }

  /** How these files look now. Equal texts mean that nothing has changed. */
  look(paths: readonly string[]): string {
    return paths.map((path) => (this.#kept.has(path) ? NO_FILE : lookAt(path))).join('\n')
  }

  /** The same, when each of them was read last. */
  lookWhenRead(paths: readonly string[]): string {
    return paths.map((path) => this.#looks.get(path) ?? '').join('\n')
  }
}
