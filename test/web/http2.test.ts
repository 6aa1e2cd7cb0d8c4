/** The middleware in front of a handler of HTTP/2, whose requests have no fields that say whether a body comes. */
import {
  connect,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { describe, expect, onTestFinished } from 'vitest'
import { protectedResource } from 'mcp-gatehouse/node'
import { portOf } from '../matrix/hosts.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const call = (name: string, text = '') =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: { text } },
  })
const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
const LISTED = '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"free"},{"name":"hidden"}]}}'

async function startFixture(read: 'data' | 'iteration' | 'later') {
  const idp = await FakeIdp.start()
  const guard = protectedResource({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
    policy: { rules: [{ tools: ['free'], scopes: [] }], unmatched: 'deny' },
    maxBody: 300_000,
  })
  const arrived: string[] = []
  async function handle(request: Http2ServerRequest, response: Http2ServerResponse) {
    const chunks: Buffer[] = []
    if (read === 'later') await new Promise((resolve) => setImmediate(resolve))
    if (read === 'data') {
      await new Promise((resolve) => {
        request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', resolve)
      })
    } else for await (const chunk of request) chunks.push(chunk as Buffer)
    arrived.push(Buffer.concat(chunks).toString())
    response.setHeader('content-type', 'application/json')
    response.end(request.headers['x-odd'] === undefined ? LISTED : 'hidden, and no JSON')
  }
  const server = createServer((request, response) => {
    guard(request as never, response as never, () => void handle(request, response))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const client = connect(`http://127.0.0.1:${portOf(server as never)}`)
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  const token = await idp.token()
  async function send(pieces: readonly string[], method = 'POST', more: object = {}) {
    arrived.length = 0
    const stream = client.request(
      {
        ':method': method,
        ':path': '/mcp',
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...more,
      },
      { endStream: pieces.length === 0 },
    )
    const status = new Promise<unknown>((resolve, reject) => {
      stream.once('response', (headers) => resolve(headers[':status']))
      stream.once('error', reject)
    })
    for (const piece of pieces) {
      stream.write(piece)
      // Each a frame of its own, so that what has come is read before the rest comes.
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve))
    }
    if (pieces.length > 0) stream.end()
    let text = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    const got = await status
    if (!stream.destroyed) await new Promise((resolve) => stream.once('close', resolve))
    return { status: got, text, arrived: [...arrived] }
  }
  return send
}

describe.each(['data', 'iteration', 'later'] as const)('over HTTP/2, read by %s', (read) => {
  verifies('ATK-15', 'a body is judged, and there for the handler', async () => {
    const send = await startFixture(read)
    const large = call('free', 'x'.repeat(200_000))
    expect(await send([call('free')])).toMatchObject({ status: 200, arrived: [call('free')] })
    expect(await send([large])).toMatchObject({ status: 200, arrived: [large] })
    const pieces = [large.slice(0, 10), large.slice(10, 100_000), large.slice(100_000)]
    expect(await send(pieces)).toMatchObject({ status: 200, arrived: [large] })
    expect(await send([call('hidden')])).toMatchObject({ status: 403, arrived: [] })
    expect(await send([''])).toMatchObject({ status: 400, arrived: [] })
    expect(await send([])).toMatchObject({ status: 400, arrived: [] })
    expect(await send([call('free', 'x'.repeat(400_000))])).toMatchObject({ status: 413 })
    const list = await send([LIST])
    expect(JSON.parse(list.text)).toMatchObject({ result: { tools: [{ name: 'free' }] } })
    expect(list.text).not.toContain('hidden')
    expect(list.arrived).toEqual([LIST])
    const odd = await send([LIST], 'POST', { 'x-odd': '1' })
    expect(odd.status).toBe(500)
    expect(JSON.parse(odd.text)).toMatchObject({ error: 'server_error' })
  })

  verifies(['ATK-12', 'ATK-15'], 'a body comes with POST only', async () => {
    const send = await startFixture(read)
    for (const method of ['GET', 'DELETE', 'PUT']) {
      expect(await send([LIST], method)).toMatchObject({ status: 400, arrived: [] })
    }
    for (const method of ['GET', 'DELETE']) {
      expect(await send([], method)).toMatchObject({ status: 200, arrived: [''] })
    }
    const encoded = { 'content-type': 'application/json; charset=utf-7' }
    expect(await send([call('free')], 'POST', encoded)).toMatchObject({ status: 415, arrived: [] })
  })
})
