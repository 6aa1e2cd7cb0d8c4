/**
 * Messages to and from a server that is reached by Streamable HTTP.
 *
 * @module
 */
import { createFetch, type NetworkOptions } from '../../gateway/http/network.js'
import { networkReason } from '../../base/http.js'
import { isJsonObject, type JsonObject } from '../../base/json.js'
import { mirroredName } from '../../mcp/mirrored-headers.js'
import { isEventStream } from '../../web/media-type.js'
import { answerTo, MAX_MESSAGE, ServerFault, StatusFault, type Transport } from './rpc.js'

export interface HttpServer extends NetworkOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** By status: what to do about it. It ends the sentence that names the status. */
  readonly advice: Readonly<Record<number, string>>
}

/** What a 404 and a 405 mean, for every command. */
export const NO_ENDPOINT = '; is this the exact endpoint?'

const SESSION = 'mcp-session-id'

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

async function* chunksOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let size = 0
  for await (const bytes of response.body ?? []) {
    size += bytes.length
    if (size > MAX_MESSAGE) throw new ServerFault('answered with more than 16 MiB')
    yield decoder.decode(bytes, { stream: true })
  }
}

/** The messages of an event stream, as they arrive. */
async function* eventsOf(response: Response): AsyncGenerator<JsonObject> {
  let rest = ''
  for await (const chunk of chunksOf(response)) {
    const parts = (rest + chunk).split(/\r\n\r\n|\n\n|\r\r/)
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const data = part.split(/\r\n|\n|\r/).flatMap((line) => /^data: ?(.*)$/.exec(line)?.[1] ?? [])
      const message = parse(data.join('\n'))
      if (message !== undefined) yield message
    }
  }
}

async function textOf(response: Response): Promise<string> {
  let text = ''
  for await (const chunk of chunksOf(response)) text += chunk
  return text
}

export function connectHttp({ url, headers, signal, advice, ...network }: HttpServer): Transport {
  const send = createFetch(network) ?? fetch
  const agreed: Record<string, string> = {}

  async function call(method: string, message?: JsonObject): Promise<Response> {
    const { method: rpcMethod, params } = message ?? {}
    const name = mirroredName(rpcMethod, params)
    try {
      return await send(url, {
        method,
        redirect: 'manual',
        signal,
        headers: {
          accept: 'application/json, text/event-stream',
          ...(message !== undefined && { 'content-type': 'application/json' }),
          ...(typeof rpcMethod === 'string' && { 'mcp-method': rpcMethod }),
          ...(name !== undefined && { 'mcp-name': name }),
          ...agreed,
          ...headers,
        },
        ...(message !== undefined && { body: JSON.stringify(message) }),
      })
    } catch (error) {
      throw new ServerFault(networkReason(error))
    }
  }

  async function notify(message: JsonObject): Promise<void> {
    const response = await call('POST', message)
    await response.body?.cancel()
  }

  async function read(response: Response, id: unknown): Promise<JsonObject> {
    const type = response.headers.get('content-type') ?? ''
    if (!isEventStream(type)) {
      const message = parse(await textOf(response))
      // A refusal may give a reason without knowing the id.
      if (message !== undefined && ('result' in message || 'error' in message)) {
        if (response.ok || isJsonObject(message['error'])) return message
      }
    } else if (response.ok) {
      for await (const message of eventsOf(response)) {
        if (message['method'] === undefined && message['id'] === id) return message
        if (message['id'] !== undefined) await notify(answerTo(message))
      }
    }
    const { status } = response
    if (response.ok) throw new ServerFault('did not answer with JSON-RPC')
    const meaning = status < 400 ? ', a redirect, which is not followed' : (advice[status] ?? '')
    throw new StatusFault(`answered ${status}${meaning}`, response)
  }

  return {
    async request(message) {
      const response = await call('POST', message)
      const session = response.headers.get(SESSION)
      if (session !== null) agreed[SESSION] = session
      try {
        return await read(response, message['id'])
      } catch (error) {
        throw error instanceof ServerFault ? error : new ServerFault(networkReason(error))
      }
    },
    notify,
    setVersion(version) {
      agreed['mcp-protocol-version'] = version
    },
    async close() {
      if (agreed[SESSION] === undefined || signal.aborted) return
      // Some servers do not let a client end its session.
      const response = await call('DELETE').catch(() => undefined)
      await response?.body?.cancel()
    },
  }
}
