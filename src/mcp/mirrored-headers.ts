/**
 * Header fields that mirror the body of a request (2026-07-28, "Request Metadata"): a proxy that
 * routes or authorizes by them must see what the server reads in the body.
 *
 * @module
 */
import { isJsonObject } from '../base/json.js'
import { META_VERSION, metaVersionOf } from './protocol-revision.js'
import type { RpcMessage } from './message.js'
import { RPC } from './rpc-error.js'

/** The fields as they arrived, with all values of each. */
export interface MirroredHeaders {
  readonly versions: readonly string[]
  readonly methods: readonly string[]
  readonly names: readonly string[]
}

/** What does not match, in words for the client that repeat nothing of what was sent. */
export interface Mismatch {
  readonly code: number
  readonly message: string
}

/** Which member of `params` `Mcp-Name` mirrors (SEP-2243, SEP-2663). */
const NAME_SOURCES: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
])

const PREFIX = '=?base64?'
const SUFFIX = '?='
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The decoded value: Base64 of UTF-8 between lower-case markers, else the value itself (SEP-2243,
 * "Value Encoding"). `undefined` for invalid or non-canonical Base64.
 */
export function decodeMirrored(value: string): string | undefined {
  const isEncoded =
    value.startsWith(PREFIX) &&
    value.endsWith(SUFFIX) &&
    value.length >= PREFIX.length + SUFFIX.length
  if (!isEncoded) return value
  const encoded = value.slice(PREFIX.length, -SUFFIX.length)
  try {
    const binary = atob(encoded)
    if (btoa(binary) !== encoded) return undefined
    return decoder.decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)))
  } catch {
    return undefined
  }
}

/** What a header field may carry as it is: visible ASCII, with blanks inside. */
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/

/** The value of `Mcp-Name` for a message that we send; `undefined` if it has none. */
export function mirroredName(method: unknown, params: unknown): string | undefined {
  const source = typeof method === 'string' ? NAME_SOURCES.get(method) : undefined
  const value = source !== undefined && isJsonObject(params) ? params[source] : undefined
  if (typeof value !== 'string') return undefined
  if (PLAIN.test(value) && decodeMirrored(value) === value) return value
  const binary = String.fromCharCode(...new TextEncoder().encode(value))
  return `${PREFIX}${btoa(binary)}${SUFFIX}`
}

function mismatch(field: string): Mismatch {
  return { code: RPC.headerMismatch, message: `${field} does not match the body` }
}

function versionFault(message: RpcMessage, versions: readonly string[]): Mismatch | undefined {
  const version = metaVersionOf(message.params)
  if (version === undefined) {
    // As servers answer it themselves; the fields of notifications are not specified.
    return message.isRequest
      ? { code: RPC.invalidParams, message: `params._meta["${META_VERSION}"] is missing` }
      : undefined
  }
  const [given] = versions
  return versions.length === 1 && given === version ? undefined : mismatch('MCP-Protocol-Version')
}

function methodFault(message: RpcMessage, methods: readonly string[]): Mismatch | undefined {
  // SDK v2 sends notifications/cancelled without it.
  if (methods.length === 0 && !message.isRequest) return undefined
  return methods.length === 1 && methods[0] === message.method ? undefined : mismatch('Mcp-Method')
}

function nameFault(
  { method, params, isRequest }: RpcMessage,
  names: readonly string[],
): Mismatch | undefined {
  const source = NAME_SOURCES.get(method)
  if (names.length > 1) return mismatch('Mcp-Name')
  if (source === undefined) return undefined
  const [given] = names
  const value = params?.[source]
  // Absent in both places: the server knows what it needs.
  if (given === undefined && (typeof value !== 'string' || !isRequest)) return undefined
  const isEqual = given !== undefined && decodeMirrored(given) === value
  return isEqual ? undefined : mismatch('Mcp-Name')
}

/** The first mismatch, or `undefined`. */
export function compareMirrored(
  message: RpcMessage,
  { versions, methods, names }: MirroredHeaders,
): Mismatch | undefined {
  return (
    versionFault(message, versions) ?? methodFault(message, methods) ?? nameFault(message, names)
  )
}
