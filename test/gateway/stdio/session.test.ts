/** A stdio command behind HTTP, for clients with sessions. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { createGateway } from 'mcp-gatehouse/gateway'
import { createManualClock, FAST_CLOCK, type ManualClock } from '../../support/clocks.js'
import { exchangeBytes, type GatewayFixture } from '../../support/gateway.js'
import { FakeIdp, ISSUER } from '../../support/idp.js'
import { verifies } from '../../support/verifies.js'
import {
  Client,
  commandOf,
  eventsOf,
  isAlive,
  JSON_ONLY,
  messagesOf,
  MODERN,
  openClient,
  passOnceSet,
  PATIENCE,
  startBridge,
  until,
  untilHeld,
  untilLeft,
  valueOf,
  type RpcMessage,
} from './support.js'

describe('whose session it is', () => {
  verifies(
    'ATK-04',
    'the fields that decide are read once: a Connection field names none of them away, and the body is of no later version',
    async () => {
      const fixture = await startBridge('modern')
      const owner = await openClient(fixture)
      const body = JSON.stringify(owner.request('tools/call', { name: 'pid', arguments: {} }))
      const send = (fields: readonly string[], message = body) =>
        exchangeBytes(
          fixture.port,
          [
            'POST /mcp HTTP/1.1',
            'Host: localhost',
            `Authorization: Bearer ${fixture.token}`,
            'Content-Type: application/json',
            'Accept: application/json, text/event-stream',
            `Content-Length: ${message.length}`,
            'Connection: close',
            ...fields,
            '',
            message,
          ].join('\r\n'),
        )
      const session = `Mcp-Session-Id: ${owner.session}`
      expect(await send([session])).toMatch(/^HTTP\/1\.1 200 /)
      const version = `MCP-Protocol-Version: ${MODERN}`
      for (const name of ['mcp-protocol-version', 'mcp-session-id', 'accept', 'content-type']) {
        const answer = await send([session, version, `Connection: ${name}`])
        expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*"The request is malformed"/)
      }
      // Two values are no version and no session, for every caller.
      expect(await send([session, version, version])).toMatch(/^HTTP\/1\.1 400 [^]*-32020/)
      expect(await send([session, session])).toMatch(/^HTTP\/1\.1 404 /)
      expect(await send([session, 'Last-Event-ID: 1-1', 'Last-Event-ID: 1-2'])).toMatch(
        /^HTTP\/1\.1 400 /,
      )
      const meta = `{"_meta":{"io.modelcontextprotocol\\/protocolVersion":"${MODERN}"},`
      const later = body.replace('"params":{', `"params":${meta}`)
      for (const fields of [[session], [session, 'MCP-Protocol-Version: 2025-11-25']]) {
        const answer = await send(fields, later)
        expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*"code":-32020/)
      }
      const old = later.replace(MODERN, '2025-11-25')
      expect(await send([session], old)).toMatch(/^HTTP\/1\.1 200 /)
    },
  )

  verifies(
    ['STA-01', 'CASE-47'],
    'another user, another client, no session and an unknown one get 404 with the same bytes; the child hears nothing',
    async () => {
      const fixture = await startBridge()
      const { idp } = fixture
      const owner = await openClient(fixture)
      const refused: string[] = []
      const thieves: readonly Record<string, unknown>[] = [
        { sub: 'mallory' },
        { client_id: 'another-client' },
        { client_id: undefined },
        { sub: undefined },
      ]
      for (const claims of thieves) {
        const thief = new Client(fixture, { token: await idp.token({ claims }) })
        thief.session = owner.session
        for (const [method, body] of [
          ['POST', JSON.stringify(thief.request('tools/call', { name: 'exit', arguments: {} }))],
          ['GET', undefined],
          ['DELETE', undefined],
        ] as const) {
          const answer = await thief.send(method, body)
          expect(answer.status).toBe(404)
          refused.push(await answer.text())
        }
      }
      const unknown = new Client(fixture)
      unknown.session = crypto.randomUUID()
      refused.push(await (await unknown.call('echo')).text())
      expect(new Set(refused).size).toBe(1)
      // It lives, and its owner is none the wiser.
      expect(await owner.value('echo', { here: true })).toEqual({ here: true })
      // A new token of the same user and client.
      const renewed = new Client(fixture, {
        token: await idp.token({ claims: { jti: 'renewed' } }),
      })
      renewed.session = owner.session
      expect(await renewed.value('echo', { again: true })).toEqual({ again: true })
    },
  )

  test('two tokens that name nobody never share one', async () => {
    const fixture = await startBridge()
    const nobody = (jti: string) => {
      const claims: Record<string, unknown> = { sub: undefined, client_id: undefined, jti }
      return fixture.idp.token({ claims })
    }
    const first = await openClient(fixture, { token: await nobody('1') })
    const second = new Client(fixture, { token: await nobody('2') })
    second.session = first.session
    expect((await second.call('echo')).status).toBe(404)
    expect(await first.value('echo', {})).toEqual({})
  })

  test('each session has a child of its own, which knows whom it serves', async () => {
    process.env['CANARY'] = 'canary'
    const fixture = await startBridge('legacy', {
      childEnvironment: { PATH: process.env['PATH'] ?? '', LANG: 'C', EXTRA: '1' },
    })
    const alice = await openClient(fixture)
    const sub = 'böb %'
    const bob = await openClient(fixture, { token: await fixture.idp.token({ claims: { sub } }) })
    const [one, other] = [await alice.value('pid'), await bob.value('pid')]
    expect(one).not.toBe(other)
    const environment = (await bob.value('env')) as Record<string, string>
    expect(environment).toEqual({
      PATH: process.env['PATH'],
      LANG: 'C',
      EXTRA: '1',
      GATEHOUSE_ISSUER: fixture.idp.issuer,
      GATEHOUSE_SUBJECT: 'b%C3%B6b%20%25',
      GATEHOUSE_CLIENT_ID: expect.any(String) as string,
      GATEHOUSE_PROCESS: expect.stringMatching(/^[\da-f-]{36}$/) as string,
    })
    expect(environment['GATEHOUSE_PROCESS']).not.toBe(
      ((await alice.value('env')) as Record<string, string>)['GATEHOUSE_PROCESS'],
    )
    delete process.env['CANARY']
  })

  verifies('STA-01', 'its id is in no event', async () => {
    const fixture = await startBridge()
    const client = await openClient(fixture)
    await client.value('noise')
    await client.send('DELETE')
    await until(() => fixture.reported('child.ended').length === 1)
    expect(client.session).toMatch(/^[\da-f-]{36}$/)
    expect(JSON.stringify(fixture.events)).not.toContain(client.session)
  })
})

describe('only jsonrpc "2.0" makes a message', () => {
  const initialize = { id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25' } }

  test.each([
    ['without it', initialize],
    ['an older version', { jsonrpc: '1.0', ...initialize }],
    ['a number', { jsonrpc: 2, ...initialize }],
    ['nothing', { jsonrpc: null, ...initialize }],
    ['a blank more', { jsonrpc: '2.0 ', ...initialize }],
    ['another case', { JSONRPC: '2.0', ...initialize }],
  ])('of a client, %s: 400, and no command is started', async (_, message) => {
    const fixture = await startBridge()
    const answer = await new Client(fixture).post(message)
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as RpcMessage).error?.code).toBe(-32_600)
    expect(fixture.reported('child.started')).toEqual([])
  })

  verifies('ATK-20', 'of a client, spelled with an escape: taken', async () => {
    const client = new Client(await startBridge())
    const text = JSON.stringify({ jsonrpc: 'VERSION', ...initialize })
    const answer = await client.send('POST', text.replace('VERSION', '2\\u002e0'))
    expect(answer.status).toBe(200)
  })

  verifies(
    'ATK-20',
    'of a command: its log lines in JSON are no answers, and reach no client',
    async () => {
      const fixture = await startBridge()
      const client = await openClient(fixture)
      const answer = await client.call('logs', { secret: 'hunter2' }, { id: 5 })
      const text = await answer.text()
      expect(text).toContain('the real answer')
      expect(text).not.toContain('hunter2')
      await until(() => fixture.reported('child.remarked').length === 4)
      const lines = fixture.reported('child.remarked').map((event) => event.text)
      expect(lines.every((line) => line.startsWith('not a message: {'))).toBe(true)
      expect(lines.join()).toContain('retrying')
    },
  )
})

describe('a missing or a wrong form', () => {
  test.each([
    ['no session', 'POST', '{"jsonrpc":"2.0","id":7,"method":"tools/list"}', 400, -32_000],
    ['not JSON', 'POST', '{"jsonrpc":', 400, -32_700],
    ['nothing', 'POST', '', 400, -32_700],
    ['no message', 'POST', '{"jsonrpc":"2.0","id":1}', 400, -32_600],
    ['a text', 'POST', '"initialize"', 400, -32_600],
    [
      'an id that is an object',
      'POST',
      '{"jsonrpc":"2.0","id":{},"method":"initialize"}',
      400,
      -32_600,
    ],
    [
      'a method twice',
      'POST',
      '{"jsonrpc":"2.0","id":1,"method":"initialize","method":"x"}',
      400,
      -32_600,
    ],
    [
      'a member twice within',
      'POST',
      '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"a":1,"a":2}}',
      400,
      -32_600,
    ],
    ['an empty batch', 'POST', '[]', 400, -32_600],
    [
      'initialize in a batch',
      'POST',
      '[{"jsonrpc":"2.0","id":1,"method":"initialize"}]',
      400,
      -32_000,
    ],
  ])('%s', async (_, method, body, status, code) => {
    const client = new Client(await startBridge())
    const answer = await client.send(method, body)
    expect(answer.status).toBe(status)
    expect(((await answer.json()) as RpcMessage).error?.code).toBe(code)
  })

  verifies('HDR-08', 'what is not UTF-8, and other types of content', async () => {
    const fixture = await startBridge()
    const headers = { 'content-type': 'application/json' }
    const body = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"\xff"}', 'latin1')
    expect((await fixture.call({ method: 'POST', headers, body })).status).toBe(400)
    const text = { 'content-type': 'text/plain' }
    expect((await fixture.call({ method: 'POST', headers: text, body: '{}' })).status).toBe(415)
    expect(fixture.reported('child.started')).toEqual([])
  })

  test('GET and DELETE need a session', async () => {
    const client = new Client(await startBridge())
    expect((await client.send('GET')).status).toBe(400)
    expect((await client.send('DELETE')).status).toBe(400)
  })

  test('an id that is in use', async () => {
    const fixture = await startBridge()
    const client = await openClient(fixture)
    const first = client.value('held', {}, { id: 'x' })
    await untilHeld(fixture, 'x')
    expect((await client.call('echo', {}, { id: 'x' })).status).toBe(400)
    await client.value('release')
    expect(await first).toBe('held')
    expect(await client.value('echo', { free: true }, { id: 'x' })).toEqual({ free: true })
  })
})

describe('the answer', () => {
  test('is JSON where it is the first thing to say, with the bytes of the child', async () => {
    const client = await openClient(await startBridge())
    const answer = await client.call('echo', { 'ä"\\': [1e3, '\n\u2028'] }, { id: 'an id' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const text = JSON.stringify({ 'ä"\\': [1e3, '\n\u2028'] })
    expect(await answer.text()).toBe(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 'an id',
        result: { content: [{ type: 'text', text }] },
      }),
    )
  })

  verifies('TRN-04', 'is a stream where it is slow, and begins early', async () => {
    const clock = createManualClock()
    const client = await openClient(await startBridge('legacy', {}, clock))
    const call = async (name: string) => {
      const answer = client.call(name)
      await passOnceSet(clock, PATIENCE)
      return answer
    }
    // Also where the result never comes.
    const endless = await call('never')
    expect(endless.headers.get('content-type')).toBe('text/event-stream')
    await endless.body?.cancel()
    const answer = await call('held')
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    expect(answer.headers.get('x-accel-buffering')).toBe('no')
    await client.value('release')
    expect((await messagesOf(answer)).map(valueOf)).toEqual(['held'])
  })

  verifies('TRN-04', 'is a stream that is never silent for longer than 15 seconds', async () => {
    const clock = createManualClock()
    const client = await openClient(await startBridge('legacy', {}, clock))
    const stream = await client.send('GET')
    const reader = stream.body?.getReader()
    const read = async () => Buffer.from((await reader?.read())?.value ?? []).toString()
    // At once, since nothing else comes: it shows that the stream is open.
    expect(await read()).toBe(': \n\n')
    clock.pass(15_000)
    expect(await read()).toBe(': \n\n')
    // The time begins anew with each event.
    clock.pass(14_000)
    await client.value('note', { n: 1 }, JSON_ONLY)
    expect(await read()).toContain('"n":1')
    clock.pass(14_999)
    await client.value('note', { n: 2 }, JSON_ONLY)
    expect(await read()).toMatch(/^id: \d-\d\nevent: message\ndata: .*"n":2/)
    clock.pass(14_999)
    clock.pass(1)
    expect(await read()).toBe(': \n\n')
    await reader?.cancel()
  })

  test('waits for a client that reads no events', async () => {
    const clock = createManualClock()
    const client = await openClient(await startBridge('legacy', {}, clock))
    const answering = client.call('held', {}, JSON_ONLY)
    await passOnceSet(clock, PATIENCE)
    await client.value('release')
    const answer = await answering
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect((await messagesOf(answer)).map(valueOf)).toEqual(['held'])
  })

  test.each([
    ['application/json, text/event-stream;q=0', 'application/json'],
    ['Application/JSON, TEXT/*;q=0.5', 'text/event-stream'],
  ])('has the form that its client reads: %s', async (accept, type) => {
    const clock = createManualClock()
    const client = await openClient(await startBridge('legacy', {}, clock))
    const answering = client.call('held', {}, { headers: { accept } })
    await passOnceSet(clock, PATIENCE)
    await client.value('release')
    const answer = await answering
    expect(answer.headers.get('content-type')).toBe(type)
    expect((await messagesOf(answer)).map(valueOf)).toEqual(['held'])
  })

  test('comes after its progress, which comes to nobody else', async () => {
    const client = await openClient(await startBridge())
    const [one, other] = await Promise.all([
      client.call('progress', { count: 3, ms: 20 }, { progressToken: 'a' }).then(messagesOf),
      client.call('progress', { count: 5, ms: 10 }, { progressToken: 'b' }).then(messagesOf),
    ])
    const tokens = (messages: RpcMessage[]) =>
      messages.map(({ params, result }) => params?.['progressToken'] ?? typeof result)
    expect(tokens(one)).toEqual(['a', 'a', 'a', 'object'])
    expect(tokens(other)).toEqual(['b', 'b', 'b', 'b', 'b', 'object'])
  })

  test('a notification gets 202 and nothing else', async () => {
    const client = await openClient(await startBridge())
    const answer = await client.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    expect(answer.status).toBe(202)
    expect(await answer.text()).toBe('')
  })

  verifies('HDR-09', 'a batch is answered whole, and is of 2025-03-26 alone', async () => {
    const client = await openClient(await startBridge())
    const batch = [
      client.request('tools/call', { name: 'echo', arguments: { n: 1 } }, 'one'),
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      client.request('tools/call', { name: 'echo', arguments: { n: 2 } }, 'two'),
    ]
    const messages = await messagesOf(
      await client.post(batch, { 'mcp-protocol-version': '2025-03-26' }),
    )
    expect(messages.map(({ id }) => id).sort()).toEqual(['one', 'two'])
    const newer = await client.post(batch, { 'mcp-protocol-version': '2025-06-18' })
    expect(newer.status).toBe(400)
  })

  test('a body of several lines is one message for the child', async () => {
    const client = await openClient(await startBridge())
    const request = client.request('tools/call', { name: 'echo', arguments: { lines: 'a\nb' } })
    const answer = await client.send(
      'POST',
      JSON.stringify(request, undefined, 2).replaceAll('\n', '\r\n'),
    )
    expect((await messagesOf(answer)).map(valueOf)).toEqual([{ lines: 'a\nb' }])
  })
})

describe('what the server says by itself', () => {
  test('reaches the GET stream where nothing else is read, and is answered by POST', async () => {
    const client = await openClient(await startBridge())
    const events = eventsOf(await client.send('GET'))
    const asking = client.call('ask', {}, { headers: { accept: 'application/json' } })
    const { value } = (await events.next()) as { value: { data: string } }
    const question = JSON.parse(value.data) as RpcMessage
    expect(question.method).toBe('sampling/createMessage')
    const answered = await client.post({ jsonrpc: '2.0', id: question.id, result: { said: 'yes' } })
    expect(answered.status).toBe(202)
    expect((await messagesOf(await asking)).map(valueOf)).toEqual([{ said: 'yes' }])
    await events.return(undefined)
  })

  test('reaches the newest answer where there is none', async () => {
    const client = await openClient(await startBridge())
    const answer = await client.call('ask')
    const events = eventsOf(answer)
    const { value } = (await events.next()) as { value: { data: string } }
    const question = JSON.parse(value.data) as RpcMessage
    await client.post({ jsonrpc: '2.0', id: question.id, error: { code: -1, message: 'no' } })
    const last = (await events.next()) as { value: { data: string } }
    expect(valueOf(JSON.parse(last.value.data) as RpcMessage)).toEqual({ code: -1, message: 'no' })
  })

  test('waits until somebody listens', async () => {
    const fixture = await startBridge()
    const client = await openClient(fixture)
    await client.value('later')
    await until(() => fixture.reported('child.remarked').length === 1)
    // Its answer comes after what was said before, and nobody can hear that on it.
    await client.value('echo', {}, JSON_ONLY)
    const events = eventsOf(await client.send('GET'))
    const { value } = (await events.next()) as { value: { data: string } }
    expect(JSON.parse(value.data)).toMatchObject({ params: { late: true } })
    await events.return(undefined)
  })

  test('is dropped beyond a bound; a question that nobody hears is answered for the client', async () => {
    const fixture = await startBridge('legacy', { children: { queue: 10_000 } })
    const client = await openClient(fixture)
    const json = JSON_ONLY
    const asking = client.call('ask', {}, json)
    await client.value('flood', { bytes: 1000, pieces: 30 }, json)
    expect((await messagesOf(await asking)).map(valueOf)).toEqual([
      { code: -32_000, message: 'No client listens' },
    ])
  })
})

describe('a stream that is taken up again', () => {
  test('continues after the event that came last, with what came meanwhile', async () => {
    const fixture = await startBridge()
    const client = await openClient(fixture)
    const leaving = new AbortController()
    const answer = await client.call(
      'held',
      { before: 2, after: 4 },
      { progressToken: 'p', signal: leaving.signal },
    )
    const events = eventsOf(answer)
    await events.next()
    const { value } = (await events.next()) as { value: { id: string; data: string } }
    expect(JSON.parse(value.data)).toMatchObject({ params: { progress: 2 } })
    leaving.abort()
    await untilLeft(fixture)
    await client.value('release', {}, JSON_ONLY)
    const rest = await client.send('GET', undefined, { 'last-event-id': value.id })
    const messages = await messagesOf(rest)
    expect(messages.map(({ params, result }) => params?.['progress'] ?? typeof result)).toEqual([
      3,
      4,
      5,
      6,
      'object',
    ])
  })

  test('an answer that came while nobody was there is still there', async () => {
    const fixture = await startBridge()
    const client = await openClient(fixture)
    const leaving = new AbortController()
    const answer = await client.call(
      'held',
      { before: 1, after: 1 },
      { progressToken: 'p', signal: leaving.signal },
    )
    const events = eventsOf(answer)
    const { value } = (await events.next()) as { value: { id: string } }
    leaving.abort()
    await untilLeft(fixture)
    await client.value('release', {}, JSON_ONLY)
    const rest = await client.send('GET', undefined, { 'last-event-id': value.id })
    expect((await messagesOf(rest)).map(({ result }) => typeof result)).toEqual([
      'undefined',
      'object',
    ])
  })

  test.each(['', 'x', '1', '9-9', '-1-0', '1-1-1', '1e3-0', '99999999999-1'])(
    'an event id that is not ours begins a new one: %j',
    async (id) => {
      const client = await openClient(await startBridge())
      const answer = await client.send('GET', undefined, { 'last-event-id': id })
      expect(answer.status).toBe(200)
      await answer.body?.cancel()
    },
  )

  test('a new stream begins with an id, for clients that know what an empty event is', async () => {
    const client = await openClient(await startBridge())
    const first = async (version: string) => {
      const answer = await client.send('GET', undefined, { 'mcp-protocol-version': version })
      const note = await client.value('note', {}, JSON_ONLY)
      expect(note).toBe('noted')
      const reader = answer.body?.getReader()
      let text = ''
      while (!text.includes('message"'))
        text += Buffer.from((await reader?.read())?.value ?? []).toString()
      await reader?.cancel()
      return text
    }
    const message = 'event: message\ndata: {'
    expect(await first('2025-11-25')).toContain(`id: 1-1\ndata: \n\nid: 1-2\n${message}`)
    expect(await first('2025-06-18')).toMatch(/^: \n\nid: 2-1\nevent: message\ndata: \{/)
  })

  test('a client has so many streams and no more', async () => {
    const client = await openClient(await startBridge())
    const answers = await Promise.all(Array.from({ length: 9 }, () => client.send('GET')))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(8).fill(200), 409])
    for (const answer of answers) await answer.body?.cancel()
  })
})

describe('the end', () => {
  const endings: readonly (readonly [string, (client: Client) => Promise<unknown>, string])[] = [
    ['DELETE', (client) => client.send('DELETE'), 'the client ended the session'],
    ['an exit', (client) => client.call('exit', { code: 4 }), 'the command ended with exit code 4'],
  ]
  test.each(endings)('%s: nothing is left, and the next use is 404', async (_, end, reason) => {
    const fixture = await startBridge('legacy', {}, FAST_CLOCK)
    const client = await openClient(fixture)
    const pids = (await client.value('family')) as number[]
    expect(pids.every(isAlive)).toBe(true)
    await end(client)
    // Asking the system about processes takes its time from the gateway, so that comes last.
    await until(() => fixture.reported('child.strays').length === 1, 20_000)
    await until(() => !pids.some(isAlive))
    expect(fixture.reported('child.strays')).toMatchObject([{ count: 3 }])
    expect((await client.call('echo')).status).toBe(404)
    expect(fixture.reported('session.ended')).toMatchObject([{ reason }])
    expect(fixture.gateway.status()).toMatchObject({ active: 0, streams: 0 })
  })

  test('DELETE answers 204', async () => {
    const client = await openClient(await startBridge())
    expect((await client.send('DELETE')).status).toBe(204)
  })

  test('who waits for a child that ends is told so; streams end', async () => {
    const fixture = await startBridge()
    const client = await openClient(fixture)
    const stream = await client.send('GET')
    const waiting = client.call('never', {}, { headers: { accept: 'application/json' }, id: 'w' })
    const streaming = await client.call(
      'progress',
      { count: 100, ms: 50 },
      { progressToken: 1, id: 's' },
    )
    const ending = await client.call('exit', { code: 0 }, { id: 'e' })
    const error = { code: -32_603, message: 'The MCP server has ended with exit code 0' }
    expect((await waiting).status).toBe(502)
    expect(await messagesOf(await waiting)).toMatchObject([{ id: 'w', error }])
    expect(ending.status).toBe(502)
    expect(await messagesOf(ending)).toMatchObject([{ id: 'e', error }])
    expect((await messagesOf(streaming)).at(-1)).toMatchObject({ id: 's', error })
    expect(await stream.text()).not.toContain('"id"')
    expect(fixture.reported('upstream.failed')[0]).toMatchObject({
      code: 'ERR_UPSTREAM_UNREACHABLE',
    })
  })

  test('one that heeds neither its stdin nor SIGTERM is killed', async () => {
    const clock = createManualClock()
    const client = await openClient(await startBridge('legacy', {}, clock))
    const pid = (await client.value('stubborn')) as number
    await client.send('DELETE')
    // Once its stdin has been closed, and once after SIGTERM.
    await passOnceSet(clock, 2_000)
    await passOnceSet(clock, 2_000)
    await until(() => !isAlive(pid))
  })

  verifies('ATK-07', 'an idle one ends, one whose stream is open does not', async () => {
    const clock = createManualClock()
    const fixture = await startBridge('legacy', { children: { idle: 60 } }, clock)
    const idle = await openClient(fixture)
    const busy = await openClient(fixture)
    const stream = await busy.send('GET')
    await until(() => fixture.gateway.status().active === 1)
    clock.pass(59_999)
    expect(fixture.reported('session.ended')).toEqual([])
    clock.pass(1)
    expect(fixture.reported('session.ended')).toMatchObject([{ reason: 'idle' }])
    expect((await idle.call('echo')).status).toBe(404)
    expect(await busy.value('echo', {})).toEqual({})
    await stream.body?.cancel()
    await untilLeft(fixture)
    clock.pass(59_999)
    expect(fixture.reported('session.ended')).toHaveLength(1)
    clock.pass(1)
    expect(fixture.reported('session.ended')).toHaveLength(2)
  })

  test('with the gateway, whatever it is doing', async () => {
    const fixture = await startBridge('legacy', {}, FAST_CLOCK)
    const client = await openClient(fixture)
    const pids = (await client.value('family')) as number[]
    const stream = await client.send('GET')
    await fixture.gateway.close()
    expect(pids.some(isAlive)).toBe(false)
    expect(await stream.text()).toBe(': \n\n')
  })
})

verifies('ATK-09', 'processes of another session are left alone, and our own, too', async () => {
  const fixture = await startBridge('legacy', {}, FAST_CLOCK)
  const [alice, bob] = [await openClient(fixture), await openClient(fixture)]
  const [ofAlice, ofBob] = [
    (await alice.value('family')) as number[],
    (await bob.value('family')) as number[],
  ]
  await alice.send('DELETE')
  await until(() => fixture.reported('child.strays').length === 1, 20_000)
  await until(() => !ofAlice.some(isAlive))
  expect(ofBob.every(isAlive)).toBe(true)
})

describe('a start that fails', () => {
  test.each([
    ['broken', 502, 'ended with exit code 3', () => undefined],
    [
      'silent',
      504,
      'did not answer within 20 s',
      (clock: ManualClock) => passOnceSet(clock, 20_000),
    ],
  ] as const)('%s: %d, and no session', async (mode, status, reason, wait) => {
    const clock = createManualClock()
    const fixture = await startBridge(mode, { children: { startTimeout: 20 } }, clock)
    const opening = new Client(fixture).open()
    await wait(clock)
    const answer = await opening
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ id: 1, error: { code: -32_603 } })
    expect(fixture.reported('upstream.failed')[0]?.reason).toContain(reason)
    await until(() => fixture.reported('child.ended').length === 1)
  })

  test('a command that is not there', async () => {
    const fixture = await startBridge('legacy', { command: ['/nowhere/server'] })
    expect((await new Client(fixture).open()).status).toBe(502)
    expect(fixture.reported('child.ended')[0]?.reason).toBe('cannot be started (ENOENT)')
    expect((await fixture.gateway.readiness()).ready).toBe(false)
  })

  test('initialize that is refused opens nothing', async () => {
    const fixture = await startBridge()
    const client = new Client(fixture)
    const answer = await client.open('refused')
    expect(answer.status).toBe(200)
    expect(await messagesOf(answer)).toMatchObject([{ error: { code: -32_602 } }])
    expect((await client.call('echo')).status).not.toBe(200)
    await until(() => fixture.reported('child.ended').length === 1)
  })

  test('who leaves before it began leaves nothing behind', async () => {
    const fixture = await startBridge('silent', { children: { startTimeout: 0.3 } })
    const leaving = new AbortController()
    const client = new Client(fixture)
    const opening = client.post(client.request('initialize'), {}, leaving.signal)
    await until(() => fixture.reported('child.started').length === 1)
    leaving.abort()
    await expect(opening).rejects.toThrow('abort')
    await until(() => fixture.reported('child.ended').length === 1)
  })
})

describe('bounds', () => {
  test('of a caller: what is unused makes room, what is used does not', async () => {
    const fixture = await startBridge('legacy', { children: { maxChildrenPerPrincipal: 2 } })
    const first = await openClient(fixture)
    const second = await openClient(fixture)
    await openClient(fixture)
    expect((await first.call('echo')).status).toBe(404)
    const streams = [await second.send('GET')]
    const third = await openClient(fixture)
    streams.push(await third.send('GET'))
    const refused = await new Client(fixture).open()
    expect(refused.status).toBe(429)
    expect(await second.value('echo', {})).toEqual({})
    // Another user is not concerned.
    await openClient(fixture, { token: await fixture.idp.token({ claims: { sub: 'bob' } }) })
    for (const stream of streams) await stream.body?.cancel()
  })

  verifies(
    'ATK-07',
    "of all: a session in use is nobody else's; one that nobody uses is",
    async () => {
      const fixture = await startBridge('legacy', { children: { maxChildren: 1 } })
      const alice = await openClient(fixture)
      const stream = await alice.send('GET')
      const bob = new Client(fixture, {
        token: await fixture.idp.token({ claims: { sub: 'bob' } }),
      })
      const refused = await bob.open()
      expect(refused.status).toBe(503)
      expect(await refused.json()).toMatchObject({
        error: { code: -32_000, message: 'Too many sessions are in use' },
      })
      expect(fixture.reported('request.refused')).toMatchObject([
        {
          status: 503,
          code: 'ERR_CHILDREN_TOO_MANY',
          hint: expect.stringContaining('--max-children'),
        },
      ])
      expect(await alice.value('echo', {})).toEqual({})
      await stream.body?.cancel()
      await until(() => fixture.gateway.status().active === 0)
      expect((await bob.open()).status).toBe(200)
      expect((await alice.call('echo', {})).status).toBe(404)
    },
  )

  verifies('ATK-07', 'of one subject: ten clients hold half, and others keep theirs', async () => {
    const fixture = await startBridge('legacy', { children: { maxChildren: 8 } })
    const token = (sub: string, client_id: string) =>
      fixture.idp.token({ claims: { sub, client_id } })
    const bob = await openClient(fixture, { token: await token('bob', 'desk') })
    const statuses: number[] = []
    // An answer that nobody holds is cancelled when it is collected, and its child is then unused.
    const streams: Response[] = []
    for (let n = 0; n < 10; n++) {
      const mallory = new Client(fixture, { token: await token('mallory', `client-${n}`) })
      const opened = await mallory.open()
      statuses.push(opened.status)
      if (opened.status === 200) streams.push(await mallory.send('GET'))
    }
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429, 429, 429, 429, 429])
    expect(await bob.value('echo', { still: 'here' })).toEqual({ still: 'here' })
    const hints = fixture
      .reported('request.refused')
      .filter(({ code }) => code === 'ERR_CHILDREN_TOO_MANY')
      .map(({ reason }) => reason)
    expect(new Set(hints)).toEqual(
      new Set(['the clients of one subject use half of all child processes']),
    )
    const carol = new Client(fixture, { token: await token('carol', 'desk') })
    expect((await carol.open()).status).toBe(200)
    for (const each of streams) await each.body?.cancel()
  })

  test('of all resources together; and each command has its own environment', async () => {
    const resource = (path: string, secret: string) => ({
      resource: `https://mcp.example.com/${path}`,
      command: commandOf('legacy'),
      childEnvironment: { PATH: process.env['PATH'] ?? '', SECRET: secret },
    })
    const idp = await FakeIdp.start()
    const gateway = createGateway({
      port: 0,
      fetch: idp.fetch,
      authorizationServers: ISSUER,
      children: { maxChildren: 1 },
      resources: [resource('one', 'first'), resource('two', 'second')],
    })
    onTestFinished(() => gateway.close())
    const { url } = await gateway.listen()
    const at = async (path: string) => {
      const aud = `https://mcp.example.com/${path}`
      const token = await idp.token({ claims: { aud, sub: path } })
      const call = (init: RequestInit = {}) =>
        fetch(`${url}/${path}`, {
          ...init,
          headers: { authorization: `Bearer ${token}`, ...(init.headers as object) },
        })
      return new Client({ call } as GatewayFixture)
    }
    const one = await at('one')
    expect((await one.open()).status).toBe(200)
    expect(await one.value('env')).toMatchObject({ SECRET: 'first', GATEHOUSE_SUBJECT: 'one' })
    const two = await at('two')
    const stream = await one.send('GET')
    expect((await two.open()).status).toBe(503)
    await stream.body?.cancel()
    await one.send('DELETE')
    expect((await two.open()).status).toBe(200)
    expect(await two.value('env')).toMatchObject({ SECRET: 'second' })
    // Nor does a session of one exist at the other.
    two.session = one.session
    expect((await two.call('echo')).status).toBe(404)
  })

  test('lines of 10 MiB pass', async () => {
    const client = await openClient(await startBridge())
    const bytes = 10 * 2 ** 20
    expect(((await client.value('big', { bytes })) as string).length).toBe(bytes)
  })

  test('a line that is not a message is told and dropped', async () => {
    const fixture = await startBridge()
    const client = await openClient(fixture)
    expect(await client.value('noise')).toBe('noise')
    await until(() => fixture.reported('child.remarked').length === 4)
    expect(
      fixture
        .reported('child.remarked')
        .map(({ from, text }) => `${from}: ${text}`)
        .sort(),
    ).toEqual([
      'stderr: a remark',
      'stdout: not a message: Listening on stdio',
      'stdout: not a message: {"jsonrpc":"2.0"}',
      'stdout: not a message: {\ufffd}',
    ])
  })

  test('a child that talks without end does not fill the log', async () => {
    const fixture = await startBridge()
    const client = await openClient(fixture)
    await client.value('remarks', { count: 5_000 })
    expect(fixture.reported('child.remarked').length).toBeLessThan(200)
  })

  test('a child that does not read is not fed without end', async () => {
    const fixture = await startBridge('legacy', { children: { queue: 100_000 } }, FAST_CLOCK)
    const client = await openClient(fixture)
    await client.value('deaf')
    const note = { jsonrpc: '2.0', method: 'notifications/x', params: { x: 'x'.repeat(50_000) } }
    const statuses: number[] = []
    for (let i = 0; i < 20; i++) statuses.push((await client.post(note)).status)
    expect(statuses[0]).toBe(202)
    expect(statuses.at(-1)).toBe(503)
  })
})
