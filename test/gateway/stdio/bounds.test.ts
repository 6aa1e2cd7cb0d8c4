/** What clients may leave behind in a session, and what one caller may take of what all share. */
import { describe, expect, test } from 'vitest'
import { ChildPool, type Claimant } from '../../../src/gateway/stdio/child-pool.js'
import { principalKey } from '../../../src/rs/caller-key.js'
import type { VerifiedAccessToken } from '../../../src/types.js'
import { Verdicts } from '../../../src/gateway/stdio/verdicts.js'
import type { IdleTimer } from '../../../src/gateway/stdio/idle-timer.js'
import { DEFAULT_LIMITS } from '../../../src/gateway/stdio/limits.js'
import { createManualClock, FAST_CLOCK, type ManualClock } from '../../support/clocks.js'
import { eventually, type GatewayFixture } from '../../support/gateway.js'
import { verifies } from '../../support/verifies.js'
import {
  Client,
  eventsOf,
  JSON_ONLY,
  messagesOf,
  MODERN,
  openClient,
  passOnceSet,
  PATIENCE,
  startBridge,
  untilHeld,
  untilLeft,
} from './support.js'

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
  test('and whose clients left: the oldest are forgotten, and a client that resumes their streams is told', async () => {
    const fixture = await startBridge('legacy', {}, FAST_CLOCK)
    const client = await openClient(fixture)
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
      // The oldest are those that left first, as the gateway sees it.
      await untilLeft(fixture)
    }
    await client.value('echo')
    expect(await isInUse(client, 'left-0')).toBe(false)
    expect(await isInUse(client, 'left-299')).toBe(true)
    expect(await isInUse(client, 'left-60')).toBe(true)
    const again = await client.send('GET', undefined, { 'last-event-id': events[0] ?? '' })
    expect(await messagesOf(again)).toMatchObject([
      { id: 'left-0', error: { code: -32_603, message: 'No client waited for the answer' } },
    ])
  }, 60_000)

  test('and whose client waits: none is forgotten, and beyond a bound no more are taken', async () => {
    const fixture = await startBridge('legacy', {}, FAST_CLOCK)
    const client = await openClient(fixture)
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
    await untilLeft(fixture)
    expect(await client.value('echo', { room: true })).toEqual({ room: true })
  })

  test('because they were cancelled: they make room, though their client is there', async () => {
    const client = await openClient(await startBridge('legacy', {}, FAST_CLOCK))
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
    const fixture = await startBridge('legacy', {}, FAST_CLOCK)
    const client = await openClient(fixture)
    const slow = client.call('held', {}, { id: 'late' })
    await untilHeld(fixture, 'late')
    const params = { requestId: 'late' }
    await client.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
    await client.value('release')
    expect(await messagesOf(await slow)).toMatchObject([{ id: 'late', result: {} }])
  })
})

test('the answers of a batch leave alone who uses one of its ids again', async () => {
  const fixture = await startBridge()
  const client = await openClient(fixture)
  const call = (name: string, id: string) =>
    client.request('tools/call', { name, arguments: {} }, id)
  const batch = client.post([call('echo', 'x'), call('held', 'y')], BATCHES)
  await untilHeld(fixture, 'y')
  // Its answer comes after that of the batch to `x`.
  await client.value('echo', {}, JSON_ONLY)
  const again = client.call('held', {}, { id: 'x' })
  await untilHeld(fixture, 'x')
  await client.value('release')
  expect((await messagesOf(await batch)).length).toBe(2)
  await client.value('release')
  expect(await messagesOf(await again)).toMatchObject([{ id: 'x', result: {} }])
})

/** A child of this caller; one that ends leaves its place at once. */
function childOf(
  childPool: ChildPool,
  { callerKey, principalKey = callerKey }: { callerKey: string; principalKey?: string | undefined },
  { isUsed = false, leftAt = 0 } = {},
): { readonly hasEnded: () => boolean } {
  let hasEnded = false
  const pooled = {
    callerKey,
    principalKey,
    idleTimer: { isEmpty: !isUsed, leftAt } as IdleTimer,
    isSession: true,
    end: () => {
      hasEnded = true
      const ended = Promise.resolve()
      childPool.remove(pooled, ended)
      return ended
    },
  }
  childPool.add(pooled)
  return { hasEnded: () => hasEnded }
}

const person = (name: string, client = 'desk') => ({
  callerKey: `${name} ${client}`,
  principalKey: name,
})

