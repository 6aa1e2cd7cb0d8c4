/**
 * What a login leaves for the next one, in a file that only its owner reads.
 *
 * @module
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { codeOf } from '../../base/error-code.js'
import { parseJsonObject, type JsonObject } from '../../base/json.js'
import { shownFile } from '../../config/named-file.js'
import { LoginFault } from './fault.js'
import type { Client } from './registration.js'

/** There is no access token in it: it is gone in minutes, and the refresh token gives another. */
export interface StoredLogin {
  readonly url: string
  readonly issuer: string
  /** The secret is that of a registration; one from a file is not stored a second time. */
  readonly client: Client
  /** `undefined` after a login by device. */
  readonly redirectUri: string | undefined
  readonly refreshToken: string
}

const OWNER_ONLY = 0o600
const OTHERS = 0o077

function optionalText(object: JsonObject, name: string): string | undefined {
  const value = object[name]
  return typeof value === 'string' ? value : undefined
}

function parse(text: string): StoredLogin | undefined {
  const document = parseJsonObject(text) ?? {}
  const client = document['client'] as JsonObject | undefined
  const [url, issuer, refreshToken] = ['url', 'issuer', 'refreshToken'].map((name) =>
    optionalText(document, name),
  )
  const id = typeof client === 'object' && client !== null ? optionalText(client, 'id') : undefined
  if (client === undefined || url === undefined || issuer === undefined) return undefined
  if (refreshToken === undefined || id === undefined) return undefined
  return {
    url,
    issuer,
    client: {
      id,
      secret: optionalText(client, 'secret'),
      authentication: optionalText(client, 'authentication'),
      idTokenAlgorithm: optionalText(client, 'idTokenAlgorithm'),
    },
    redirectUri: optionalText(document, 'redirectUri'),
    refreshToken,
  }
}

/**
 * @returns `undefined` when there is no such file yet
 * @throws {LoginFault} when others may read it, or it is something else
 */
export function readStored(file: string): StoredLogin | undefined {
  const shown = shownFile(file)
  let text: string
  try {
    const { mode } = statSync(file)
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
      throw new LoginFault(`${shown} can be read by others`, `chmod 600 ${shown}`)
    }
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof LoginFault) throw error
    if (codeOf(error) === 'ENOENT') return undefined
    throw new LoginFault(`${shown} cannot be read (${codeOf(error)})`, 'a file of your own')
  }
  const stored = parse(text)
  if (stored !== undefined) return stored
  throw new LoginFault(`${shown} was not written by --store`, 'name another file, or remove it')
}

/**
 * Replaces the file as a whole.
 *
 * @throws {LoginFault}
 */
export function writeStored(file: string, login: StoredLogin): void {
  const fresh = `${file}.${process.pid}.new`
  try {
    writeFileSync(fresh, `${JSON.stringify(login, undefined, 2)}\n`, {
      mode: OWNER_ONLY,
      flag: 'wx',
    })
    renameSync(fresh, file)
  } catch (error) {
    rmSync(fresh, { force: true })
    const hint = 'nothing was stored; a folder that you may write to'
    throw new LoginFault(`${shownFile(file)} cannot be written (${codeOf(error)})`, hint)
  }
}
