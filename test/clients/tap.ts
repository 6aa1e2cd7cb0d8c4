/** A wire before the upstream that keeps the heads of the requests. It passes bytes on and understands none. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** One request as the upstream got it. */
export interface Head {
  readonly method: string
  /** By lower-case names. */
  readonly fields: ReadonlyMap<string, string>
}

export interface Tap {
  /** The upstream's URL, through the wire. */
  readonly url: string
  readonly host: string
  /** Those since the last time. */
  take(): Head[]
  stop(): Promise<void>
}

/** No JSON has a line break of this kind in it, so that nothing in a body looks like a head. */
const HEAD = /([A-Z]+) \S+ HTTP\/1\.1\r\n((?:[^\r\n]+\r\n)*)\r\n/g

function parseHeads(text: string): Head[] {
  return [...text.matchAll(HEAD)].map(([, method = '', lines = '']) => {
    const fields = lines
      .trimEnd()
      .split('\r\n')
      .map((line): [string, string] => {
        const [name = '', ...value] = line.split(':')
        return [name.toLowerCase(), value.join(':').trim()]
      })
    return { method, fields: new Map(fields) }
  })
}

/** Lays the wire. */
export async function startTap(url: string): Promise<Tap> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  /** What came on each connection. */
  const received: { text: string }[] = []
  const server = createServer((client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port) })
    const log = { text: '' }
    received.push(log)
    client.on('data', (chunk) => (log.text += chunk.toString('latin1')))
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from.setNoDelay())
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroySoon()
      })
      from.pipe(to)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}${target.pathname}`,
    host,
    take: () =>
      received.flatMap((log) => {
        const heads = parseHeads(log.text)
        log.text = ''
        return heads
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
