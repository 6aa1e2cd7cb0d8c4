/**
 * Reads files with secrets, which only their owner may read, and replaces files of their owner.
 *
 * @module
 */
import {
  chmodSync,
  chownSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
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

const OWNER_ONLY = 0o600

/** A file that is replaced keeps its owner, group and mode: a gateway may run as another user. */
function keepRights(file: string, fresh: string): void {
  try {
    const { mode, uid, gid } = statSync(file)
    chmodSync(fresh, mode & 0o777)
    chownSync(fresh, uid, gid)
  } catch {
    // It is new, or belongs to somebody else: then it is ours alone.
  }
}

/**
 * Replaces a file as a whole. A new one is for its owner alone.
 *
 * @throws {CommandFault}
 */
export function replaceFile(file: string, text: string): void {
  const fresh = `${file}.${process.pid}.new`
  try {
    writeFileSync(fresh, text, { mode: OWNER_ONLY, flag: 'wx' })
    keepRights(file, fresh)
    renameSync(fresh, file)
  } catch (error) {
    rmSync(fresh, { force: true })
    const hint = 'nothing was stored; choose a folder that you may write to'
    throw new CommandFault(`${shownFile(file)} cannot be written (${codeOf(error)})`, hint)
  }
}
