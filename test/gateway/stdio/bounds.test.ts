/** What clients may leave behind in a session, and what one caller may take of what all share. */
import { describe, expect, test } from 'vitest'
import { Residents } from '../../../src/gateway/stdio/residents.js'
import type { Attendance } from '../../../src/gateway/stdio/attendance.js'
import { DEFAULT_LIMITS } from '../../../src/gateway/stdio/limits.js'
import type { GatewayBench } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
import { Client, eventsOf, messagesOf, MODERN, openClient, startBridge, until } from './support.js'

const BATCHES = { 'mcp-protocol-version': '2025-03-26' }
const IN_USE = { error: { code: -32_600, message: 'This id is in use' } }

function batchOf(client: Client, count: number, prefix: string) {
  return Array.from({ length: count }, (_, n) =>
    client.request('tools/call', { name: 'never', arguments: {} }, `${prefix}${n}`),
  )
}

/** Sends a request that is never answered, and leaves when its stream has begun. Returns the id of its first event. */
async function leave(client: Client, id: string): Promise<string | undefined> {
  const leaving = new AbortController()
  const answer = await client.call('never', {}, { id, signal: leaving.signal })
  const { value } = (await eventsOf(answer).next()) as { value: { id: string } }
  leaving.abort()
  return value.id
}

/** Whether the session still waits for the answer to this id. */
async function isInUse(client: Client, id: string): Promise<boolean> {
  const answer = await client.call('echo', {}, { id })
  const [message] = await messagesOf(answer)
  return JSON.stringify(message?.error) === JSON.stringify(IN_USE.error)
}

describe('requests that are never answered', () => {
  test('and whose clients left: the oldest are forgotten, and whoever takes up their streams is told', async () => {
    const bench = await startBridge()
    const client = await openClient(bench)
    const events: (string | undefined)[] = []
    const AT_ONCE = 30
    // In this version a stream begins with an event, whose id it can be taken up by.
    const modern = { 'mcp-protocol-version': '2025-11-25' }
    const send = client.send.bind(client)
    client.send = (method, body, headers, signal) =>
      send(method, body, { ...modern, ...headers }, signal)
    for (let from = 0; from < 300; from += AT_ONCE) {
      const ids = Array.from({ length: AT_ONCE }, (_, n) => `left-${from + n}`)
      events.push(...(await Promise.all(ids.map((id) => leave(client, id)))))
    }
    await until(() => bench.gateway.status().active === 0)
    await client.value('echo')
    expect(await isInUse(client, 'left-0')).toBe(false)
    expect(await isInUse(client, 'left-299')).toBe(true)
    expect(await isInUse(client, 'left-60')).toBe(true)
    const again = await client.send('GET', undefined, { 'last-event-id': events[0] ?? '' })
    expect(await messagesOf(again)).toMatchObject([
      { id: 'left-0', error: { code: -32_603, message: 'Nobody waited for the answer' } },
    ])
  }, 60_000)

  test('and whose client waits: none is forgotten, and beyond a bound no more are taken', async () => {
    const client = await openClient(await startBridge())
    const leaving = new AbortController()
    const waiting = await client.post(batchOf(client, 1_000, 'a'), BATCHES, leaving.signal)
    const most = await client.post(batchOf(client, 24, 'b'), BATCHES, leaving.signal)
    const refused = await client.call('echo', {}, { id: 'one more' })
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({
      id: 'one more',
      error: {
        code: -32_000,
        message: 'Too many requests of this session wait for their answers',
      },
    })
    const batch = await client.post(batchOf(client, 2, 'c'), BATCHES)
    expect([batch.status, await batch.json()]).toMatchObject([429, { id: null }])
    expect(await isInUse(client, 'a0')).toBe(true)
    // What needs no answer passes.
    const note = { jsonrpc: '2.0', method: 'notifications/x' }
    expect((await client.post(note)).status).toBe(202)
    expect([waiting.status, most.status]).toEqual([200, 200])
    leaving.abort()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await client.value('echo', { room: true })).toEqual({ room: true })
  })

  test('because they were cancelled: they make room, though their client is there', async () => {
    const client = await openClient(await startBridge())
    const leaving = new AbortController()
    const cancel = (requestId: string) =>
      client.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })
    const cancelled = await client.call('never', {}, { id: 'cancelled', signal: leaving.signal })
    expect((await cancel('cancelled')).status).toBe(202)
    const others = Array.from({ length: 256 }, (_, n) => `other-${n}`)
    const answers = await Promise.all(
      others.map((id) => client.call('never', {}, { id, signal: leaving.signal })),
    )
    for (const id of others) await cancel(id)
    await client.value('echo')
    expect(await messagesOf(cancelled)).toMatchObject([
      { id: 'cancelled', error: { code: -32_603 } },
    ])
    expect(await isInUse(client, 'other-255')).toBe(true)
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    leaving.abort()
  }, 30_000)

  test('one whose cancelling came too late is answered all the same', async () => {
    const client = await openClient(await startBridge())
    const slow = client.call('slow', { ms: 200 }, { id: 'late' })
    const params = { requestId: 'late' }
    await client.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
    expect(await messagesOf(await slow)).toMatchObject([{ id: 'late', result: {} }])
  })
})

