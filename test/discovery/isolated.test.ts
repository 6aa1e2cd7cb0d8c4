/**
 * Requests that cannot share what is under way, as on Workers: what another began may never settle. There it was run in
 * workerd itself, by hand; here a cancelled request is a promise that never settles.
 */
import { Hono } from 'hono'
import type { ResourceServerOptions } from 'mcp-gatehouse'
import { protect } from 'mcp-gatehouse/fetch'
import { protectedResource } from 'mcp-gatehouse/hono'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { FakeIntrospection } from '../introspect/server.js'
import { fakeKey, FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { createFixture, tally } from '../support/server.js'
import { verifies } from '../support/verifies.js'

beforeEach(() => {
  // What tells Workers apart.
  vi.stubGlobal('WebSocketPair', () => undefined)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

const YEAR = 31_536_000
/** Until whatever was begun waits for its answer. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

const never = () => new Promise<Response>(() => undefined)

async function createScene(options: Partial<ResourceServerOptions> = {}) {
  const idp = await FakeIdp.start()
  const fixture = createFixture(idp, { wait: 0, ...options })
  const work: Promise<unknown>[] = []
  const waitUntil = (each: Promise<unknown>) => void work.push(each)
  return {
    ...fixture,
    idp,
    work,
    token: (sub: string, kid?: string) =>
      idp.token({
        claims: { sub, exp: Math.floor(Date.now() / 1000) + YEAR },
        ...(kid !== undefined && { header: { kid } }),
      }),
    async send(token: string, context: { waitUntil?: typeof waitUntil } = {}) {
      const authorization = `Bearer ${token}`
      const decision = await fixture.resourceServer.authenticate({ authorization, ...context })
      return decision.outcome === 'authenticated' ? decision.outcome : decision.code
    },
    waitUntil,
    /** Fetches the keys, and then is cancelled. */
    leave(token: string) {
      idp.fault = never
      void fixture.resourceServer.authenticate({ authorization: `Bearer ${token}` })
      return turns().then(() => {
        idp.fault = undefined
      })
    },
  }
}

verifies(
  'ATK-19',
  'a request that was cancelled while it fetched the keys holds up nobody',
  async () => {
    const { leave, send, token } = await createScene()
    await leave(await token('first'))
    expect(await send(await token('second'))).toBe('authenticated')
  },
)

verifies(
  'ATK-19',
  'nor does one that was cancelled while the same token was looked at',
  async () => {
    const { leave, send, token } = await createScene()
    const same = await token('same')
    await leave(same)
    expect(await send(same)).toBe('authenticated')
  },
)

verifies(
  'ATK-19',
  'each request that needs keys fetches them once; those that come later do not',
  async () => {
    const { send, token, idp } = await createScene()
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => token(`user-${i}`)))
    expect(tally(await Promise.all(tokens.map((each) => send(each))))).toEqual({
      authenticated: 20,
    })
    expect(idp.jwksFetches).toBe(20)
    expect(await send(await token('later'))).toBe('authenticated')
    expect(idp.jwksFetches).toBe(20)
  },
)

verifies(
  'ATK-19',
  'a key that is withdrawn dies for every token, also if others fetch it at the same time',
  async () => {
    const { send, token, idp, resourceServer } = await createScene()
    const tokens = await Promise.all(Array.from({ length: 5 }, (_, i) => token(`user-${i}`)))
    expect(tally(await Promise.all(tokens.map((each) => send(each))))).toEqual({
      authenticated: 5,
    })
    idp.keys = [await fakeKey('key-2')]
    await resourceServer.refreshKeys()
    expect(tally(await Promise.all(tokens.map((each) => send(each))))).toEqual({
      ERR_TOKEN_KEY_UNKNOWN: 5,
    })
  },
)

