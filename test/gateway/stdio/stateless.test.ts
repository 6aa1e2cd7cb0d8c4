/** A stdio command behind HTTP, for clients of a stateless protocol revision. */
import { describe, expect, test } from 'vitest'
import type { Clock } from '../../../src/gateway/clock.js'
import { createManualClock, type ManualClock } from '../../support/clocks.js'
import { startGateway } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
import {
  Client,
  eventsOf,
  isAlive,
  JSON_ONLY,
  messagesOf,
  MODERN,
  openClient,
  passOnceSet,
  startBridge,
  until,
  untilLeft,
  type RpcMessage,
} from './support.js'

async function startModern(options = {}, clock?: Clock) {
  const fixture = await startBridge('modern', options, clock)
  return { fixture, client: new Client(fixture, { version: MODERN }) }
}

type Parsed = { readonly value: { readonly data: string } }

describe('whose child it is', () => {
  verifies(
    'STA-02',
    'one for each user and client, whatever the token; never one for two',
    async () => {
      const { fixture, client } = await startModern()
      const { idp } = fixture
      const pidOf = async (claims: Record<string, unknown>) =>
        new Client(fixture, { version: MODERN, token: await idp.token({ claims }) }).value('pid')
      const own = await client.value('pid')
      expect(await client.value('pid')).toBe(own)
      expect(await pidOf({ jti: 'renewed' })).toBe(own)
      const others = [
        await pidOf({ sub: 'mallory' }),
        await pidOf({ client_id: 'another' }),
        await pidOf({ client_id: undefined }),
        await pidOf({ sub: undefined }),
        await pidOf({ sub: undefined, client_id: undefined, jti: '1' }),
        await pidOf({ sub: undefined, client_id: undefined, jti: '2' }),
      ]
      expect(new Set([own, ...others]).size).toBe(7)
      // Nor one that a session has.
      expect(await (await openClient(fixture)).value('pid')).not.toBe(own)
    },
  )

  test('many first requests at once start one', async () => {
    const { fixture, client } = await startModern()
    const pids = await Promise.all(Array.from({ length: 50 }, () => client.value('pid')))
    expect(new Set(pids).size).toBe(1)
    expect(fixture.reported('child.started').length).toBe(1)
  })

  test('two users at once: no answer crosses', async () => {
    const { fixture, client } = await startModern()
    const token = await fixture.idp.token({ claims: { sub: 'bob' } })
    const bob = new Client(fixture, { version: MODERN, token })
    const calls = Array.from({ length: 200 }, async (_, n) => {
      // The same ids on both sides, on purpose.
      const [a, b] = await Promise.all([
        client.value('echo', { alice: n }, { id: n }),
        bob.value('echo', { bob: n }, { id: n }),
      ])
      return JSON.stringify([a, b]) === JSON.stringify([{ alice: n }, { bob: n }])
    })
    expect((await Promise.all(calls)).filter((isRight) => !isRight)).toEqual([])
  })
})

