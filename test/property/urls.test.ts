import { getOAuthProtectedResourceMetadataUrl } from '@modelcontextprotocol/server'
import fc from 'fast-check'
import { expect } from 'vitest'
import { authorizationServerMetadataUrls } from '../../src/discovery/authorization-server.js'
import {
  protectedResourceMetadataPaths,
  protectedResourceMetadataUrl,
} from '../../src/discovery/protected-resource.js'
import { verifies } from '../support/verifies.js'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
const host = fc.domain().map((name) => name.toLowerCase())
const port = fc.constantFrom('', ':8443', ':3000')
const segment = fc.stringMatching(/^[a-z0-9][a-zA-Z0-9._~-]{0,8}$/)
const path = fc
  .array(segment, { maxLength: 4 })
  .map((names) => names.map((name) => `/${name}`).join(''))

verifies('PRM-02', 'the well-known path stands between host and path', () => {
  for (const [resource, expected] of [
    ['https://h', `https://h${WELL_KNOWN}`],
    ['https://h/', `https://h${WELL_KNOWN}`],
    ['https://h/mcp', `https://h${WELL_KNOWN}/mcp`],
    ['https://h/mcp/', `https://h${WELL_KNOWN}/mcp/`],
    ['https://h/a/b', `https://h${WELL_KNOWN}/a/b`],
    ['https://h/mcp?t=1', `https://h${WELL_KNOWN}/mcp?t=1`],
    ['https://h/?t=1', `https://h${WELL_KNOWN}?t=1`],
    ['https://h:8443/mcp', `https://h:8443${WELL_KNOWN}/mcp`],
    ['http://localhost:3000/mcp', `http://localhost:3000${WELL_KNOWN}/mcp`],
    ['https://h/a%2Fb', `https://h${WELL_KNOWN}/a%2Fb`],
  ] as const) {
    expect(protectedResourceMetadataUrl(resource), resource).toBe(expected)
  }
})

verifies(
  ['PRM-02', 'CASE-37'],
  'any resource: same origin, its path behind the well-known one',
  () => {
    fc.assert(
      fc.property(host, port, path, fc.constantFrom('', '/'), (name, where, names, slash) => {
        const resource = `https://${name}${where}${names}${slash}`
        const url = new URL(protectedResourceMetadataUrl(resource))
        const { origin, pathname } = new URL(resource)
        expect(url.origin).toBe(origin)
        expect(url.pathname).toBe(`${WELL_KNOWN}${pathname === '/' ? '' : pathname}`)
        expect(protectedResourceMetadataPaths(resource)).toEqual([url.pathname, WELL_KNOWN])
        // The client takes it out again and must find the resource that it asked (RFC 9728 §3.3).
        const back = url.href.replace(WELL_KNOWN, '')
        expect(new URL(back).href).toBe(new URL(resource).href)
      }),
      { numRuns: 500 },
    )
  },
)

verifies('PRM-02', 'the SDK computes the same address', () => {
  fc.assert(
    fc.property(host, port, path, (name, where, names) => {
      const resource = `https://${name}${where}${names}`
      expect(protectedResourceMetadataUrl(resource)).toBe(
        getOAuthProtectedResourceMetadataUrl(new URL(resource)),
      )
    }),
    { numRuns: 300 },
  )
})

verifies(
  'KEY-02',
  'an issuer with a path has three places for its metadata, one without two',
  () => {
    expect(authorizationServerMetadataUrls('https://sso.example.com/realms/mcp')).toEqual([
      'https://sso.example.com/.well-known/oauth-authorization-server/realms/mcp',
      'https://sso.example.com/.well-known/openid-configuration/realms/mcp',
      'https://sso.example.com/realms/mcp/.well-known/openid-configuration',
    ])
    fc.assert(
      fc.property(host, port, path, fc.constantFrom('', '/'), (name, where, names, slash) => {
        const urls = authorizationServerMetadataUrls(`https://${name}${where}${names}${slash}`)
        const origin = `https://${name}${where}`
        const oauth = '/.well-known/oauth-authorization-server'
        const openid = '/.well-known/openid-configuration'
        const expected =
          names === ''
            ? [`${origin}${oauth}`, `${origin}${openid}`]
            : [
                `${origin}${oauth}${names}`,
                `${origin}${openid}${names}`,
                `${origin}${names}${openid}`,
              ]
        expect(urls).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  },
)
