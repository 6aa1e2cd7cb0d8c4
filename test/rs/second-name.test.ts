/** An issuer whose metadata has another name (AD FS). */
import { describe, expect, test } from 'vitest'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { providerOf } from '../../src/advice/provider-changes.js'
import { FakeIdp } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const ISSUER = 'http://adfs.example.com/adfs/services/trust'
const SERVER = 'https://adfs.example.com/adfs'
const BOTH = { issuer: ISSUER, authorizationServer: SERVER }

async function fixtureFor(metadata: object = { access_token_issuer: ISSUER }, server = {}) {
  const idp = await FakeIdp.start(SERVER)
  idp.metadata = { ...metadata }
  const fixture = createFixture(idp, { authorizationServers: { ...BOTH, ...server } })
  return { ...fixture, idp, token: () => idp.token({ claims: { iss: ISSUER } }) }
}

verifies('IDN-36', 'its tokens are let in, and clients are sent to the second name', async () => {
  for (const metadata of [{ access_token_issuer: ISSUER }, {}, { access_token_issuer: null }]) {
    const { idp, token, send, resourceServer } = await fixtureFor(metadata)
    expect(await send(await token())).toMatchObject({ token: { issuer: ISSUER } })
    expect(resourceServer.metadata.authorization_servers).toEqual([SERVER])
    expect(idp.requests.filter((url) => !url.startsWith('https://'))).toEqual([])
  }
})

verifies('IDN-36', 'a token of the second name is not its token', async () => {
  const { idp, verdict } = await fixtureFor()
  expect(await verdict(await idp.token())).toBe('ERR_TOKEN_ISSUER_UNTRUSTED')
})

verifies(
  'IDN-36',
  'a document for other tokens, or of another name, is not used: 503',
  async () => {
    for (const metadata of [
      { access_token_issuer: 'http://adfs.example.com/adfs/services/trust2' },
      { access_token_issuer: SERVER },
      { access_token_issuer: [ISSUER] },
      { access_token_issuer: '' },
      { issuer: ISSUER, access_token_issuer: ISSUER },
    ]) {
      const { token, send, events } = await fixtureFor(metadata)
      const decision = await send(await token())
      expect(decision, JSON.stringify(metadata)).toMatchObject({ outcome: 'unavailable' })
      expect(JSON.stringify(events)).toContain('not the configured one')
    }
  },
)

verifies('IDN-36', 'without a second name the document must name the issuer, too', async () => {
  const idp = await FakeIdp.start(SERVER)
  idp.metadata = { access_token_issuer: ISSUER }
  const { send } = createFixture(idp, { authorizationServers: SERVER })
  expect(await send(await idp.token())).toMatchObject({ outcome: 'unavailable', status: 503 })
})

verifies(
  'IDN-36',
  'a token for documents goes to the second name, and never to the first',
  async () => {
    const { token, verdict } = await fixtureFor({}, { discoveryToken: 'eyJ.a.b' })
    expect(await verdict(await token())).toBe('authenticated')
  },
)

verifies('IDN-36', 'keys may be known without any document', async () => {
  const { idp, token, verdict } = await fixtureFor({}, { jwksUri: `${SERVER}/discovery/keys` })
  idp.jwksUri = `${SERVER}/discovery/keys`
  expect(await verdict(await token())).toBe('authenticated')
  expect(idp.requests).toEqual([idp.jwksUri])
})

verifies('IDN-36', 'the doctor says that B2C has no way for strict clients', () => {
  const issuer = 'https://acme.b2clogin.com/9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10/v2.0/'
  expect(providerOf(issuer, undefined)?.changes['issuer-differs']).toMatch(
    /^Azure AD B2C: .*no setting changes that/,
  )
})

describe('problems', () => {
  test.each<[string, object, string]>([
    ['no URL', { authorizationServer: 'adfs' }, '.authorizationServer: must be an absolute https'],
    ['plain HTTP', { authorizationServer: ISSUER }, '.authorizationServer: must'],
    [
      'a query',
      { authorizationServer: `${SERVER}?a` },
      '.authorizationServer: must not have a query',
    ],
    ['a blank in the name', { issuer: `${ISSUER} ` }, '.issuer: has blanks'],
    ['no name', { issuer: 'adfs' }, '.issuer: must be an absolute https URL'],
    [
      'introspection',
      { introspector: () => createTokenIntrospector({ ...BOTH, clientId: 'a' }) },
      '.authorizationServer: is for tokens that are JWTs',
    ],
    [
      'tenants',
      { issuer: 'https://a.example/{tenantid}', tenants: ['9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10'] },
      '.authorizationServer: excludes tenants',
    ],
  ])('%s', (_name, change, problem) => {
    const authorizationServers = { ...BOTH, ...change } as typeof BOTH
    expect(() => createFixture(new FakeIdp(), { authorizationServers })).toThrow(
      `authorizationServers${problem}`,
    )
  })

  test('an http issuer without a second name', () => {
    const authorizationServers = { issuer: ISSUER }
    expect(() => createFixture(new FakeIdp(), { authorizationServers })).toThrow(
      'authorizationServers.issuer: ',
    )
  })
})
