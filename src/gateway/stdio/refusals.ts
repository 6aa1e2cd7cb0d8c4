/**
 * Answers of a bridge in place of a command.
 *
 * @module
 */
import { errorAnswer } from '../request/answer.js'
import { rpcError, RPC } from '../../mcp/rpc-error.js'
import { rpcErrorAnswer } from '../request/rpc-answer.js'
import type { StdioRequest } from './request.js'
import type { RawMessage } from './raw-message.js'
import type { NoRoom } from './child-pool.js'

export function refuse(
  exchange: StdioRequest,
  status: number,
  code: number,
  message: string,
  request?: RawMessage,
  data?: object,
): void {
  const { record, corsHeaders } = exchange.admitted
  const body = rpcError(request?.idText ?? 'null', code, message, data)
  exchange.refuse(rpcErrorAnswer(status, record.id, body, corsHeaders))
}

export function refuseMethod(exchange: StdioRequest): void {
  const { record, corsHeaders } = exchange.admitted
  const description = 'This protocol revision supports only POST'
  exchange.refuse(
    errorAnswer(405, record.id, 'method_not_allowed', description, {
      ...corsHeaders,
      Allow: 'POST',
    }),
  )
}

export function refuseBusy(exchange: StdioRequest): void {
  const { record, corsHeaders } = exchange.admitted
  const description = 'The MCP server has not read earlier messages yet'
  const headers = { ...corsHeaders, 'Retry-After': '1' }
  exchange.refuse(errorAnswer(503, record.id, 'temporarily_unavailable', description, headers))
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
  all: {
    reason: 'all child processes are in use',
    hint: '--max-children sets how many there may be',
  },
}

export function refuseRoom(exchange: StdioRequest, noRoom: NoRoom, request: RawMessage): void {
  const isTheirs = noRoom !== 'all'
  const text = isTheirs ? 'You have too many sessions in use' : 'Too many sessions are in use'
  const status = isTheirs ? 429 : 503
  const refusal = { status, code: 'ERR_CHILDREN_TOO_MANY', ...NO_ROOM[noRoom] } as const
  exchange.admitted.record.refuse(refusal)
  refuse(exchange, status, RPC.serverError, text, request)
}

/** Too many requests of a session have no answer yet. */
export function refuseWaiting(exchange: StdioRequest, requests: readonly RawMessage[]): void {
  const [first, ...rest] = requests
  const text = 'Too many requests of this session wait for their answers'
  // An error belongs to one request; for a batch there is none to name.
  refuse(exchange, 429, RPC.serverError, text, rest.length === 0 ? first : undefined)
}

export function refuseVersion(
  exchange: StdioRequest,
  request: RawMessage | undefined,
  requested: string,
  supported: readonly string[],
  code: number = RPC.unsupportedVersion,
): void {
  const message = 'Unsupported protocol version'
  refuse(exchange, 400, code, message, request, { supported, requested })
}
