/** What a body parser makes of a body is what was judged, whatever its type says and whichever reads it first. */
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import express from 'express'
import fc from 'fast-check'
import { describe, expect, onTestFinished } from 'vitest'
import { protectedResource } from 'mcp-gatehouse/node'
import { portOf } from '../matrix/hosts.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const RUNS = Number(process.env['PARSER_RUNS'] ?? 60)
const call = (name: string, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })

const any = { type: () => true }
const PARSERS = {
  json: express.json(),
  'json of any type': express.json(any),
  'json that is not strict': express.json({ ...any, strict: false }),
  text: express.text(any),
  raw: express.raw(any),
  form: express.urlencoded({ ...any, extended: true }),
  'plain form': express.urlencoded({ ...any, extended: false }),
} as const
type Parser = keyof typeof PARSERS

/** The tool that a handler finds in what is left for it. */
function toolIn(body: unknown): unknown {
  try {
    const text = Buffer.isBuffer(body) ? body.toString() : body
    const message: unknown = typeof text === 'string' ? JSON.parse(text) : text
    return (message as { params?: { name?: unknown } }).params?.name
  } catch {
    return undefined
  }
}

async function startFixture(parser: Parser, isFirst: boolean) {
  const idp = await FakeIdp.start()
  const guard = protectedResource({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
    policy: { rules: [{ tools: ['free'], scopes: [] }], unmatched: 'deny' },
    // So that nobody has to wait.
    now: () => Date.now(),
  })
  let seen: unknown
  const app = express()
  const steps = isFirst ? [PARSERS[parser], guard] : [guard, PARSERS[parser]]
  for (const step of steps) app.use(step as express.RequestHandler)
  app.post('/mcp', (request, response) => {
    seen = toolIn(request.body)
    response.send('ok')
  })
  app.use((_error: unknown, _request: unknown, response: express.Response, _next: unknown) => {
    response.status(400).send('no')
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  let callers = 0
  return async (type: string, body: Buffer) => {
    seen = undefined
    const token = await idp.token({ claims: { sub: `caller ${callers++}` } })
    const status = await new Promise<number>((resolve, reject) => {
      const outgoing = httpRequest(
        {
          port: portOf(server),
          path: '/mcp',
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': type },
        },
        (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode ?? 0))
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })
    return { status, seen }
  }
}

const charsets = fc.constantFrom(
  'utf-8',
  'UTF-8',
  'utf8',
  'utf-7',
  'utf-16',
  'utf-16le',
  'latin1',
  '',
)
const types = fc.oneof(
  fc.constantFrom(
    'application/json',
    'application/json;charset="utf-8"',
    'application/x-www-form-urlencoded',
    'text/plain',
  ),
  fc
    .tuple(
      fc.constantFrom('application/json', 'Application/Json ', 'application/x-www-form-urlencoded'),
      fc.array(
        fc.oneof(
          charsets.map((name) => `charset=${name}`),
          charsets.map((name) => `charset="${name}"`),
          charsets.map((name) => `charset*=utf-8''${name}`),
          charsets.map((name) => `x="; charset=${name}"`),
          fc.constantFrom('charset*0=utf-', 'charset*1=7', '\u0085charset=utf-7', ''),
        ),
        { maxLength: 3 },
      ),
      fc.constantFrom(';', '; ', ' ;', ','),
    )
    .map(([type, parameters, separator]) => [type, ...parameters].join(separator)),
)
const UTF_7 =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"free","x":"+ACIALAAi-name+ACIAOgAi-evil+ACIALAAi-y+ACIAOgAi-"}}'
const bodies = fc.oneof(
  fc.constantFrom('free', 'evil').map((name) => Buffer.from(call(name))),
  fc.constantFrom('free', 'evil').map((name) => Buffer.from(call(name), 'utf16le')),
  fc.constant(Buffer.from(UTF_7)),
  fc.constant(Buffer.from(`\ufeff${call('free')}`)),
  fc.constant(Buffer.from('jsonrpc=2.0&id=1&method=tools/call&params[name]=evil')),
  fc.constant(Buffer.from(`${call('free')}&params[name]=evil`)),
  fc.constant(Buffer.from(call('free').replace('"free"', '"free","name":"evil"'))),
  fc.constant(Buffer.from(call('free').replace('"free"', '"free","__proto__":{"name":"evil"}'))),
)

describe.each(Object.keys(PARSERS) as Parser[])('behind or before Express: %s', (parser) => {
  verifies('ATK-11', 'no handler finds a tool that was not judged', async () => {
    let reached = 0
    const readsJson = !parser.includes('form')
    for (const isFirst of [true, false]) {
      const send = await startFixture(parser, isFirst)
      for (const [type, body] of fc.sample(fc.tuple(types, bodies), RUNS)) {
        const { status, seen } = await send(type, body)
        if (status === 200) reached++
        expect({ type, body: body.toString(), seen }).not.toMatchObject({ seen: 'evil' })
      }
      const plain = await send('application/json', Buffer.from(call('free')))
      expect(readsJson ? plain : 'a form').toEqual(
        readsJson ? { status: 200, seen: 'free' } : 'a form',
      )
    }
    expect(reached).toBeGreaterThan(readsJson ? 0 : -1)
  })
})

describe('a body beside its bytes', () => {
  async function sendBoth(body: unknown, rawBody: unknown) {
    const idp = await FakeIdp.start()
    const guard = protectedResource({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      policy: {
        rules: [{ tools: ['free', 'other'], resources: ['x:*'], scopes: [] }],
        unmatched: 'deny',
      },
    })
    const token = await idp.token()
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      request.resume().on('end', () => {
        Object.assign(request, { body, rawBody })
        guard(request, response, () => response.end('ok'))
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const answer = await fetch(`http://127.0.0.1:${portOf(server)}/mcp`, {
      method: 'POST',
      body: 'x',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
    server.close()
    return answer.status
  }
  const object = (text: string) => JSON.parse(text) as object
  const read = (uri: string) =>
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri } })

  verifies('ATK-11', 'is what is judged, and refused where they ask for other things', async () => {
    for (const [body, rawBody, status] of [
      [object(call('free')), Buffer.from(call('free')), 200],
      [object(call('free')), call('free'), 200],
      [call('free'), Buffer.from(call('free', 1).replace(',', ' , ')), 200],
      [object(call('free')), undefined, 200],
      [undefined, Buffer.from(call('free')), 200],
      [object(call('evil')), undefined, 403],
      [object(call('evil')), Buffer.from(call('free')), 400],
      [object(call('free')), Buffer.from(call('evil')), 400],
      [object(call('free')), Buffer.from(call('other')), 400],
      [object(call('free')), Buffer.from(call('free', 2)), 400],
      [object(call('free')), Buffer.from(call('free', '1')), 400],
      [object(read('x:a')), Buffer.from(read('x:a')), 200],
      [object(read('x:a')), Buffer.from(read('x:b')), 400],
      [object(call('free')), Buffer.from(`[${call('free')}]`), 400],
      [object(`[${call('free')}]`), Buffer.from(`[${call('free')},${call('free')}]`), 400],
      [object(call('free')), Buffer.from(call('free').replace('tools/call', 'ping')), 400],
      [object(call('free')), Buffer.from('no json'), 400],
      [{}, Buffer.from(call('free')), 400],
    ] as const) {
      const got = await sendBoth(body, rawBody)
      expect({ body, rawBody: String(rawBody), got }).toEqual({
        body,
        rawBody: String(rawBody),
        got: status,
      })
    }
  })
})