describe('children that end', () => {
  const limits = { ...DEFAULT_LIMITS, maxChildren: 24, maxChildrenPerPrincipal: 10 }
  function leaveEnding(childPool: ChildPool, claimant: Claimant, count: number): void {
    for (let n = 0; n < count; n++) {
      const idleTimer = { isEmpty: true, leftAt: 0 } as IdleTimer
      const ended = new Promise<void>(() => undefined)
      childPool.remove({ ...claimant, idleTimer, isSession: true, end: () => ended }, ended)
    }
  }

  verifies('STA-01', 'count for their own caller, and shut out nobody else', () => {
    const childPool = new ChildPool()
    leaveEnding(childPool, person('mallory'), 10)
    expect(childPool.makeRoom(person('mallory'), limits)).toBe('caller')
    expect(childPool.makeRoom(person('alice'), limits)).toBeUndefined()
  })

  verifies('ATK-07', 'count for their subject over all its clients', () => {
    const childPool = new ChildPool()
    for (const client of ['a', 'b', 'c']) leaveEnding(childPool, person('mallory', client), 4)
    expect(childPool.makeRoom(person('mallory', 'd'), limits)).toBe('principal')
    expect(childPool.makeRoom(person('alice'), limits)).toBeUndefined()
  })

  test('of many callers have a bound together', () => {
    const childPool = new ChildPool()
    for (const caller of ['a', 'b', 'c', 'd', 'e', 'f']) leaveEnding(childPool, person(caller), 8)
    expect(childPool.makeRoom(person('alice'), limits)).toBe('all')
  })
})

describe('room for one more child', () => {
  const limits = { maxChildren: 8, maxChildrenPerPrincipal: 10 }

  verifies('ATK-07', 'one subject holds half of all, whatever the number of its clients', () => {
    const childPool = new ChildPool()
    for (let n = 0; n < 4; n++) {
      expect(childPool.makeRoom(person('mallory', `${n}`), limits)).toBeUndefined()
      childOf(childPool, person('mallory', `${n}`), { isUsed: true })
    }
    expect(childPool.makeRoom(person('mallory', 'one more'), limits)).toBe('principal')
    expect(childPool.makeRoom(person('alice'), limits)).toBeUndefined()
  })

  verifies('ATK-07', 'the longest idle of their own subject ends first', () => {
    const childPool = new ChildPool()
    const [first, second] = [3, 2, 9, 9].map((leftAt, n) =>
      childOf(childPool, person('alice', `${n}`), { leftAt }),
    )
    expect(childPool.makeRoom(person('alice', 'new'), limits)).toBeUndefined()
    expect([first?.hasEnded(), second?.hasEnded()]).toEqual([false, true])
  })

  verifies(
    'ATK-07',
    'a subject is one whatever its client and token; without one, all are one',
    () => {
      const keyOf = (issuer: string, subject?: string, clientId = 'c') =>
        principalKey({ token: { issuer, subject, clientId } as VerifiedAccessToken })
      expect(keyOf('a', 's', 'other')).toBe(keyOf('a', 's'))
      expect(keyOf('a', undefined, 'other')).toBe(keyOf('b'))
      expect(new Set([keyOf('a', 's'), keyOf('b', 's'), keyOf('a', 't'), keyOf('a')]).size).toBe(4)
    },
  )

  verifies('ATK-07', 'callers without a subject count together', () => {
    const childPool = new ChildPool()
    const nobody = (n: number) => ({ callerKey: `token ${n}`, principalKey: 'no subject' })
    for (let n = 0; n < 4; n++) childOf(childPool, nobody(n), { isUsed: true })
    expect(childPool.makeRoom(nobody(5), limits)).toBe('principal')
  })

  verifies('ATK-07', 'without tokens there is nobody to share with: no half', () => {
    const childPool = new ChildPool()
    const anybody = { callerKey: '', principalKey: undefined }
    for (let n = 0; n < 8; n++) {
      expect(childPool.makeRoom(anybody, limits)).toBeUndefined()
      childOf(childPool, { ...anybody, principalKey: undefined }, { isUsed: true })
    }
  })

  describe('when all are taken', () => {
    function full(isUsed: boolean) {
      const childPool = new ChildPool()
      const alice = [30, 10, 20].map((leftAt, n) =>
        childOf(childPool, person('alice', `${n}`), { leftAt, isUsed }),
      )
      const bob = [1, 2].map((leftAt, n) =>
        childOf(childPool, person('bob', `${n}`), { leftAt, isUsed }),
      )
      for (const name of ['carol', 'dave', 'eve']) {
        childOf(childPool, person(name), { leftAt: 0, isUsed })
      }
      return { childPool, alice, bob }
    }

    verifies('ATK-07', 'who has none gets the longest idle of who has most', () => {
      const { childPool, alice, bob } = full(false)
      expect(childPool.makeRoom(person('frank'), limits)).toBeUndefined()
      expect(alice.map(({ hasEnded }) => hasEnded())).toEqual([false, true, false])
      expect(bob.map(({ hasEnded }) => hasEnded())).toEqual([false, false])
    })

    verifies('ATK-07', "who has some ends one of their own, and nobody else's", () => {
      const { childPool, alice } = full(false)
      expect(childPool.makeRoom(person('bob', 'third'), limits)).toBe('all')
      expect(childPool.makeRoom(person('bob', '0'), limits)).toBeUndefined()
      expect(alice.some(({ hasEnded }) => hasEnded())).toBe(false)
    })

    verifies('ATK-07', 'what is in use ends for nobody', () => {
      expect(full(true).childPool.makeRoom(person('frank'), limits)).toBe('all')
    })
  })
})