verifies(
  'ATK-19',
  'a key that an older answer lacks, and a newer one has, goes on verifying',
  async () => {
    const { send, token, idp, resourceServer } = await createScene()
    const [mine, other] = [idp.key, await fakeKey('key-2')]
    expect(await send(await token('before'))).toBe('authenticated')
    // Two nodes of a provider answer at once, and the one that was asked first does not have the key.
    const answers = [[other], [other, mine, await fakeKey('key-3')]]
    let open: (() => void) | undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    idp.fault = async (url) => {
      if (url !== idp.jwksUri) return Response.json({ issuer: ISSUER, jwks_uri: idp.jwksUri })
      const keys = answers.shift()?.map(({ jwk }) => jwk)
      await gate
      return Response.json({ keys })
    }
    const refreshed = [resourceServer.refreshKeys(), resourceServer.refreshKeys()]
    await turns()
    open?.()
    await Promise.all(refreshed)
    expect(answers).toEqual([])
    expect(resourceServer.status().issuers[0]?.keys).toBe(3)
    expect(await send(await token('after'))).toBe('authenticated')
  },
)

verifies('ATK-19', 'faults at the same time count once, and the pause holds for all', async () => {
  const { send, token, idp, events, wait } = await createScene()
  idp.fault = () => new Response('', { status: 500 })
  const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => token(`user-${i}`)))
  await Promise.all(tokens.map((each) => send(each)))
  const failed = events.filter(({ type }) => type === 'keys.failed')
  expect(failed).toHaveLength(1)
  expect(failed[0]).toMatchObject({ retryIn: 500 })
  const asked = idp.requests.length
  expect(await send(await token('later'))).toBe('ERR_DISCOVERY_FAILED')
  expect(idp.requests).toHaveLength(asked)
  idp.fault = undefined
  wait(1)
  expect(await send(await token('later'))).toBe('authenticated')
})

verifies('ATK-19', 'a flood of unknown keys fetches once for each cooldown', async () => {
  const { send, token, idp, wait } = await createScene()
  expect(await send(await token('user'))).toBe('authenticated')
  wait(10)
  for (let i = 0; i < 20; i++) {
    expect(await send(await token('user', `stranger-${i}`))).toBe('ERR_TOKEN_KEY_UNKNOWN')
  }
  expect(idp.jwksFetches).toBe(2)
})

for (const hasContext of [true, false]) {
  const how = hasContext ? 'after the answer, where the host waits' : 'by one request itself, else'
  verifies(
    'ATK-19',
    `keys that are due are fetched ${how}: rotated ones work, withdrawn ones die`,
    async () => {
      const { send, token, idp, wait, work, waitUntil } = await createScene()
      const context = hasContext ? { waitUntil } : {}
      const old = await token('user')
      expect(await send(old, context)).toBe('authenticated')
      work.length = 0
      wait(620)
      idp.keys = [await fakeKey('key-2')]
      // At once by the keys at hand, or with the new ones.
      expect(await send(old, context)).toBe(hasContext ? 'authenticated' : 'ERR_TOKEN_KEY_UNKNOWN')
      expect(work).toHaveLength(hasContext ? 1 : 0)
      await Promise.all(work)
      expect(idp.jwksFetches).toBe(2)
      expect(await send(old, context)).toBe('ERR_TOKEN_KEY_UNKNOWN')
      expect(await send(await token('user'), context)).toBe('authenticated')
      // One more, for a key that was not among them: no request fetches twice.
      expect(idp.jwksFetches).toBe(3)
    },
  )
}

verifies(
  'ATK-19',
  'a background fetch that was cancelled is begun again, not waited for',
  async () => {
    const { send, token, idp, wait, work, waitUntil } = await createScene()
    const old = await token('user')
    expect(await send(old)).toBe('authenticated')
    wait(620)
    idp.fault = never
    expect(await send(old, { waitUntil })).toBe('authenticated')
    await turns()
    idp.fault = undefined
    idp.keys = [await fakeKey('key-2')]
    // Somebody sees to it, as far as is known.
    expect(await send(old)).toBe('authenticated')
    wait(6)
    work.length = 0
    expect(await send(old, { waitUntil })).toBe('authenticated')
    expect(work).toHaveLength(1)
    await Promise.all(work)
    expect(await send(old)).toBe('ERR_TOKEN_KEY_UNKNOWN')
  },
)

