/**
 * The file with the token of the admin page.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { codeOf } from '../base/error-code.js'
import type { ConfigurationProblem } from '../errors.js'
import { SESSION_KEY, sessionKeyFault } from '../web/session-keys.js'
import { readReason, shownFile, type ReadFile } from './named-file.js'
import { ownerFileFault } from './owner-file.js'
import type { Settings } from './setting-table.js'
import type { GivenValues } from './setting.js'

/** A token, or the reason that it cannot be read. */
export type AdminToken = { readonly token: string } | { readonly fault: string }

function toToken(text: string): AdminToken {
  const token = text.trim()
  const fault = sessionKeyFault(token)
  return fault === undefined ? { token } : { fault }
}

/**
 * Reads the token. Call it for each use: a new file counts at once, and a file that others can read
 * opens nothing.
 */
export function readAdminToken(
  path: string,
  platform: NodeJS.Platform = process.platform,
): AdminToken {
  try {
    const file = openSync(path, 'r')
    try {
      const fault = ownerFileFault(fstatSync(file), platform)
      return fault === undefined ? toToken(readFileSync(file, 'utf8')) : { fault }
    } finally {
      closeSync(file)
    }
  } catch (error) {
    return { fault: readReason(error) }
  }
}

/** What is wrong with the mode. A missing file is reported when it is read. */
function lookFault(path: string): string | undefined {
  try {
    return ownerFileFault(statSync(path))
  } catch {
    return undefined
  }
}

/** The same check before the start. */
export function adminTokenProblems(
  { adminTokenFile }: Settings,
  given: GivenValues,
  readFile: ReadFile,
): readonly ConfigurationProblem[] {
  if (adminTokenFile === undefined) return []
  const path = given.get('adminTokenFile')?.source ?? 'adminTokenFile'
  const name = shownFile(adminTokenFile)
  const problem = (fault: string, hint: string) => [{ path, message: `${name} ${fault}`, hint }]
  try {
    const read = toToken(readFile(adminTokenFile))
    if ('fault' in read) return problem(read.fault, `a line with ${SESSION_KEY}`)
  } catch (error) {
    return problem(`cannot be read (${codeOf(error)})`, `a file with ${SESSION_KEY}`)
  }
  const fault = lookFault(adminTokenFile)
  return fault === undefined ? [] : problem(fault, `chmod 600 ${name}`)
}

/** A warning about a token without a listener. */
export function adminTokenWarnings({ adminTokenFile, adminPort }: Settings): readonly string[] {
  const isIdle = adminTokenFile !== undefined && adminPort === undefined
  return isIdle ? ['without --admin-port, --admin-token-file has no effect'] : []
}
