/**
 * Where the browser returns to after the login: a listener on this machine (RFC 8252 §7.3).
 *
 * @module
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { codeOf } from '../../base/error-code.js'
import { CommandFault } from '../command-fault.js'

const HOST = '127.0.0.1'
const PATH = '/callback'

const DONE = page('You are back', 'The login is finished. You can close this page.')
const OTHER = page('Not this login', 'This page does not belong to the login that is under way.')

function page(title: string, text: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${title}</title><body style="font:1.1rem system-ui;max-width:30rem;margin:4rem auto;padding:0 1rem"><h1>${title}</h1><p>${text}</p></body></html>`
}

export interface Callback {
  readonly redirectUri: string
  /**
   * The URL of the first request with this `state`. Any page may send requests here, so requests with
   * another state are answered 400 and change nothing.
   *
   * @param onStranger is called for each of those
   */
  returned(state: string, onStranger: () => void): Promise<URL>
  close(): void
}

function isSame(one: string | null, other: string): boolean {
  const [left, right] = [Buffer.from(one ?? ''), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    // The URL has the code in it.
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(html)
}

/** The URL of a request for the callback. Its host is that of the redirect URI, whatever the request says. */
function urlOf({ method, url = '' }: IncomingMessage, redirectUri: string): URL | undefined {
  if (method !== 'GET' || !URL.canParse(url, redirectUri)) return undefined
  const { pathname, search } = new URL(url, redirectUri)
  return pathname === PATH ? new URL(`${redirectUri}${search}`) : undefined
}

/**
 * Listens on the loopback interface.
 *
 * @param port 0 takes a free one
 * @throws {CommandFault} when the port is taken
 */
export async function listenForCallback(port: number): Promise<Callback> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, resolve)
  }).catch((error: unknown) => {
    throw new CommandFault(
      `port ${port} of ${HOST} cannot be used (${codeOf(error)})`,
      '--redirect-port NUMBER chooses another, which the identity provider must allow',
    )
  })
  const redirectUri = `http://${HOST}:${(server.address() as AddressInfo).port}${PATH}`
  return {
    redirectUri,
    returned: (state, onStranger) =>
      new Promise((resolve) => {
        server.on('request', (request: IncomingMessage, response: ServerResponse) => {
          const url = urlOf(request, redirectUri)
          if (url === undefined) return response.writeHead(404).end()
          if (!isSame(url.searchParams.get('state'), state)) {
            onStranger()
            return send(response, 400, OTHER)
          }
          send(response, 200, DONE)
          resolve(url)
        })
      }),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
