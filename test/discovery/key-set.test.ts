import { describe, expect } from 'vitest'
import { createResourceServer } from 'mcp-gatehouse'
import { fakeKey, FakeIdp, ISSUER, RESOURCE, type FakeKey } from '../support/idp.js'
import { createFixture, tally } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const down = () => new Response('down', { status: 500 })

/** Tokens whose `kid` nobody has, each another. */
async function strangers(idp: FakeIdp, count: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => idp.token({ header: { kid: `stranger-${i}` } })),
  )
}

describe('fetching', () => {
  verifies(['KEY-05', 'CASE-17'], '1000 concurrent first requests cause one fetch', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    const tokens = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => idp.token({ claims: { sub: `user-${i}` } })),
    )
    expect(tally(await Promise.all(tokens.map(fixture.verdict)))).toEqual({ authenticated: 1000 })
    expect(idp.jwksFetches).toBe(1)
  })

  verifies('KEY-05', '1000 concurrent requests with one token check one signature', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    const token = await idp.token()
    const verdicts = await Promise.all(Array.from({ length: 1000 }, () => fixture.verdict(token)))
    expect(tally(verdicts)).toEqual({ authenticated: 1000 })
    expect(idp.jwksFetches).toBe(1)
  })

  verifies(['KEY-04', 'KEY-06'], 'an IdP that is down at the start does not stop it', async () => {
    const idp = await FakeIdp.start()
    idp.fault = down
    const fixture = createFixture(idp)
    const token = await idp.token()
    expect(await fixture.verdict(token)).toBe('ERR_DISCOVERY_FAILED')
    idp.fault = undefined
    fixture.wait(1)
    expect(await fixture.verdict(token)).toBe('authenticated')
  })

  verifies(
    ['KEY-05', 'CASE-17'],
    'fresh keys are not fetched again, older ones in the background',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const token = await idp.token({ claims: { exp: Math.floor(Date.now() / 1000) + 90_000 } })
      await fixture.verdict(token)
      fixture.wait(599)
      await fixture.verdict(token)
      expect(idp.jwksFetches).toBe(1)
      fixture.wait(2)
      // Answered at once by the keys at hand, while the fetch goes on.
      expect(
        fixture.resourceServer.authenticate({ authorization: `Bearer ${token}` }),
      ).toMatchObject({
        outcome: 'authenticated',
      })
      await expect.poll(() => idp.jwksFetches).toBe(2)
    },
  )

  verifies('KEY-05', 'a shorter max-age of the IdP is respected, down to a minute', async () => {
    const idp = await FakeIdp.start()
    idp.jwksHeaders = { 'cache-control': 'public, max-age=120' }
    const fixture = createFixture(idp)
    await fixture.verdict(await idp.token())
    fixture.wait(119)
    await fixture.verdict(await idp.token())
    expect(idp.jwksFetches).toBe(1)
    idp.jwksHeaders = { 'cache-control': 'no-cache' }
    fixture.wait(2)
    await fixture.verdict(await idp.token())
    await expect
      .poll(() => fixture.events.filter(({ type }) => type === 'keys.loaded').length)
      .toBe(2)
    fixture.wait(59)
    await fixture.verdict(await idp.token())
    expect(idp.jwksFetches).toBe(2)
    fixture.wait(2)
    await fixture.verdict(await idp.token())
    await expect.poll(() => idp.jwksFetches).toBe(3)
  })

  verifies(['KEY-04', 'CASE-39'], 'configured keys need no IdP', async () => {
    const idp = await FakeIdp.start()
    idp.fault = down
    const fixture = createFixture(idp, {
      authorizationServers: { issuer: ISSUER, jwks: { keys: [idp.key.jwk] } },
    })
    expect(await fixture.verdict(await idp.token())).toBe('authenticated')
    expect(await fixture.verdict(await idp.token({ header: { kid: 'other' } }))).toBe(
      'ERR_TOKEN_KEY_UNKNOWN',
    )
    expect(idp.requests).toEqual([])
  })

  verifies(
    ['KEY-03', 'CASE-39'],
    'a configured jwksUri needs no discovery; the issuer stays the public one',
    async () => {
      const idp = await FakeIdp.start()
      idp.metadataUrl = 'nowhere'
      const fixture = createFixture(idp, {
        authorizationServers: { issuer: ISSUER, jwksUri: idp.jwksUri },
      })
      expect(await fixture.verdict(await idp.token())).toBe('authenticated')
      expect(idp.requests).toEqual([idp.jwksUri])
    },
  )
})

