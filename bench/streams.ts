/** An upstream whose answers are streams, in a process of its own; it tells when it learnt that one was aborted. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The clock that all processes of a machine share, in milliseconds. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

if (process.send !== undefined) {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const timer = setInterval(() => response.write(`data: ${sharedNow()}\n\n`), 20)
    response.on('close', () => {
      clearInterval(timer)
      process.send?.({ closedAt: sharedNow() })
    })
  })
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ port: (server.address() as AddressInfo).port })
  })
}
