import { describe, expect } from 'vitest'
import { createResourceServer, protectedResourceMetadataUrl } from 'mcp-gatehouse'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { createFixture } from '../support/server.js'
import { verifies } from '../support/verifies.js'

describe('the URL', () => {
  const table: [resource: string, url: string][] = [
    ['https://h.example', 'https://h.example/.well-known/oauth-protected-resource'],
    ['https://h.example/', 'https://h.example/.well-known/oauth-protected-resource'],
    ['https://h.example/mcp', 'https://h.example/.well-known/oauth-protected-resource/mcp'],
    ['https://h.example/mcp/', 'https://h.example/.well-known/oauth-protected-resource/mcp/'],
    ['https://h.example/a/b', 'https://h.example/.well-known/oauth-protected-resource/a/b'],
    [
      'https://h.example:8443/mcp',
      'https://h.example:8443/.well-known/oauth-protected-resource/mcp',
    ],
  ]
  for (const [resource, url] of table) {
    verifies(['PRM-02', 'CASE-37'], `${resource} is described at ${url}`, () => {
      expect(protectedResourceMetadataUrl(resource)).toBe(url)
      const { metadataUrl } = createResourceServer({ resource, authorizationServers: ISSUER })
      expect(metadataUrl).toBe(url)
    })
  }
})

describe('the document', () => {
  const minimal = { resource: RESOURCE, authorizationServers: ISSUER }

  verifies(['PRM-03', 'PRM-08', 'PRM-10'], 'has no empty members', () => {
    const { metadata } = createResourceServer(minimal)
    expect(metadata).toEqual({
      resource: RESOURCE,
      authorization_servers: [ISSUER],
      bearer_methods_supported: ['header'],
    })
  })

  for (const resource of ['https://h.example', 'https://h.example/', 'https://h.example/mcp/']) {
    verifies(['PRM-04', 'CASE-32'], `publishes ${resource} byte for byte`, () => {
      const { metadata } = createResourceServer({ ...minimal, resource })
      expect(metadata.resource).toBe(resource)
    })
  }

  verifies(
    ['PRM-16', 'CASE-38'],
    'lists the issuers exactly, in order, and takes tokens of each',
    async () => {
      const first = await FakeIdp.start('https://b.example/')
      const second = await FakeIdp.start('https://a.example/o/x/')
      const fixture = createFixture(first, {
        authorizationServers: [first.issuer, { issuer: second.issuer }],
        fetch: (input, init) =>
          (String(input).startsWith('https://a.') ? second : first).fetch(String(input), init),
      })
      expect(fixture.resourceServer.metadata.authorization_servers).toEqual([
        first.issuer,
        second.issuer,
      ])
      expect(await fixture.verdict(await first.token())).toBe('authenticated')
      expect(await fixture.verdict(await second.token())).toBe('authenticated')
    },
  )

  verifies(['PRM-11', 'PRM-12'], 'carries names, documentation and further members', () => {
    const { metadata } = createResourceServer({
      ...minimal,
      scopes: ['mcp:read', 'mcp:tools'],
      resourceName: 'Tools',
      resourceDocumentation: 'https://mcp.example.com/docs',
      additionalMetadata: {
        'resource_name#de': 'Werkzeuge',
        resource_policy_uri: 'https://mcp.example.com/policy',
      },
    })
    expect(metadata).toEqual({
      resource: RESOURCE,
      authorization_servers: [ISSUER],
      scopes_supported: ['mcp:read', 'mcp:tools'],
      bearer_methods_supported: ['header'],
      resource_name: 'Tools',
      resource_documentation: 'https://mcp.example.com/docs',
      'resource_name#de': 'Werkzeuge',
      resource_policy_uri: 'https://mcp.example.com/policy',
    })
  })

  verifies('PRM-18', 'is frozen, and not tied to the options it was made of', () => {
    const scopes = ['mcp:tools']
    const additional = { tags: ['a'] }
    const { metadata } = createResourceServer({
      ...minimal,
      scopes,
      additionalMetadata: additional,
    })
    scopes.push('more')
    additional.tags.push('b')
    expect(metadata).toMatchObject({ scopes_supported: ['mcp:tools'], tags: ['a'] })
    expect(Object.isFrozen(metadata)).toBe(true)
    expect(Object.isFrozen(metadata.scopes_supported)).toBe(true)
  })
})