describe('unknown kids', () => {
  verifies(
    ['KEY-05', 'JWT-10', 'CASE-16'],
    '5000 unknown kids at once cause at most 3 fetches',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp, { wait: 10 })
      const verdicts = await Promise.all((await strangers(idp, 5000)).map(fixture.verdict))
      expect(tally(verdicts)).toEqual({ ERR_TOKEN_KEY_UNKNOWN: 5000 })
      expect(idp.jwksFetches).toBeLessThanOrEqual(3)
    },
  )

  verifies(
    ['KEY-05', 'JWT-10', 'CASE-16'],
    '5000 unknown kids in sequence cause at most 3 fetches',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      for (const token of await strangers(idp, 5000)) {
        expect(await fixture.verdict(token)).toBe('ERR_TOKEN_KEY_UNKNOWN')
      }
      expect(idp.jwksFetches).toBeLessThanOrEqual(3)
    },
  )

  verifies(
    ['KEY-05', 'CASE-16', 'CASE-21'],
    'a new key works within 5 s of a flood of ten a second, with at most 60 fetches in 5 minutes',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const added = await fakeKey('key-2')
      await fixture.verdict(await idp.token())
      const tokens = await strangers(idp, 3000)
      let refusedFor = 0
      let accepted = false
      for (const [i, token] of tokens.entries()) {
        fixture.wait(0.1)
        await fixture.verdict(token)
        if (i === 1503) idp.keys = [added, ...idp.keys]
        if (i < 1503 || accepted) continue
        accepted = (await fixture.verdict(await idp.token({ key: added }))) === 'authenticated'
        if (!accepted) refusedFor += 0.1
      }
      expect(accepted).toBe(true)
      expect(refusedFor).toBeLessThanOrEqual(5)
      expect(idp.jwksFetches).toBeLessThanOrEqual(61)
    },
  )

  verifies(
    ['KEY-05', 'CASE-21'],
    'without a flood 1000 requests with a new key cause one fetch and no refusal',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      await fixture.verdict(await idp.token())
      fixture.wait(2)
      const added = await fakeKey('key-2')
      idp.keys = [added, ...idp.keys]
      const tokens = await Promise.all(
        Array.from({ length: 1000 }, (_, i) => idp.token({ key: added, claims: { sub: `u${i}` } })),
      )
      expect(tally(await Promise.all(tokens.map(fixture.verdict)))).toEqual({ authenticated: 1000 })
      expect(idp.jwksFetches).toBe(2)
    },
  )

  verifies(
    ['KEY-06', 'KEY-05'],
    'an unknown kid is 503 while the keys cannot be fetched, 401 after they were',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      await fixture.verdict(await idp.token())
      fixture.wait(10)
      idp.fault = down
      const [stranger = ''] = await strangers(idp, 1)
      expect(await fixture.verdict(stranger)).toBe('ERR_KEYS_UNAVAILABLE')
      expect(await fixture.verdict(await idp.token())).toBe('authenticated')
      idp.fault = undefined
      fixture.wait(1)
      expect(await fixture.verdict(stranger)).toBe('ERR_TOKEN_KEY_UNKNOWN')
      expect(await fixture.verdict(stranger)).toBe('ERR_TOKEN_KEY_UNKNOWN')
    },
  )
})

