/**
 * Whether a server listens at an address.
 *
 * @module
 */
import { connect } from 'node:net'

const TIMEOUT = 2_000

/**
 * Opens a connection and closes it. Nothing is sent: the server must not see a request without a
 * client.
 *
 * @returns `undefined`, or why there is no connection
 */
export function tryToConnect(url: URL): Promise<string | undefined> {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT })
    const end = (reason: string | undefined) => {
      socket.destroy()
      resolve(reason)
    }
    socket.once('connect', () => end(undefined))
    socket.once('timeout', () => end('no answer'))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error'))
  })
}
