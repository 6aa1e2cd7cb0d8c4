/** `null`, as many serialisers write what is absent: where it counts as that, and where it does not. */
import { describe, expect } from 'vitest'
import { exportJWK, generateKeyPair } from 'jose'
import { createFixture as createIntrospectionFixture } from '../introspect/fixture.js'
import { FakeIdp, RESOURCE } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

describe('an introspection answer', () => {
  const nothing = Object.fromEntries(
    [
      'iss',
      'exp',
      'nbf',
      'iat',
      'sub',
      'username',
      'client_id',
      'scp',
      'cnf',
      'token_type',
      'typ',
    ].map((name) => [name, null]),
  )

  verifies('FLD-02', 'optional members that are null are absent', async () => {
    const { server, send } = createIntrospectionFixture()
    server.answer = () => server.active(nothing)
    const decision = await send()
    if (decision.outcome !== 'authenticated') throw new Error('refused')
    const { subject, clientId, expiresAt, scopes, claims } = decision.token
    expect({ subject, clientId, expiresAt, scopes }).toEqual({ scopes: ['mcp:tools'] })
    expect(claims).toEqual({ active: true, aud: RESOURCE, scope: 'mcp:tools' })
    expect(claims).toSatisfy(Object.isFrozen)
  })

  for (const [member, code] of [
    [{ active: null }, 'ERR_INTROSPECTION_UNAVAILABLE'],
    [{ aud: null }, 'ERR_TOKEN_AUDIENCE'],
    [{ aud: [null, RESOURCE] }, 'ERR_TOKEN_CLAIM'],
    [{ cnf: { jkt: null } }, 'ERR_TOKEN_BOUND'],
    [{ sub: 0 }, 'ERR_TOKEN_CLAIM'],
    [{ exp: false }, 'ERR_TOKEN_CLAIM'],
  ] as const) {
    verifies('FLD-02', `${JSON.stringify(member)}: ${code}`, async () => {
      const { server, verdict } = createIntrospectionFixture()
      server.answer = () => server.active(member)
      expect(await verdict()).toBe(code)
    })
  }

  verifies('FLD-02', 'the null exp of a JWT refuses it, whatever the answer says', async () => {
    const idp = await FakeIdp.start()
    const { server, verdict } = createIntrospectionFixture({}, { validation: 'introspection' })
    idp.now = server.now
    expect(await verdict(await idp.token({ claims: { nbf: null as never } }))).toBe('authenticated')
    expect(await verdict(await idp.token({ claims: { exp: null as never } }))).toBe(
      'ERR_TOKEN_CLAIM',
    )
  })
})

describe('metadata and keys', () => {
  verifies('FLD-02', 'a jwks_uri that is null is told as absent', async () => {
    const idp = await FakeIdp.start()
    idp.metadata = { jwks_uri: null }
    const fixture = createFixture(idp)
    expect(await fixture.verdict(await idp.token())).toBe('ERR_DISCOVERY_FAILED')
    expect(JSON.stringify(fixture.events)).toContain('has no jwks_uri')
  })

  verifies('FLD-02', 'use, key_ops, alg and kid of a key that are null are absent', async () => {
    const idp = await FakeIdp.start()
    const { jwk } = idp.key
    idp.publishedKeys = [{ ...jwk, use: null, key_ops: null, alg: null, x5c: null }]
    expect(await createFixture(idp).verdict(await idp.token())).toBe('authenticated')
    idp.publishedKeys = [{ ...jwk, kid: null }]
    const fixture = createFixture(idp)
    expect(await fixture.verdict(await idp.token({ header: { kid: undefined } }))).toBe(
      'authenticated',
    )
    expect(await fixture.verdict(await idp.token())).toBe('ERR_TOKEN_KEY_UNKNOWN')
  })

  verifies('FLD-02', 'a key whose material is null is not used', async () => {
    const idp = await FakeIdp.start()
    idp.publishedKeys = [{ ...idp.key.jwk, x: null }]
    expect(await createFixture(idp).verdict(await idp.token())).toBe('ERR_KEYS_UNAVAILABLE')
  })

  verifies('FLD-02', 'kid and alg of our own client key that are null are absent', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const clientKey = { ...(await exportJWK(privateKey)), kid: null, alg: null }
    const { verdict } = createIntrospectionFixture({
      authentication: 'private_key_jwt',
      clientKey: JSON.stringify(clientKey),
    })
    expect(await verdict()).toBe('authenticated')
  })
})

for (const member of ['kid', 'typ', 'crit']) {
  verifies('FLD-02', `${member}: null in the header of a token refuses it`, async () => {
    const idp = await FakeIdp.start()
    const [, ...rest] = (await idp.token()).split('.')
    const header = { alg: 'ES256', kid: 'key-1', typ: 'at+jwt', [member]: null }
    const token = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.')
    expect(await createFixture(idp).verdict(token)).toBe('ERR_TOKEN_MALFORMED')
  })
}
