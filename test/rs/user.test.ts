/** The person of a token, for people to read. */
import { describe, expect } from 'vitest'
import { createResourceServer, type ResourceServerOptions } from 'mcp-gatehouse'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'

const CLAIMS = {
  preferred_username: 'ada',
  upn: 'ada@corp.example',
  email: 'ada@example.com',
  realm: { name: 'Ada L.' },
}

/** The person as the kernel names them. */
async function userOf(claims: object, userClaims?: readonly string[]): Promise<unknown> {
  const idp = await FakeIdp.start()
  const { verifyAccessToken } = createResourceServer({
    resource: RESOURCE,
    authorizationServers: ISSUER,
    fetch: idp.fetch,
    onEvent: false,
    ...(userClaims !== undefined && { userClaims }),
  })
  return (await verifyAccessToken(await idp.token({ claims: { ...claims } }))).user
}

describe('the person', () => {
  verifies('WHO-01', 'is the first claim that is there', async () => {
    const names = ['preferred_username', 'upn']
    expect(await userOf(CLAIMS, names)).toBe('ada')
    expect(await userOf({ ...CLAIMS, preferred_username: undefined }, names)).toBe(
      'ada@corp.example',
    )
    expect(await userOf(CLAIMS, ['realm.name'])).toBe('Ada L.')
  })

  verifies('WHO-01', 'is a text with content, cut, or nobody', async () => {
    const names = ['preferred_username', 'upn']
    for (const preferred_username of ['', 7, null, ['eve'], { a: 'eve' }]) {
      expect(await userOf({ ...CLAIMS, preferred_username }, names)).toBe('ada@corp.example')
      expect(await userOf({ preferred_username }, names)).toBeUndefined()
    }
    expect(await userOf({ upn: 'u'.repeat(300) }, names)).toBe('u'.repeat(256))
  })

  verifies('WHO-01', 'is nobody without the setting', async () => {
    expect(await userOf(CLAIMS)).toBeUndefined()
    expect(await userOf(CLAIMS, ['oid'])).toBeUndefined()
  })

  verifies(
    'WHO-01',
    'is who the introspection answer names, else the introspected JWT',
    async () => {
      const idp = await FakeIdp.start()
      const token = await idp.token({ claims: { ...CLAIMS } })
      const named = async (answer: object) => {
        const authorizationServers: ResourceServerOptions['authorizationServers'] = {
          issuer: ISSUER,
          validation: 'introspection',
          introspector: {
            introspect: () =>
              Promise.resolve({
                claims: { active: true, aud: RESOURCE, ...answer },
                validUntil: Date.now() + 60_000,
              }),
          },
        }
        const options = { resource: RESOURCE, authorizationServers, onEvent: false } as const
        const userClaims = ['preferred_username']
        const server = createResourceServer({ ...options, userClaims })
        return (await server.verifyAccessToken(token)).user
      }
      expect(await named({ preferred_username: 'grace' })).toBe('grace')
      expect(await named({})).toBe('ada')
    },
  )
})