describe('rotation', () => {
  verifies(
    ['KEY-05', 'CASE-20'],
    'a key that a successful fetch no longer has dies at once, also for remembered tokens',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const token = await idp.token({ claims: { exp: Math.floor(Date.now() / 1000) + 90_000 } })
      expect(await fixture.verdict(token)).toBe('authenticated')
      expect(await fixture.verdict(token)).toBe('authenticated')
      const added = await fakeKey('key-2')
      idp.keys = [added]
      expect(await fixture.verdict(await idp.token({ key: added }))).toBe('authenticated')
      expect(await fixture.verdict(token)).toBe('ERR_TOKEN_KEY_UNKNOWN')
      expect(fixture.events).toContainEqual(
        expect.objectContaining({ type: 'keys.loaded', retired: 1 }),
      )
    },
  )

  verifies('KEY-05', 'a key that stays keeps what was remembered by it', async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp)
    const token = await idp.token({ claims: { exp: Math.floor(Date.now() / 1000) + 90_000 } })
    await fixture.verdict(token)
    fixture.wait(601)
    await fixture.verdict(token)
    await expect
      .poll(() => fixture.events.filter(({ type }) => type === 'keys.loaded').length)
      .toBe(2)
    await fixture.verdict(token)
    const last = fixture.events.at(-1)
    expect(last).toEqual({ type: 'request.authenticated', issuer: ISSUER, remembered: true })
  })

  verifies(
    ['KEY-05', 'CASE-20'],
    'other material under an old kid retires the old key',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const old = await idp.token()
      await fixture.verdict(old)
      const successor = await fakeKey('successor', 'ES256', 'key-1')
      idp.keys = [successor]
      fixture.wait(601)
      await fixture.verdict(old)
      await expect.poll(() => fixture.verdict(old)).toBe('ERR_TOKEN_EXPIRED')
      const fresh = await idp.token({ key: successor })
      expect(await fixture.verdict(fresh)).toBe('authenticated')
    },
  )
})