describe('names', () => {
  test('two clients of one user may use the same ids and progress tokens at the same time', async () => {
    const { client } = await startModern()
    const options = { id: 'same', progressToken: 7 }
    const [one, other] = await Promise.all([
      client.call('progress', { count: 2, ms: 20 }, options).then(messagesOf),
      client.call('progress', { count: 4, ms: 10 }, options).then(messagesOf),
    ])
    const shape = (messages: RpcMessage[]) =>
      messages.map(({ id, params }) => params?.['progressToken'] ?? id)
    expect(shape(one)).toEqual([7, 7, 'same'])
    expect(shape(other)).toEqual([7, 7, 7, 7, 'same'])
  })

  test.each(['x', 1, -5, 1.5, 0, '', '1', 'a "quoted" \\ id', 'ä\u2028'])(
    'an id comes back as it was written: %j',
    async (id) => {
      const { client } = await startModern()
      const answer = await client.call('echo', { id: 'inner' }, { id })
      const text = JSON.stringify({ id: 'inner' })
      expect(await answer.text()).toBe(
        JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } }),
      )
    },
  )

  test('what looks like an id elsewhere stays', async () => {
    const { client } = await startModern()
    const args = { id: 1, method: 'x', _meta: { progressToken: 'inner' }, requestId: 1 }
    expect(await client.value('echo', args, { id: 1, progressToken: 1 })).toEqual(args)
  })

  test('a cancelled notification names the request of the child', async () => {
    const { fixture, client } = await startModern()
    const slow = client.call('held', {}, { id: 'c' })
    // The child knows it under another id.
    await until(() => fixture.reported('child.remarked').length === 1)
    const method = 'notifications/cancelled'
    const note = { jsonrpc: '2.0', method, params: { requestId: 'c', reason: 'why' } }
    expect((await client.post(note)).status).toBe(202)
    const cancelled = (await client.value('cancelled')) as unknown[]
    expect(cancelled).toEqual([expect.any(Number)])
    await client.value('release')
    await messagesOf(await slow)
    // Nothing of that name any more.
    await client.post(note)
    expect(await client.value('cancelled')).toEqual(cancelled)
  })

  verifies(['TRN-05', 'CASE-51'], 'leaving cancels the request, and no other', async () => {
    const { client } = await startModern()
    const leaving = new AbortController()
    const options = { progressToken: 1, signal: leaving.signal }
    const gone = await client.call('held', { before: 1 }, options)
    const stays = await client.call('held', { before: 1 }, { progressToken: 2 })
    const events = eventsOf(gone)
    // The child is at work on both.
    await events.next()
    leaving.abort()
    await expect(events.next()).rejects.toThrow('abort')
    let cancelled: unknown
    do cancelled = await client.value('cancelled')
    while (JSON.stringify(cancelled) === '[]')
    expect(cancelled).toHaveLength(1)
    for (const _ of [gone, stays]) await client.value('release')
    expect((await messagesOf(stays)).at(-1)).toMatchObject({ result: {} })
    expect(await client.value('cancelled')).toEqual(cancelled)
  })

  test('a subscription has its own id in what it is told', async () => {
    const { client } = await startModern()
    const leaving = new AbortController()
    const request = client.request('subscriptions/listen', { notifications: {} }, 'my subscription')
    const headers = { 'mcp-method': 'subscriptions/listen' }
    const events = eventsOf(await client.post(request, headers, leaving.signal))
    for (const method of [
      'notifications/subscriptions/acknowledged',
      'notifications/tools/list_changed',
    ]) {
      const { value } = (await events.next()) as Parsed
      expect(JSON.parse(value.data)).toEqual({
        jsonrpc: '2.0',
        method,
        params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 'my subscription' } },
      })
    }
    leaving.abort()
    await expect(events.next()).rejects.toThrow('abort')
    expect(await client.value('cancelled')).toHaveLength(1)
  })
})

