/** A server that trusts loopback names only, behind a gateway that has a public one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest'
import { connect, MemoryProvider } from '../../examples/demo/client.js'
import { startIdp } from '../../examples/demo/idp.js'
import { Recorder } from '../../examples/demo/recorder.js'
import { dockerfile } from '../docs/dockerfile.js'
import { freePort, startCli } from '../support/cli.js'
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
  'STA-01',
  'the command line of examples/linkedin: 401 without a token, and 19 tools for who has logged in',
  async () => {
    const [, image] = dockerfile('linkedin').stages
    const idp = await startIdp(['mcp:tools'])
    onTestFinished(() => idp.stop())
    const [port, behind] = [await freePort(), await freePort()]
    const resource = `http://127.0.0.1:${port}/mcp`
    idp.resources.set(resource, { scope: 'mcp:tools' })
    const home = mkdtempSync(join(tmpdir(), 'gatehouse-linkedin-'))
    onTestFinished(() => rmSync(home, { recursive: true, force: true }))
    const args = (image?.cmd ?? []).map((word) =>
      word === 'python'
        ? join(inject('python').linkedin, 'python')
        : word.replace('8000', String(behind)),
    )
    const cli = startCli(args, {
      ...image?.env,
      HOME: home,
      PORT: String(port),
      MCP_GATEHOUSE_HOST: '127.0.0.1',
      MCP_GATEHOUSE_RESOURCE: resource,
      MCP_GATEHOUSE_OAUTH_ISSUER: idp.issuer,
      MCP_GATEHOUSE_OAUTH_SCOPES: 'mcp:tools',
    })
    await cli.listening()
    expect(await initialize(resource, {})).toBe(401)
    const client = await connect(resource, new MemoryProvider('alice'), new Recorder())
    expect((await client.listTools()).tools.length).toBe(19)
    await client.close()
    cli.process.kill('SIGTERM')
    expect(await cli.exited).toBe(0)
  },
)

verifies(
  ['GW-01', 'CASE-66'],
  'a browser client under the public name reaches it, though it refuses that name and that origin',
  async () => {
    expect(await initialize(upstream.url, { host: HOST })).toBe(421)
    expect(await initialize(upstream.url, { origin: ORIGIN })).toBe(403)

    const { url, token, told } = await startGateway(upstream.url, { allowOrigins: [ORIGIN] })
    const headers = { host: HOST, origin: ORIGIN, authorization: `Bearer ${token}` }
    expect(await initialize(`${url}/mcp`, headers)).toBe(200)
    expect(told('upstream.failed')).toEqual([])
  },
)
