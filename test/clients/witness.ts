/** A wire between client and gateway that writes down what was asked for and what was answered. It changes nothing. */
import { createServer, request as send, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request and its answer, as they went over the wire. */
export interface Seen {
  readonly httpMethod: string
  /** Of JSON-RPC, with the name of what is called: `tools/call write_note`. Empty for a request without a body. */
  readonly operation: string
  /** A notification or an answer has none. */
  readonly hasId: boolean
  readonly status: number
  readonly contentType: string
  /** `WWW-Authenticate`; empty for most. */
  readonly challenge: string
}

export interface Witness {
  readonly port: number
  stop(): Promise<void>
}

interface Message {
  readonly id?: unknown
  readonly method?: string
  readonly params?: { readonly name?: string }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function readMessage(body: Buffer): Message {
  try {
    return JSON.parse(body.toString()) as Message
  } catch {
    return {}
  }
}

/**
 * @param target the port of the gateway, once it is known
 * @param at the port to listen on; any that is free unless told otherwise
 */
export async function startWitness(
  target: () => number,
  onSeen: (seen: Seen) => void,
  at = 0,
): Promise<Witness> {
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { id, method = '', params } = readMessage(body)
      const onward = send(
        {
          host: '127.0.0.1',
          port: target(),
          method: request.method,
          path: request.url,
          headers: request.headers,
          agent: false,
        },
        (answer) => {
          onSeen({
            httpMethod: request.method ?? '',
            operation: params?.name === undefined ? method : `${method} ${params.name}`,
            hasId: id !== undefined,
            status: answer.statusCode ?? 0,
            contentType: answer.headers['content-type'] ?? '',
            challenge: answer.headers['www-authenticate'] ?? '',
          })
          response.writeHead(answer.statusCode ?? 0, answer.rawHeaders)
          response.flushHeaders()
          answer.pipe(response)
          answer.on('error', () => response.destroy())
        },
      )
      onward.on('error', () => response.destroy())
      response.on('close', () => onward.destroy())
      onward.end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
