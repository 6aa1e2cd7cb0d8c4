/**
 * The JSON-RPC message in the body of a request, read so that no other parser can read a different
 * one.
 *
 * @module
 */
import { countMembers, type JsonBounds } from '../base/json-size.js'
import {
  foldName,
  isJson,
  isJsonObject,
  parseJsonStructure,
  type JsonObject,
} from '../base/json.js'
import { RPC } from './rpc-error.js'

/**
 * A request or a notification: in the stateless revisions clients send nothing else (2026-07-28,
 * "Sending Messages").
 */
export interface RpcMessage {
  readonly method: string
  readonly params: JsonObject | undefined
  readonly isRequest: boolean
  /** As it was written, because numbers beyond 2^53 change when they are read; `null` for a notification, or in a batch. */
  readonly id: string
}

/** Why there is none. */
export interface Unreadable {
  readonly code: number
  readonly reason: string
  readonly id: string
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Members that decide which operation is asked for. */
const ROUTED = new Set(['jsonrpc', 'id', 'method', 'params'])
const ROUTED_PARAMS = new Set(['_meta', 'name', 'uri', 'taskid', 'ref', 'notifications'])

/** Whether some parser may confuse another member with one that decides. */
function hasTwin(
  object: JsonObject,
  routed: ReadonlySet<string>,
  exact: ReadonlySet<string>,
): boolean {
  for (const name in object) {
    if (!exact.has(name) && routed.has(foldName(name))) return true
  }
  return false
}

const ROUTED_META = new Set(['io.modelcontextprotocol/protocolversion'])
const EXACT_META = new Set(['io.modelcontextprotocol/protocolVersion', 'progressToken'])
const EXACT = new Set(['jsonrpc', 'id', 'method', 'params'])
/**
 * The last one decides nothing. Nearly every call has these members, so they need no second look.
 */
const EXACT_PARAMS = new Set([
  '_meta',
  'name',
  'uri',
  'taskId',
  'ref',
  'notifications',
  'arguments',
])

/** The end of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; ; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return i + 1
  }
}

/** How the value of a top-level member of a valid JSON object was written. */
function writtenValue(text: string, wanted: string): string {
  let depth = 0
  let name: string | undefined
  let start = -1
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '"') {
      const end = endOfString(text, i)
      if (depth === 1 && start < 0) name = JSON.parse(text.slice(i, end)) as string
      i = end - 1
    } else if (char === ':' && depth === 1) start = i + 1
    else if ((char === ',' || char === '}') && depth === 1) {
      if (name === wanted) return text.slice(start, i).trim()
      start = -1
    }
    if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
  }
  return 'null'
}

/** An answer to a request that the server sent. */
interface RpcResponse {
  readonly isResponse: true
}

const RESPONSE: RpcResponse = { isResponse: true }

class ReadMessage implements RpcMessage {
  readonly method: string
  readonly params: JsonObject | undefined
  readonly isRequest: boolean
  readonly #text: string | undefined

  constructor(
    text: string | undefined,
    method: string,
    params: JsonObject | undefined,
    isRequest: boolean,
  ) {
    this.#text = text
    this.method = method
    this.params = params
    this.isRequest = isRequest
  }

  get id(): string {
    return this.isRequest && this.#text !== undefined ? writtenValue(this.#text, 'id') : 'null'
  }
}

function decode(body: Uint8Array): string | undefined {
  try {
    return decoder.decode(body)
  } catch {
    return undefined
  }
}

function unreadable(reason: string, id = 'null', code: number = RPC.invalidRequest): Unreadable {
  return { code, reason, id }
}

/**
 * @param text that holds this message alone; `undefined` within a batch, where no id can be echoed
 */
