/** Sessions and streams behind the middleware: they belong to who was given them, and end with the token. */
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import { connect as connectSocket, type Socket } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ConfigurationError, type ResourceServerEvent } from 'mcp-gatehouse'
import { protect } from 'mcp-gatehouse/fetch'
import * as honoEntry from 'mcp-gatehouse/hono'
import * as nodeEntry from 'mcp-gatehouse/node'
import { callerKey } from '../../src/rs/caller-key.js'
import { createSessionIds } from '../../src/web/session-ids.js'
import { portOf } from '../matrix/hosts.js'
import { eventually } from '../support/gateway.js'
import { FakeIdp, ISSUER, RESOURCE, type TokenSpec } from '../support/idp.js'
import { someTurns } from '../support/turns.js'
import { verifies } from '../support/verifies.js'

const KEY = 'k'.repeat(32)
const OTHER_KEY = 'o'.repeat(32)
const NOT_FOUND = '{"error":"session_not_found","error_description":"There is no such session"}'
const EVENT = 'data: 1\n\n'

/** What the handler was, and what it saw. */
interface Handled {
  /** The session of each request, by each way that there is to read it. */
  readonly sessions: unknown[]
  readonly bodies: string[]
  /** The id that a POST without a session gets. */
  created: string
  /** Streams that are open. */
  open: number
  /** Writes one more event to each, or other text. */
  write(text?: string): void
  /** Ends the newest. */
  end: (() => void) | undefined
  /** How often a write of the handler threw. */
  thrown: number
}

type Options = Partial<nodeEntry.ProtectedResourceOptions>
type Start = (options: nodeEntry.ProtectedResourceOptions, handled: Handled) => Promise<Server>

const closing: (() => void)[] = []
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.resetModules()
  for (const close of closing.splice(0)) close()
})

/** What handlers of a `Request` answer. */
function webAnswer(id: string | undefined, isStream: boolean, handled: Handled): Response {
  const headers = { 'Mcp-Session-Id': id ?? handled.created }
  if (!isStream) return new Response('{}', { headers })
  const encoder = new TextEncoder()
  const write = handled.write
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      handled.open++
      const event = (text = EVENT) => {
        try {
          controller.enqueue(encoder.encode(text))
        } catch {
          // As SDKs do: the reader has left.
        }
      }
      event()
      handled.write = (text) => (write(text), event(text))
      handled.end = () => controller.close()
    },
    cancel() {
      handled.open--
    },
  })
  return new Response(body, {
    status: 201,
    headers: { ...headers, 'Content-Type': 'text/event-stream', 'X-Mine': 'kept' },
  })
}

function fetchServer(
  options: nodeEntry.ProtectedResourceOptions,
  handled: Handled,
): Promise<Server> {
  const guard = protect(options)
  const handle = (incoming: Request) =>
    guard(incoming, async (request) => {
      const id = request.headers.get('mcp-session-id') ?? undefined
      handled.sessions.push([id, id])
      if (request.method !== 'GET') handled.bodies.push(await request.text())
      return webAnswer(id, new URL(request.url).searchParams.has('stream'), handled)
    })
  return new Promise((resolve) => {
    const server = serve({ fetch: handle, port: 0, hostname: '127.0.0.1' }, () =>
      resolve(server as Server),
    )
  })
}

function honoServer(
  options: nodeEntry.ProtectedResourceOptions,
  handled: Handled,
  before?: (app: Hono<honoEntry.ProtectedResourceEnv>) => void,
): Promise<Server> {
  const app = new Hono<honoEntry.ProtectedResourceEnv>()
  before?.(app)
  app.use(honoEntry.protectedResource(options))
  app.all('/mcp', async (c) => {
    const id = c.req.header('mcp-session-id')
    handled.sessions.push([id, c.req.raw.headers.get('mcp-session-id') ?? undefined])
    if (c.req.method !== 'GET') handled.bodies.push(await c.req.text())
    return webAnswer(id, c.req.query('stream') !== undefined, handled)
  })
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () =>
      resolve(server as Server),
    )
  })
}

