/** Who waits for the identity provider, how long, and by which keys the others are judged. */
import { beforeEach, describe, expect } from 'vitest'
import { createResourceServer, type Decision, type ResourceServerOptions } from 'mcp-gatehouse'
import { authorizationServerMetadataUrls } from '../../src/discovery/authorization-server.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { createFixture, tally, type Fixture } from '../support/server.js'
import { drive, pass, simulateTime, timersSet } from '../support/simulated-time.js'
import { nextTurn } from '../support/turns.js'
import { verifies } from '../support/verifies.js'

const down = () => new Response('down', { status: 500 })
const hanging = () => new Promise<Response>(() => undefined)
const HOUR = 3600

/** Lives long enough for every test here. */
function longLived(idp: FakeIdp, spec: Parameters<FakeIdp['token']>[0] = {}): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 200 * HOUR
  return idp.token({ ...spec, claims: { exp, ...spec.claims } })
}

function isJudgedAtOnce({ resourceServer }: Fixture, token: string): boolean {
  const decision = resourceServer.authenticate({ authorization: `Bearer ${token}` })
  return !(decision instanceof Promise)
}

// What waits for a timer has no answer before the test lets the time pass.
beforeEach(simulateTime)

/** The outcome of a request that has none before so many milliseconds, and has one then. */
async function outcomeAfter(milliseconds: number, sent: Promise<Decision>): Promise<string> {
  let isSettled = false
  const settled = sent.then((decision) => {
    isSettled = true
    return decision.outcome
  })
  await pass(milliseconds - 1)
  expect(isSettled).toBe(false)
  await pass(1)
  return settled
}

function realServer(idp: FakeIdp, options: Partial<ResourceServerOptions> = {}) {
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    authorizationServers: { issuer: ISSUER, jwksUri: idp.jwksUri },
    fetch: idp.fetch,
    ...options,
  })
  return async (token: string) => resourceServer.authenticate({ authorization: `Bearer ${token}` })
}

describe('a server that was idle', () => {
  verifies(
    ['KEY-05', 'CASE-20'],
    'asks a healthy IdP before it trusts: a key withdrawn long ago opens nothing',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const withdrawn = idp.key
      const remembered = await longLived(idp)
      expect(await fixture.verdict(remembered)).toBe('authenticated')
      fixture.wait(23 * HOUR)
      idp.keys = [await fakeKey('key-2')]
      const unseen = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          longLived(idp, { key: withdrawn, claims: { sub: `user-${i}` } }),
        ),
      )
      const verdicts = await Promise.all([remembered, ...unseen].map(fixture.verdict))
      expect(tally(verdicts)).toEqual({ ERR_TOKEN_KEY_UNKNOWN: 51 })
      expect(idp.jwksFetches).toBeLessThanOrEqual(3)
    },
  )

  verifies(
    ['KEY-05', 'CASE-17'],
    'within a minute of the refresh age nobody waits, past it everybody does, for one fetch',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const token = await longLived(idp)
      await fixture.verdict(token)
      fixture.wait(659)
      idp.fault = hanging
      expect(isJudgedAtOnce(fixture, token)).toBe(true)

      idp.fault = undefined
      const other = createFixture(idp)
      await other.verdict(token)
      const fetches = idp.jwksFetches
      other.wait(661)
      expect(isJudgedAtOnce(other, token)).toBe(false)
      const verdicts = await Promise.all(Array.from({ length: 100 }, () => other.verdict(token)))
      expect(tally(verdicts)).toEqual({ authenticated: 100 })
      expect(idp.jwksFetches).toBe(fetches + 1)
      expect(isJudgedAtOnce(other, token)).toBe(true)
    },
  )

  verifies('KEY-05', 'the grace is not longer than the refresh age', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp, { jwksMaxAge: 10 })
    const token = await longLived(idp)
    await fixture.verdict(token)
    fixture.wait(21)
    expect(isJudgedAtOnce(fixture, token)).toBe(false)
  })

  verifies(
    ['KEY-05', 'KEY-06', 'CASE-19'],
    'is served by old keys when the IdP is down, and then at once',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const token = await longLived(idp)
      await fixture.verdict(token)
      fixture.wait(23 * HOUR)
      idp.fault = down
      expect(await fixture.verdict(token)).toBe('authenticated')
      expect(isJudgedAtOnce(fixture, token)).toBe(true)
      expect(await fixture.verdict(await longLived(idp, { claims: { sub: 'new' } }))).toBe(
        'authenticated',
      )
      expect(fixture.events).toContainEqual(
        expect.objectContaining({ type: 'keys.failed', serving: true }),
      )
    },
  )

  verifies(['KEY-05', 'CASE-20'], 'does not trust by a fault that it saw long ago', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    const token = await longLived(idp)
    await fixture.verdict(token)
    fixture.wait(HOUR)
    idp.fault = down
    expect(await fixture.verdict(token)).toBe('authenticated')
    fixture.wait(HOUR)
    idp.fault = undefined
    idp.keys = [await fakeKey('key-2')]
    expect(await fixture.verdict(token)).toBe('ERR_TOKEN_KEY_UNKNOWN')
  })

  verifies(
    ['KEY-05', 'KEY-06'],
    'waits once for an IdP that hangs, then the old keys serve at once',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const token = await longLived(idp)
      await fixture.verdict(token)
      fixture.wait(HOUR)
      idp.fault = hanging
      const waiting = fixture.send(token)
      // The end of the fetch, and that of the request's patience.
      await timersSet(2)
      expect(await outcomeAfter(1_000, waiting)).toBe('authenticated')
      expect(isJudgedAtOnce(fixture, token)).toBe(true)
      const unseen = await longLived(idp, { claims: { sub: 'unseen' } })
      expect((await fixture.send(unseen)).outcome).toBe('authenticated')
      expect(idp.jwksFetches).toBe(2)
    },
  )
})

