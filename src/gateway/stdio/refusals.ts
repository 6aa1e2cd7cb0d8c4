/**
 * What a bridge answers in place of a command.
 *
 * @module
 */
import { errorAnswer } from '../answer.js'
import { rpcError, RPC } from '../../rs/rpc-error.js'
import { rpcErrorAnswer } from '../rpc-answer.js'
import type { Connection } from './connection.js'
import type { RawMessage } from './raw-message.js'
import type { NoRoom } from './residents.js'

export function refuse(
  connection: Connection,
  status: number,
  code: number,
  message: string,
  request?: RawMessage,
  data?: object,
): void {
  const { requestId, corsHeaders } = connection.admitted
  const body = rpcError(request?.idText ?? 'null', code, message, data)
  connection.refuse(rpcErrorAnswer(status, requestId, body, corsHeaders))
}

export function refuseMethod(connection: Connection): void {
  const { requestId, corsHeaders } = connection.admitted
  const description = 'In this version of the protocol there is POST alone'
  connection.refuse(
    errorAnswer(405, requestId, 'method_not_allowed', description, {
      ...corsHeaders,
      Allow: 'POST',
    }),
  )
}

export function refuseBusy(connection: Connection): void {
  const { requestId, corsHeaders } = connection.admitted
  const description = 'The MCP server does not take what it was sent before'
  const headers = { ...corsHeaders, 'Retry-After': '1' }
  connection.refuse(errorAnswer(503, requestId, 'temporarily_unavailable', description, headers))
}

export function refuseRoom(connection: Connection, noRoom: NoRoom, request: RawMessage): void {
  const isCaller = noRoom === 'caller'
  const text = isCaller ? 'You have too many sessions in use' : 'Too many sessions are in use'
  refuse(connection, isCaller ? 429 : 503, RPC.serverError, text, request)
}

/** Too many requests of a session have no answer yet. */
export function refuseWaiting(connection: Connection, requests: readonly RawMessage[]): void {
  const [first, ...rest] = requests
  const text = 'Too many requests of this session wait for their answers'
  // An error belongs to one request; for a batch there is none to name.
  refuse(connection, 429, RPC.serverError, text, rest.length === 0 ? first : undefined)
}

export function refuseVersion(
  connection: Connection,
  request: RawMessage | undefined,
  requested: string,
  supported: readonly string[],
  code: number = RPC.unsupportedVersion,
): void {
  const message = 'Unsupported protocol version'
  refuse(connection, 400, code, message, request, { supported, requested })
}