describe('audiences', () => {
  const cases: [
    name: string,
    resource: string,
    audience: string[] | undefined,
    aud: string,
    verdict: string,
  ][] = [
    ['the resource', RESOURCE, undefined, RESOURCE, 'authenticated'],
    ['the resource with a slash', RESOURCE, undefined, `${RESOURCE}/`, 'ERR_TOKEN_AUDIENCE'],
    [
      'the origin of the resource',
      RESOURCE,
      undefined,
      'https://mcp.example.com',
      'ERR_TOKEN_AUDIENCE',
    ],
    [
      'the resource in capitals',
      RESOURCE,
      undefined,
      'HTTPS://MCP.EXAMPLE.COM/mcp',
      'ERR_TOKEN_AUDIENCE',
    ],
    ['an origin', 'https://h.example', undefined, 'https://h.example', 'authenticated'],
    [
      'an origin and its twin',
      'https://h.example',
      undefined,
      'https://h.example/',
      'authenticated',
    ],
    [
      'the twin the other way',
      'https://h.example/',
      undefined,
      'https://h.example',
      'authenticated',
    ],
    [
      'an origin and a path below',
      'https://h.example',
      undefined,
      'https://h.example/mcp',
      'ERR_TOKEN_AUDIENCE',
    ],
    [
      'no twin of a configured audience',
      'https://h.example',
      ['https://h.example'],
      'https://h.example/',
      'ERR_TOKEN_AUDIENCE',
    ],
    [
      'no twin with a path',
      'https://h.example/mcp',
      undefined,
      'https://h.example/mcp/',
      'ERR_TOKEN_AUDIENCE',
    ],
    ['a configured audience', RESOURCE, ['api://mcp', 'account'], 'account', 'authenticated'],
    [
      'the resource when another is configured',
      RESOURCE,
      ['api://mcp'],
      RESOURCE,
      'ERR_TOKEN_AUDIENCE',
    ],
  ]
  for (const [name, resource, audience, aud, verdict] of cases) {
    verifies(['AUD-01', 'AUD-03', 'AUD-05', 'CASE-6'], `${name}: ${verdict}`, async () => {
      const idp = await FakeIdp.start()
      const fixture = createFixture(idp, { resource, ...(audience !== undefined && { audience }) })
      expect(await fixture.verdict(await idp.token({ claims: { aud } }))).toBe(verdict)
      // Each audience that is judged says what to change in the IdP.
      const hints = fixture.events.flatMap((event) =>
        event.type === 'request.denied' ? [event.hint] : [],
      )
      expect(hints).toEqual(
        verdict === 'authenticated' ? [] : [expect.stringMatching(/^Keycloak: |last slash/)],
      )
    })
  }

  verifies('AUD-06', 'two resources of one issuer do not take each other’s tokens', async () => {
    const idp = await FakeIdp.start()
    const one = createFixture(idp, { resource: 'https://mcp.example.com/one' })
    const two = createFixture(idp, { resource: 'https://mcp.example.com/two' })
    const token = await idp.token({ claims: { aud: 'https://mcp.example.com/one' } })
    expect(await one.verdict(token)).toBe('authenticated')
    expect(await two.verdict(token)).toBe('ERR_TOKEN_AUDIENCE')
    expect(one.resourceServer.metadataUrl).not.toBe(two.resourceServer.metadataUrl)
  })

  verifies(['AUD-05', 'JWT-05'], 'each issuer has the audience configured for it', async () => {
    const entra = await FakeIdp.start('https://login.microsoftonline.com/tenant/v2.0')
    const fixture = createFixture(entra, {
      authorizationServers: [ISSUER, { issuer: entra.issuer, audience: '6e7a' }],
    })
    expect(await fixture.verdict(await entra.token({ claims: { aud: '6e7a' } }))).toBe(
      'authenticated',
    )
    expect(await fixture.verdict(await entra.token())).toBe('ERR_TOKEN_AUDIENCE')
  })
})
