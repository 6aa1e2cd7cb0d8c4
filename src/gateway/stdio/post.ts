/**
 * The body of a POST: a message, or several in the one version that has batches (2025-03-26).
 *
 * @module
 */
import { isJson, isJsonObject, parseJsonObject, type JsonObject } from '../../base/json.js'
import type { AskedMessage } from '../../mcp/operation.js'
import { isBehind } from '../../mcp/protocol-revision.js'
import { readRawMessage, type RawMessage } from './raw-message.js'
import { readElements } from '../../base/json-spans.js'

export interface Post {
  readonly messages: readonly RawMessage[]
  /** Those that ask for something. Answers do not. */
  readonly asked: readonly AskedMessage[]
  readonly isBatch: boolean
  /** A message is of a later revision than the request says. */
  readonly isBehind: boolean
}

/** Messages of one batch: far more than real clients send, and each costs more than its bytes. */
const MAX_BATCH = 1_000

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * A message on one line, as a child needs it. In JSON, a line end is a blank; within a string it is
 * escaped.
 */
function onOneLine(bytes: Buffer): Buffer {
  if (!bytes.includes(LINE_FEED) && !bytes.includes(CARRIAGE_RETURN)) return bytes
  return Buffer.from(
    bytes.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? 0x20 : byte)),
  )
}

/** @param object with a method, from the bytes of a raw message */
function toAsked({ method, params }: JsonObject): AskedMessage {
  return { method: String(method), params: isJsonObject(params) ? params : undefined }
}

/**
 * @param body UTF-8
 * @param version the version that the request names for its body
 */
export function readPost(
  body: Buffer,
  version?: string,
): Post | 'unparsable' | 'invalid' | 'too many' {
  const bytes = onOneLine(body)
  const elements = readElements(bytes)
  if (elements !== undefined && elements.length > MAX_BATCH) return 'too many'
  const parts = elements?.map(({ start, end }) => bytes.subarray(start, end)) ?? [bytes]
  // Every reader reads them alike: no member is named twice, at any depth.
  const objects = parts.map((part) => parseJsonObject(part.toString('utf8')))
  const messages = parts.map((part, i) => objects[i] && readRawMessage(part))
  const isWhole = messages.length > 0 && messages.every((message) => message !== undefined)
  if (!isWhole) return isJson(body.toString('utf8')) ? 'invalid' : 'unparsable'
  const isLater = objects.some((object) => {
    const params = object?.['params']
    return isJsonObject(params) && isBehind(version, params)
  })
  const asked = objects.flatMap((object) =>
    object?.['method'] === undefined ? [] : [toAsked(object)],
  )
  return { messages, asked, isBatch: elements !== undefined, isBehind: isLater }
}
