/**
 * One line of a command's output, read as a message.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer'
import { isAtEnd, readMembers, type Span } from '../../base/json-spans.js'
import { flawIn, holdsNoNumber, readBroken, type BrokenMessage } from './broken-message.js'
import { isMember, isNull, readRawMessage, type RawMessage } from './raw-message.js'

/**
 * The answer in a line whose other members are `null`: `error` beside a result, or `result` beside
 * an error. JSON-RPC 2.0 §5 forbids that, and serializers of C# and Go do it. Clients refuse such an
 * answer (the TypeScript SDK, v1 and v2), so it is written anew without them.
 */
function withoutNulls(line: Buffer): Buffer | undefined {
  const read = readMembers(line, 0, isMember)
  if (read === undefined || !isAtEnd(line, read.end)) return undefined
  const valued = [...read.members].filter(([name, span]) => name === 'id' || !isNull(line, span))
  if (valued.length === read.members.size) return undefined
  // With an error, a result is gone only if it is `null`; without one, it is the answer.
  const result = read.members.get('result')
  const isAnswered = valued.some(([name]) => name === 'result' || name === 'error')
  const kept: readonly (readonly [string, Span])[] =
    isAnswered || result === undefined ? valued : [...valued, ['result', result]]
  const members = kept.flatMap(([name, { start, end }], index) => [
    Buffer.from(`${index === 0 ? '{' : ','}"${name}":`),
    line.subarray(start, end),
  ])
  return Buffer.concat([...members, Buffer.from('}')])
}

function readAnswer(line: Buffer): RawMessage | undefined {
  const message = readRawMessage(line)
  if (message !== undefined) return message
  const bytes = withoutNulls(line)
  return bytes && readRawMessage(bytes)
}

/** @returns `undefined` for a line that is no message, such as one of a log */
export function readChildMessage(line: Buffer): RawMessage | BrokenMessage | undefined {
  const message = isUtf8(line) ? readAnswer(line) : undefined
  if (message !== undefined && !holdsNoNumber(line)) return message
  return readBroken(line, flawIn(line))
}
