/** A token whose stream goes on: when it is looked at again, and what ends the stream. Time is the test's. */
import { AuthorizationServerError } from 'mcp-gatehouse'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { describe, expect, onTestFinished, vi } from 'vitest'
import { Refusal } from '../../src/errors.js'
import { watchToken, type Standing } from '../../src/rs/token-watch.js'
import { FakeIntrospection } from '../introspect/server.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { createFixture, type Fixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const REFUSAL = new Refusal('ERR_TOKEN_INACTIVE', 'withdrawn', ISSUER)
const AWAY = new AuthorizationServerError('ERR_INTROSPECTION_UNAVAILABLE', ISSUER, 'away')

/** A watch in a world where time passes only when told. Times are seconds from the start. */
function watch(first: Partial<Standing>, verify: (at: number) => Promise<Standing | Refusal>) {
  let clock = 1_000_000
  const began = clock
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  const delays: number[] = []
  const looks: number[] = []
  const ends: unknown[] = []
  const since = () => (clock - began) / 1000
  const toTime = (seconds: number | undefined) =>
    seconds === undefined ? undefined : began + seconds * 1000
  const stop = watchToken({
    standing: { endsAt: toTime(first.endsAt), askAgainAt: toTime(first.askAgainAt) },
    async verify() {
      looks.push(since())
      const verdict = await verify(since())
      if (verdict instanceof Refusal) return verdict
      return { endsAt: toTime(verdict.endsAt), askAgainAt: toTime(verdict.askAgainAt) }
    },
    onEnd: (reason) => ends.push([since(), reason instanceof Error ? reason.message : reason]),
    now: () => clock,
    setTimer(callback, delay) {
      delays.push(delay)
      const timer = { at: clock + delay, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
  })
  async function pass(seconds: number): Promise<void> {
    const until = clock + seconds * 1000
    for (;;) {
      for (let i = 0; i < 10; i++) await Promise.resolve()
      const [next] = [...timers].sort((a, b) => a.at - b.at)
      if (next === undefined || next.at > until) break
      timers.delete(next)
      clock = Math.max(clock, next.at)
      next.callback()
    }
    clock = until
  }
  return { pass, looks, ends, delays, timers, stop }
}

describe('when it is looked at again', () => {
  verifies('TRN-09', 'once a minute, and never again after the end of the watch', async () => {
    const watched = watch({}, () => Promise.resolve({ endsAt: undefined, askAgainAt: undefined }))
    await watched.pass(190)
    expect(watched.looks).toEqual([5, 65, 125, 185])
    watched.stop()
    expect(watched.timers.size).toBe(0)
    await watched.pass(600)
    expect(watched.looks).toHaveLength(4)
    expect(watched.ends).toEqual([])
  })

  verifies('TRN-09', 'when the answer about it is too old, but not every moment', async () => {
    for (const [cacheFor, looks] of [
      [20, [5, 25, 45, 65]],
      [0, [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70]],
    ] as const) {
      const watched = watch({}, (at) =>
        Promise.resolve({ endsAt: undefined, askAgainAt: at + cacheFor }),
      )
      await watched.pass(70)
      expect(watched.looks).toEqual(looks)
    }
  })

  verifies('TRN-09', 'at its end, and no timer is longer than a minute', async () => {
    const year = 365 * 86_400
    const watched = watch({ endsAt: year }, () =>
      Promise.resolve({ endsAt: year, askAgainAt: undefined }),
    )
    await watched.pass(3_600)
    expect(Math.max(...watched.delays)).toBe(60_000)
    const short = watch({ endsAt: 2 }, (at) =>
      Promise.resolve(at < 2 ? { endsAt: 2, askAgainAt: undefined } : REFUSAL),
    )
    await short.pass(1.999)
    expect(short.ends).toEqual([])
    await short.pass(0.001)
    expect(short.ends).toEqual([[2, REFUSAL]])
    expect(short.timers.size).toBe(0)
  })
})

describe('what ends it', () => {
  verifies(['TRN-09', 'CASE-50'], 'a refusal, once, with its reason', async () => {
    const watched = watch({ endsAt: 900 }, (at) =>
      Promise.resolve(at < 60 ? { endsAt: 900, askAgainAt: undefined } : REFUSAL),
    )
    await watched.pass(1_000)
    expect(watched.ends).toEqual([[65, REFUSAL]])
    expect(watched.timers.size).toBe(0)
  })

  verifies('TRN-09', 'not a server that is away, which is asked again soon', async () => {
    const watched = watch({ endsAt: 300 }, (at) =>
      at > 10 && at < 100
        ? Promise.reject(AWAY)
        : Promise.resolve({ endsAt: 300, askAgainAt: undefined }),
    )
    await watched.pass(200)
    expect(watched.ends).toEqual([])
    expect(watched.looks.filter((at) => at > 10 && at < 100)).toEqual([65, 70, 75, 80, 85, 90, 95])
  })

  verifies(['TRN-09', 'CASE-50'], 'its own end, though nobody can be asked', async () => {
    const away = watch({ endsAt: 300 }, () => Promise.reject(AWAY))
    await away.pass(299.9)
    expect(away.ends).toEqual([])
    await away.pass(0.1)
    expect(away.ends).toEqual([[300, 'ended']])
    const silent = watch({ endsAt: 300 }, () => new Promise<never>(() => undefined))
    await silent.pass(299.9)
    expect(silent.ends).toEqual([])
    await silent.pass(0.2)
    expect(silent.ends).toEqual([[300, 'ended']])
    expect(silent.timers.size).toBe(0)
  })

  verifies('TRN-09', 'our own bug, rather than that something stays open', async () => {
    const watched = watch({}, () => Promise.reject(new Error('a bug')))
    await watched.pass(10)
    expect(watched.ends).toEqual([[5, 'a bug']])
  })

  verifies('TRN-09', 'nothing, when the verdict comes after the watch was ended', async () => {
    let settle: ((verdict: Refusal) => void) | undefined
    const watched = watch({}, () => new Promise((resolve) => (settle = resolve)))
    await watched.pass(6)
    watched.stop()
    settle?.(REFUSAL)
    await watched.pass(1_000)
    expect(watched.ends).toEqual([])
    expect(watched.timers.size).toBe(0)
  })

  verifies('TRN-09', 'not an end that the server has put off meanwhile', async () => {
    const watched = watch({ endsAt: 10 }, (at) =>
      Promise.resolve({ endsAt: at + 10, askAgainAt: undefined }),
    )
    await watched.pass(100)
    expect(watched.ends).toEqual([])
  })
})

/** A resource server whose clock and timers go together. */
function startClock(fixture: Pick<Fixture, 'wait'>) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  return async function pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      fixture.wait(1)
      await vi.advanceTimersByTimeAsync(1_000)
      // What asks somebody, and what checks a signature in the thread pool, is done in another turn.
      for (let turn = 0; turn < 10; turn++) {
        await crypto.subtle.digest('SHA-256', new Uint8Array(1))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }
}

async function watched(fixture: Fixture, token: string) {
  const decision = await fixture.send(token)
  if (decision.outcome !== 'authenticated') throw new Error(decision.code)
  const ended = { count: 0 }
  fixture.events.length = 0
  fixture.resourceServer.watch(decision, () => ended.count++, { requestId: 'request-1' })
  return ended
}

describe('the resource server', () => {
  verifies(
    ['TRN-09', 'CASE-50'],
    'ends at exp and tolerance, and tells why, without a request that was none',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp, { clockTolerance: 20 })
      const pass = startClock(fixture)
      const token = await idp.token({ claims: { exp: Math.floor(idp.now() / 1000) + 30 } })
      const ended = await watched(fixture, token)
      await pass(48)
      expect(ended.count).toBe(0)
      expect(fixture.events).toEqual([])
      await pass(2)
      expect(ended.count).toBe(1)
      expect(fixture.events).toEqual([
        {
          type: 'token.ended',
          requestId: 'request-1',
          code: 'ERR_TOKEN_EXPIRED',
          reason: 'expired 20 s ago',
          issuer: ISSUER,
        },
      ])
      await pass(100)
      expect(ended.count).toBe(1)
    },
  )

  verifies('TRN-09', 'ends within a minute or two when its key is withdrawn', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp, { jwksMaxAge: 60 })
    const pass = startClock(fixture)
    const ended = await watched(
      fixture,
      await idp.token({ claims: { exp: idp.now() / 1000 + 9e4 } }),
    )
    await pass(130)
    expect(ended.count).toBe(0)
    idp.keys = [await fakeKey('key-2')]
    await pass(190)
    expect(ended.count).toBe(1)
    expect(fixture.events).toContainEqual(
      expect.objectContaining({ type: 'token.ended', code: 'ERR_TOKEN_KEY_UNKNOWN' }),
    )
  })

  verifies('TRN-09', 'goes on while the provider is away, to its end', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp, { jwksMaxAge: 60, jwksStaleFor: 60, rememberedTokens: 0 })
    const pass = startClock(fixture)
    const ended = await watched(
      fixture,
      await idp.token({ claims: { exp: Math.floor(idp.now() / 1000) + 600 } }),
    )
    idp.fault = () => new Response('no', { status: 500 })
    await pass(620)
    expect(ended.count).toBe(0)
    await pass(20)
    expect(ended.count).toBe(1)
    expect(fixture.events).toContainEqual(
      expect.objectContaining({ type: 'token.ended', code: 'ERR_TOKEN_EXPIRED' }),
    )
  })

  verifies(
    ['TRN-09', 'CASE-50'],
    'asks about an introspected token when the answer is too old, not before',
    async () => {
      const server = new FakeIntrospection()
      let clock = Date.now()
      const now = () => clock
      server.now = now
      const introspector = createTokenIntrospector({
        issuer: ISSUER,
        clientId: 'rs',
        clientSecret: 'secret',
        fetch: server.fetch,
        now,
        wait: 0,
        cache: 30,
      })
      const fixture = createFixture(new FakeIdp(), {
        authorizationServers: { issuer: ISSUER, introspector },
        fetch: server.fetch,
        now,
      })
      server.answer = () => server.active({ exp: undefined })
      const decision = await fixture.send('opaque_0123456789abcdef')
      const pass = startClock({ wait: (seconds) => (clock += seconds * 1000) })
      if (decision.outcome !== 'authenticated') throw new Error(decision.code)
      let ended = 0
      fixture.resourceServer.watch(decision, () => ended++)
      await pass(100)
      expect(server.calls.length).toBeGreaterThan(2)
      expect(server.calls.length).toBeLessThan(6)
      // An outage, however long, of a token that names no end.
      const before = server.calls.length
      server.answer = () => new Response('no', { status: 500 })
      await pass(300)
      expect(ended).toBe(0)
      expect(server.calls.length - before).toBeGreaterThan(10)
      // One look in five seconds, and with each the constant that tells whose fault it is.
      expect(server.calls.length - before).toBeLessThanOrEqual(120)
      server.answer = () => ({ active: false })
      await pass(20)
      expect(ended).toBe(1)
      expect(fixture.events).toContainEqual(
        expect.objectContaining({ type: 'token.ended', code: 'ERR_TOKEN_INACTIVE' }),
      )
      expect(JSON.stringify(fixture.events)).not.toContain('opaque_')
    },
  )

  verifies('TRN-09', 'ends when the base scopes are gone', async () => {
    const server = new FakeIntrospection()
    let scope = 'mcp:tools'
    const introspector = { introspect: async () => answer() }
    const answer = () => ({
      claims: server.active({ scope }) as Record<string, unknown>,
      validUntil: Date.now(),
    })
    const fixture = createFixture(new FakeIdp(), {
      authorizationServers: { issuer: ISSUER, introspector },
      scopes: ['mcp:tools'],
      resource: RESOURCE,
    })
    const pass = startClock(fixture)
    const ended = await watched(fixture, 'opaque_0123456789abcdef')
    await pass(20)
    expect(ended.count).toBe(0)
    scope = 'mcp:other'
    await pass(10)
    expect(ended.count).toBe(1)
    expect(fixture.events).toEqual([
      expect.objectContaining({ code: 'ERR_SCOPE_INSUFFICIENT', reason: 'lacks mcp:tools' }),
    ])
  })
})
