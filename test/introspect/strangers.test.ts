/** What one token does at the introspection endpoint, beside the tokens of others. Time is simulated. */
import { afterEach, beforeEach, describe, expect, vi } from 'vitest'
import { tally } from '../support/server.js'
import { verifies } from '../support/verifies.js'
import { createBench } from './bench.js'
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
  await createBench().verdict()
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
  const bench = createBench({ now: Date.now, wait: WAIT }, {}, { now: Date.now, wait: WAIT })
  bench.server.answer = (token) => {
    if (isTrouble(token)) return trouble(token)
    return token.startsWith('good') ? bench.server.active() : { active: false }
  }
  const sent: Promise<Sent>[] = []
  let count = 0
  return {
    ...bench,
    sent,
    send(who: 'bad' | 'good', token = `${who}_opaque_token_no_${count++}`) {
      const began = Date.now()
      const done = bench.verdict(token).then((outcome) => {
        return { who, outcome, took: Date.now() - began }
      })
      sent.push(done)
      return done
    },
  }
}

/** Four bad tokens a second beside two users a second who were never seen before. */
async function run(scene: ReturnType<typeof createScene>, seconds: number, head = 0): Promise<Sent[]> {
  for (let quarter = -head * 4; quarter < seconds * 4; quarter++) {
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
    for (const [whose, isTrouble] of [
      ['bad tokens', (token: string) => token.startsWith('bad')],
      ['every token that is not known there', (token: string) => !token.startsWith('good')],
    ] as const) {
      verifies(['ATK-16', 'CASE-72'], `${name} for ${whose}: each user is served`, async () => {
        const scene = createScene(trouble, isTrouble)
        const sent = await run(scene, 20, 5)
        const users = sent.filter(({ who }) => who === 'good')
        expect(tally(users.map(({ outcome }) => outcome))).toEqual({ authenticated: 40 })
        // Nobody waits for what others brought.
        expect(Math.max(...users.map(({ took }) => took))).toBeLessThan(1_000)
        const strangers = sent.filter(({ who }) => who === 'bad')
        expect(strangers.every(({ outcome }) => outcome.startsWith('ERR_INTROSPECTION_'))).toBe(true)
        expect(Math.max(...strangers.map(({ took }) => took))).toBeLessThanOrEqual(WAIT * 1000)
        // Each a few times while it may pass, and the constant once a second.
        expect(scene.server.calls.length).toBeLessThan(40 + 80 * 3 + 30)
      })
    }
  }
})
