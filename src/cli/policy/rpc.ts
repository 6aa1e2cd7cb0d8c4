/**
 * How commands exchange messages with an MCP server, over any transport.
 *
 * @module
 */
import type { JsonObject } from '../../base/json.js'

/** Why a server cannot be queried, in a sentence. */
export class ServerFault extends Error {}

/** The server answered a request with an error. */
export class RpcFault extends ServerFault {
  readonly code: unknown

  constructor(code: unknown, message: string) {
    super(message)
    this.code = code
  }
}

/** The server answered a request with a status that is not a success. */
export class StatusFault extends ServerFault {
  readonly status: number
  readonly headers: Headers

  constructor(message: string, { status, headers }: Pick<Response, 'status' | 'headers'>) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/** Milliseconds to wait for one answer, or for one page. */
export const PATIENCE = 60_000
/** The largest message, in bytes. */
export const MAX_MESSAGE: number = 16 * 2 ** 20

/** Carries messages. All of its methods reject with a {@link ServerFault}. */
export interface Transport {
  /** @returns the message that answers it */
  request(message: JsonObject): Promise<JsonObject>
  notify(message: JsonObject): Promise<void>
  /** Sets the negotiated version, for headers. */
  setVersion(version: string): void
  close(): Promise<void>
}

/** The answer to a request from the server: we support only ping. */
export function answerTo({ id, method }: JsonObject): JsonObject {
  return method === 'ping'
    ? { jsonrpc: '2.0', id, result: {} }
    : { jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } }
}
