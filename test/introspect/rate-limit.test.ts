/**
 * The rate limit of Authelia 4.39, which was not run: an imitation from the source of 4.39.20 and of its successor. For
 * each caller some buckets; a call takes one from each, and gets it back at once where its answer does not count.
 */
import { createResourceServer, type ResourceServerEvent } from 'mcp-gatehouse'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { expect } from 'vitest'
import { ISSUER, RESOURCE } from '../support/idp.js'
import { tally } from '../support/server.js'
import { verifies } from '../support/verifies.js'
import { FakeIntrospection } from './server.js'

/** Seconds, and how many requests: what a bucket holds, of which it gets back one in each period. */
const BUCKETS = [
  [60, 30],
  [120, 40],
  [600, 50],
  [3600, 100],
] as const

class Limit {
  readonly #now: () => number
  readonly #buckets: { held: number; at: number }[]

  constructor(now: () => number) {
    this.#now = now
    this.#buckets = BUCKETS.map(([, requests]) => ({ held: requests, at: now() }))
  }

  /** Seconds to wait; 0: taken. */
  take(): number {
    const waits = BUCKETS.map(([period, requests], index) => {
      const bucket = this.#buckets[index] ?? { held: 0, at: 0 }
      const earned = (this.#now() - bucket.at) / 1000 / period
      bucket.held = Math.min(requests, bucket.held + earned)
      bucket.at = this.#now()
      return bucket.held >= 1 ? 0 : Math.ceil((1 - bucket.held) * period)
    })
    const wait = Math.max(...waits)
    if (wait === 0) for (const bucket of this.#buckets) bucket.held--
    return wait
  }

  giveBack(): void {
    for (const bucket of this.#buckets) bucket.held++
  }
}

function createFixture({ counts }: { readonly counts: 'faults' | 'inactive too' | 'nothing' }) {
  let clock = Date.now()
  const now = () => clock
  const server = new FakeIntrospection()
  server.now = now
  const limit = new Limit(now)
  const answered: string[] = []
  server.answer = (token) => {
    const wait = counts === 'nothing' ? 0 : limit.take()
    answered.push(wait === 0 ? '200' : '429')
    if (wait > 0) {
      const headers = { 'retry-after': String(wait) }
      return Response.json({ error: 'temporarily_unavailable' }, { status: 429, headers })
    }
    const isGood = token.startsWith('authelia_at_user')
    if (isGood || counts === 'faults') limit.giveBack()
    return isGood ? server.active() : { active: false }
  }
  const events: ResourceServerEvent[] = []
  const introspector = createTokenIntrospector({
    issuer: ISSUER,
    clientId: 'mcp-gatehouse',
    clientSecret: 'secret',
    fetch: server.fetch,
    now,
    wait: 0,
  })
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    authorizationServers: { issuer: ISSUER, introspector, tokenPrefix: 'authelia_at_' },
    fetch: server.fetch,
    now,
    wait: 0,
    onEvent: (event) => events.push(event),
  })
  return {
    server,
    answered,
    send: (token: string) => resourceServer.authenticate({ authorization: `Bearer ${token}` }),
    wait(seconds: number) {
      clock += seconds * 1000
    },
  }
}

/** One token a second for so many seconds. */
async function flood(
  fixture: ReturnType<typeof createFixture>,
  seconds: number,
  token: (second: number) => string,
): Promise<Readonly<Record<string, number>>> {
  const outcomes: string[] = []
  for (let second = 0; second < seconds; second++) {
    outcomes.push((await fixture.send(token(second))).outcome)
    fixture.wait(1)
  }
  return tally(outcomes)
}

verifies(
  ['INT-02', 'CASE-24'],
  'used up by a stranger: 503 with Retry-After for users whom it does not remember, never 401',
  async () => {
    const fixture = createFixture({ counts: 'inactive too' })
    const known = 'authelia_at_user-0123456789'
    await flood(fixture, 60, (second) => `authelia_at_garbage-${second}`)
    expect(fixture.answered.slice(0, 31)).toEqual([
      ...Array.from({ length: 30 }, () => '200'),
      '429',
    ])
    // Half a minute passes at most until it asks again, however long it was told to wait.
    fixture.wait(31)
    expect(await fixture.send(known)).toMatchObject({ outcome: 'authenticated' })
    const later = await flood(fixture, 60, (second) => `authelia_at_rubbish-${second}`)
    expect(later).toHaveProperty('unavailable')
    const decision = await fixture.send('authelia_at_user-9876543210')
    expect(decision).toMatchObject({
      outcome: 'unavailable',
      status: 503,
      code: 'ERR_INTROSPECTION_UNAVAILABLE',
    })
    if (decision.outcome !== 'unavailable') throw new Error('let in')
    expect(decision.retryAfter).toBeGreaterThanOrEqual(1)
    expect(decision.retryAfter).toBeLessThanOrEqual(30)
  },
)

verifies(
  ['INT-02', 'CASE-24'],
  'an hour is what it may be told to wait: it asks again after half a minute, and so sees a raised limit',
  async () => {
    const fixture = createFixture({ counts: 'nothing' })
    const limited = fixture.server.answer
    fixture.server.answer = () =>
      Response.json(
        { error: 'temporarily_unavailable' },
        { status: 429, headers: { 'retry-after': '3600' } },
      )
    const token = 'authelia_at_user-0123456789'
    expect(await fixture.send(token)).toMatchObject({ outcome: 'unavailable' })
    expect(await fixture.send(token)).toMatchObject({ outcome: 'unavailable', retryAfter: 30 })
    expect(fixture.server.calls).toHaveLength(2)
    fixture.server.answer = limited
    fixture.wait(31)
    expect(await fixture.send(token)).toMatchObject({ outcome: 'authenticated' })
  },
)

verifies(
  'INT-05',
  'nothing is used up by tokens of another shape, by users, or in 4.39.20 by what is not active',
  async () => {
    const shapes = createFixture({ counts: 'inactive too' })
    const refused = await flood(shapes, 100, (second) => `authelia_rt_garbage-${second}`)
    expect(refused).toEqual({ denied: 100 })
    expect(shapes.server.calls).toEqual([])
    const users = await flood(shapes, 100, (second) => `authelia_at_user-0123456789${second}`)
    expect(users).toEqual({ authenticated: 100 })
    const older = createFixture({ counts: 'faults' })
    const garbage = await flood(older, 100, (second) => `authelia_at_garbage-${second}`)
    expect(garbage).toEqual({ denied: 100 })
    const off = createFixture({ counts: 'nothing' })
    expect(await flood(off, 100, (second) => `authelia_at_garbage-${second}`)).toEqual({
      denied: 100,
    })
  },
)