/** @param form how the handler says its header fields */
function nodeHandler(handled: Handled, form: 'object' | 'list' | 'set') {
  return async (request: IncomingMessage, response: import('node:http').ServerResponse) => {
    const raw = request.rawHeaders.filter(
      (_, i) => i % 2 === 1 && request.rawHeaders[i - 1]?.toLowerCase() === 'mcp-session-id',
    )
    const id = request.headers['mcp-session-id']?.toString()
    expect(request.headersDistinct['mcp-session-id']).toEqual(raw.length === 0 ? undefined : raw)
    handled.sessions.push([id, raw[0]])
    let text = ''
    for await (const chunk of request) text += String(chunk)
    if (request.method !== 'GET') handled.bodies.push(text)
    const isStream = request.url?.includes('stream') === true
    const fields: Record<string, string> = { 'Mcp-Session-Id': id ?? handled.created }
    if (isStream) {
      fields['Content-Type'] = 'text/event-stream'
      fields['X-Mine'] = 'kept'
    }
    const status = isStream ? 201 : 200
    if (form === 'object') response.writeHead(status, fields)
    else if (form === 'list') response.writeHead(status, Object.entries(fields).flat())
    else {
      response.statusCode = status
      for (const [name, value] of Object.entries(fields)) response.setHeader(name, value)
    }
    if (!isStream) return void response.end('{}')
    handled.open++
    response.on('close', () => handled.open--)
    response.on('error', () => handled.thrown++)
    const event = (text = EVENT) => {
      try {
        response.write(text)
      } catch {
        handled.thrown++
      }
    }
    event()
    handled.end = () => response.end()
    const { write } = handled
    handled.write = (text) => (write(text), event(text))
  }
}