describe('odd keys', () => {
  const odd: Record<string, unknown> = {
    'a text': 'key',
    null: null,
    'a list': [],
    'no kty': { kid: 'a' },
    'an HMAC key': { kty: 'oct', k: 'AAAA', kid: 'key-1', alg: 'HS256' },
    'an unknown kty': { kty: 'AKP', alg: 'ML-DSA-44', kid: 'pq' },
    'an encryption key': { kty: 'RSA', use: 'enc', alg: 'RSA-OAEP', n: 'AQAB', e: 'AQAB' },
    'a point off the curve': { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'off' },
    'an unknown curve': { kty: 'EC', crv: 'secp256k1', x: 'AAAA', y: 'AAAA' },
    'an empty modulus': { kty: 'RSA', n: '', e: 'AQAB' },
    'numbers instead of texts': { kty: 'EC', crv: 5, x: 1, y: 2, kid: 9 },
    'an alg that is not a text': { kty: 'RSA', alg: 7, n: 'AQAB', e: 'AQAB' },
    'a nested surprise': { kty: { toString: 'RSA' } },
  }

  verifies(['KEY-05', 'CASE-18', 'JWT-11'], 'odd keys are skipped, and told', async () => {
    const idp = await FakeIdp.start()
    idp.publishedKeys = [...Object.values(odd), idp.key.jwk]
    const fixture = createFixture(idp)
    expect(await fixture.verdict(await idp.token())).toBe('authenticated')
    const loaded = fixture.events.find((event) => event.type === 'keys.loaded')
    expect(loaded).toMatchObject({
      usable: 1,
      skipped: expect.toSatisfy((list) => list.length === 13),
    })
  })

  for (const [name, key] of Object.entries(odd)) {
    verifies(
      ['KEY-06', 'CASE-18'],
      `a set with nothing but ${name} is a fault, not a refresh`,
      async () => {
        const idp = await FakeIdp.start()
        const fixture = createFixture(idp)
        const token = await idp.token({ claims: { exp: Math.floor(Date.now() / 1000) + 90_000 } })
        expect(await fixture.verdict(token)).toBe('authenticated')
        idp.publishedKeys = [key]
        fixture.wait(601)
        await fixture.verdict(token)
        await expect
          .poll(() => fixture.events.some(({ type }) => type === 'keys.failed'))
          .toBe(true)
        expect(await fixture.verdict(token)).toBe('authenticated')

        const cold = createFixture(idp)
        const decision = await cold.send(await idp.token())
        expect(decision).toMatchObject({
          outcome: 'unavailable',
          status: 503,
          code: 'ERR_KEYS_UNAVAILABLE',
        })
      },
    )
  }

  verifies('JWT-11', 'an RSA key of 1024 bits is not used', async () => {
    const { generateKeyPair, exportJWK } = await import('jose')
    const weak = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 1024,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      },
      true,
      ['sign', 'verify'],
    )
    const strong = await generateKeyPair('RS256')
    const idp = new FakeIdp()
    const jwk = { ...(await exportJWK(weak.publicKey)), kid: 'weak', alg: 'RS256' }
    idp.publishedKeys = [
      jwk,
      { ...(await exportJWK(strong.publicKey)), kid: 'strong', alg: 'RS256' },
    ]
    const fixture = createFixture(idp)
    // jose refuses to sign with it, so the signature is made by hand.
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const at = Math.floor(idp.now() / 1000)
    const text = `${part({ alg: 'RS256', kid: 'weak', typ: 'at+jwt' })}.${part({ iss: ISSUER, aud: RESOURCE, exp: at + 60 })}`
    const signature = await crypto.subtle.sign(
      'RSASSA-PKCS1-v1_5',
      weak.privateKey,
      Buffer.from(text),
    )
    const token = `${text}.${Buffer.from(signature).toString('base64url')}`
    expect(await fixture.verdict(token)).toBe('ERR_TOKEN_KEY_UNKNOWN')
    expect(fixture.events[0]).toMatchObject({ skipped: ['RSA key of 1024 bits, fewer than 2048'] })
  })

  /** An RSA key of so many bits that nobody has the other half of. */
  function hollowRsaKey(bits: number, exponent = 'AQAB'): Record<string, string> {
    const modulus = Buffer.alloc(Math.ceil(bits / 8), 0xff)
    modulus[0] = 0xff >> (modulus.length * 8 - bits)
    return {
      kty: 'RSA',
      alg: 'RS256',
      kid: 'hollow',
      n: modulus.toString('base64url'),
      e: exponent,
    }
  }

  /** What we think of a key that is published beside a good one. */
  async function skipped(key: unknown): Promise<readonly string[]> {
    const idp = await FakeIdp.start()
    idp.publishedKeys = [key, idp.key.jwk]
    const fixture = createFixture(idp)
    expect(await fixture.verdict(await idp.token())).toBe('authenticated')
    const loaded = fixture.events.find((event) => event.type === 'keys.loaded')
    return loaded?.skipped ?? []
  }

  verifies('JWT-11', 'an RSA key of more than 8192 bits is not used, one of 8192 is', async () => {
    expect(await skipped(hollowRsaKey(8193))).toEqual(['RSA key of 8193 bits, more than 8192'])
    expect(await skipped(hollowRsaKey(8192))).toEqual([])
  })

  for (const exponent of ['', 'AA', 'AQ', 'AAE', 'Ag', 'BA', 'AQAA', '!']) {
    verifies('JWT-11', `an RSA key with the exponent ${exponent} is not used`, async () => {
      const reason = 'RSA key whose exponent is not odd or less than 3'
      expect(await skipped(hollowRsaKey(2048, exponent))).toEqual([reason])
    })
  }

  verifies('JWT-11', 'RSA keys with the exponents 3 and 65537 are used', async () => {
    for (const exponent of ['Aw', 'AAM', 'AQAB']) {
      expect(await skipped(hollowRsaKey(2048, exponent))).toEqual([])
    }
  })

  verifies('FLD-01', 'a key without its material is told by what is missing', async () => {
    const { n: _, ...withoutModulus } = hollowRsaKey(2048)
    expect(await skipped(withoutModulus)).toEqual(['RSA key without n'])
    expect(await skipped({ kty: 'EC', crv: 'P-256', x: 'AAAA' })).toEqual(['EC key without y'])
    expect(await skipped({ kty: 'OKP', crv: 'Ed25519' })).toEqual(['OKP key without x'])
  })

  verifies('KEY-05', 'a key set that shows private halves still verifies', async () => {
    const { exportJWK } = await import('jose')
    const idp = await FakeIdp.start()
    idp.publishedKeys = [{ ...(await exportJWK(idp.key.privateKey)), kid: 'key-1', alg: 'ES256' }]
    expect(idp.publishedKeys[0]).toHaveProperty('d')
    expect(await createFixture(idp).verdict(await idp.token())).toBe('authenticated')
  })

  verifies(
    'KEY-05',
    'of a set with more than a hundred keys the rest is not looked at',
    async () => {
      const idp = await FakeIdp.start()
      const { jwk } = idp.key
      idp.publishedKeys = [
        ...Array.from({ length: 100 }, (_, i) => ({ ...jwk, kid: `other-${i}` })),
        jwk,
      ]
      const fixture = createFixture(idp)
      expect(await fixture.verdict(await idp.token())).toBe('ERR_TOKEN_KEY_UNKNOWN')
      expect(fixture.events[0]).toMatchObject({
        usable: 100,
        skipped: ['all beyond the first 100 of 101'],
      })
      expect(await fixture.verdict(await idp.token({ header: { kid: 'other-99' } }))).toBe(
        'authenticated',
      )
    },
  )

  verifies(
    ['CASE-22', 'FLD-01'],
    'a token without kid is verified by each key that fits',
    async () => {
      const idp = new FakeIdp()
      const nameless = await fakeKey('nameless', 'ES256', null)
      idp.keys = [nameless, await fakeKey('key-r', 'RS256')]
      const token = await idp.token()
      expect(await createFixture(idp).verdict(token)).toBe('authenticated')
      idp.keys = [await fakeKey('nameless-2', 'ES256', null), nameless]
      expect(await createFixture(idp).verdict(token)).toBe('authenticated')
      idp.keys = [await fakeKey('nameless-2', 'ES256', null)]
      expect(await createFixture(idp).verdict(token)).toBe('ERR_TOKEN_SIGNATURE')
    },
  )
})

