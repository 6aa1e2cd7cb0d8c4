/**
 * A message that cannot be forwarded, and what its beginning says about it. Its text is not
 * searched: a name within an answer could stand there, too.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer'
import { isJson } from '../../base/json.js'
import { readFirstMembers, textAt, type FirstMembers } from '../../base/json-spans.js'
import { isJsonRpc, isMember, isNull, keyAt, type RawMessage } from './raw-message.js'

/** Why a message cannot be forwarded. */
export interface Flaw {
  /** The predicate of a sentence about it. */
  readonly text: string
  readonly hint: string
}

export interface BrokenMessage extends Pick<RawMessage, 'kind' | 'idText' | 'idKey'> {
  readonly flaw: Flaw
  /** Some request waits for it, even if it does not show which one. */
  readonly isCertain: boolean
}

export const NOT_UTF8: Flaw = {
  text: 'is not UTF-8',
  hint: 'let the command write UTF-8; with Python: set PYTHONUTF8=1 and --child-env PYTHONUTF8',
}

const MARKED: Flaw = {
  text: 'begins with a byte order mark',
  hint: 'let the command write UTF-8 without a byte order mark',
}

export const CUT: Flaw = {
  text: 'is not JSON',
  hint: 'let the command write each message as one line of JSON, and its log to stderr',
}

export const NOT_A_NUMBER: Flaw = {
  text: 'holds NaN or Infinity, so it is not JSON',
  hint: 'JSON has no such numbers; with Python, json.dumps(answer, allow_nan=False) fails where they come from',
}

export const MISFORMED: Flaw = {
  text: 'has not the form of JSON-RPC 2.0',
  hint: 'an answer has jsonrpc, the id of its request, and either a result or an error, each of them once (JSON-RPC 2.0 §5)',
}

export const MISNAMED: Flaw = {
  text: 'does not have the id of its request as it was written',
  hint: 'an answer must have the id of its request, with its type: 7 is not "7" (JSON-RPC 2.0 §5)',
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

/** Whether it holds NaN or Infinity other than in a text: Python writes them by default. */
export function holdsNoNumber(line: Buffer): boolean {
  const mayHold = line.includes('NaN') || line.includes('Infinity')
  return mayHold && !isJson(line.toString())
}

/** What is wrong with a line that is no message. */
export function flawIn(line: Buffer): Flaw {
  if (!isUtf8(line)) return NOT_UTF8
  if (isMarked(line)) return MARKED
  if (holdsNoNumber(line)) return NOT_A_NUMBER
  return isJson(line.toString()) ? MISFORMED : CUT
}

/** Lines of a log are in UTF-8, too: then the message must say what it is. */
const SAYS_WHAT_IT_IS = new Set([CUT, NOT_A_NUMBER, MISFORMED])

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

type Members = FirstMembers<string>['members']

/** Whether it has the member, and not as `null`. */
function hasValue(bytes: Buffer, members: Members, name: string): boolean {
  const span = members.get(name)
  return members.has(name) && (span === undefined || !isNull(bytes, span))
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
  if (version !== undefined && !isJsonRpc(bytes, version)) return undefined
  const isOfServer = ['method', 'params'].some((name) => hasValue(bytes, members, name))
  const isAnswer = members.has('result') || members.has('error')
  const isNamed = !hasOthers && (isOfServer || isAnswer)
  if (version === undefined && (SAYS_WHAT_IT_IS.has(flaw) || !isNamed)) return undefined
  const id = members.get('id')
  // JavaScript drops a result that is undefined.
  const isBare = id !== undefined && !hasOthers && !isOfServer
  if (flaw === MISFORMED && !isAnswer && !isBare) return undefined
  const idKey = keyAt(bytes, id)
  const idText = id === undefined || idKey === undefined ? 'null' : textAt(bytes, id)
  const kind = !isOfServer ? 'response' : idKey === undefined ? 'notification' : 'request'
  const isCertain = isAnswer || !SAYS_WHAT_IT_IS.has(flaw)
  return { kind, idText, idKey, flaw, isCertain }
}