test('the answers of a batch leave alone who uses one of its ids again', async () => {
  const client = await openClient(await startBridge())
  const call = (name: string, id: string, args = {}) =>
    client.request('tools/call', { name, arguments: args }, id)
  const batch = client.post([call('echo', 'x'), call('slow', 'y', { ms: 300 })], BATCHES)
  await new Promise((resolve) => setTimeout(resolve, 150))
  const again = client.call('slow', { ms: 500 }, { id: 'x' })
  expect((await messagesOf(await batch)).length).toBe(2)
  expect(await messagesOf(await again)).toMatchObject([{ id: 'x', result: {} }])
})

describe('children that end', () => {
  const limits = { ...DEFAULT_LIMITS, maxChildren: 12, maxChildrenPerPrincipal: 10 }
  function leaveEnding(residents: Residents, callerKey: string, count: number): void {
    for (let n = 0; n < count; n++) {
      const attendance = { isEmpty: true, leftAt: 0 } as Attendance
      const ended = new Promise<void>(() => undefined)
      residents.remove({ callerKey, attendance, end: () => ended }, ended)
    }
  }

  verifies('STA-01', 'count for their own caller, and shut out nobody else', () => {
    const residents = new Residents()
    leaveEnding(residents, 'mallory', 12)
    expect(residents.makeRoom('mallory', limits)).toBe('caller')
    expect(residents.makeRoom('alice', limits)).toBeUndefined()
  })

  test('of many callers have a bound together', () => {
    const residents = new Residents()
    for (const caller of ['a', 'b', 'c']) leaveEnding(residents, caller, 8)
    expect(residents.makeRoom('alice', limits)).toBe('all')
  })
})

describe('who only notifies is there', () => {
  const note = { jsonrpc: '2.0', method: 'notifications/x' }

  /** For twice as long as an idle child may live. */
  async function notify(bench: GatewayBench, client: Client): Promise<void> {
    for (let n = 0; n < 8; n++) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      expect((await client.post(note, { 'mcp-method': note.method })).status).toBe(202)
    }
    expect(bench.told('session.ended')).toEqual([])
    await until(() => bench.told('session.ended').length === 1)
  }

  test('in a session', async () => {
    const bench = await startBridge('legacy', { children: { idle: 1 } })
    await notify(bench, await openClient(bench))
  })

  test('without one', async () => {
    const bench = await startBridge('modern', { children: { idle: 1 } })
    const client = new Client(bench, { version: MODERN })
    await client.value('echo')
    await notify(bench, client)
  })
})

describe('at the end of its token', () => {
  const NO_TOLERANCE = { clockTolerance: 0, streamGrace: 2 }
  const token = (bench: GatewayBench, seconds: number) =>
    bench.idp.token({ claims: { exp: Date.now() / 1000 + seconds, jti: crypto.randomUUID() } })
  const versioned = { 'mcp-protocol-version': '2025-11-25' }

  /** The session of one whose token lives for long, in the hands of a client whose token does not. */
  async function begin(seconds: number) {
    const bench = await startBridge('legacy', NO_TOLERANCE)
    const owner = await openClient(bench)
    const short = new Client(bench, { token: await token(bench, seconds) })
    short.session = owner.session
    return { bench, owner, short }
  }

  verifies(
    'TRN-09',
    'the rest of an answer, taken up again, has the grace of the answer',
    async () => {
      const { bench, owner, short } = await begin(2)
      const leaving = new AbortController()
      const options = { id: 'rest', headers: versioned, signal: leaving.signal }
      const answer = await owner.call('slow', { ms: 3_000 }, options)
      const { value } = (await eventsOf(answer).next()) as { value: { id: string } }
      leaving.abort()
      const rest = await short.send('GET', undefined, { 'last-event-id': value.id })
      const messages = await messagesOf(rest)
      expect(bench.told('token.ended')).toHaveLength(1)
      expect(messages).toMatchObject([{ id: 'rest', result: {} }])
    },
  )

  verifies('TRN-09', 'and no more than that: then it is cut', async () => {
    const { owner, short } = await begin(1)
    const leaving = new AbortController()
    const options = { id: 'rest', headers: versioned, signal: leaving.signal }
    const answer = await owner.call('never', {}, options)
    const { value } = (await eventsOf(answer).next()) as { value: { id: string } }
    leaving.abort()
    const rest = await short.send('GET', undefined, { 'last-event-id': value.id })
    const startedAt = performance.now()
    await expect(rest.text()).rejects.toThrow()
    expect(performance.now() - startedAt).toBeGreaterThan(2_000)
  })

  verifies('TRN-09', 'a stream that a GET opened has none, also taken up again', async () => {
    const { owner, short } = await begin(1)
    const leaving = new AbortController()
    const first = await owner.send('GET', undefined, versioned, leaving.signal)
    const { value } = (await eventsOf(first).next()) as { value: { id: string } }
    leaving.abort()
    const again = await short.send('GET', undefined, { 'last-event-id': value.id })
    const startedAt = performance.now()
    expect(await again.text()).toBe('')
    expect(performance.now() - startedAt).toBeLessThan(1_900)
  })
})
