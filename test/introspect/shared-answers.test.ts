/** Several processes that share a store of answers: one asks for all, and a bad store costs calls, never a refusal. */
import { createMemoryAnswerStore, type AnswerStore } from 'mcp-gatehouse'
import { describe, expect, test, vi } from 'vitest'
import { createFixture, TOKEN } from './fixture.js'

/** Two processes, as far as they know of each other. */
function createPair(store: AnswerStore) {
  const [first, second] = [createFixture({ store }), createFixture({ store })]
  return { first, second, calls: () => first.server.calls.length + second.server.calls.length }
}

const failing = (): AnswerStore => {
  const fail = () => Promise.reject(Object.assign(new Error(TOKEN), { code: 'ECONNREFUSED' }))
  return { get: fail, set: fail, delete: fail, setIfAbsent: fail }
}

describe('a shared store of answers', () => {
  test('one process asks for all, and the answer grows old for all at once', async () => {
    const { first, second, calls } = createPair(createMemoryAnswerStore())
    expect(await first.verdict()).toBe('authenticated')
    first.wait(20)
    second.wait(20)
    expect(await second.verdict()).toBe('authenticated')
    expect(await second.verdict()).toBe('authenticated')
    expect(calls()).toBe(1)
    second.wait(11)
    expect(await second.verdict()).toBe('authenticated')
    expect(second.server.calls).toHaveLength(1)
  })

  test('a refusal is shared as an active answer is', async () => {
    const { first, second, calls } = createPair(createMemoryAnswerStore())
    first.server.answer = () => Response.json({ active: false })
    expect(await first.verdict()).toBe('ERR_TOKEN_INACTIVE')
    expect(await second.verdict()).toBe('ERR_TOKEN_INACTIVE')
    expect(calls()).toBe(1)
  })

  test('the answers to another client do not count for us', async () => {
    const store = createMemoryAnswerStore()
    const first = createFixture({ store })
    const second = createFixture({ store, clientId: 'another' })
    await first.verdict()
    await second.verdict()
    expect(second.server.calls).toHaveLength(1)
  })

  test('neither key nor value holds the token', async () => {
    const store = createMemoryAnswerStore()
    const set = vi.spyOn(store, 'set')
    await createFixture({ store }).verdict()
    await expect.poll(() => set.mock.calls.length).toBe(1)
    expect(JSON.stringify(set.mock.calls)).not.toContain(TOKEN)
    expect(set.mock.calls[0]?.[0]).toMatch(/^introspection:[A-Za-z\d+/]{43}=$/)
    expect(set.mock.calls[0]?.[2]).toBeLessThanOrEqual(30_000)
  })

  test('a store that fails costs a call, and is told once for each pause', async () => {
    const { first, second, calls } = createPair(failing())
    expect([await first.verdict(), await second.verdict()]).toEqual([
      'authenticated',
      'authenticated',
    ])
    expect(calls()).toBe(2)
    const reported = first.events.filter(({ type }) => type === 'store.failed')
    expect(reported).toEqual([
      {
        type: 'store.failed',
        issuer: expect.any(String),
        reason: 'the store of answers failed: Error ECONNREFUSED',
        retryIn: 500,
      },
    ])
    expect(first.events.some((event) => event.type === 'introspection.failed')).toBe(false)
  })

  test.each([
    ['nothing', undefined, ': undefined'],
    ['a code that is a number', Object.assign(new TypeError('x'), { code: 14 }), ': TypeError 14'],
    ['a code that is not a text', Object.assign(new Error('x'), { code: Object.create(null) }), ''],
    ['an object that tells nothing', revoked(), ''],
  ])('a store that throws %s costs a call, too', async (_, thrown, reported) => {
    const fail = () => Promise.reject(thrown as Error)
    const fixture = createFixture({ store: { ...failing(), get: fail, set: fail } })
    expect(await fixture.verdict()).toBe('authenticated')
    expect(fixture.events.find(({ type }) => type === 'store.failed')).toMatchObject({
      reason: `the store of answers failed${reported}`,
    })
  })

  test('a store that takes nothing costs nothing', async () => {
    const set = vi.fn(() => Promise.reject(revoked()))
    const get = () => Promise.resolve(undefined)
    const fixture = createFixture({ store: { ...failing(), get, set } })
    expect(await fixture.verdict()).toBe('authenticated')
    await expect.poll(() => set.mock.calls.length).toBe(1)
    await expect.poll(() => fixture.events.some(({ type }) => type === 'store.failed')).toBe(true)
  })

  test('a store that hangs costs half a second, once', async () => {
    const get = vi.fn(() => new Promise<string | undefined>(() => undefined))
    const fixture = createFixture({ store: { ...failing(), get } })
    expect(await fixture.verdict()).toBe('authenticated')
    expect(await fixture.verdict('another_token_0123456789')).toBe('authenticated')
    expect(get).toHaveBeenCalledOnce()
    expect(fixture.events.find(({ type }) => type === 'store.failed')).toMatchObject({
      reason: 'did not answer in time',
    })
  })

  test.each([
    ['not JSON', () => 'active'],
    ['no object', () => '[]'],
    ['no claims', (now: number) => JSON.stringify({ validUntil: now + 10_000 })],
    ['no end', () => JSON.stringify({ claims: { active: true } })],
    ['an end that has passed', (now: number) => answer(now - 1_000)],
    ['an end beyond the time that answers are used', (now: number) => answer(now + 30_001)],
    [
      'more than any answer has',
      (now: number) => answer(now + 10_000, { many: Array.from({ length: 100_000 }, () => 1) }),
    ],
  ])('%s is not believed: the authorization server is asked', async (_, text) => {
    const get = () => Promise.resolve(text(Date.now()))
    const fixture = createFixture({ store: { ...failing(), get, set: () => Promise.resolve() } })
    await fixture.verdict()
    expect(fixture.server.calls).toHaveLength(1)
  })

  test('an answer that is good is believed', async () => {
    const fixture = createFixture({
      store: { ...failing(), get: () => Promise.resolve(answer(Date.now() + 10_000)) },
    })
    expect(await fixture.verdict()).toBe('ERR_TOKEN_INACTIVE')
    expect(fixture.server.calls).toHaveLength(0)
  })

  test.each([
    [{ store: {} as AnswerStore }, 'must have the methods get, set, delete, setIfAbsent'],
    [{ store: createMemoryAnswerStore(), cache: 0 }, 'needs cache'],
  ])('a store that cannot be used is a problem', (options, message) => {
    expect(() => createFixture(options)).toThrow(message)
  })
})

function answer(validUntil: number, more: object = {}): string {
  return JSON.stringify({ claims: { active: false, ...more }, validUntil })
}

/** Whatever looks at it throws. */
function revoked(): Error {
  const { proxy, revoke } = Proxy.revocable(new Error('x'), {})
  revoke()
  return proxy
}
