/**
 * Reads files with secrets, which only their owner may read.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { codeOf } from '../base/error-code.js'
import { shownFile } from '../config/named-file.js'
import { ownerFileFault } from '../config/owner-file.js'
import { CommandFault } from './command-fault.js'

/**
 * @returns `undefined` when there is no such file
 * @throws {CommandFault} when others may read it, or we may not
 */
export function readOwnerFile(file: string): string | undefined {
  const shown = shownFile(file)
  try {
    const fault = ownerFileFault(statSync(file))
    if (fault !== undefined) throw new CommandFault(`${shown} ${fault}`, `chmod 600 ${shown}`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof CommandFault) throw error
    if (codeOf(error) === 'ENOENT') return undefined
    throw new CommandFault(`${shown} cannot be read (${codeOf(error)})`, 'a file of your own')
  }
}
