/** Load on one port over keep-alive connections of raw sockets, so that the client is not what is measured. */
import { connect, type Socket } from 'node:net'

export interface Load {
  readonly port: number
  readonly requests: readonly Buffer[]
  readonly connections: number
  readonly milliseconds: number
}

export interface LoadResult {
  /** Answers a second. */
  readonly rate: number
  readonly p99: number
  readonly errors: number
}

/** Every answer of the servers under test ends with this. */
const END = Buffer.from('}')

export function run({ port, requests, connections, milliseconds }: Load): Promise<LoadResult> {
  return new Promise((resolve) => {
    let next = 0
    let answers = 0
    let errors = 0
    const latencies: number[] = []
    const sockets: Socket[] = []
    const began = performance.now()

    function drive(): void {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      sockets.push(socket)
      let sentAt = 0
      const send = () => {
        sentAt = performance.now()
        socket.write(requests[next++ % requests.length] as Buffer)
      }
      socket.on('connect', send)
      socket.on('error', () => errors++)
      socket.on('data', (chunk) => {
        if (!chunk.subarray(-1).equals(END)) return
        answers++
        latencies.push(performance.now() - sentAt)
        // "HTTP/1.1 2…"
        if (chunk[9] !== 0x32) errors++
        send()
      })
    }
    for (let i = 0; i < connections; i++) drive()
    setTimeout(() => {
      const seconds = (performance.now() - began) / 1000
      for (const socket of sockets) socket.destroy()
      latencies.sort((a, b) => a - b)
      const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0
      resolve({ rate: answers / seconds, p99, errors })
    }, milliseconds)
  })
}

interface LoadOrder extends Omit<Load, 'requests'> {
  readonly tokens: readonly string[]
  /** Makes each request a POST of this JSON. */
  readonly body?: string
}

function requestWith(token: string, body: string | undefined): Buffer {
  const fields = `Host: localhost\r\nAuthorization: Bearer ${token}\r\n`
  if (body === undefined) return Buffer.from(`GET /mcp HTTP/1.1\r\n${fields}\r\n`)
  const form = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`
  const accept =
    'Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n'
  return Buffer.from(`POST /mcp HTTP/1.1\r\n${fields}${form}${accept}\r\n${body}`)
}

process.on('message', ({ tokens, body, ...load }: LoadOrder) => {
  const requests = tokens.map((token) => requestWith(token, body))
  void run({ ...load, requests }).then((result) => process.send?.(result))
})
