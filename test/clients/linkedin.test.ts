/** A server that trusts loopback names only, behind a gateway that has a public one. */
import { request } from 'node:http'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { RESOURCE } from '../support/idp.js'
import { startGateway } from '../support/gateway.js'
import { verifies } from '../support/verifies.js'
import { LINKEDIN, type RunningUpstream } from './upstreams.js'

const ORIGIN = 'https://app.example.com'
const HOST = new URL(RESOURCE).host
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'browser', version: '1.0.0' },
  },
}

let upstream: RunningUpstream
beforeAll(async () => {
  upstream = await LINKEDIN.start(inject('python'))
})
afterAll(() => upstream.stop())

/** `fetch` would set `Host` itself. */
function initialize(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
    })
    sending.once('error', reject)
    sending.once('response', (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0))
    })
    sending.end(JSON.stringify(INITIALIZE))
  })
}

verifies(
  ['GW-01', 'CASE-66'],
  'a browser client under the public name reaches it, though it refuses that name and that origin',
  async () => {
    expect(await initialize(upstream.url, { host: HOST })).toBe(421)
    expect(await initialize(upstream.url, { origin: ORIGIN })).toBe(403)

    const { url, token, reported } = await startGateway(upstream.url, { allowOrigins: [ORIGIN] })
    const headers = { host: HOST, origin: ORIGIN, authorization: `Bearer ${token}` }
    expect(await initialize(`${url}/mcp`, headers)).toBe(200)
    expect(reported('upstream.failed')).toEqual([])
  },
)
