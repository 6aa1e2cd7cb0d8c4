/** Claims of groups and roles that hold scopes by configuration: what in them cannot be a scope. */
import { expect } from 'vitest'
import { createFixture as createIntrospectionFixture } from '../introspect/fixture.js'
import { FakeIdp, ISSUER } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

const SCOPE_CLAIMS = ['scope', 'scp', 'groups', 'realm_access.roles']

const CASES: readonly (readonly [claims: object, scopes: readonly string[]])[] = [
  [{ groups: ['mcp-users', 'authentik Admins'] }, ['mcp:tools', 'mcp-users']],
  [{ groups: ['mcp-users mcp:admin'] }, ['mcp:tools']],
  [{ groups: ['a"b', 'a\\b', 'é', '', 1, null, ['x'], 'mcp-users'] }, ['mcp:tools', 'mcp-users']],
  [{ groups: 'mcp-users' }, ['mcp:tools', 'mcp-users']],
  [{ groups: 'mcp-users mcp:admin' }, ['mcp:tools']],
  [{ realm_access: { roles: ['default roles', 'ops'] } }, ['mcp:tools', 'ops']],
]

for (const [claims, scopes] of CASES) {
  verifies('FLD-04', `${JSON.stringify(claims)} beside scope: ${scopes.join(', ')}`, async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp, {
      authorizationServers: { issuer: ISSUER, scopeClaims: SCOPE_CLAIMS },
    })
    const decision = await fixture.send(await idp.token({ claims: { ...claims } }))
    expect(decision).toMatchObject({ outcome: 'authenticated', token: { scopes } })
    const asked = createIntrospectionFixture({}, { scopeClaims: SCOPE_CLAIMS })
    asked.server.answer = () => asked.server.active({ ...claims })
    expect(await asked.send()).toMatchObject({ outcome: 'authenticated', token: { scopes } })
  })
}

for (const claims of [
  { scope: ['mcp:tools', 'a b'] },
  { scope: 'mcp:tools a"b' },
  { scp: ['mcp:tools', 'a b'] },
  { scp: ['mcp:tools', 1] },
  { groups: { 'mcp-users': true } },
  { groups: 7 },
]) {
  verifies('FLD-04', `${JSON.stringify(claims)} refuses the token`, async () => {
    const idp = await FakeIdp.start()
    const fixture = createFixture(idp, {
      authorizationServers: { issuer: ISSUER, scopeClaims: SCOPE_CLAIMS },
    })
    expect(await fixture.verdict(await idp.token({ claims: claims as never }))).toBe(
      'ERR_TOKEN_CLAIM',
    )
  })
}

verifies('FLD-04', 'what is left out is told once for each claim, quoted and cut', async () => {
  const idp = await FakeIdp.start()
  const fixture = createFixture(idp, {
    authorizationServers: { issuer: ISSUER, scopeClaims: SCOPE_CLAIMS },
  })
  const long = `authentik ${'x'.repeat(5000)}`
  for (const sub of ['a', 'b', 'c']) {
    const claims = { sub, groups: [long, 'two words'], realm_access: { roles: ['a role'] } }
    expect(await fixture.verdict(await idp.token({ claims }))).toBe('authenticated')
  }
  const reported = fixture.events.filter((event) => event.type === 'scopes.dropped')
  expect(reported).toMatchObject([
    { issuer: ISSUER, claim: 'groups', reason: expect.stringContaining('"authentik xxx') },
    { issuer: ISSUER, claim: 'realm_access.roles', reason: expect.stringContaining('"a role"') },
  ])
  expect(reported[0]?.reason.length).toBeLessThan(400)
})

verifies('FLD-04', 'a token that is not signed by the issuer makes us tell nothing', async () => {
  const idp = await FakeIdp.start()
  const fixture = createFixture(idp, {
    authorizationServers: { issuer: ISSUER, scopeClaims: SCOPE_CLAIMS },
  })
  const token = await idp.token({ claims: { groups: ['a b'] } })
  const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(86)}`
  expect(await fixture.verdict(forged)).toBe('ERR_TOKEN_SIGNATURE')
  expect(fixture.events.filter(({ type }) => type === 'scopes.dropped')).toEqual([])
})
