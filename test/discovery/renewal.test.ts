/** Keys that were replaced under their old name, or withdrawn while somebody looked. */
import { expect, vi } from 'vitest'
import { fakeKey, FakeIdp, type FakeKey } from '../support/idp.js'
import { createFixture, tally } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const down = () => new Response('down', { status: 500 })

const ROTATIONS: [name: string, before: () => Promise<FakeKey>, after: () => Promise<FakeKey>][] = [
  [
    'under the old kid',
    () => fakeKey('a', 'ES256', 'signing'),
    () => fakeKey('b', 'ES256', 'signing'),
  ],
  [
    'under the old kid, for another algorithm',
    () => fakeKey('a', 'ES256', 'signing'),
    () => fakeKey('b', 'ES384', 'signing'),
  ],
  ['without kids', () => fakeKey('a', 'ES256', null), () => fakeKey('b', 'ES256', null)],
]

for (const [name, before, after] of ROTATIONS) {
  verifies(['KEY-05', 'CASE-20', 'CASE-21'], `a key is replaced ${name}: it works`, async () => {
    const idp = new FakeIdp()
    idp.keys = [await before()]
    const fixture = createFixture(idp)
    const old = await idp.token()
    expect(await fixture.verdict(old)).toBe('authenticated')
    idp.keys = [await after()]
    fixture.wait(6)
    const tokens = await Promise.all(
      Array.from({ length: 100 }, (_, i) => idp.token({ claims: { sub: `user-${i}` } })),
    )
    expect(tally(await Promise.all(tokens.map(fixture.verdict)))).toEqual({ authenticated: 100 })
    expect(idp.jwksFetches).toBe(2)
    expect(await fixture.verdict(old)).not.toBe('authenticated')
  })
}

verifies('KEY-05', 'a token whose key was withdrawn is 401 in an outage, too', async () => {
  for (const kid of ['signing', 'next']) {
    const idp = new FakeIdp()
    idp.keys = [await fakeKey('a', 'ES256', 'signing')]
    const fixture = createFixture(idp)
    const old = await idp.token()
    expect(await fixture.verdict(old)).toBe('authenticated')
    idp.keys = [await fakeKey('b', 'ES256', kid)]
    fixture.wait(6)
    expect(await fixture.verdict(await idp.token({ claims: { sub: 'another' } }))).toBe(
      'authenticated',
    )
    idp.fault = down
    fixture.wait(60)
    expect(await fixture.verdict(old)).toBe('ERR_TOKEN_KEY_UNKNOWN')
  }
})

verifies(
  ['KEY-05', 'CASE-16', 'JWT-03'],
  'forged signatures make us fetch once in five seconds, whatever the flood',
  async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    const forger = await fakeKey('forger', 'ES256', 'key-1')
    const forged = await Promise.all(
      Array.from({ length: 500 }, (_, i) =>
        idp.token({ key: forger, claims: { sub: `user-${i}` } }),
      ),
    )
    // The keys were fetched for the first of them; they cannot be newer.
    expect(await fixture.verdict(forged[0] ?? '')).toBe('ERR_TOKEN_SIGNATURE')
    expect(idp.jwksFetches).toBe(1)
    for (let round = 1; round <= 3; round++) {
      const verdicts = await Promise.all(forged.map(fixture.verdict))
      expect(tally(verdicts)).toEqual({ ERR_TOKEN_SIGNATURE: 500 })
      for (const token of forged.slice(0, 50)) await fixture.verdict(token)
      expect(idp.jwksFetches).toBe(1 + round)
      fixture.wait(5.1)
    }
    // They and unknown kids share the budget.
    await fixture.verdict(forged[0] ?? '')
    const fetches = idp.jwksFetches
    await fixture.verdict(await idp.token({ header: { kid: 'stranger' } }))
    expect(idp.jwksFetches).toBe(fetches)
  },
)

verifies(
  ['KEY-06', 'JWT-03'],
  'a signature that no key verifies is 503 while newer keys cannot be fetched, and 401 once they were',
  async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    const exp = Math.floor(Date.now() / 1000) + 90_000
    const good = await idp.token({ claims: { exp } })
    await fixture.verdict(good)
    const forged = await idp.token({
      key: await fakeKey('forger', 'ES256', 'key-1'),
      claims: { exp },
    })
    idp.fault = down
    fixture.wait(60)
    expect(await fixture.verdict(forged)).toBe('ERR_KEYS_UNAVAILABLE')
    const { length } = idp.requests
    // At once: the fault is known.
    expect(await fixture.verdict(forged)).toBe('ERR_KEYS_UNAVAILABLE')
    expect(idp.requests).toHaveLength(length)
    fixture.wait(700)
    expect(await fixture.verdict(forged)).toBe('ERR_KEYS_UNAVAILABLE')
    expect(await fixture.verdict(good)).toBe('authenticated')
    idp.fault = undefined
    fixture.wait(60)
    expect(await fixture.verdict(forged)).toBe('ERR_TOKEN_SIGNATURE')
  },
)

verifies(
  'FLD-01',
  'a key is replaced under its kid, and the IdP is away: 503, then its tokens are accepted',
  async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    await fixture.verdict(await idp.token())
    const successor = await fakeKey('successor', 'ES256', 'key-1')
    const token = await idp.token({ key: successor })
    idp.keys = [successor]
    idp.fault = down
    fixture.wait(60)
    expect(await fixture.send(token)).toMatchObject({ outcome: 'unavailable', status: 503 })
    idp.fault = undefined
    fixture.wait(60)
    expect(await fixture.verdict(token)).toBe('authenticated')
  },
)

verifies(
  ['KEY-05', 'CASE-20'],
  'a key that is withdrawn while a signature is checked opens nothing',
  async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    await fixture.verdict(await idp.token())
    const token = await idp.token({ claims: { sub: 'late' } })
    const { subtle } = crypto
    const verify = subtle.verify.bind(subtle)
    const spy = vi.spyOn(subtle, 'verify').mockImplementationOnce(async (...parts) => {
      const isValid = await verify(...parts)
      idp.keys = [await fakeKey('key-2')]
      await fixture.resourceServer.refreshKeys()
      return isValid
    })
    try {
      expect(await fixture.verdict(token)).toBe('ERR_TOKEN_KEY_UNKNOWN')
      expect(spy).toHaveBeenCalled()
    } finally {
      spy.mockRestore()
    }
    expect(await fixture.verdict(token)).toBe('ERR_TOKEN_KEY_UNKNOWN')
  },
)
