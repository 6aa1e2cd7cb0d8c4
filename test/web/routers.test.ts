/** What routers, mounts and other middleware do to a request must not lead around the gate, nor break it. */
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import express from 'express'
import { Hono } from 'hono'
import { afterEach, describe, expect, test } from 'vitest'
import type { ResourceServerEvent } from 'mcp-gatehouse'
import * as honoEntry from 'mcp-gatehouse/hono'
import * as nodeEntry from 'mcp-gatehouse/node'
import { portOf, sendTo, type TestAnswer } from '../matrix/hosts.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { someTurns } from '../support/turns.js'
import { verifies } from '../support/verifies.js'

const GOOD = { resource: RESOURCE, authorizationServers: ISSUER }
const REACHED = 'reached'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return server
}

type Send = (
  path: string,
  headers?: readonly (readonly [string, string])[],
  method?: string,
) => Promise<Omit<TestAnswer, 'caller'>>

async function senderFor(listener: RequestListener): Promise<Send> {
  const port = portOf(await listen(listener))
  return (path, headers = [], method = 'POST') => sendTo(port, { method, path, headers })
}

const reached: express.RequestHandler = (_request, response) => {
  response.send(REACHED)
}

/** What would end the process of somebody who does not listen for it. */
async function unhandledDuring(work: () => Promise<void>): Promise<unknown[]> {
  const unhandled: unknown[] = []
  const listener = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', listener)
  try {
    await work()
    // Node reports one that nobody handles before the next turn of the loop.
    await someTurns()
  } finally {
    process.off('unhandledRejection', listener)
  }
  return unhandled
}

describe('Express', () => {
  verifies('CASE-51', 'a path that is rewritten before the guard is guarded', async () => {
    const app = express()
    app.use((request, _response, next) => {
      request.url = request.url.replace(/^\/v1(?=\/)/, '')
      next()
    })
    app.use(nodeEntry.protectedResource(GOOD))
    app.all('/mcp', reached)
    app.all('/health', reached)
    const send = await senderFor(app)
    for (const path of ['/v1/mcp', '/v1/MCP/', '/v1/mcp?x', '/mcp']) {
      expect((await send(path)).status, path).toBe(401)
    }
    expect((await send('/v1/health')).body).toBe(REACHED)
  })

  verifies('CASE-51', 'so is one that is rewritten to another', async () => {
    const app = express()
    app.use((request, _response, next) => {
      if (request.url === '/mcp') request.url = '/inner'
      next()
    })
    app.use(nodeEntry.protectedResource(GOOD))
    app.all('/inner', reached)
    const send = await senderFor(app)
    expect((await send('/mcp')).status).toBe(401)
  })

  verifies('CASE-51', 'on a route it guards all that arrives there', async () => {
    const app = express()
    const guard = nodeEntry.protectedResource(GOOD)
    app.post('/rpc', guard, reached)
    app.route('/two').post(guard, reached)
    const router = express.Router()
    router.post('/three', guard, reached)
    app.use(router)
    app.use('/below', express.Router().post('/four', guard, reached))
    app.post('/open', reached)
    const send = await senderFor(app)
    for (const path of ['/rpc', '/two', '/three', '/below/four']) {
      expect((await send(path)).status, path).toBe(401)
    }
    expect((await send('/open')).body).toBe(REACHED)
  })
})

