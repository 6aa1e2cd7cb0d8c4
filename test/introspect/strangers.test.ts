/** What one token does at the introspection endpoint, beside the tokens of others. Time is simulated. */
import { afterEach, beforeEach, describe, expect, vi } from 'vitest'
import { readAnswer } from '../../src/introspect/http-answer.js'
import { tally } from '../support/server.js'
import { verifies } from '../support/verifies.js'
import { createFixture } from './fixture.js'
import type { FakeIntrospection } from './server.js'

const WAIT = 3

function networkFault(code: string, syscall: string): Promise<never> {
  const cause = Object.assign(new Error(`${syscall} ${code}`), { code, syscall })
  return Promise.reject(new TypeError('fetch failed', { cause }))
}

/** What becomes of a token that the provider, or a firewall before it, does not like. */
const TROUBLE: Readonly<Record<string, FakeIntrospection['answer']>> = {
  '400': () => Response.json({ error: 'invalid_request' }, { status: 400 }),
  '401': () => new Response('', { status: 401 }),
  '403': () => new Response('<h1>Blocked', { status: 403 }),
  '413': () => new Response('', { status: 413 }),
  '429': () => new Response('', { status: 429, headers: { 'retry-after': '30' } }),
  '500': () => new Response('', { status: 500 }),
  '500 with active:false': () => Response.json({ active: false }, { status: 500 }),
  HTML: () => new Response('<h1>', { headers: { 'content-type': 'text/html' } }),
  'half of JSON': () => new Response('{"active":tr'),
  'a reset': () => networkFault('ECONNRESET', 'read'),
  'a connection that ends': () => networkFault('UND_ERR_SOCKET', ''),
  'no answer': () => new Promise(() => undefined),
}

