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
