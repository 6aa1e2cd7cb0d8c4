/**
 * Files with secrets, which only their owner may read.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { codeOf } from '../base/error-code.js'
import { shownFile } from '../config/named-file.js'
import { CommandFault } from './command-fault.js'

/** The rights of the group and of all others. Windows has none of these. */
const OTHERS = 0o077

/**
 * @returns `undefined` when there is no such file
 * @throws {CommandFault} when others may read it, or we may not
 */
export function readOwnerFile(file: string): string | undefined {
  const shown = shownFile(file)
  try {
    if (process.platform !== 'win32' && (statSync(file).mode & OTHERS) !== 0) {
      throw new CommandFault(`${shown} can be read by others`, `chmod 600 ${shown}`)
    }
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof CommandFault) throw error
    if (codeOf(error) === 'ENOENT') return undefined
    throw new CommandFault(`${shown} cannot be read (${codeOf(error)})`, 'a file of your own')
  }
}
