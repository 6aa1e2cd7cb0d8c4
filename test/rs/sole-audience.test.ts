/** Tokens that name other audiences besides this resource. */
import { describe, expect, test } from 'vitest'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { verifies } from '../support/verifies.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { createFixture } from '../support/server.js'

const OTHERS = 'ERR_TOKEN_AUDIENCE'
const OK = 'authenticated'

const CASES: readonly (readonly [string, string | string[], string, string, string])[] = [
  // aud, by default, sole, sole and also "account"
  ['this resource', RESOURCE, OK, OK, OK],
  ['in a list', [RESOURCE], OK, OK, OK],
  ['with account', [RESOURCE, 'account'], OK, OTHERS, OK],
  ['with a twin of account', [RESOURCE, 'account/'], OK, OTHERS, OTHERS],
  ['with another service', ['https://other.example.com/mcp', RESOURCE], OK, OTHERS, OTHERS],
  ['account alone', 'account', OTHERS, OTHERS, OTHERS],
]

describe.each(CASES)('aud: %s', (_name, aud, byDefault, sole, also) => {
  verifies('IDN-02', `${byDefault}, alone ${sole}, besides account ${also}`, async () => {
    const idp = await FakeIdp.start()
    const token = await idp.token({ claims: { aud } })
    expect(await createFixture(idp).verdict(token)).toBe(byDefault)
    expect(await createFixture(idp, { soleAudience: true }).verdict(token)).toBe(sole)
    expect(await createFixture(idp, { alsoAudience: ['account'] }).verdict(token)).toBe(also)
  })
})

test('an issuer may say otherwise', async () => {
  const idp = await FakeIdp.start()
  const token = await idp.token({ claims: { aud: [RESOURCE, 'account'] } })
  const authorizationServers = { issuer: ISSUER, soleAudience: false }
  const fixture = createFixture(idp, { soleAudience: true, authorizationServers })
  expect(await fixture.verdict(token)).toBe(OK)
})

test('an introspected token, too', async () => {
  const idp = await FakeIdp.start()
  const introspector = createTokenIntrospector({
    issuer: ISSUER,
    clientId: 'rs',
    clientSecret: 'secret',
    introspectionUrl: `${ISSUER}/introspect`,
    fetch: () => Promise.resolve(Response.json({ active: true, aud: [RESOURCE, 'account'] })),
  })
  const authorizationServers = {
    issuer: ISSUER,
    introspector,
    validation: 'introspection' as const,
  }
  const token = await idp.token()
  const verdict = (soleAudience: boolean) =>
    createFixture(idp, { soleAudience, authorizationServers }).verdict(token)
  expect([await verdict(false), await verdict(true)]).toEqual([OK, OTHERS])
})

describe('an introspected JWT that names itself', () => {
  const CLAIM = 'ERR_TOKEN_CLAIM'
  test.each<[string, unknown, string, string]>([
    // its own aud, by default, sole
    ['what the answer says', RESOURCE, OK, OK],
    ['nothing', undefined, OK, OK],
    ['another service, too', [RESOURCE, 'https://other.example.com/mcp'], OK, OTHERS],
    ['another service', 'https://other.example.com/mcp', OK, OTHERS],
    ['what cannot be read', { a: RESOURCE }, OK, CLAIM],
  ])('%s', async (_name, aud, byDefault, sole) => {
    const idp = await FakeIdp.start()
    const answer = { active: true, aud: [RESOURCE] }
    const introspector = { introspect: () => Promise.resolve({ claims: answer }) }
    const validation = 'introspection' as const
    const authorizationServers = { issuer: ISSUER, introspector, validation }
    const token = await idp.token({ claims: { aud: aud as string } })
    const verdict = (soleAudience: boolean) =>
      createFixture(idp, { soleAudience, authorizationServers } as never).verdict(token)
    expect([await verdict(false), await verdict(true)]).toEqual([byDefault, sole])
  })

  verifies('ATK-26', 'is refused, though the answer leaves the others out', async () => {
    const idp = await FakeIdp.start()
    const introspector = {
      introspect: () => Promise.resolve({ claims: { active: true, aud: RESOURCE } }),
    }
    const authorizationServers = { issuer: ISSUER, introspector }
    const options = { alsoAudience: ['account'], validation: 'introspection', authorizationServers }
    const verdict = async (aud: string[]) =>
      createFixture(idp, options as never).verdict(await idp.token({ claims: { aud } }))
    expect(await verdict([RESOURCE, 'account'])).toBe(OK)
    expect(await verdict([RESOURCE, 'account', 'other'])).toBe(OTHERS)
  })
})

describe('with another claim', () => {
  const others = { audienceClaim: 'azp', audience: ['mcp-client'], scopes: 'mcp:tools' } as const

  test.each([
    ['soleAudience', { soleAudience: true }],
    ['alsoAudience', { alsoAudience: ['account'] }],
  ])('%s is a problem', (name, sole) => {
    expect(() => createFixture(new FakeIdp(), { ...others, ...sole })).toThrow(
      `${name}: has no effect on azp`,
    )
  })

  verifies('ATK-26', 'an issuer may say otherwise', () => {
    const { audience, audienceClaim, scopes } = others
    const start = (soleAudience: boolean) => {
      const authorizationServers = { issuer: ISSUER, audience, audienceClaim, soleAudience }
      return () => createFixture(new FakeIdp(), { scopes, authorizationServers })
    }
    expect(start(true)).toThrow('.soleAudience: has no effect on azp')
    expect(start(false)).not.toThrow()
  })
})

test('the log names the others and the setting', async () => {
  const idp = await FakeIdp.start()
  const fixture = createFixture(idp, { soleAudience: true })
  await fixture.send(await idp.token({ claims: { aud: [RESOURCE, 'account'] } }))
  expect(fixture.events.filter(({ type }) => type === 'request.denied')).toMatchObject([
    {
      reason: 'it is for others, too: aud "account"',
      hint: expect.stringContaining('--oauth-also-audience'),
    },
  ])
})
