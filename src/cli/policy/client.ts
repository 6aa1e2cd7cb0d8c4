/**
 * The MCP client of the commands, over any transport.
 *
 * @module
 */
import { unlessAborted } from '../../base/http.js'
import { isJsonObject, type JsonObject } from '../../base/json.js'
import { STATEFUL_VERSIONS, STATELESS_SINCE } from '../../mcp/protocol-revision.js'
import { PATIENCE, RpcFault, ServerFault, type Transport } from './rpc.js'
import { inOneLine } from './shown.js'

const CLIENT = { name: 'mcp-gatehouse', version: '0' }
/** How many characters of a title or a description are shown. */
const SHOWN = 1_000

/** A member that is a text and not blank, cut. */
export function textIn(object: JsonObject, name: string): string | undefined {
  const value = object[name]
  return typeof value === 'string' && value.trim() !== '' ? beginningOf(value) : undefined
}

/** A copy: the slice of a text keeps the whole text in memory. */
function beginningOf(text: string): string {
  return text.length <= SHOWN
    ? text
    : Buffer.from(text.slice(0, SHOWN), 'utf16le').toString('utf16le')
}

/** Speaks MCP with one server, in the revision that it supports. */
export class McpClient {
  readonly #transport: Transport
  readonly #signal: AbortSignal
  #id = 0
  /** The metadata of requests in stateless revisions. */
  #meta: JsonObject | undefined

  constructor(transport: Transport, signal: AbortSignal) {
    this.#transport = transport
    this.#signal = signal
  }

  /**
   * @returns the result
   * @throws {ServerFault}
   */
  async request(method: string, params: JsonObject): Promise<JsonObject> {
    const meta = this.#meta === undefined ? {} : { _meta: this.#meta }
    const message = { jsonrpc: '2.0', id: ++this.#id, method, params: { ...params, ...meta } }
    const patience = AbortSignal.timeout(PATIENCE)
    const limits = AbortSignal.any([this.#signal, patience])
    let answer: JsonObject
    try {
      answer = await unlessAborted(this.#transport.request(message), limits)
    } catch (error) {
      if (this.#signal.aborted) {
        const reason: unknown = this.#signal.reason
        throw reason instanceof ServerFault ? reason : new ServerFault('interrupted')
      }
      if (patience.aborted) throw new ServerFault(`did not answer ${method} in time`)
      throw error
    }
    const { result, error } = answer
    if (isJsonObject(error)) {
      const text = inOneLine(textIn(error, 'message') ?? 'without a reason')
      throw new RpcFault(error['code'], `answered ${method} with an error: ${text}`)
    }
    if (!isJsonObject(result)) throw new ServerFault(`answered ${method} with no result`)
    return result
  }

  /**
   * Agrees on a revision. Tries the older ones first: most servers support them.
   *
   * @returns what the server says about itself
   */
  async open(): Promise<JsonObject> {
    try {
      const [protocolVersion = ''] = STATEFUL_VERSIONS
      const params = { protocolVersion, capabilities: {}, clientInfo: CLIENT }
      const result = await this.request('initialize', params)
      this.#transport.setVersion(textIn(result, 'protocolVersion') ?? protocolVersion)
      await this.#transport.notify({ jsonrpc: '2.0', method: 'notifications/initialized' })
      return result
    } catch (error) {
      if (!(error instanceof RpcFault)) throw error
      this.#transport.setVersion(STATELESS_SINCE)
      this.#meta = {
        'io.modelcontextprotocol/protocolVersion': STATELESS_SINCE,
        'io.modelcontextprotocol/clientInfo': CLIENT,
        'io.modelcontextprotocol/clientCapabilities': {},
      }
      // If it supports neither, its answer to the first attempt is the useful one.
      return this.request('server/discover', {}).catch((second: unknown) => {
        throw second instanceof RpcFault ? error : second
      })
    }
  }
}
