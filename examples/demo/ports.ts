/**
 * Ports that stay the same from start to start, so that a client that was set up once goes on
 * working; others where somebody has them already.
 */
import type { AddressInfo, Server } from 'node:net'

export const PORTS = { idp: 7310, server: 7311, gateway: 7312 } as const

function tryToListen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/**
 * Listens on loopback.
 *
 * @param port the one to try first; 0: any
 * @returns the one that it is
 */
export async function listenOn(server: Server, port: number): Promise<number> {
  try {
    return await tryToListen(server, port)
  } catch (error) {
    if (port === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return tryToListen(server, 0)
  }
}
