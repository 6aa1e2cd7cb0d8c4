/** Our gateway behind a proxy, and what `doctor` says of it. */
import { request as httpRequest } from 'node:http'
import { CLIENTS } from '../../src/advice/clients.js'
import { look, openToBrowsers, startProvider } from '../support/doctor.js'
import { startGateway, startUpstream } from '../support/gateway.js'
import { mcpServer } from '../support/mcp-server.js'
import type { Said } from './failure.js'
import { said } from './outside.js'

/** What it does to requests. */
interface Proxy {
  /** The `Host` that it passes on. */
  readonly host?: string
  /** The field that it removes. */
  readonly removes?: string
}

/** Our gateway, as a client meets it at this URL, through this proxy. */
export async function lookAtGateway(
  options: Parameters<typeof startGateway>[1],
  proxy: Proxy = {},
): Promise<readonly Said[]> {
  const { port } = await startGateway(await startUpstream(mcpServer()), options)
  const provider = await startProvider()
  const hosts = {
    'https://mcp.example.com': throughProxy(port, proxy),
    'https://sso.example.com': openToBrowsers(provider),
  }
  return said(await look({ hosts, clients: CLIENTS }))
}

/** `fetch` of a gateway on loopback, as a proxy passes requests on. */
function throughProxy(
  port: number,
  { host = 'mcp.example.com', removes = '' }: Proxy,
): typeof fetch {
  return (input, init) =>
    new Promise((resolve, reject) => {
      const { pathname } = new URL(String(input))
      const given = Object.entries(Object.fromEntries(new Headers(init?.headers)))
      const headers = { ...Object.fromEntries(given.filter(([name]) => name !== removes)), host }
      const options = { port, host: '127.0.0.1', path: pathname, method: init?.method ?? 'GET' }
      const request = httpRequest({ ...options, headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const fields = Object.entries(response.headers).map(([name, value]) => [
            name,
            String(value),
          ])
          const { statusCode: status = 0 } = response
          const body = status === 204 ? null : Buffer.concat(chunks)
          resolve(
            new Response(body, {
              status,
              headers: Object.fromEntries(fields) as Record<string, string>,
            }),
          )
        })
      })
      request.on('error', reject)
      request.end(init?.body ?? undefined)
    })
}
