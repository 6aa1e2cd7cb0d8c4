/** What the log advises when a token is of an issuer that is not ours: only where something is known. */
import { describe, expect } from 'vitest'
import { FakeIdp, ISSUER } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const SLASH = 'they differ in the last slash: correct --oauth-issuer'
const SCHEME =
  'they differ in http and https: correct --oauth-issuer, or the address that the provider gives itself (Keycloak: --hostname)'
const HOSTNAME = 'Keycloak: set --hostname, so that iss does not follow the Host of the login'

describe('the token of another issuer', () => {
  for (const [name, iss, hint] of [
    ['another realm', ISSUER.replace('mcp', 'other'), undefined],
    ['another path on another host', 'https://idp.example.com/', undefined],
    ['not a URL', 'keycloak', undefined],
    ['a number', 7, undefined],
    ['the same realm on another host', 'http://localhost:8180/realms/mcp', HOSTNAME],
    ['the same realm on another port', ISSUER.replace('.com/', '.com:8443/'), HOSTNAME],
    ['the same address by http', ISSUER.replace('https:', 'http:'), SCHEME],
    ['another realm by http', 'http://sso.example.com/realms/other', undefined],
    ['a slash more', `${ISSUER}/`, SLASH],
  ] as const) {
    verifies(['JWT-05', 'CASE-11', 'CASE-38'], `${name}: ${hint ?? 'no advice'}`, async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp)
      const token = await idp.token({ claims: { iss } as Record<string, unknown> })
      expect(await fixture.verdict(token)).toBe('ERR_TOKEN_ISSUER_UNTRUSTED')
      const [denied] = fixture.events.filter((event) => event.type === 'request.denied')
      expect(denied?.hint).toBe(hint)
    })
  }
})