/** Keys of one name, and one more that signs and has it too. */
async function namesakes(count: number): Promise<{ idp: FakeIdp; last: FakeKey }> {
  const others = Array.from({ length: count }, (_, i) => fakeKey(`other-${i}`, 'ES256', 'one'))
  const last = await fakeKey('last', 'ES256', 'one')
  const idp = new FakeIdp()
  idp.keys = [...(await Promise.all(others)), last]
  return { idp, last }
}

describe('several keys under one kid', () => {
  verifies('FLD-01', 'at most eight are tried; more are refused, and told', async () => {
    const eight = await namesakes(7)
    const fixture = createFixture(eight.idp)
    expect(await fixture.verdict(await eight.idp.token({ key: eight.last }))).toBe('authenticated')
    const forger = await fakeKey('forger', 'ES256', 'one')
    expect(await fixture.verdict(await eight.idp.token({ key: forger }))).toBe(
      'ERR_TOKEN_SIGNATURE',
    )
    const nine = await namesakes(8)
    const crowded = createFixture(nine.idp)
    expect(await crowded.verdict(await nine.idp.token({ key: nine.last }))).toBe(
      'ERR_TOKEN_KEY_UNKNOWN',
    )
    expect(JSON.stringify(crowded.events)).toContain('more keys fit than are tried (8)')
  })

  verifies('FLD-01', 'keys of another type or algorithm are not counted', async () => {
    const { idp, last } = await namesakes(7)
    idp.keys = [...idp.keys, await fakeKey('rsa', 'RS256', 'one'), await fakeKey('two', 'ES256')]
    expect(await createFixture(idp).verdict(await idp.token({ key: last }))).toBe('authenticated')
  })

  verifies(
    'FLD-01',
    'the key that verified is remembered: its withdrawal ends the token',
    async () => {
      const { idp, last } = await namesakes(1)
      const fixture = createFixture(idp)
      const token = await idp.token({ key: last })
      expect(await fixture.verdict(token)).toBe('authenticated')
      const [other] = idp.keys
      if (other === undefined) throw new Error('no other key')
      idp.keys = [other]
      await fixture.resourceServer.refreshKeys()
      expect(await fixture.verdict(token)).toBe('ERR_TOKEN_SIGNATURE')
      idp.keys = [other, last]
      await fixture.resourceServer.refreshKeys()
      expect(await fixture.verdict(token)).toBe('authenticated')
      idp.keys = [last]
      await fixture.resourceServer.refreshKeys()
      expect(await fixture.verdict(token)).toBe('authenticated')
    },
  )
})

