import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import {
  BearerTokenError,
  principalOf,
  toAuthInfo,
  toOAuthTokenVerifier,
  type Authenticated,
} from 'mcp-gatehouse'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

async function accepted(claims: object, options = {}): Promise<Authenticated> {
  const idp = await FakeIdp.start()
  const decision = await createFixture(idp, options).send(
    await idp.token({ claims: claims as never }),
  )
  if (decision.outcome !== 'authenticated') throw new Error(decision.code)
  return decision
}

describe('what a verified token says', () => {
  test('its fields, and its claims when asked for', async () => {
    const { token } = await accepted({ roles: ['a'], deep: { er: 1 } })
    expect({ ...token }).toEqual({
      issuer: ISSUER,
      subject: 'user-1',
      clientId: 'client-1',
      scopes: ['mcp:tools'],
      audience: [RESOURCE],
      expiresAt: expect.any(Number),
    })
    expect(token.claims).toMatchObject({ roles: ['a'], deep: { er: 1 }, jti: 'id-1' })
    expect(token.claims).toBe(token.claims)
  })

  test('is frozen all the way down', async () => {
    const { token } = await accepted({ deep: { er: [1] } })
    for (const part of [token, token.scopes, token.audience, token.claims, token.claims['deep']]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  verifies(['GW-08', 'CASE-67'], 'does not show the token, however it is printed', async () => {
    const { token, bearer } = await accepted({})
    void token.claims
    const [, , signature = '-'] = bearer.split('.')
    const shown =
      JSON.stringify(token) + inspect(token, { depth: 9, showHidden: true }) + String(token)
    expect(shown).not.toContain(signature)
  })

  const clients: [claims: object, clientId: string | undefined][] = [
    [{ client_id: 'a', azp: 'b' }, 'a'],
    [{ client_id: undefined, azp: 'b' }, 'b'],
    [{ client_id: undefined, cid: 'c' }, 'c'],
    [{ client_id: undefined, appid: 'd' }, 'd'],
    [{ client_id: undefined }, undefined],
    [{ client_id: '' }, undefined],
    [{ client_id: 7 }, undefined],
  ]
  for (const [claims, clientId] of clients) {
    verifies(
      ['JWT-12', 'CASE-9'],
      `the client of ${JSON.stringify(claims)} is ${clientId}`,
      async () => {
        expect((await accepted(claims)).token.clientId).toBe(clientId)
      },
    )
  }

  const scopes: [claims: object, options: object, scopes: string[]][] = [
    [{ scope: 'a b' }, {}, ['a', 'b']],
    [{ scope: ['a', 'b'] }, {}, ['a', 'b']],
    [{ scope: undefined, scp: 'a b' }, {}, ['a', 'b']],
    [{ scope: undefined, scp: ['a', 'b'] }, {}, ['a', 'b']],
    [{ scope: 'a b', scp: ['b', 'c'] }, {}, ['a', 'b', 'c']],
    [{ scope: '' }, {}, []],
    [{ scope: undefined, permissions: ['a'] }, {}, []],
    [{ scope: 'a', permissions: ['b'] }, { scopeClaims: ['scope', 'permissions'] }, ['a', 'b']],
    [{ scope: 'a', permissions: ['b'] }, { scopeClaims: ['permissions'] }, ['b']],
    [{ scope: undefined, roles: ['a'], groups: ['b'] }, {}, []],
  ]
  for (const [claims, options, expected] of scopes) {
    verifies(
      'JWT-15',
      `scopes of ${JSON.stringify(claims)} with ${JSON.stringify(options)}`,
      async () => {
        expect((await accepted(claims, options)).token.scopes).toEqual(expected)
      },
    )
  }
})

describe('who is calling', () => {
  verifies(['JWT-13', 'CASE-10'], 'the same subject of two issuers is two principals', async () => {
    const { token } = await accepted({})
    const other = { ...token, issuer: 'https://other.example' }
    expect(principalOf(token).key).not.toBe(principalOf(other as never).key)
    expect(principalOf(token)).toMatchObject({ type: 'user', issuer: ISSUER, id: 'user-1' })
  })

  verifies(
    ['JWT-14', 'CASE-8'],
    'a client is told from a user, even by the same name',
    async () => {
      const client = principalOf((await accepted({ sub: 'x', client_id: 'x' })).token)
      const user = principalOf((await accepted({ sub: 'x', client_id: 'y' })).token)
      const nameless = principalOf((await accepted({ sub: undefined, client_id: 'x' })).token)
      expect([client.type, user.type, nameless.type]).toEqual(['client', 'user', 'client'])
      expect(client.key).toBe(nameless.key)
      expect(client.key).not.toBe(user.key)
    },
  )

  verifies('CASE-8', 'nobody is nobody: no key that two of them could share', async () => {
    const { token } = await accepted({
      sub: undefined,
      client_id: undefined,
      email: 'a@example.com',
    })
    expect(principalOf(token)).toEqual({
      type: 'anonymous',
      issuer: ISSUER,
      id: undefined,
      key: undefined,
    })
  })

  verifies('JWT-13', 'no two pairs of issuer and subject run together', async () => {
    const { token } = await accepted({})
    const key = (issuer: string, subject: string) => principalOf({ ...token, issuer, subject }).key
    expect(key('https://a.example', '1:x')).not.toBe(key('https://a.example1:', 'x'))
  })
})

describe('the SDK’s AuthInfo', () => {
  test('carries token, client, scopes, expiry and who is calling; each call makes another', async () => {
    const { token, bearer } = await accepted({})
    const info = toAuthInfo(token, bearer)
    expect(info).toEqual({
      token: bearer,
      clientId: 'client-1',
      scopes: ['mcp:tools'],
      expiresAt: token.expiresAt,
      extra: { issuer: ISSUER, subject: 'user-1', audience: [RESOURCE] },
    })
    info.scopes.push('admin')
    expect(toAuthInfo(token, bearer).scopes).toEqual(['mcp:tools'])
  })

  verifies('CASE-9', 'the client is the subject where none is named', async () => {
    const { token, bearer } = await accepted({ client_id: undefined })
    expect(toAuthInfo(token, bearer).clientId).toBe('user-1')
  })
})

describe('remembering', () => {
  test('a token seen before is judged at once, without a signature check', async () => {
    const idp = await FakeIdp.start()
    const { resourceServer, send } = createFixture(idp)
    const token = await idp.token()
    await send(token)
    const verify = vi.spyOn(crypto.subtle, 'verify')
    const parse = vi.spyOn(JSON, 'parse')
    try {
      const decision = resourceServer.authenticate({ authorization: `Bearer ${token}` })
      expect(decision).toMatchObject({ outcome: 'authenticated', token: { subject: 'user-1' } })
      expect(verify).not.toHaveBeenCalled()
      expect(parse).not.toHaveBeenCalled()
    } finally {
      verify.mockRestore()
      parse.mockRestore()
    }
  })

  verifies(
    ['JWT-07', 'TOK-04', 'TRN-08'],
    'a remembered token still expires, to the second',
    async () => {
      const idp = await FakeIdp.start()
      const { verdict, wait } = createFixture(idp)
      const token = await idp.token()
      await verdict(token)
      wait(329)
      expect(await verdict(token)).toBe('authenticated')
      wait(1.5)
      expect(await verdict(token)).toBe('ERR_TOKEN_EXPIRED')
    },
  )

  test('more tokens than the bound still work', async () => {
    const idp = await FakeIdp.start()
    const { verdict } = createFixture(idp, { rememberedTokens: 2 })
    const tokens = await Promise.all(['a', 'b', 'c'].map((sub) => idp.token({ claims: { sub } })))
    for (const token of [...tokens, ...tokens]) expect(await verdict(token)).toBe('authenticated')
  })

  verifies(
    'AUD-03',
    'what tokens share is not mixed up: one audience with a blank is not two',
    async () => {
      const idp = await FakeIdp.start()
      const { verdict } = createFixture(idp)
      const aud = [RESOURCE, 'other']
      expect(await verdict(await idp.token({ claims: { aud } }))).toBe('authenticated')
      for (const joined of [aud.join(' '), aud.join(','), aud.join(), JSON.stringify(aud)]) {
        const token = await idp.token({ claims: { aud: [joined] } })
        expect(await verdict(token)).toBe('ERR_TOKEN_AUDIENCE')
      }
    },
  )

  test('nothing is remembered when told so', async () => {
    const idp = await FakeIdp.start()
    const { resourceServer, send } = createFixture(idp, { rememberedTokens: 0 })
    const token = await idp.token()
    await send(token)
    const again = resourceServer.authenticate({ authorization: `Bearer ${token}` })
    expect(again).toBeInstanceOf(Promise)
    expect(await again).toMatchObject({ outcome: 'authenticated' })
  })

  test('a refused token is not remembered', async () => {
    const idp = await FakeIdp.start()
    const { verdict, wait } = createFixture(idp)
    const token = await idp.token({ claims: { nbf: Math.floor(idp.now() / 1000) + 60 } })
    expect(await verdict(token)).toBe('ERR_TOKEN_NOT_YET_VALID')
    wait(31)
    expect(await verdict(token)).toBe('authenticated')
  })
})

describe('the verifier for the gates of others', () => {
  const refuse = (name: string) =>
    class extends Error {
      override readonly name = name
    }
  const errors = {
    InvalidTokenError: refuse('invalid'),
    InsufficientScopeError: refuse('insufficient'),
  }

  verifies(
    ['GW-08', 'CHL-15'],
    'tells the exact reason of every refusal, since nobody else knows it',
    async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp, { scopes: 'mcp:tools' })
      const verifier = toOAuthTokenVerifier(fixture.resourceServer, errors)
      const refusals: [token: string, code: string, status: number][] = [
        [await idp.token({ claims: { aud: 'other' } }), 'ERR_TOKEN_AUDIENCE', 401],
        ['garbage', 'ERR_TOKEN_OPAQUE', 401],
        [await idp.token({ claims: { scope: '' } }), 'ERR_SCOPE_INSUFFICIENT', 403],
      ]
      for (const [token, code, status] of refusals) {
        await expect(verifier.verifyAccessToken(token)).rejects.toMatchObject({
          name: status === 403 ? 'insufficient' : 'invalid',
        })
        const last = fixture.events.at(-1)
        expect(last).toMatchObject({ type: 'request.denied', code, status })
        expect(JSON.stringify(last)).not.toContain(token)
      }
      expect(await verifier.verifyAccessToken(await idp.token())).toMatchObject({
        clientId: 'client-1',
      })
    },
  )

  verifies(['GW-08', 'KEY-06'], 'and of every outage', async () => {
    const idp = await FakeIdp.start()
    idp.fault = () => new Response('down', { status: 500 })
    const fixture = createFixture(idp)
    const verifier = toOAuthTokenVerifier(fixture.resourceServer, errors)
    await expect(verifier.verifyAccessToken(await idp.token())).rejects.toMatchObject({
      code: 'ERR_DISCOVERY_FAILED',
    })
    expect(fixture.events.at(-1)).toMatchObject({
      type: 'request.unavailable',
      code: 'ERR_DISCOVERY_FAILED',
      issuer: ISSUER,
    })
  })

  for (const token of [undefined, null, 5, {}, ['a'], { toString: () => 'a.b.c' }]) {
    verifies('TOK-01', `${JSON.stringify(token)} is no token`, async () => {
      const { resourceServer } = createFixture(await FakeIdp.start())
      await expect(resourceServer.verifyAccessToken(token as never)).rejects.toMatchObject({
        name: 'BearerTokenError',
        code: 'ERR_CREDENTIALS_MALFORMED',
      })
    })
  }

  test('blanks around a token are not part of it', async () => {
    const idp = await FakeIdp.start()
    const { resourceServer } = createFixture(idp)
    const token = await resourceServer.verifyAccessToken(` ${await idp.token()} `)
    expect(token.claims).toMatchObject({ sub: 'user-1' })
  })
})

verifies('GW-08', 'the reason of a refusal stays short, however much a token lists', async () => {
  const idp = await FakeIdp.start()
  const fixture = createFixture(idp)
  const aud = Array.from({ length: 300 }, (_, i) => `https://${i}.example.com`)
  expect(await fixture.verdict(await idp.token({ claims: { aud } }))).toBe('ERR_TOKEN_AUDIENCE')
  const denied = fixture.events.find((event) => event.type === 'request.denied')
  expect(denied?.reason).toContain('"https://4.example.com" and 295 more; expected')
  expect(denied?.reason).not.toContain('https://5.example.com')
})

describe('what is plugged in', () => {
  test('a listener that throws changes nothing', async () => {
    const idp = await FakeIdp.start()
    const { verdict } = createFixture(idp, {
      onEvent: () => {
        throw new Error('the log is full')
      },
    })
    expect(await verdict(await idp.token())).toBe('authenticated')
    expect(await verdict('garbage')).toBe('ERR_TOKEN_OPAQUE')
  })

  verifies(['JWT-01', 'CASE-4'], 'at+jwt can be required', async () => {
    const idp = await FakeIdp.start()
    const { verdict } = createFixture(idp, { requireType: true })
    const types = ['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/AT+JWT', 'JWT', undefined]
    const verdicts = []
    for (const typ of types) verdicts.push(await verdict(await idp.token({ header: { typ } })))
    expect(verdicts).toEqual([
      ...Array<string>(4).fill('authenticated'),
      ...Array<string>(2).fill('ERR_TOKEN_TYPE'),
    ])
  })

  for (const alg of [
    'RS256',
    'PS256',
    'ES256',
    'ES384',
    'ES512',
    'RS512',
    'PS384',
    'EdDSA',
    'Ed25519',
  ]) {
    verifies('JWT-04', `${alg} is supported, and refused when it is not allowed`, async () => {
      const idp = await FakeIdp.start(ISSUER, alg)
      const token = await idp.token()
      expect(await createFixture(idp).verdict(token)).toBe('authenticated')
      const algorithms = alg.startsWith('RS') ? ['ES256'] : ['RS256']
      expect(await createFixture(idp, { algorithms }).verdict(token)).toBe('ERR_TOKEN_ALGORITHM')
    })
  }

  verifies(
    'JWT-04',
    'a key without alg verifies the algorithms of its type; EdDSA and Ed25519 are one',
    async () => {
      const idp = await FakeIdp.start(ISSUER, 'Ed25519')
      const { alg: _, ...nameless } = idp.key.jwk
      idp.publishedKeys = [nameless]
      const fixture = createFixture(idp, { algorithms: ['EdDSA'] })
      expect(await fixture.verdict(await idp.token())).toBe('authenticated')
      expect(await fixture.verdict(await idp.token({ header: { alg: 'EdDSA' } }))).toBe(
        'authenticated',
      )
    },
  )
})

describe('the claim that was not acceptable', () => {
  test.each([
    [{ aud: 'https://other.example' }, 'aud'],
    [{ exp: 1 }, 'exp'],
    [{ exp: 'soon' }, 'exp'],
    [{ nbf: 'later' }, 'nbf'],
    [{ sub: 7 }, 'sub'],
    [{ cnf: { jkt: 'x' } }, 'cnf'],
    [{ iss: 'https://nobody.example' }, 'iss'],
    [{ scope: 7 }, undefined],
  ])('%j is told as %s', async (claims, claim) => {
    const idp = await FakeIdp.start()
    const { resourceServer } = createFixture(idp)
    const token = await idp.token({ claims: claims as never })
    const error = await resourceServer.verifyAccessToken(token).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(BearerTokenError)
    expect((error as BearerTokenError).claim).toBe(claim)
  })
})