describe('Hono', () => {
  verifies('CASE-51', 'on a route it guards all that arrives there', async () => {
    const app = new Hono()
    app.post('/rpc', honoEntry.protectedResource(GOOD), (c) => c.text(REACHED))
    expect((await app.request('/rpc', { method: 'POST' })).status).toBe(401)
  })

  verifies('CASE-51', 'an application that routes by more than the path is guarded', async () => {
    const app = new Hono({
      getPath: (request) => `/${request.headers.get('x-tenant')}${new URL(request.url).pathname}`,
    })
    app.use(honoEntry.protectedResource(GOOD))
    app.all('/:tenant/mcp', (c) => c.text(REACHED))
    app.all('/:tenant/health', (c) => c.text(REACHED))
    const headers = { 'x-tenant': 'a' }
    for (const path of ['/mcp', '/MCP', '/mcp/below', '/mcp?x=/', '/%6dcp']) {
      expect((await app.request(path, { headers })).status, path).toBe(401)
    }
    expect(await (await app.request('/health', { headers })).text()).toBe(REACHED)
  })

  verifies(
    ['COR-04', 'COR-06'],
    'what a handler exposes and varies by stays beside ours, on errors too',
    async () => {
      const idp = await FakeIdp.start()
      const origin = 'https://app.example.com'
      const app = new Hono()
      app.use(honoEntry.protectedResource({ ...GOOD, fetch: idp.fetch, allowOrigins: [origin] }))
      app.get('/mcp', (c) =>
        c.text(REACHED, 200, {
          Vary: 'Accept, origin',
          'Access-Control-Expose-Headers': 'X-Mine',
          'Access-Control-Allow-Origin': 'https://evil.example',
        }),
      )
      app.get('/mcp/stream', () => Response.redirect('https://elsewhere.example', 302))
      app.get('/mcp/broken', () => {
        throw new Error('broken')
      })
      app.onError((_error, c) => c.text('broken', 500))
      const headers = { origin, authorization: `Bearer ${await idp.token()}` }
      const response = await app.request('/mcp', { headers })
      expect(await response.text()).toBe(REACHED)
      expect(response.headers.get('vary')).toBe('Accept, origin')
      expect(response.headers.get('access-control-expose-headers')).toMatch(
        /^X-Mine, WWW-Authenticate, /,
      )
      expect(response.headers.get('access-control-allow-origin')).toBe(origin)
      // Its headers cannot be changed.
      const immutable = await app.request('/mcp/stream', { headers })
      expect(immutable.status).toBe(302)
      const failed = await app.request('/mcp/broken', { headers })
      expect(failed.status).toBe(500)
      for (const { headers } of [immutable, failed]) {
        expect(headers.get('access-control-allow-origin')).toBe(origin)
        expect(headers.get('vary')).toBe('Origin')
      }
    },
  )
})

