/**
 * The parts of a JSON-RPC message that decide its routing. The rest stays bytes.
 *
 * @module
 */
import {
  isAtEnd,
  readMembers,
  replaceSpans,
  textAt,
  valueAt,
  type Span,
} from '../../base/json-spans.js'

export interface RawMessage {
  readonly kind: 'request' | 'notification' | 'response'
  readonly bytes: Buffer
  /** The method of a request or a notification. */
  readonly method: string | undefined
  /** Where the id stands; `undefined` for a notification. */
  readonly id: Span | undefined
  /** The id as it was written; `null` for a notification. */
  readonly idText: string
  /** Two ids are the same exactly when their keys are: `1` is not `"1"`. */
  readonly idKey: string | undefined
  readonly params: Span | undefined
  readonly result: Span | undefined
  readonly error: Span | undefined
}

type Member = 'jsonrpc' | 'id' | 'method' | 'params' | 'result' | 'error'
const MEMBERS = new Set<string>(['jsonrpc', 'id', 'method', 'params', 'result', 'error'])

/** Whether a member of a message decides about its routing. */
export function isMember(name: string): name is Member {
  return MEMBERS.has(name)
}

/** JSON-RPC 2.0 §4, without `null` (MCP): a text or a number. */
function keyOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number'
    ? `${typeof value}:${value}`
    : undefined
}

/**
 * Commands write log lines in JSON too, with their own `id` or `result`: only this member marks a
 * message.
 */
const JSON_RPC = '2.0'

const WRITTEN = Buffer.from(JSON.stringify(JSON_RPC))

/** Nobody writes it with escapes, so most texts are compared as bytes. */
export function isJsonRpc(bytes: Buffer, { start, end }: Span): boolean {
  return (
    bytes.compare(WRITTEN, 0, WRITTEN.length, start, end) === 0 ||
    valueAt(bytes, { start, end }) === JSON_RPC
  )
}

export function isNull(bytes: Buffer, { start, end }: Span): boolean {
  return end - start === 4 && textAt(bytes, { start, end }) === 'null'
}

/**
 * Reads a whole text. `undefined` when it is not a JSON-RPC 2.0 message, or has a decisive member
 * twice.
 */
export function readRawMessage(bytes: Buffer): RawMessage | undefined {
  const read = readMembers(bytes, 0, isMember)
  if (read === undefined || !isAtEnd(bytes, read.end)) return undefined
  const { members } = read
  const version = members.get('jsonrpc')
  if (version === undefined || !isJsonRpc(bytes, version)) return undefined
  const id = members.get('id')
  const idKey = id && keyOf(valueAt(bytes, id))
  const idText = id === undefined ? 'null' : textAt(bytes, id)
  const methodSpan = members.get('method')
  const method = methodSpan && valueAt(bytes, methodSpan)
  const params = members.get('params')
  const result = members.get('result')
  const error = members.get('error')
  const isNoError = error !== undefined && isNull(bytes, error)
  if (method !== undefined) {
    if (typeof method !== 'string' || (id !== undefined && idKey === undefined)) return undefined
    const kind = id === undefined ? 'notification' : 'request'
    return { kind, bytes, method, id, idText, idKey, params, result: undefined, error: undefined }
  }
  // The answer to an unreadable message has the id null (JSON-RPC 2.0 §5), and belongs to no
  // request.
  if (
    methodSpan !== undefined ||
    id === undefined ||
    isNoError ||
    (result === undefined) === (error === undefined)
  ) {
    return undefined
  }
  return { kind: 'response', bytes, method: undefined, id, idText, idKey, params, result, error }
}

/** A value within a message, by the names that lead to it; `undefined` where there is none, or more than one. */
export function findSpan(
  bytes: Buffer,
  from: Span | undefined,
  ...path: readonly string[]
): Span | undefined {
  let span = from
  for (const wanted of path) {
    if (span === undefined) return undefined
    const read = readMembers(bytes, span.start, (name): name is string => name === wanted)
    span = read?.members.get(wanted)
  }
  return span
}

/** The value there, as a key like {@link RawMessage.idKey}. */
export function keyAt(bytes: Buffer, span: Span | undefined): string | undefined {
  return span && keyOf(valueAt(bytes, span))
}

/** The bytes with new text in some places, which may be in any order. */
export function rename(
  bytes: Buffer,
  places: readonly (readonly [Span | undefined, string])[],
): Buffer {
  const replacements = places
    .flatMap(([span, text]) => (span === undefined ? [] : [{ span, text }]))
    .sort((one, other) => one.span.start - other.span.start)
  return Buffer.concat(replaceSpans(bytes, replacements))
}

/** The code of an error, `undefined` for a result. */
export function errorCodeOf({ bytes, error }: RawMessage): number | undefined {
  const span = findSpan(bytes, error, 'code')
  const code = span && valueAt(bytes, span)
  return typeof code === 'number' ? code : undefined
}