describe('outages', () => {
  verifies(
    ['KEY-05', 'CASE-19'],
    'past the refresh age 300 of 300 requests with known keys are served, up to the stated bound',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const exp = Math.floor(Date.now() / 1000) + 200_000
      const remembered = await idp.token({ claims: { exp } })
      await fixture.verdict(remembered)
      idp.fault = down
      fixture.wait(700)
      const verdicts: string[] = []
      for (let i = 0; i < 300; i++) {
        fixture.wait(60)
        const unseen = await idp.token({ claims: { exp, sub: `user-${i}` } })
        verdicts.push(await fixture.verdict(i % 2 === 0 ? unseen : remembered))
      }
      expect(tally(verdicts)).toEqual({ authenticated: 300 })
      fixture.wait(86_400)
      expect(await fixture.verdict(remembered)).toMatch(/^ERR_(DISCOVERY_FAILED|KEYS_UNAVAILABLE)$/)
      idp.fault = undefined
      fixture.wait(31)
      expect(await fixture.verdict(remembered)).toBe('authenticated')
    },
  )

  verifies(
    ['KEY-06', 'CASE-24'],
    'without keys: 503 with Retry-After, no challenge, never 401',
    async () => {
      const idp = await FakeIdp.start()
      idp.fault = down
      const fixture = createFixture(idp)
      const tokens = [await idp.token(), await idp.token({ claims: { aud: 'other' } })]
      for (let i = 0; i < 300; i++) {
        const decision = await fixture.send(tokens[i % 2] ?? '')
        if (decision.outcome !== 'unavailable') throw new Error(decision.outcome)
        expect(decision.status).toBe(503)
        expect(Number(decision.headers['Retry-After'])).toBeGreaterThanOrEqual(1)
        expect(decision.headers).not.toHaveProperty('WWW-Authenticate')
        expect(JSON.parse(decision.body)).toMatchObject({ error: 'temporarily_unavailable' })
      }
      expect(idp.requests.length).toBeLessThanOrEqual(3)
    },
  )

  verifies(
    ['KEY-05', 'KEY-06'],
    'attempts back off: at most 3 in the first second, at most 10 in a minute',
    async () => {
      const idp = await FakeIdp.start()
      idp.fault = () => {
        throw new TypeError('fetch failed', {
          cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
        })
      }
      const fixture = createFixture(idp)
      const token = await idp.token()
      const askFor = async (seconds: number) => {
        for (let tenth = 0; tenth < seconds * 10; tenth++) {
          expect(await fixture.verdict(token)).toBe('ERR_DISCOVERY_FAILED')
          fixture.wait(0.1)
        }
      }
      await askFor(1)
      expect(idp.requests.length).toBeLessThanOrEqual(3)
      await askFor(59)
      expect(idp.requests.length).toBeLessThanOrEqual(10)
      const [failed] = fixture.events.filter((event) => event.type === 'keys.failed')
      expect(failed).toMatchObject({
        serving: false,
        reason: expect.stringContaining('ECONNREFUSED'),
      })
    },
  )

  verifies('KEY-06', 'a momentary fault is waited out', async () => {
    const idp = await FakeIdp.start()
    let calls = 0
    idp.fault = () => {
      calls++
      idp.fault = undefined
      return down()
    }
    // The real clock: this waits for the second attempt, half a second later.
    const resourceServer = createResourceServer({
      resource: RESOURCE,
      authorizationServers: { issuer: ISSUER, jwksUri: idp.jwksUri },
      fetch: idp.fetch,
      wait: 2,
    })
    const decision = await resourceServer.authenticate({
      authorization: `Bearer ${await idp.token()}`,
    })
    expect(decision.outcome).toBe('authenticated')
    expect(calls).toBe(1)
  })

  verifies(
    ['KEY-05', 'KEY-06'],
    'an IdP that hangs: one fetch, 503 for those who need it, known keys do not wait',
    async () => {
      const idp = await FakeIdp.start()
      const resourceServer = createResourceServer({
        resource: RESOURCE,
        authorizationServers: { issuer: ISSUER, jwksUri: idp.jwksUri },
        fetch: idp.fetch,
        wait: 0,
      })
      const send = async (token: string) =>
        resourceServer.authenticate({ authorization: `Bearer ${token}` })
      const known = await idp.token()
      expect(await send(known)).toMatchObject({ outcome: 'authenticated' })
      idp.fault = () => new Promise<Response>(() => undefined)
      const waiting = (await strangers(idp, 100)).map(send)
      const unseen = await idp.token({ claims: { sub: 'someone else' } })
      expect(await send(unseen)).toMatchObject({ outcome: 'authenticated' })
      expect(await send(known)).toMatchObject({ outcome: 'authenticated' })
      expect(tally((await Promise.all(waiting)).map(({ outcome }) => outcome))).toEqual({
        unavailable: 100,
      })
      expect(idp.jwksFetches).toBe(2)
    },
  )
})