describe('verdicts about a stateless protocol revision', () => {
  verifies('ATK-07', 'hold for one caller, and for a time', () => {
    let now = 0
    const verdicts = new Verdicts(() => now)
    verdicts.add('mallory')
    expect([verdicts.has('mallory'), verdicts.has('alice')]).toEqual([true, false])
    now = 5 * 60_000 - 1
    expect(verdicts.has('mallory')).toBe(true)
    now++
    expect(verdicts.has('mallory')).toBe(false)
  })

  test('are bounded: the oldest goes', () => {
    const verdicts = new Verdicts(() => 0)
    for (let n = 0; n <= 1_000; n++) verdicts.add(`${n}`)
    expect([verdicts.has('0'), verdicts.has('1'), verdicts.has('1000')]).toEqual([
      false,
      true,
      true,
    ])
  })
})

describe('who only notifies is there', () => {
  const note = { jsonrpc: '2.0', method: 'notifications/x' }

  const idle = { children: { idle: 60 } }

  /** For twice as long as an idle child may live. */
  async function expectNotifierAlive(
    fixture: GatewayFixture,
    client: Client,
    clock: ManualClock,
  ): Promise<void> {
    await untilLeft(fixture)
    for (let n = 0; n < 8; n++) {
      clock.pass(15_000)
      expect((await client.post(note, { 'mcp-method': note.method })).status).toBe(202)
    }
    clock.pass(59_999)
    expect(fixture.reported('session.ended')).toEqual([])
    clock.pass(1)
    expect(fixture.reported('session.ended')).toMatchObject([{ reason: 'idle' }])
  }

  test('in a session', async () => {
    const clock = createManualClock()
    const fixture = await startBridge('legacy', idle, clock)
    await expectNotifierAlive(fixture, await openClient(fixture), clock)
  })

  test('without one', async () => {
    const clock = createManualClock()
    const fixture = await startBridge('modern', idle, clock)
    const client = new Client(fixture, { version: MODERN })
    await client.value('echo')
    await expectNotifierAlive(fixture, client, clock)
  })
})

describe('at the end of its token', () => {
  // The only timers are those of tokens.
  const NO_TOLERANCE = { clockTolerance: 0, streamGrace: 2, sseKeepAlive: 0 }
  const versioned = { 'mcp-protocol-version': '2025-11-25' }

  /** The session of one whose token lives for long, in the hands of a client whose token does not. */
  async function begin(seconds: number) {
    const clock = createManualClock()
    const fixture = await startBridge('legacy', { ...NO_TOLERANCE, now: clock.today }, clock)
    const owner = await openClient(fixture)
    const exp = clock.today() / 1000 + seconds
    const claims = { exp, jti: crypto.randomUUID() }
    const short = new Client(fixture, { token: await fixture.idp.token({ claims }) })
    short.session = owner.session
    /** Takes up a stream that the owner has left, and passes the rest of the token's life. */
    async function takeUp(id: string): Promise<Response> {
      await untilLeft(fixture)
      const again = await short.send('GET', undefined, { 'last-event-id': id })
      await passOnceSet(clock, exp * 1000 - clock.today())
      await eventually(() => fixture.reported('token.ended').length === 1)
      return again
    }
    return { owner, clock, takeUp }
  }

  verifies(
    'TRN-09',
    'the rest of an answer, taken up again, has the grace of the answer',
    async () => {
      const { owner, clock, takeUp } = await begin(2)
      const leaving = new AbortController()
      const options = { id: 'rest', headers: versioned, signal: leaving.signal }
      const answering = owner.call('held', {}, options)
      await passOnceSet(clock, PATIENCE)
      const answer = await answering
      const { value } = (await eventsOf(answer).next()) as { value: { id: string } }
      leaving.abort()
      const rest = await takeUp(value.id)
      clock.pass(1_999)
      await owner.value('release', {}, JSON_ONLY)
      const messages = await messagesOf(rest)
      expect(messages).toMatchObject([{ id: 'rest', result: {} }])
    },
  )

  verifies('TRN-09', 'and no more than that: then it is cut', async () => {
    const { owner, clock, takeUp } = await begin(1)
    const leaving = new AbortController()
    const options = { id: 'rest', headers: versioned, signal: leaving.signal }
    const answering = owner.call('never', {}, options)
    await passOnceSet(clock, PATIENCE)
    const answer = await answering
    const { value } = (await eventsOf(answer).next()) as { value: { id: string } }
    leaving.abort()
    const rest = await takeUp(value.id)
    clock.pass(1_999)
    expect(clock.waiting(2_000)).toBe(1)
    clock.pass(1)
    await expect(rest.text()).rejects.toThrow()
  })

  verifies('TRN-09', 'a stream that a GET opened has none, also taken up again', async () => {
    const { owner, takeUp } = await begin(1)
    const leaving = new AbortController()
    const first = await owner.send('GET', undefined, versioned, leaving.signal)
    const { value } = (await eventsOf(first).next()) as { value: { id: string } }
    leaving.abort()
    const again = await takeUp(value.id)
    expect(await again.text()).toBe('')
  })
})