describe('statuses', () => {
  verifies('TRN-04', 'an unknown method is 404, with the message of the child', async () => {
    const { client } = await startModern()
    const answer = await client.post(client.request('no/such', {}, 'n'), {
      'mcp-method': 'no/such',
    })
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ id: 'n', error: { code: -32_601 } })
  })

  test('a question of the server is answered for the client, who could not', async () => {
    const { client } = await startModern()
    expect(await client.value('ask')).toMatchObject({ code: -32_000 })
  })

  verifies('TRN-06', 'GET and DELETE are of older revisions', async () => {
    const { client } = await startModern()
    for (const method of ['GET', 'DELETE']) {
      const answer = await client.send(method)
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toBe('POST')
    }
  })

  verifies(
    'TRN-07',
    'a version that the command does not speak: 400 with those that it does',
    async () => {
      const { fixture } = await startModern()
      const client = new Client(fixture, { version: '2027-01-01' })
      const answer = await client.call('echo', {}, { id: 'v' })
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({
        id: 'v',
        error: { code: -32_022, data: { supported: [MODERN], requested: '2027-01-01' } },
      })
    },
  )

  verifies(
    'TRN-07',
    'a command of sessions alone: clients are told to fall back; it is asked once',
    async () => {
      const fixture = await startBridge('legacy')
      const client = new Client(fixture, { version: MODERN })
      for (let i = 0; i < 3; i++) {
        const answer = await client.post(client.request('server/discover'), {
          'mcp-method': 'server/discover',
        })
        expect(answer.status).toBe(400)
        const { error } = (await answer.json()) as RpcMessage
        expect(error?.code).toBe(-32_022)
        expect(error?.data).toMatchObject({
          supported: ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
        })
      }
      expect(fixture.reported('child.started').length).toBe(1)
      await until(() => fixture.reported('child.ended').length === 1)
      expect(await (await openClient(fixture)).value('echo', { old: true })).toEqual({ old: true })
    },
  )

  /** Asks twice a command that answers the probe so. Returns how often it was started. */
  async function startedBy(answer: string): Promise<number> {
    const script = `
      require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
        const { id } = JSON.parse(line)
        console.log(JSON.stringify({ jsonrpc: '2.0', id, ...${answer} }))
      })`
    const fixture = await startGateway([process.execPath, '-e', script], {
      childEnvironment: { PATH: process.env['PATH'] ?? '' },
    })
    const client = new Client(fixture, { version: MODERN })
    for (let i = 0; i < 2; i++) {
      const refused = await client.call('echo')
      expect(refused.status).toBe(400)
      const { error } = (await refused.json()) as RpcMessage
      expect(error).toMatchObject({
        code: -32_022,
        data: { supported: ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] },
      })
      await until(
        () => fixture.reported('child.ended').length === fixture.reported('child.started').length,
      )
    }
    return fixture.reported('child.started').length
  }

  test.each([
    ['TypeScript SDK v1', '{ error: { code: -32601, message: "Method not found" } }'],
    [
      'Python SDK 1.x',
      '{ error: { code: -32602, message: "Invalid request parameters", data: "" } }',
    ],
    [
      'Go SDK',
      `{ error: { code: 0, message: 'method "server/discover" is invalid during session initialization' } }`,
    ],
    ['one that wants initialize', '{ error: { code: -32600, message: "Invalid Request" } }'],
    ['a version refused', '{ error: { code: -32022, message: "Unsupported protocol version" } }'],
    ['an answer to everything', '{ result: {} }'],
  ])('one that does not know the question is asked once: %s', async (_, answer) => {
    expect(await startedBy(answer)).toBe(1)
  })

  test.each([
    ['its own fault', '{ error: { code: -32603, message: "Internal error" } }'],
    ['busy', '{ error: { code: -32000, message: "Try again" } }'],
    ['an error without a code', '{ error: {} }'],
    ['an error that is none', '{ error: "no" }'],
  ])('one that cannot say so now is asked again: %s', async (_, answer) => {
    expect(await startedBy(answer)).toBe(2)
  })

  test.each([
    ['broken', () => undefined],
    ['silent', (clock: ManualClock) => passOnceSet(clock, 20_000)],
  ] as const)('one that is %s at its start is asked again the next time', async (mode, wait) => {
    const clock = createManualClock()
    const fixture = await startBridge(mode, { children: { startTimeout: 20 } }, clock)
    const client = new Client(fixture, { version: MODERN })
    for (const times of [1, 2]) {
      const answer = client.call('echo')
      await wait(clock)
      expect((await answer).status).toBe(400)
      expect(fixture.reported('child.started').length).toBe(times)
    }
  })
})

describe('the end', () => {
  test('of the child: who waits is told, and the next request starts another', async () => {
    const { fixture, client } = await startModern()
    const first = await client.value('pid')
    const waiting = client.call('held', {}, { id: 'w', ...JSON_ONLY })
    await until(() => fixture.reported('child.remarked').length === 1)
    expect((await client.call('exit', { code: 1 }, { id: 'e' })).status).toBe(502)
    expect(await (await waiting).json()).toMatchObject({ id: 'w', error: { code: -32_603 } })
    expect(await client.value('pid')).not.toBe(first)
    expect(fixture.reported('child.ended').length).toBe(1)
  })

  test('of its use: idle, then ended with all that it started', async () => {
    const clock = createManualClock()
    const { fixture, client } = await startModern({ children: { idle: 60 } }, clock)
    const pids = (await client.value('family')) as number[]
    await untilLeft(fixture)
    clock.pass(60_000)
    // It waits for its children, so that it does not end with its stdin.
    await passOnceSet(clock, 2_000)
    // Asking the system about processes takes its time from the gateway, so that comes last.
    await until(() => fixture.reported('child.strays').length === 1, 20_000)
    await until(() => !pids.some(isAlive))
  })
})