function readOne(value: unknown, text: string | undefined): RpcMessage | RpcResponse | Unreadable {
  if (!isJsonObject(value)) return unreadable('a message is not an object')
  const { jsonrpc, id, method, params } = value
  const isId = typeof id === 'string' || typeof id === 'number'
  const refuse = (reason: string) =>
    unreadable(reason, isId && text !== undefined ? writtenValue(text, 'id') : 'null')
  if (hasTwin(value, ROUTED, EXACT)) return refuse('some parsers confuse two members')
  if (jsonrpc !== '2.0') return refuse('jsonrpc is not 2.0')
  if (method === undefined && ('result' in value || 'error' in value)) return RESPONSE
  if (typeof method !== 'string') return refuse('neither a request nor a notification')
  if (id !== undefined && !isId) return refuse('id is neither a string nor a number')
  if (params !== undefined && !isJsonObject(params)) return refuse('params is not an object')
  if (params !== undefined && hasTwin(params, ROUTED_PARAMS, EXACT_PARAMS)) {
    return refuse('some parsers confuse two members of params')
  }
  const meta = params?.['_meta']
  if (isJsonObject(meta) && hasTwin(meta, ROUTED_META, EXACT_META)) {
    return refuse('some parsers confuse two members of _meta')
  }
  return new ReadMessage(text, method, params, id !== undefined)
}

/** Far more than real clients send, and still quick to read. */
const BOUNDS: JsonBounds = { parts: 100_000, depth: 500 }

/** Duplicate members are refused at any depth: parsers disagree about which one counts. */
function parse(
  body: Uint8Array,
): { readonly text: string; readonly value: JsonObject | readonly unknown[] } | Unreadable {
  const members = countMembers(body, BOUNDS)
  if (members === undefined)
    return unreadable('the body has too many values, or is nested too deeply')
  const text = decode(body)
  if (text === undefined) return unreadable('the body is not UTF-8', 'null', RPC.parseError)
  const value = parseJsonStructure(text, members)
  if (value !== undefined) return { text, value }
  return isJson(text)
    ? unreadable('the body is neither an object nor a list, or names a member twice')
    : unreadable('the body is not JSON', 'null', RPC.parseError)
}

/** Reads a body that must hold one request or notification. */
export function readMessage(body: Uint8Array): RpcMessage | Unreadable {
  const parsed = parse(body)
  if ('code' in parsed) return parsed
  if (Array.isArray(parsed.value)) return unreadable('the body is a batch')
  const message = readOne(parsed.value, parsed.text)
  return 'isResponse' in message ? unreadable('neither a request nor a notification') : message
}

/** More than real clients send at once; each is authorized. */
const LONGEST_BATCH = 1000

/** What clients of the older revisions may send. */
export interface RpcBody {
  /** Answers to requests of the server are left out: they ask for nothing. */
  readonly messages: readonly RpcMessage[]
  /** Whether there were such answers. */
  readonly hasAnswers: boolean
  readonly isBatch: boolean
}

/** Reads a message or a batch of them. */
export function readMessages(body: Uint8Array): RpcBody | Unreadable {
  const parsed = parse(body)
  if ('code' in parsed) return parsed
  const { text, value } = parsed
  const isBatch = Array.isArray(value)
  const values: readonly unknown[] = isBatch ? value : [value]
  if (values.length === 0) return unreadable('the batch is empty')
  if (values.length > LONGEST_BATCH) {
    return unreadable(`a batch of more than ${LONGEST_BATCH}`, 'null', RPC.invalidParams)
  }
  const messages: RpcMessage[] = []
  for (const each of values) {
    const message = readOne(each, isBatch ? undefined : text)
    if ('code' in message) return message
    if ('method' in message) messages.push(message)
  }
  return { messages, hasAnswers: messages.length < values.length, isBatch }
}

/** The members of `params` that name the operation. */
const ASKED = ['name', 'uri', 'taskId', 'ref', 'notifications'] as const

function asksTheSame(one: unknown, other: unknown): boolean {
  if (!isJsonObject(one) || !isJsonObject(other)) return false
  const asked = ({ method, id, params }: JsonObject) => [
    method,
    id,
    ...ASKED.map((name) => (isJsonObject(params) ? params[name] : null)),
  ]
  return JSON.stringify(asked(one)) === JSON.stringify(asked(other))
}

/** Whether two bodies hold the same messages, by methods, ids and names. */
export function holdTheSame(one: Uint8Array, other: Uint8Array): boolean {
  const [first, second] = [parse(one), parse(other)]
  if ('code' in first || 'code' in second) return false
  const [values, others] = [first.value, second.value]
  if (!Array.isArray(values)) return asksTheSame(values, others)
  if (!Array.isArray(others) || values.length !== others.length) return false
  return values.every((value, index) => asksTheSame(value, others[index]))
}