beforeEach(async () => {
  // What asks is loaded for the first token, in real time.
  await createFixture().verdict()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

interface Sent {
  readonly who: string
  readonly outcome: string
  readonly took: number
}

function createScene(trouble: FakeIntrospection['answer'], isTrouble: (token: string) => boolean) {
  const fixture = createFixture({ now: Date.now, wait: WAIT }, {}, { now: Date.now, wait: WAIT })
  fixture.server.answer = (token) => {
    if (isTrouble(token)) return trouble(token)
    return token.startsWith('good') ? fixture.server.active() : { active: false }
  }
  const sent: Promise<Sent>[] = []
  let count = 0
  return {
    ...fixture,
    sent,
    send(who: 'bad' | 'good', token = `${who}_opaque_token_no_${count++}`) {
      const began = Date.now()
      const done = fixture.verdict(token).then((outcome) => {
        return { who, outcome, took: Date.now() - began }
      })
      sent.push(done)
      return done
    },
  }
}

/** Four bad tokens a second, for some seconds alone, then beside two users a second who were never seen before. */
async function run(
  scene: ReturnType<typeof createScene>,
  seconds: number,
  alone: number,
): Promise<Sent[]> {
  for (let quarter = -alone * 4; quarter < seconds * 4; quarter++) {
    if (quarter % 2 === 0 && quarter >= 0) void scene.send('good')
    void scene.send('bad')
    await vi.advanceTimersByTimeAsync(250)
  }
  const sent = Promise.all(scene.sent)
  await vi.advanceTimersByTimeAsync(10_000)
  return sent
}

describe('four bad tokens a second beside two new users a second', () => {
  for (const [name, trouble] of Object.entries(TROUBLE)) {
    for (const [whose, isTrouble, alone] of [
      ['bad tokens', (token: string) => token.startsWith('bad'), 5],
      // The constant, too. One user must have been served for it to be known that this tells nothing.
      ['every token that is not known there', (token: string) => !token.startsWith('good'), 0],
    ] as const) {
      verifies('ATK-16', `${name} for ${whose}: each user is served`, async () => {
        const scene = createScene(trouble, isTrouble)
        const sent = await run(scene, 20, alone)
        const users = sent.filter(({ who }) => who === 'good')
        expect(tally(users.map(({ outcome }) => outcome))).toEqual({ authenticated: 40 })
        // Nobody waits for what others brought.
        expect(Math.max(...users.map(({ took }) => took))).toBeLessThan(1_000)
        const strangers = sent.filter(({ who }) => who === 'bad')
        expect(strangers.every(({ outcome }) => outcome.startsWith('ERR_INTROSPECTION_'))).toBe(
          true,
        )
        expect(Math.max(...strangers.map(({ took }) => took))).toBeLessThanOrEqual(WAIT * 1000)
        // Each a few times while it may pass, and the constant once a second.
        expect(scene.server.calls.length).toBeLessThan(40 + strangers.length * 3 + 30)
      })
    }
  }
})

const isBad = (token: string) => token.startsWith('bad')

verifies('ATK-16', 'eight bad tokens at once cost the others nothing', async () => {
  const scene = createScene(TROUBLE['403'] as FakeIntrospection['answer'], isBad)
  for (let i = 0; i < 8; i++) void scene.send('bad')
  await vi.advanceTimersByTimeAsync(100)
  const { outcome, took } = await settled(scene.send('good'))
  expect(outcome).toBe('authenticated')
  expect(took).toBeLessThan(100)
  const reported = scene.events.filter(({ type }) => type === 'introspection.failed')
  expect(reported).toHaveLength(8)
  expect(reported.every((event) => 'concerns' in event && event.concerns === 'token')).toBe(true)
  // Eight, the constant, and the user's.
  expect(scene.server.calls).toHaveLength(10)
  expect(JSON.stringify(reported)).toContain('for this token only')
  expect(JSON.stringify(reported)).not.toContain('opaque')
})

verifies(
  'ATK-16',
  'a bad token is remembered for a moment, by itself, and asked about again',
  async () => {
    const scene = createScene(TROUBLE['413'] as FakeIntrospection['answer'], isBad)
    const token = 'bad_opaque_token_of_somebody'
    for (let i = 0; i < 3; i++) await settled(scene.send('bad', token))
    expect(scene.server.tokens.filter((each) => each === token)).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(500)
    expect((await settled(scene.send('bad', token))).outcome).toBe('ERR_INTROSPECTION_UNAVAILABLE')
    expect(scene.server.tokens.filter((each) => each === token)).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(1_000)
    scene.server.answer = () => scene.server.active()
    expect((await settled(scene.send('bad', token))).outcome).toBe('authenticated')
  },
)

verifies(
  ['ATK-16', 'CASE-26'],
  'a wrong secret is known after two calls, and nobody is 401',
  async () => {
    const scene = createScene(TROUBLE['401'] as FakeIntrospection['answer'], () => true)
    const sent = await run(scene, 20, 0)
    expect(tally(sent.map(({ outcome }) => outcome))).toEqual({
      ERR_INTROSPECTION_CLIENT_REJECTED: 120,
    })
    const first = scene.events.find((event) => 'concerns' in event && event.concerns === 'issuer')
    expect(first).toMatchObject({
      retryIn: 500,
      code: 'ERR_INTROSPECTION_CLIENT_REJECTED',
    })
    // 0.5, 1, 2, 4, 8 and 16 seconds, with two calls each; and one more that was under way at the first.
    expect(scene.server.calls.length).toBeLessThanOrEqual(13)
  },
)

verifies(
  ['ATK-16', 'CASE-26'],
  'a secret that was changed a moment ago is told at once',
  async () => {
    const scene = createScene(TROUBLE['401'] as FakeIntrospection['answer'], isBad)
    expect((await settled(scene.send('good'))).outcome).toBe('authenticated')
    scene.server.answer = () => Response.json({ error: 'invalid_client' }, { status: 401 })
    expect((await settled(scene.send('good'))).outcome).toBe('ERR_INTROSPECTION_CLIENT_REJECTED')
    const [{ fault } = { fault: undefined }] = scene.resourceServer.status().introspectors
    expect(fault?.message).toContain(
      'the provider does not accept the client id or its credentials',
    )
    await vi.advanceTimersByTimeAsync(1_000)
    await settled(scene.send('good'))
    expect(scene.events.at(-2)).toMatchObject({ type: 'introspection.failed', concerns: 'issuer' })
  },
)

verifies('ATK-16', 'a fault is over with the first token that is answered', async () => {
  const scene = createScene(TROUBLE['500'] as FakeIntrospection['answer'], isBad)
  expect((await settled(scene.send('good', 'good_opaque_token_of_alice'))).outcome).toBe(
    'authenticated',
  )
  const { answer } = scene.server
  await vi.advanceTimersByTimeAsync(31_000)
  scene.server.answer = () => new Response('', { status: 503 })
  const strangers = Array.from({ length: 20 }, () => scene.send('bad'))
  await vi.advanceTimersByTimeAsync(100)
  scene.server.answer = answer
  const asked = scene.server.calls.length
  void scene.send('good', 'good_opaque_token_of_alice')
  await vi.advanceTimersByTimeAsync(500)
  // She was active before: hers is the next call.
  expect(scene.server.tokens[asked]).toBe('good_opaque_token_of_alice')
  await vi.advanceTimersByTimeAsync(5_000)
  expect(tally((await Promise.all(strangers)).map(({ outcome }) => outcome))).toEqual({
    ERR_INTROSPECTION_UNAVAILABLE: 20,
  })
  expect((await settled(scene.send('good'))).outcome).toBe('authenticated')
})

verifies('ATK-17', 'an endpoint that hangs for everybody costs no more than the wait', async () => {
  const scene = createScene(TROUBLE['no answer'] as FakeIntrospection['answer'], () => true)
  const sent = await run(scene, 20, 0)
  expect(new Set(sent.map(({ outcome }) => outcome))).toEqual(
    new Set(['ERR_INTROSPECTION_UNAVAILABLE']),
  )
  expect(Math.max(...sent.map(({ took }) => took))).toBe(WAIT * 1000)
  expect(sent.slice(-20).every(({ took }) => took <= WAIT * 1000)).toBe(true)
})

async function settled(sending: Promise<Sent>): Promise<Sent> {
  for (let turn = 0; turn < 20; turn++) {
    await vi.advanceTimersByTimeAsync(1)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return sending
}

describe('what an error says of a token', () => {
  const json = (body: object, status: number) => () => Response.json(body, { status })
  const inactive = 'ERR_TOKEN_INACTIVE'
  const unavailable = 'ERR_INTROSPECTION_UNAVAILABLE'
  for (const [name, answer, verdict] of [
    ['active:false with 200', json({ active: false }, 200), inactive],
    ['active:false with 400', json({ active: false }, 400), inactive],
    ['active:false with 401', json({ active: false, error: 'x' }, 401), inactive],
    ['active:false with 403', json({ active: false }, 403), inactive],
    ['active:false with 404', json({ active: false }, 404), inactive],
    ['active:false with 500', json({ active: false }, 500), unavailable],
    ['active:false with 503', json({ active: false }, 503), unavailable],
    ['active:false with 302', json({ active: false }, 302), unavailable],
    ['active:"false" with 400', json({ active: 'false' }, 400), unavailable],
    ['active:0 with 401', json({ active: 0 }, 401), unavailable],
    ['active:true with 400', json({ active: true }, 400), unavailable],
    ['a list with 400', json([{ active: false }], 400), unavailable],
    ['invalid_token with 400', json({ error: 'invalid_token' }, 400), inactive],
    ['invalid_token with 401', json({ error: 'invalid_token' }, 401), unavailable],
    ['invalid_token with 403', json({ error: 'invalid_token' }, 403), unavailable],
    ['invalid_token with 500', json({ error: 'invalid_token' }, 500), unavailable],
    ['invalid_request with 400', json({ error: 'invalid_request' }, 400), unavailable],
  ] as const) {
    verifies('ATK-16', `${name}: ${verdict}`, async () => {
      const scene = createScene(answer, isBad)
      scene.send('bad').catch(() => undefined)
      await vi.advanceTimersByTimeAsync(10_000)
      expect((await Promise.all(scene.sent)).map(({ outcome }) => outcome)).toEqual([verdict])
    })
  }

  verifies('ATK-16', 'invalid_token says nothing where our own token is the credential', () => {
    const answer = {
      status: 400,
      contentType: 'application/json',
      retryAfter: '',
      text: '{"error":"invalid_token"}',
    }
    expect(readAnswer({ ...answer, byBearer: false })).toBe('inactive')
    expect(readAnswer({ ...answer, byBearer: true })).toMatchObject({
      said: 'answered 400 "invalid_token"',
    })
  })
})
