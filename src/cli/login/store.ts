/**
 * What a login leaves for the next one, in a file that only its owner can read.
 *
 * @module
 */
import { parseJsonObject, type JsonObject } from '../../base/json.js'
import { shownFile } from '../../config/named-file.js'
import { CommandFault } from '../command-fault.js'
import { readOwnerFile, replaceFile } from '../owner-file.js'
import type { Client } from './registration.js'

/** It holds no access token: that one expires in minutes, and the refresh token gets another. */
export interface StoredLogin {
  readonly url: string
  readonly issuer: string
  /** Its secret comes from a registration. A secret from a file is not stored again. */
  readonly client: Client
  /** `undefined` after a login by device. */
  readonly redirectUri: string | undefined
  readonly refreshToken: string
}

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
 * @throws {CommandFault} when others may read it, or it is something else
 */
export function readStored(file: string): StoredLogin | undefined {
  const text = readOwnerFile(file)
  if (text === undefined) return undefined
  const stored = parse(text)
  if (stored !== undefined) return stored
  throw new CommandFault(
    `${shownFile(file)} was not written by --store`,
    'name another file, or remove it',
  )
}

/**
 * Replaces the file as a whole.
 *
 * @throws {CommandFault}
 */
export function writeStored(file: string, login: StoredLogin): void {
  replaceFile(file, `${JSON.stringify(login, undefined, 2)}\n`)
}