describe('no request waits longer than `wait`, or a second where that is shorter', () => {
  verifies('KEY-06', 'for the first keys of an IdP that hangs', async () => {
    const idp = await FakeIdp.start()
    idp.fault = hanging
    const token = await idp.token()
    const [none, two] = [realServer(idp, { wait: 0 }), realServer(idp, { wait: 2 })]
    const patient = two(token)
    await timersSet(2)
    const hasty = none(token)
    await timersSet(4)
    expect(await outcomeAfter(1_000, hasty)).toBe('unavailable')
    // A request that comes while the same fetch hangs is refused at once.
    expect((await none(token)).outcome).toBe('unavailable')
    expect(await outcomeAfter(1_000, patient)).toBe('unavailable')
  })

  verifies('KEY-06', 'also where milliseconds pass before the wait begins', async () => {
    const idp = await FakeIdp.start()
    idp.fault = hanging
    const token = await idp.token()
    let clock = Date.now()
    const send = realServer(idp, { wait: 0, now: () => (clock += 3) })
    const first = send(token)
    await timersSet(2)
    await pass(1_000)
    expect((await first).outcome).toBe('unavailable')
    expect((await send(token)).outcome).toBe('unavailable')
  })

  verifies('KEY-06', 'for one that refuses first and then hangs', async () => {
    const idp = await FakeIdp.start()
    let calls = 0
    idp.fault = () => (++calls <= 2 ? down() : hanging())
    const send = realServer(idp, { wait: 2 })
    const token = await idp.token()
    const began = Date.now()
    let endedAt = Number.POSITIVE_INFINITY
    const sent = send(token).finally(() => (endedAt = Date.now()))
    // The fake provider answers in another turn of the loop.
    for (let passed = 0; passed < 2_000; passed += 10) {
      await nextTurn()
      await pass(10)
    }
    expect(endedAt - began).toBe(2_000)
    expect((await sent).outcome).toBe('unavailable')
  })

  verifies('KEY-06', 'and a fetch that ignores its signal blocks nobody for ever', async () => {
    const idp = await FakeIdp.start()
    const events: string[] = []
    let isDeaf = true
    const send = realServer(idp, {
      wait: 0,
      fetch: (input, init) => (isDeaf ? hanging() : idp.fetch(input, init)),
      onEvent: ({ type }) => events.push(type),
    })
    const token = await idp.token()
    const first = send(token)
    await timersSet(2)
    expect(await outcomeAfter(1_000, first)).toBe('unavailable')
    isDeaf = false
    await pass(4_000)
    expect(events).toContain('keys.failed')
    await pass(5_000)
    expect((await send(token)).outcome).toBe('authenticated')
  })
})

