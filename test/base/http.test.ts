/** What the log says when an address cannot be reached. */
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import { FetchFault, fetchDocument } from '../../src/base/http.js'
import { startGateway } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'

async function httpPort(): Promise<number> {
  const server = createServer((_, response) => response.end('{}'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** It expects TLS. Without a certificate it refuses every handshake. */
async function tlsPort(): Promise<number> {
  const server = createTlsServer({})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

verifies('FLD-07', 'https spoken to an http port says so, and nothing was written', async () => {
  const url = `https://127.0.0.1:${await httpPort()}/`
  const fault: unknown = await fetchDocument(url, fetch, AbortSignal.timeout(5000)).catch(
    (error: unknown) => error,
  )
  expect(fault).toBeInstanceOf(FetchFault)
  expect(fault).toMatchObject({
    message:
      'could not be reached (the port speaks http, and the URL says https; write http, or the port that speaks TLS)',
    wasReached: false,
  })
})

verifies('FLD-07', 'the same of the upstream, and http spoken to a port for TLS', async () => {
  const ofHttps = await startGateway(`https://127.0.0.1:${await httpPort()}/mcp`)
  expect((await ofHttps.call()).status).toBe(502)
  expect(ofHttps.reported('upstream.failed')).toMatchObject([
    {
      code: 'ERR_UPSTREAM_UNREACHABLE',
      reason: 'the port speaks http, and the URL says https',
      hint: 'write http in --upstream, or the port that speaks TLS',
    },
  ])
  const ofHttp = await startGateway(`http://127.0.0.1:${await tlsPort()}/mcp`)
  expect((await ofHttp.call()).status).toBe(502)
  expect(ofHttp.reported('upstream.failed')).toMatchObject([
    { hint: expect.stringContaining('if the port speaks TLS, write https in --upstream') },
  ])
})
