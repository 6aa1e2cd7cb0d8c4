/**
 * A message that cannot be forwarded, and what its beginning says about it. Its text is not
 * searched: a name within an answer could stand there, too.
 *
 * @module
 */
import { readFirstMembers, textAt, valueAt } from '../../base/json-spans.js'
import { isMember, JSON_RPC, keyAt, type RawMessage } from './raw-message.js'

/** Why a message cannot be forwarded. */
export interface Flaw {
  /** The predicate of a sentence about it. */
  readonly text: string
  readonly hint: string
}

export interface BrokenMessage extends Pick<RawMessage, 'kind' | 'idText' | 'idKey'> {
  readonly flaw: Flaw
}

export const NOT_UTF8: Flaw = {
  text: 'is not UTF-8',
  hint: 'let the command write UTF-8; with Python: set PYTHONUTF8=1 and --child-env PYTHONUTF8',
}

export const MARKED: Flaw = {
  text: 'begins with a byte order mark',
  hint: 'let the command write UTF-8 without a byte order mark',
}

/** @param limit bytes */
export function tooLarge(limit: number): Flaw {
  return {
    text: `has more than ${limit} bytes`,
    hint: '--child-max-message sets how large it may be',
  }
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff')
const REPLACEMENT = Buffer.from('\ufffd')
/** Bytes of it that are read: real answers name their id at the beginning. */
const READ = 2 ** 20

export function isMarked(line: Buffer): boolean {
  return line.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
}

/** The index of the first byte that is not UTF-8; the length if all bytes are. */
function endOfUtf8(bytes: Buffer): number {
  const text = bytes.toString('utf8')
  let at = 0
  let read = 0
  for (;;) {
    const found = text.indexOf('\ufffd', read)
    if (found < 0) return bytes.length
    at += Buffer.byteLength(text.slice(read, found))
    const end = at + REPLACEMENT.length
    // The character may also stand there as it is.
    if (!bytes.subarray(at, end).equals(REPLACEMENT)) return at
    at = end
    read = found + 1
  }
}

/**
 * Reads the members that stand before the broken place. `undefined` when they do not show that it
 * is a JSON-RPC 2.0 message: commands write log lines in JSON, too.
 *
 * @param line the message, or its beginning
 */
export function readBroken(line: Buffer, flaw: Flaw): BrokenMessage | undefined {
  const begin = isMarked(line) ? BYTE_ORDER_MARK.length : 0
  const looked = line.subarray(begin, begin + READ)
  const bytes = looked.subarray(0, endOfUtf8(looked))
  const read = readFirstMembers(bytes, isMember)
  if (read === undefined) return undefined
  const { members, hasOthers } = read
  const version = members.get('jsonrpc')
  if (version !== undefined && valueAt(bytes, version) !== JSON_RPC) return undefined
  const isOfServer = members.has('method') || members.has('params')
  const isAnswer = members.has('result') || members.has('error')
  if (version === undefined && (hasOthers || !(isOfServer || isAnswer))) return undefined
  const id = members.get('id')
  const idKey = keyAt(bytes, id)
  const idText = id === undefined || idKey === undefined ? 'null' : textAt(bytes, id)
  const kind = !isOfServer ? 'response' : idKey === undefined ? 'notification' : 'request'
  return { kind, idText, idKey, flaw }
}