describe('fetching', () => {
  verifies(
    ['KEY-03', 'KEY-05'],
    'discovery that hangs neither stops nor delays the keys of an address that is known',
    async () => {
      const idp = await FakeIdp.start()
      let isHanging = false
      const fixture = createFixture(idp, {
        wait: 3,
        fetch: (input, init) =>
          isHanging && input !== idp.jwksUri ? hanging() : idp.fetch(input, init),
      })
      const token = await longLived(idp)
      await fixture.verdict(token)
      isHanging = true
      for (const fetches of [2, 3]) {
        fixture.wait(2 * HOUR)
        const sent = fixture.send(token)
        // For the fetch, the request, discovery, and one form of it.
        await timersSet(4)
        await pass(500)
        expect((await sent).outcome).toBe('authenticated')
        expect(idp.jwksFetches).toBe(fetches)
      }
      // Not even when the keys could not be fetched there in between.
      idp.fault = down
      fixture.wait(2 * HOUR)
      await drive(fixture.verdict(token))
      idp.fault = undefined
      fixture.wait(2 * HOUR)
      idp.keys = [await fakeKey('key-2')]
      let verdict: string
      do verdict = await drive(fixture.verdict(token))
      while (verdict === 'authenticated')
      expect(verdict).toBe('ERR_TOKEN_KEY_UNKNOWN')
      expect(fixture.events.filter(({ type }) => type === 'keys.failed')).toHaveLength(1)
    },
  )

  verifies(
    ['KEY-02', 'KEY-03'],
    'goes on to the next form of metadata when one names no keys',
    async () => {
      const idp = await FakeIdp.start()
      const [rfc8414] = authorizationServerMetadataUrls(ISSUER)
      const fixture = createFixture(idp, {
        fetch: (input, init) =>
          input === rfc8414
            ? Promise.resolve(Response.json({ issuer: ISSUER }))
            : idp.fetch(input, init),
      })
      expect(await fixture.verdict(await idp.token())).toBe('authenticated')

      idp.metadata = { jwks_uri: undefined }
      const none = createFixture(idp)
      const decision = await none.send(await idp.token())
      expect(decision).toMatchObject({ outcome: 'unavailable', code: 'ERR_DISCOVERY_FAILED' })
      expect(none.events[0]).toMatchObject({ reason: expect.stringContaining('has no jwks_uri') })
    },
  )

  verifies(
    ['KEY-05', 'JWT-10'],
    'an unknown kid as the first request costs one fetch',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const stranger = await idp.token({ header: { kid: 'stranger' } })
      expect(await fixture.verdict(stranger)).toBe('ERR_TOKEN_KEY_UNKNOWN')
      expect(idp.jwksFetches).toBe(1)
    },
  )

  verifies('KEY-05', 'happens once a second at most, whatever is configured', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp, { jwksMaxAge: 0 })
    const token = await longLived(idp)
    for (let i = 0; i < 100; i++) {
      expect(await fixture.verdict(token)).toBe('authenticated')
      await nextTurn()
      fixture.wait(0.05)
    }
    expect(idp.jwksFetches).toBeLessThanOrEqual(6)
    expect(idp.jwksFetches).toBeGreaterThanOrEqual(4)
  })
})

describe('a wall clock that is set back', () => {
  verifies('KEY-05', 'does not make old keys young: they are fetched again', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    const token = await longLived(idp)
    await fixture.verdict(token)
    fixture.wait(-HOUR)
    const withdrawn = idp.key
    idp.keys = [await fakeKey('key-2')]
    const forged = await longLived(idp, { key: withdrawn, claims: { iat: 0 } })
    expect(await fixture.verdict(forged)).toBe('ERR_TOKEN_KEY_UNKNOWN')
    expect(idp.jwksFetches).toBe(2)
    // Once: from here on time goes on.
    fixture.wait(30)
    expect(await fixture.verdict(await longLived(idp))).toBe('authenticated')
    expect(idp.jwksFetches).toBe(2)
  })

  verifies(['KEY-05', 'KEY-06'], 'does not lengthen the pause after a fault', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    idp.fault = down
    expect(await fixture.verdict(await idp.token())).toBe('ERR_DISCOVERY_FAILED')
    idp.fault = undefined
    fixture.wait(-HOUR)
    const decision = await fixture.send(await idp.token())
    expect(decision).toMatchObject({ outcome: 'unavailable', retryAfter: 1 })
    fixture.wait(1)
    expect(await fixture.verdict(await idp.token())).toBe('authenticated')
  })

  verifies(['KEY-05', 'CASE-21'], 'does not lengthen the cooldown of unknown kids', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    await fixture.verdict(await idp.token())
    fixture.wait(10)
    const [stranger, added] = [await fakeKey('stranger'), await fakeKey('key-2')]
    expect(await fixture.verdict(await idp.token({ key: stranger }))).toBe('ERR_TOKEN_KEY_UNKNOWN')
    fixture.wait(-HOUR)
    await fixture.verdict(await longLived(idp, { claims: { iat: 0 } }))
    idp.keys = [added]
    fixture.wait(6)
    const token = await longLived(idp, { key: added, claims: { iat: 0 } })
    expect(await fixture.verdict(token)).toBe('authenticated')
  })
})