function nodeServer(form: 'object' | 'list' | 'set'): Start {
  return async (options, handled) => {
    const guard = nodeEntry.protectedResource(options)
    const handle = nodeHandler(handled, form)
    const server = createServer((request, response) => {
      guard(request, response, () => void handle(request, response))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return server
  }
}

const expressServer: Start = async (options, handled) => {
  const app = express()
  app.use(nodeEntry.protectedResource(options))
  const handle = nodeHandler(handled, 'set')
  app.all('/mcp', (request, response) => void handle(request, response))
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const ENTRIES: readonly (readonly [string, Start])[] = [
  ['hono', honoServer],
  ['fetch', fetchServer],
  ['node, fields as an object', nodeServer('object')],
  ['node, fields as a list', nodeServer('list')],
  ['node, fields set', nodeServer('set')],
  ['express', expressServer],
]

interface Answer {
  readonly status: number
  readonly body: string
  readonly session: string | undefined
}

/** A clock that stands, shortly before the end of the second, until it is told to pass that. */
function createClock() {
  let at = Math.floor(Date.now() / 1000) * 1000 + 980
  return { now: () => at, expire: () => (at += 1000) }
}

async function begin(start: Start, options: Options = {}) {
  const { now, expire } = createClock()
  const idp = await FakeIdp.start()
  idp.now = now
  const events: ResourceServerEvent[] = []
  const handled: Handled = {
    sessions: [],
    bodies: [],
    created: 'session-1',
    open: 0,
    write: () => undefined,
    end: undefined,
    thrown: 0,
  }
  const server = await start(
    {
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      now,
      onEvent(event) {
        events.push(event)
        // When the answer is ended, and before it is gone.
        if (event.type === 'token.ended') queueMicrotask(() => handled.write())
      },
      ...options,
    },
    handled,
  )
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${portOf(server)}/mcp`

  async function open(
    token: string,
    session?: string,
    method = 'POST',
    path = '',
    fields: Readonly<Record<string, string>> = {},
    body = 'the body',
  ) {
    return fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(session !== undefined && { 'mcp-session-id': session }),
        ...fields,
      },
      ...(method === 'POST' && { body }),
    })
  }
  async function visit(token: string, session?: string, method?: string): Promise<Answer> {
    const response = await open(token, session, method)
    return {
      status: response.status,
      body: await response.text(),
      session: response.headers.get('mcp-session-id') ?? undefined,
    }
  }
  /** All tokens of before end. Whatever watched one of them has looked at it before this is over. */
  async function expireAndWatch(): Promise<void> {
    expire()
    const response = await open(await shortToken(idp), undefined, 'GET', '?stream')
    expire()
    await response.text()
  }
  const reported = (type: ResourceServerEvent['type']) =>
    events.filter((event) => event.type === type)
  const token = await idp.token()
  return { idp, events, reported, handled, url, open, visit, token, expire, expireAndWatch }
}

/** Timers of this length run when the test says so; all others by themselves. */
function holdTimers(milliseconds: number): (() => void)[] {
  const held: (() => void)[] = []
  const real = globalThis.setTimeout
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((callback: () => void, delay?: number) => {
    if (delay !== milliseconds) return real(callback, delay)
    held.push(callback)
    return real(() => undefined, delay)
  }) as typeof setTimeout)
  return held
}

/** All of an answer, and whether it was all of it. */
async function follow(
  { body }: Response,
  onText: (text: string) => void = () => undefined,
): Promise<{ text: string; end: 'whole' | 'cut' }> {
  let text = ''
  try {
    for await (const chunk of body as ReadableStream<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      onText(text)
    }
  } catch {
    return { text, end: 'cut' }
  }
  return { text, end: 'whole' }
}

/** Whether a stream still says this. */
async function says({ body }: Response, words: string): Promise<boolean> {
  let text = ''
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    text += Buffer.from(chunk).toString()
    if (text.includes(words)) return true
  }
  return false
}

/** Ends when the clock passes the second; the clocks may differ by nothing. */
async function shortToken(idp: FakeIdp): Promise<string> {
  return idp.token({ claims: { exp: Math.ceil(idp.now() / 1000) } })
}

const OTHERS: Record<string, TokenSpec> = {
  'another user': { claims: { sub: 'user-2' } },
  'another client': { claims: { client_id: 'client-2' } },
  'no user': { claims: { sub: undefined } as never },
  nobody: { claims: { sub: undefined, client_id: undefined } as never },
}

describe.each(ENTRIES)('%s: sessions', (_name, start) => {
  verifies(['STA-01', 'CASE-46'], 'in any other hands it is 404, always the same', async () => {
    const { idp, handled, events, reported, visit, token, url } = await begin(start, {
      sessionKeys: [KEY],
    })
    const { session = '' } = await visit(token)
    handled.sessions.length = 0
    const attempts: (readonly [string, string])[] = [
      [token, ''],
      [token, 'session-1'],
      [token, `${session}x`],
      [token, `x${session.slice(1)}`],
      [token, session.slice(43)],
      [token, `${session}, ${session}`],
    ]
    for (const spec of Object.values(OTHERS)) attempts.push([await idp.token(spec), session])
    for (const [bearer, id] of attempts) {
      expect(await visit(bearer, id)).toEqual({ status: 404, body: NOT_FOUND, session: undefined })
    }
    const status = await new Promise((resolve, reject) => {
      const raw = ['Host', 'x', 'Authorization', `Bearer ${token}`]
      raw.push('Mcp-Session-Id', session, 'mcp-session-id', session)
      httpRequest(url, { headers: raw as never }, ({ statusCode }) => resolve(statusCode))
        .on('error', reject)
        .end()
    })
    expect(status).toBe(404)
    expect(handled.sessions).toEqual([])
    expect(reported('session.refused')).toHaveLength(attempts.length + 1)
    expect(JSON.stringify(events)).not.toContain('session-1')
    expect(reported('session.refused')[0]).toMatchObject({
      requestId: expect.stringMatching(/^[\da-f-]{36}$/),
      reason: expect.stringMatching(/\(SHA-256 of the id: [\da-f]{8}…\)$/),
    })
  })

  verifies(
    ['STA-01', 'CASE-47'],
    'its owner goes on with it, and the handler sees its own',
    async () => {
      const { idp, handled, visit, token } = await begin(start, { sessionKeys: [KEY] })
      const { session = '' } = await visit(token)
      expect(session).toMatch(/^[\w-]{43}\.session-1$/)
      const refreshed = await idp.token({ claims: { jti: 'id-2', scope: 'mcp:more' } })
      for (const [bearer, method] of [
        [token, 'POST'],
        [refreshed, 'POST'],
        [refreshed, 'GET'],
        [refreshed, 'DELETE'],
      ] as const) {
        expect(await visit(bearer, session, method)).toEqual({ status: 200, body: '{}', session })
      }
      expect(handled.sessions).toEqual([
        [undefined, undefined],
        ...Array.from({ length: 4 }, () => ['session-1', 'session-1']),
      ])
      expect(handled.bodies.slice(0, 3)).toEqual(['the body', 'the body', 'the body'])
    },
  )

  verifies('STA-01', 'moves between gateway, processes and keys that follow', async () => {
    const token = { issuer: ISSUER, subject: 'user-1', clientId: 'client-1' } as never
    const owner = { resource: RESOURCE, key: callerKey({ token, bearer: '' }) }
    const sealed = createSessionIds([KEY]).seal(owner, 'session-9') ?? ''
    const both = await begin(start, { sessionKeys: [OTHER_KEY, KEY] })
    expect((await both.visit(both.token, sealed)).status).toBe(200)
    expect(both.handled.sessions).toEqual([['session-9', 'session-9']])
    const other = await begin(start, { sessionKeys: [OTHER_KEY] })
    expect((await other.visit(other.token, sealed)).status).toBe(404)
    const elsewhere = await begin(start, {
      sessionKeys: [KEY],
      resource: 'https://other.example.com/mcp',
      audience: RESOURCE,
    })
    expect((await elsewhere.visit(elsewhere.token, sealed)).status).toBe(404)
  })

  verifies('STA-01', 'an id of the handler that is none reaches nobody', async () => {
    const { handled, reported, visit, token } = await begin(start, { sessionKeys: [KEY] })
    handled.created = 'two words'
    expect(await visit(token)).toEqual({ status: 200, body: '{}', session: undefined })
    expect(reported('request.failed')).toHaveLength(1)
  })

  test('without keys ids pass as they are', async () => {
    const { handled, visit, token } = await begin(start)
    expect((await visit(token)).session).toBe('session-1')
    expect((await visit(token, 'mine, too')).session).toBe('mine, too')
    expect(handled.sessions.at(-1)).toEqual(['mine, too', 'mine, too'])
  })
})

describe.each(ENTRIES)('%s: streams', (_name, start) => {
  const NO_TOLERANCE = { clockTolerance: 0 }

  verifies('TRN-09', 'that answer a GET end with their token, cleanly', async () => {
    const { idp, handled, reported, open, expire } = await begin(start, NO_TOLERANCE)
    const response = await open(await shortToken(idp), undefined, 'GET', '?stream')
    expect([response.status, response.headers.get('x-mine')]).toEqual([201, 'kept'])
    handled.write()
    expire()
    // A cut would reject.
    expect(await response.text()).toBe(EVENT + EVENT)
    await eventually(() => handled.open === 0)
    for (let i = 0; i < 10; i++) handled.write()
    expect(handled.thrown).toBe(0)
    expect(reported('token.ended')).toEqual([
      expect.objectContaining({
        requestId: expect.stringMatching(/^[\da-f-]{36}$/),
        code: 'ERR_TOKEN_EXPIRED',
        issuer: ISSUER,
      }),
    ])
    expect(reported('request.failed')).toEqual([])
  })

  verifies(
    ['TRN-09', 'CASE-50'],
    'that answer a POST go on, and are cut after streamGrace',
    async () => {
      const options = { ...NO_TOLERANCE, streamGrace: 77 }
      const { idp, handled, reported, open, expire } = await begin(start, options)
      const graces = holdTimers(77_000)
      const response = await open(await shortToken(idp), undefined, 'POST', '?stream')
      let text = ''
      const reading = follow(response, (soFar) => (text = soFar))
      expire()
      await eventually(() => graces.length === 1)
      expect(reported('token.ended')).toHaveLength(1)
      // It wrote once more then.
      await eventually(() => text === EVENT + EVENT)
      expect(handled.open).toBe(1)
      graces[0]?.()
      expect(await reading).toEqual({ text: EVENT + EVENT, end: 'cut' })
      await eventually(() => handled.open === 0)
      for (let i = 0; i < 10; i++) handled.write()
      await new Promise((resolve) => setImmediate(resolve))
      expect(handled.thrown).toBe(0)
    },
  )

  verifies('TRN-09', 'that answer a POST and end by themselves meanwhile are whole', async () => {
    const options = { ...NO_TOLERANCE, streamGrace: 60 }
    const { idp, handled, reported, open, expire } = await begin(start, options)
    const response = await open(await shortToken(idp), undefined, 'POST', '?stream')
    const reading = follow(response)
    expire()
    await eventually(() => reported('token.ended').length === 1)
    await eventually(() => handled.end !== undefined)
    handled.end?.()
    expect(await reading).toEqual({ text: EVENT + EVENT, end: 'whole' })
  })

  verifies(
    ['TRN-09', 'HDR-05'],
    'of a subscription end with their token, cleanly; in revisions without such headers none is one',
    async () => {
      const options = { ...NO_TOLERANCE, streamGrace: 60 }
      const { idp, handled, reported, open, expire } = await begin(start, options)
      const token = await shortToken(idp)
      const listen = (version: string | undefined) => {
        const method = 'subscriptions/listen'
        const _meta = { 'io.modelcontextprotocol/protocolVersion': version }
        const fields = {
          'mcp-method': method,
          'content-type': 'application/json',
          ...(version !== undefined && { 'mcp-protocol-version': version }),
        }
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { _meta } })
        return open(token, undefined, 'POST', '?stream', fields, body)
      }
      const older = [await listen('2025-11-25'), await listen(undefined)]
      const subscription = await listen('2026-07-28')
      expire()
      expect((await follow(subscription)).end).toBe('whole')
      await eventually(() => reported('token.ended').length === 3)
      handled.write('data: still\n\n')
      for (const stream of older) expect(await says(stream, 'still')).toBe(true)
    },
  )

  verifies(
    ['TRN-05', 'TRN-09'],
    'a client that leaves is told on, and nothing watches',
    async () => {
      const { idp, handled, reported, url, expireAndWatch } = await begin(start, NO_TOLERANCE)
      const leaving = new AbortController()
      const headers = { authorization: `Bearer ${await shortToken(idp)}` }
      await fetch(`${url}?stream`, { headers, signal: leaving.signal })
      expect(handled.open).toBe(1)
      leaving.abort()
      await eventually(() => handled.open === 0)
      await expireAndWatch()
      // That of the second stream.
      expect(reported('token.ended')).toHaveLength(1)
    },
  )

  verifies('TRN-09', 'an answer that is not an event stream is not watched', async () => {
    const { idp, reported, open, expireAndWatch } = await begin(start, NO_TOLERANCE)
    await (await open(await shortToken(idp), undefined, 'GET')).text()
    await expireAndWatch()
    // That of the stream.
    expect(reported('token.ended')).toHaveLength(1)
  })
})

verifies(['STA-01', 'TRN-09'], 'node over HTTP/2: the same', async () => {
  const { now, expire } = createClock()
  const idp = await FakeIdp.start()
  idp.now = now
  const guard = nodeEntry.protectedResource({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
    now,
    clockTolerance: 0,
    streamGrace: 0,
    sessionKeys: [KEY],
  })
  const seen: unknown[] = []
  const server = createHttp2Server((request, response) => {
    guard(request as never, response as never, () => {
      seen.push(request.headers['mcp-session-id'])
      response.setHeader('Mcp-Session-Id', 'session-1')
      if (request.method === 'PUT') return void response.end('{}')
      response.setHeader('Content-Type', 'text/event-stream')
      response.write(EVENT)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connect(`http://127.0.0.1:${portOf(server as never)}`)
  closing.push(() => {
    client.destroy()
    server.close()
  })
  async function send(method: string, token: string, session?: string) {
    const stream = client.request({
      ':path': '/mcp',
      ':method': method,
      authorization: `Bearer ${token}`,
      ...(session !== undefined && { 'mcp-session-id': session }),
    })
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    expire()
    let body = ''
    for await (const chunk of stream) body += String(chunk)
    return { status: headers[':status'], session: String(headers['mcp-session-id']), body }
  }
  const { session } = await send('PUT', await idp.token())
  expect(session).toMatch(/^[\w-]{43}\.session-1$/)
  const other = await send('PUT', await idp.token({ claims: { sub: 'user-2' } }), session)
  expect(other).toMatchObject({ status: 404, body: NOT_FOUND })
  const stream = await send('GET', await shortToken(idp), session)
  expect(stream).toEqual({ status: 200, session, body: EVENT })
  await expect(send('POST', await shortToken(idp), session)).rejects.toThrow()
  expect(seen).toEqual([undefined, 'session-1', 'session-1'])
})

/** Sends by hand. The socket is paused, so that nothing is read that the test does not read. */
function sendRaw(url: string, head: string): Socket {
  const { port, host, pathname, search } = new URL(url)
  const socket = connectSocket({ port: Number(port), host: '127.0.0.1' }).pause()
  closing.push(() => socket.destroy())
  socket.write(head.replace('/', `${pathname}${search}`).replace('\r\n', `\r\nHost: ${host}\r\n`))
  return socket
}

describe('node: connections', () => {
  const start = nodeServer('set')

  verifies('TRN-09', 'who does not read the end of a stream holds it for 5 seconds', async () => {
    const { idp, handled, reported, url, expire } = await begin(start, { clockTolerance: 0 })
    const lingering = holdTimers(5_000)
    const authorization = `Authorization: Bearer ${await shortToken(idp)}`
    const socket = sendRaw(`${url}?stream`, `GET / HTTP/1.1\r\n${authorization}\r\n\r\n`)
    socket.on('error', () => undefined)
    await eventually(() => handled.open === 1)
    // More than the buffers on the way hold.
    handled.write(`data: ${'1'.repeat(20_000_000)}\n\n`)
    const others = lingering.length
    expire()
    await eventually(() => lingering.length > others)
    expect(reported('token.ended')).toHaveLength(1)
    expect(handled.open).toBe(1)
    for (const end of lingering.slice(others)) end()
    await eventually(() => handled.open === 0)
  })

  for (const version of ['1.0', '0.9']) {
    verifies(
      'TRN-09',
      `of HTTP/${version}, where the end is the end of the answer: a reset`,
      async () => {
        const options = { clockTolerance: 0, streamGrace: 0 }
        const { idp, url, handled, expire } = await begin(start, options)
        const authorization = `Authorization: Bearer ${await shortToken(idp)}`
        const length = 'Content-Length: 0'
        const head = `POST / HTTP/${version}\r\n${authorization}\r\n${length}\r\n\r\n`
        const socket = sendRaw(`${url}?stream`, head).resume()
        const reset = once(socket, 'error')
        await eventually(() => handled.open === 1)
        expire()
        const [error] = (await reset) as [NodeJS.ErrnoException]
        expect(error.code).toBe('ECONNRESET')
      },
    )
  }
})

test('hono: nothing is read of a stream that its reader does not ask for', async () => {
  const idp = await FakeIdp.start()
  const app = new Hono()
  app.use(
    honoEntry.protectedResource({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
    }),
  )
  let pulled = 0
  app.get('/mcp', () => {
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++
          controller.enqueue(new Uint8Array(10))
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(body, { headers: { 'content-type': 'Text/Event-Stream; charset=utf-8' } })
  })
  const headers = { authorization: `Bearer ${await idp.token()}` }
  const response = await app.request('/mcp', { headers })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  await someTurns()
  expect(pulled).toBe(0)
  await reader.read()
  await reader.read()
  expect(pulled).toBe(2)
  await reader.cancel()
})

test('hono: a body that was read before the guard is still there behind it', async () => {
  const readFirst: Start = (options, handled) =>
    honoServer(options, handled, (app) =>
      app.use(async (c, next) => {
        await c.req.text()
        await next()
      }),
    )
  const { handled, visit, token } = await begin(readFirst, { sessionKeys: [KEY] })
  const { session } = await visit(token)
  expect((await visit(token, session)).status).toBe(200)
  expect(handled.bodies).toEqual(['the body', 'the body'])
})

describe('options', () => {
  function problemsOf(options: object): string[] {
    try {
      nodeEntry.protectedResource({ resource: RESOURCE, authorizationServers: ISSUER, ...options })
      return []
    } catch (error) {
      return (error as ConfigurationError).problems.map(({ path }) => path)
    }
  }

  test('problems are listed with all others, and show no key', () => {
    for (const sessionKeys of [[], KEY, {}, null]) {
      expect(problemsOf({ sessionKeys })).toEqual(['sessionKeys'])
    }
    expect(problemsOf({ sessionKeys: [KEY, 'short', 1, `${KEY} `], wait: -1 })).toEqual([
      'wait',
      'sessionKeys[1]',
      'sessionKeys[2]',
      'sessionKeys[3]',
    ])
    for (const streamGrace of [-1, 86_401, Number.NaN, '5m', null]) {
      expect(problemsOf({ streamGrace })).toEqual(['streamGrace'])
    }
    expect(problemsOf({ sessionKeys: [KEY, OTHER_KEY], streamGrace: 0 })).toEqual([])
    expect(() =>
      nodeEntry.protectedResource({
        resource: RESOURCE,
        authorizationServers: ISSUER,
        sessionKeys: ['secret-1'],
      }),
    ).toThrow(expect.not.objectContaining({ message: expect.stringContaining('secret-1') }))
  })

  test('without node:crypto keys are a problem at the start', async () => {
    vi.resetModules()
    vi.stubGlobal('process', { ...process, getBuiltinModule: undefined })
    const neutral = await import('mcp-gatehouse/hono')
    const options = { resource: RESOURCE, authorizationServers: ISSUER }
    expect(() => neutral.protectedResource({ ...options, sessionKeys: [KEY] })).toThrow(
      /needs node:crypto/,
    )
    neutral.protectedResource(options)
  })
})
