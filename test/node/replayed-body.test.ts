/** A body that was read for a policy is there again for the handler, however it reads. */
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import express from 'express'
import { describe, expect, onTestFinished, test } from 'vitest'
import { protectedResource, type AuthenticatedRequest } from 'mcp-gatehouse/node'
import { portOf } from '../matrix/hosts.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { someTurns } from '../support/turns.js'
import { verifies } from '../support/verifies.js'

const BODY = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', x: 'é'.repeat(100_000) })

const READERS: Readonly<Record<string, (request: IncomingMessage) => Promise<string>>> = {
  'by data': (request) =>
    new Promise((resolve) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => resolve(Buffer.concat(chunks).toString()))
    }),
  'by readable': (request) =>
    new Promise((resolve) => {
      const chunks: Buffer[] = []
      request.on('readable', () => {
        for (let chunk = request.read(); chunk !== null; chunk = request.read()) chunks.push(chunk)
      })
      request.on('end', () => resolve(Buffer.concat(chunks).toString()))
    }),
  'by iteration': async (request) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString()
  },
  'as a web stream, later': async (request) => {
    await someTurns()
    return new Response(Readable.toWeb(request) as never).text()
  },
  'by a body parser': (request) =>
    new Promise((resolve, reject) => {
      express.json({ limit: '10mb' })(request as never, {} as never, (error?: unknown) => {
        if (error instanceof Error) reject(error)
        else resolve(JSON.stringify((request as { body?: unknown }).body))
      })
    }),
}

async function startFixture(
  read: (request: IncomingMessage) => Promise<string>,
  before: (request: AuthenticatedRequest) => Promise<void> = () => Promise.resolve(),
  maxBody?: number,
) {
  const idp = await FakeIdp.start()
  const guard = protectedResource({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
    policy: { rules: [], unmatched: 'deny' },
    ...(maxBody !== undefined && { maxBody }),
  })
  const server = createServer((request, response) => {
    void before(request).then(() => {
      guard(request, response, () => void read(request).then((body) => response.end(body)))
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const token = await idp.token()
  return (pieces: readonly string[], headers: Record<string, string> = {}) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const outgoing = httpRequest(
        {
          port: portOf(server),
          path: '/mcp',
          method: 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            ...headers,
          },
        },
        (response) => {
          READERS['by data']?.(response).then(
            (body) => resolve({ status: response.statusCode, body }),
            reject,
          )
        },
      )
      outgoing.on('error', reject)
      void (async () => {
        for (const piece of pieces) {
          // Once it has left, so that each is read by itself.
          await new Promise<void>((next) => outgoing.write(piece, () => next()))
        }
        outgoing.end()
      })()
    })
}

describe.each(Object.entries(READERS))('read %s', (_, read) => {
  test('in one piece or several', async () => {
    const send = await startFixture(read)
    expect(await send([BODY])).toEqual({ status: 200, body: BODY })
    const pieces = [BODY.slice(0, 10), BODY.slice(10, 70_000), BODY.slice(70_000)]
    expect(await send(pieces)).toEqual({ status: 200, body: BODY })
  })
})

describe('what is refused', () => {
  const read = READERS['by data'] as (request: IncomingMessage) => Promise<string>

  test('too much, encoded, in another charset, nothing', async () => {
    const send = await startFixture(read, undefined, 1_000)
    expect((await send([BODY])).status).toBe(413)
    expect((await send(['{}'], { 'content-encoding': 'gzip' })).status).toBe(415)
    expect((await send(['{}'], { 'content-type': 'application/json; charset=utf-7' })).status).toBe(
      415,
    )
    expect((await send([])).status).toBe(400)
  })

  verifies(
    'HDR-08',
    'what a body parser would read in another charset than was judged',
    async () => {
      const send = await startFixture(READERS['by a body parser'] as typeof read)
      // In UTF-7 the text goes on with `","method":"tools/call","x":"`.
      const body =
        '{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"x":"+ACIALAAi-method+ACIAOgAi-tools/call+ACIALAAi-x+ACIAOgAi-"}'
      for (const type of [
        'application/json; charset=utf-8; charset=utf-7',
        'application/json; charset=utf-7; charset=utf-8',
        'application/json; x="; charset=utf-8"; charset=utf-7',
        'application/json; charset="ut\\f-7"; charset=utf-8',
      ]) {
        const answer = await send([body], { 'content-type': type })
        expect({ type, status: answer.status }).toEqual({ type, status: 415 })
      }
      const plain = { 'content-type': 'application/json; Charset="UTF-8"' }
      expect(await send([body], plain)).toEqual({ status: 200, body })
    },
  )

  test('what somebody before us read, unless it is still there', async () => {
    const gone = await startFixture(read, async (request) => void (await read(request)))
    expect((await gone([BODY])).status).toBe(500)
    const parsed = await startFixture(
      (request) => Promise.resolve(JSON.stringify((request as { body?: unknown }).body)),
      async (request) => {
        Object.assign(request, { body: JSON.parse(await read(request)) as unknown })
      },
    )
    expect(await parsed([BODY])).toEqual({ status: 200, body: BODY })
    const denied = BODY.replace('ping', 'tools/call')
    expect((await parsed([denied])).status).toBe(400)
    const raw = await startFixture(
      () => Promise.resolve('ok'),
      async (request) => {
        Object.assign(request, { rawBody: Buffer.from(await read(request)) })
      },
    )
    expect((await raw([BODY])).status).toBe(200)
    expect((await raw(['{"jsonrpc":"2.0","id":1,"method":"ping","method":"x"}'])).status).toBe(400)
  })
})
