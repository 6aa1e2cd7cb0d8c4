/**
 * Answers of a bridge in place of a command. Each is reported to the operator.
 *
 * @module
 */
import { quoted } from '../../errors.js'
import { rpcError, RPC } from '../../mcp/rpc-error.js'
import type { RequestRefusedCode } from '../../errors.js'
import { errorAnswer, type OwnAnswer, type Refused } from '../request/answer.js'
import type { Refusal } from '../request/record.js'
import { rpcErrorAnswer } from '../request/rpc-answer.js'
import type { NoRoom } from './child-pool.js'
import type { RawMessage } from './raw-message.js'
import type { StdioRequest } from './request.js'

/** The one way in which a request to a command is refused. */
function sendRefusal(request: StdioRequest, answer: OwnAnswer, refusal: Refusal): void {
  // Once there is an answer, a refusal reaches nobody, so it is not reported either.
  if (request.isAnswered) return
  request.admitted.record.refuse(refusal)
  request.refuse(answer)
}

/** A refusal with an error of JSON-RPC as its body. */
interface RpcRefusal {
  readonly status: number
  readonly code: RequestRefusedCode
  /** The code of the error. */
  readonly rpcCode: number
  /** For the client, and for the operator if there is no reason. */
  readonly text: string
  readonly reason?: string
  readonly hint?: string
  /** The message that the error answers, if it is a single one. */
  readonly message?: RawMessage | undefined
  readonly data?: object
}

function refuse(
  request: StdioRequest,
  { status, code, rpcCode, text, reason = text, hint, message, data }: RpcRefusal,
): void {
  const { record, corsHeaders } = request.admitted
  const body = rpcError(message?.idText ?? 'null', rpcCode, text, data)
  const refusal = { status, code, reason, ...(hint !== undefined && { hint }) }
  sendRefusal(request, rpcErrorAnswer(status, record.id, body, corsHeaders), refusal)
}

/** A refusal whose body is not a JSON-RPC error. */
export function refuseWith(
  request: StdioRequest,
  { refusal, error, description, headers }: Refused,
): void {
  const { record, corsHeaders } = request.admitted
  const fields = { ...corsHeaders, ...headers }
  const answer = errorAnswer(refusal.status, record.id, error, description, fields)
  sendRefusal(request, answer, refusal)
}

export function refuseMethod(request: StdioRequest): void {
  const reason = `${request.admitted.record.method}, in a protocol version without it`
  refuseWith(request, {
    refusal: { status: 405, code: 'ERR_METHOD_NOT_ALLOWED', reason },
    error: 'method_not_allowed',
    description: 'This protocol revision supports only POST',
    headers: { Allow: 'POST' },
  })
}

export function refuseBusy(request: StdioRequest): void {
  const reason = 'the command has not read earlier messages yet'
  const hint = '--child-queue sets how much may wait for it'
  refuseWith(request, {
    refusal: { status: 503, code: 'ERR_CHILD_BUSY', reason, hint },
    error: 'temporarily_unavailable',
    description: 'The MCP server has not read earlier messages yet',
    headers: { 'Retry-After': '1' },
  })
}

export function refuseType(request: StdioRequest): void {
  const text = 'Content-Type must be application/json'
  const rpcCode = RPC.invalidRequest
  refuse(request, { status: 415, code: 'ERR_BODY_UNREADABLE', rpcCode, text })
}

/** Refuses a body that is not a message, or not an allowed one. */
export function refuseBody(
  request: StdioRequest,
  text: string,
  rpcCode: number = RPC.invalidRequest,
  reason: string = text,
): void {
  refuse(request, { status: 400, code: 'ERR_BODY_UNREADABLE', rpcCode, text, reason })
}

/** Refuses a body of a later version than the request says. */
export function refuseMismatch(request: StdioRequest, message: RawMessage | undefined): void {
  const text = 'MCP-Protocol-Version does not match the body'
  const rpcCode = RPC.headerMismatch
  refuse(request, { status: 400, code: 'ERR_HEADER_MISMATCH', rpcCode, text, message })
}

/** Refuses requests with an id that another request has, which waits for its answer. */
export function refuseIds(request: StdioRequest, requests: readonly RawMessage[]): void {
  const text = 'This id is in use'
  const rpcCode = RPC.invalidRequest
  const message = onlyOf(requests)
  refuse(request, { status: 400, code: 'ERR_REQUEST_MALFORMED', rpcCode, text, message })
}

/** An error names one request, so the error for a batch names no request. */
function onlyOf([first, ...rest]: readonly RawMessage[]): RawMessage | undefined {
  return rest.length === 0 ? first : undefined
}

export function refuseStreams(request: StdioRequest): void {
  const text = 'This session has too many streams'
  const rpcCode = RPC.serverError
  refuse(request, { status: 409, code: 'ERR_REQUESTS_TOO_MANY', rpcCode, text })
}

export function refuseNoSession(request: StdioRequest, message: RawMessage | undefined): void {
  const text = 'Mcp-Session-Id is missing'
  const hint = 'a session begins with initialize'
  const rpcCode = RPC.serverError
  refuse(request, { status: 400, code: 'ERR_SESSION_UNKNOWN', rpcCode, text, hint, message })
}

/** The message for the operator, with the setting that helps. */
const NO_ROOM: Readonly<Record<NoRoom, { readonly reason: string; readonly hint: string }>> = {
  caller: {
    reason: 'this caller uses too many child processes',
    hint: '--max-children-per-principal sets how many a caller may have',
  },
  principal: {
    reason: 'the clients of one subject use half of all child processes',
    hint: '--max-children sets how many there may be',
  },
  anonymous: {
    reason: 'callers without a token use all of their child processes',
    hint: '--max-anonymous-children sets how many they may have',
  },
  all: {
    reason: 'all child processes are in use',
    hint: '--max-children sets how many there may be',
  },
}

export function refuseRoom(request: StdioRequest, noRoom: NoRoom, message: RawMessage): void {
  const isTheirs = noRoom === 'caller' || noRoom === 'principal'
  refuse(request, {
    status: isTheirs ? 429 : 503,
    code: 'ERR_CHILDREN_TOO_MANY',
    rpcCode: RPC.serverError,
    text: isTheirs ? 'You have too many sessions in use' : 'Too many sessions are in use',
    ...NO_ROOM[noRoom],
    message,
  })
}

/** Refuses requests of a session in which too many have no answer yet. */
export function refuseWaiting(request: StdioRequest, requests: readonly RawMessage[]): void {
  refuse(request, {
    status: 429,
    code: 'ERR_REQUESTS_TOO_MANY',
    rpcCode: RPC.serverError,
    text: 'Too many requests of this session wait for their answers',
    message: onlyOf(requests),
  })
}

export function refuseVersion(
  request: StdioRequest,
  message: RawMessage | undefined,
  requested: string,
  supported: readonly string[],
  rpcCode: number = RPC.unsupportedVersion,
): void {
  refuse(request, {
    status: 400,
    code: 'ERR_VERSION_UNSUPPORTED',
    rpcCode,
    text: 'Unsupported protocol version',
    reason: `protocol version ${quoted(requested, 20)}; possible are ${quoted(supported.join(' '))}`,
    message,
    data: { supported, requested },
  })
}