describe('node', () => {
  verifies('COR-06', 'headers that earlier middleware set stay beside ours', async () => {
    const idp = await FakeIdp.start()
    const origin = 'https://app.example.com'
    const app = express()
    app.use((_request, response, next) => {
      response.vary('Accept-Encoding')
      next()
    })
    app.use(nodeEntry.protectedResource({ ...GOOD, fetch: idp.fetch, allowOrigins: [origin] }))
    app.use(reached)
    const send = await senderFor(app)
    const token = `Bearer ${await idp.token()}`
    const { headers } = await send('/mcp', [
      ['Origin', origin],
      ['Authorization', token],
    ])
    expect(headers.get('vary')).toBe('Accept-Encoding, Origin')
  })

  verifies(
    ['GW-10', 'KEY-06'],
    'an answer that somebody else gave meanwhile is left alone, and nothing is reached',
    async () => {
      const idp = await FakeIdp.start()
      const token = await idp.token()
      for (const isGood of [true, false]) {
        let release: (() => void) | undefined
        const held = new Promise<void>((resolve) => (release = resolve))
        let wasReached = false
        const app = express()
        app.use((_request, response, next) => {
          next()
          response.status(504).end('too slow')
        })
        const guard = nodeEntry.protectedResource({
          ...GOOD,
          fetch: async (input, init) => {
            await held
            return idp.fetch(input, init)
          },
        })
        app.use(guard)
        app.use((_request, response) => {
          wasReached = true
          response.send(REACHED)
        })
        const send = await senderFor(app)
        const unhandled = await unhandledDuring(async () => {
          const answer = await send('/mcp', [
            ['Authorization', `Bearer ${isGood ? token : `${token.slice(0, -8)}AAAAAAAA`}`],
          ])
          expect(answer.body).toBe('too slow')
          release?.()
          // Joins what the request waited for.
          await guard.resourceServer.verifyAccessToken(token)
        })
        expect(unhandled).toEqual([])
        expect(wasReached).toBe(false)
      }
    },
  )

  verifies('GW-10', 'nothing is reached for a client that left meanwhile', async () => {
    const idp = await FakeIdp.start()
    const token = await idp.token()
    let release: (() => void) | undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const guard = nodeEntry.protectedResource({
      ...GOOD,
      fetch: async (input, init) => {
        await held
        return idp.fetch(input, init)
      },
    })
    let wasReached = false
    let hasLeft: (() => void) | undefined
    const left = new Promise<void>((resolve) => (hasLeft = resolve))
    let hasArrived: (() => void) | undefined
    const arrived = new Promise<void>((resolve) => (hasArrived = resolve))
    const server = await listen((request, response) => {
      hasArrived?.()
      response.on('close', () => hasLeft?.())
      guard(request, response, () => {
        wasReached = true
        response.end(REACHED)
      })
    })
    const unhandled = await unhandledDuring(async () => {
      const outgoing = httpRequest({
        port: portOf(server),
        path: '/mcp',
        headers: { authorization: `Bearer ${token}` },
      })
      outgoing.on('error', () => undefined)
      outgoing.end()
      await arrived
      outgoing.destroy()
      await left
      release?.()
      await guard.resourceServer.verifyAccessToken(token)
    })
    expect(unhandled).toEqual([])
    expect(wasReached).toBe(false)
  })

  verifies(
    'GW-10',
    'a handler that throws after we waited is 500, not the end of the process',
    async () => {
      const idp = await FakeIdp.start()
      const events: ResourceServerEvent[] = []
      const guard = nodeEntry.protectedResource({
        ...GOOD,
        fetch: idp.fetch,
        onEvent: (event) => events.push(event),
      })
      const send = await senderFor((request, response) =>
        guard(request, response, () => {
          throw new RangeError('of the handler')
        }),
      )
      const unhandled = await unhandledDuring(async () => {
        const token = await idp.token()
        const answer = await send('/mcp', [['Authorization', `Bearer ${token}`]])
        expect(answer.status).toBe(500)
        expect(answer.body).not.toContain('of the handler')
      })
      expect(unhandled).toEqual([])
      expect(events.at(-1)).toMatchObject({
        type: 'request.failed',
        where: expect.stringContaining('RangeError'),
      })
    },
  )

  verifies(
    ['CHL-08', 'CASE-68'],
    'two credentials over HTTP/2 are refused as over 1.1',
    async () => {
      const guard = nodeEntry.protectedResource(GOOD)
      const server = createHttp2Server((request, response) => {
        // The client of this runtime joins or refuses them; others do not.
        const twice = Object.create(request, {
          headers: { value: { ...request.headers, authorization: 'Bearer a' } },
          rawHeaders: { value: ['authorization', 'Bearer a', 'authorization', 'Bearer b'] },
        }) as never
        guard(twice, response as never, () => response.end(REACHED))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const client = connect(`http://127.0.0.1:${portOf(server as never)}`)
      closing.push(() => {
        client.destroy()
        server.close()
      })
      const status = await new Promise((resolve, reject) => {
        const stream = client.request({ ':path': '/mcp' })
        stream.on('response', (headers) => resolve(headers[':status']))
        stream.on('error', reject)
      })
      expect(status).toBe(400)
    },
  )
})

describe('requireScopes without protectedResource before it, on the same path', () => {
  const description = 'requireScopes() needs protectedResource() before it, on the same path'

  verifies(['GW-10', 'SCP-01'], 'node: 500, and the process goes on', async () => {
    const events: ResourceServerEvent[] = []
    const guard = nodeEntry.protectedResource({ ...GOOD, onEvent: (event) => events.push(event) })
    const admin = nodeEntry.requireScopes('admin')
    const bare = await senderFor((request, response) =>
      admin(request, response, () => response.end(REACHED)),
    )
    const elsewhere = await senderFor((request, response) =>
      guard(request, response, () => admin(request, response, () => response.end(REACHED))),
    )
    for (const send of [bare, elsewhere]) {
      const { status, body, headers } = await send('/other')
      expect(status).toBe(500)
      expect(JSON.parse(body)).toEqual({ error: 'server_error', error_description: description })
      expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
    }
    expect(events).toEqual([expect.objectContaining({ type: 'request.failed' })])
  })

  verifies(['GW-10', 'SCP-01'], 'Express: 500, whatever the error handlers do', async () => {
    const app = express()
    app.all('/other', nodeEntry.requireScopes('admin'), reached)
    const careless: express.ErrorRequestHandler = (_error, _request, response, _next) => {
      response.send(REACHED)
    }
    app.use(careless)
    const send = await senderFor(app)
    expect((await send('/other')).status).toBe(500)
  })

  verifies(['GW-10', 'SCP-01'], 'Hono: 500, whatever onError does', async () => {
    const events: ResourceServerEvent[] = []
    const bare = new Hono()
    const elsewhere = new Hono()
    elsewhere.use(honoEntry.protectedResource({ ...GOOD, onEvent: (event) => events.push(event) }))
    for (const app of [bare, elsewhere]) {
      app.onError((_error, c) => c.text(REACHED))
      app.all('/other', honoEntry.requireScopes('admin'), (c) => c.text(REACHED))
      const response = await app.request('/other')
      expect(response.status).toBe(500)
      expect(await response.json()).toMatchObject({ error_description: description })
    }
    expect(events).toEqual([expect.objectContaining({ type: 'request.failed' })])
  })

  test('the first of two gates does not hide what the second let in', async () => {
    const idp = await FakeIdp.start()
    const other = { ...GOOD, resource: 'https://mcp.example.com/other', fetch: idp.fetch }
    const headers = { authorization: `Bearer ${await idp.token()}` }
    const app = express()
    app.use(nodeEntry.protectedResource({ ...GOOD, fetch: idp.fetch }))
    app.use(nodeEntry.protectedResource(other))
    app.all('/mcp', nodeEntry.requireScopes('mcp:tools'), reached)
    const send = await senderFor(app)
    expect((await send('/mcp', Object.entries(headers))).body).toBe(REACHED)
    const hono = new Hono()
    hono.use(honoEntry.protectedResource({ ...GOOD, fetch: idp.fetch }))
    hono.use(honoEntry.protectedResource(other))
    hono.all('/mcp', honoEntry.requireScopes('mcp:tools'), (c) => c.text(REACHED))
    expect(await (await hono.request('/mcp', { headers })).text()).toBe(REACHED)
  })
})

describe('what is plugged in', () => {
  verifies('GW-10', 'a listener whose promise rejects does not end the process', async () => {
    const app = new Hono()
    const onEvent = () => Promise.reject(new Error('the log server is down'))
    app.use(honoEntry.protectedResource({ ...GOOD, onEvent }))
    const unhandled = await unhandledDuring(async () => {
      expect((await app.request('/mcp')).status).toBe(401)
    })
    expect(unhandled).toEqual([])
  })

  const generators: Record<string, () => unknown> = {
    throws: () => {
      throw new Error('no entropy')
    },
    'returns a line end': () => 'a\r\nb',
    'returns nothing': () => undefined,
  }
  for (const [name, randomUUID] of Object.entries(generators)) {
    verifies('GW-10', `a randomUUID that ${name} breaks no refusal`, async () => {
      const guard = nodeEntry.protectedResource({ ...GOOD, randomUUID: randomUUID as never })
      const send = await senderFor((request, response) =>
        guard(request, response, () => response.end(REACHED)),
      )
      for (const headers of [[], [['Origin', 'https://evil.example']]] as const) {
        const answer = await send('/mcp', headers as never)
        expect(answer.status).toBe(headers.length === 0 ? 401 : 403)
        expect(answer.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
      }
    })
  }
})