verifies('ATK-19', 'keys that were fetched earlier and come later bring nothing back', async () => {
  const { send, token, idp } = await createScene()
  const old = await token('user')
  const [key] = idp.keys
  let answer: (response: Response) => void = () => undefined
  idp.fault = (url) =>
    url === idp.jwksUri ? new Promise((resolve) => (answer = resolve)) : metadata(idp)
  const slow = send(old)
  await turns()
  idp.fault = undefined
  idp.keys = [await fakeKey('key-2')]
  expect(await send(await token('user'))).toBe('authenticated')
  answer(Response.json({ keys: [key?.jwk] }))
  expect(await slow).toBe('ERR_TOKEN_KEY_UNKNOWN')
  expect(await send(await token('user'))).toBe('authenticated')
})

function metadata(idp: FakeIdp): Response {
  return Response.json({ issuer: idp.issuer, jwks_uri: idp.jwksUri })
}

verifies(
  'ATK-19',
  'the host’s context is what keeps a request alive; without one it is asked for nothing',
  async () => {
    for (const host of ['hono', 'fetch']) {
      const idp = await FakeIdp.start()
      let clock = Date.now()
      const options = {
        resource: RESOURCE,
        authorizationServers: ISSUER,
        fetch: idp.fetch,
        now: () => clock,
      }
      const app = new Hono()
      app.use(protectedResource(options))
      app.all('/mcp', (c) => c.text('in'))
      const guard = protect(options)
      const headers = { authorization: `Bearer ${await idp.token()}` }
      const work: Promise<unknown>[] = []
      const context = {
        waitUntil(each: Promise<unknown>) {
          // Workers demand it.
          expect(this).toBe(context)
          work.push(each)
        },
        passThroughOnException: () => undefined,
        props: undefined,
      }
      const send = async (given?: typeof context) => {
        const request = new Request(RESOURCE, { headers })
        const response = await (host === 'hono'
          ? app.fetch(request, {}, given)
          : guard(request, () => new Response('in'), given))
        return response.status
      }
      expect(await send()).toBe(200)
      clock += 620_000
      expect(await send(context)).toBe(401)
      expect({ host, work: work.length }).toEqual({ host, work: 1 })
      await Promise.all(work)
      expect(idp.jwksFetches).toBe(2)
    }
  },
)

verifies('ATK-19', 'no turn of the loop is shared', async () => {
  vi.resetModules()
  const { endOfTurn } = await import('../../src/base/loop-turn.js')
  expect(endOfTurn).toBeUndefined()
})

verifies(
  'ATK-19',
  'a cancelled call to the introspection endpoint holds up nobody, nor does its slot',
  async () => {
    const server = new FakeIntrospection()
    let clock = Date.now()
    const introspector = createTokenIntrospector({
      issuer: ISSUER,
      clientId: 'rs',
      clientSecret: 'secret',
      fetch: server.fetch,
      now: () => clock,
      concurrency: 2,
      wait: 0,
    })
    const token = 'opaque_0123456789abcdef'
    await introspector.introspect(token)
    server.answer = () => new Promise(() => undefined)
    clock += 31_000
    // Three of the same, of which two have a slot, and a stranger's.
    for (let i = 0; i < 2; i++) introspector.introspect(token).catch(() => undefined)
    introspector.introspect('another_opaque_token_1').catch(() => undefined)
    await vi.waitFor(() => expect(server.inFlight).toBeGreaterThanOrEqual(2))
    server.answer = () => server.active()
    clock += 10_000
    const { claims } = await introspector.introspect(token)
    expect(claims['active']).toBe(true)
  },
)
