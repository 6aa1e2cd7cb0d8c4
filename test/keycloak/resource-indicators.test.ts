/** The feature resource-indicators: `resource` is not ignored any more, and must be known. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, MemoryProvider } from '../../examples/demo/client.js'
import { Recorder } from '../../examples/demo/recorder.js'
import { whoami } from '../interop/support.js'
import { verifies } from '../support/verifies.js'
import type { Client } from './admin.js'
import { Keycloak } from './keycloak.js'
import { loginByCode } from './mint.js'
import { startFixture, type Caller, type Fixture } from '../support/fixture.js'

let keycloak: Keycloak
let fixture: Fixture

beforeAll(async () => {
  keycloak = await Keycloak.get({ features: 'resource-indicators' })
  fixture = await startFixture(keycloak)
})
afterAll(() => fixture.stop())

verifies(
  ['AUD-01', 'AUD-05'],
  'with the attribute resource_url, as in the realm of the guide, clients get in as before',
  async () => {
    const provider = new MemoryProvider('alice')
    const client = await connect(fixture.url, provider, new Recorder())
    expect(decodeJwt(provider.tokens()?.access_token ?? '').aud).toBe(fixture.url)
    expect((await whoami(client)) as Caller).toMatchObject({ issuer: keycloak.issuer })
    await client.close()
  },
)

test('another resource than ours gets no token, from a login that seemed to succeed', async () => {
  const login = { clientId: 'mcp-client', scope: 'mcp:tools' }
  await expect(loginByCode(keycloak, { ...login, resource: fixture.url })).resolves.toHaveProperty(
    'access_token',
  )
  const other = loginByCode(keycloak, { ...login, resource: `${fixture.url}/other` })
  await expect(other).rejects.toMatchObject({ errorCode: 'invalid_target' })
})

describe('without the attribute', () => {
  let server: Client

  beforeAll(async () => {
    server = await keycloak.admin.findClient(keycloak.resource)
    await keycloak.admin.updateClient(server, { attributes: { resource_url: '' } })
  })
  afterAll(() =>
    keycloak.admin.updateClient(server, { attributes: { resource_url: keycloak.resource } }),
  )

  verifies(
    ['CASE-5'],
    'every client of MCP is refused after the login: invalid_target at the token endpoint',
    async () => {
      const provider = new MemoryProvider('alice')
      const recorder = new Recorder()
      await expect(connect(fixture.url, provider, recorder)).rejects.toThrow()
      expect(provider.logins).toHaveLength(1)
      const exchange = recorder.find(({ url }) => url.pathname.endsWith('/token'))
      expect(exchange?.status).toBe(400)
      expect(JSON.parse(exchange?.body ?? '')).toMatchObject({ error: 'invalid_target' })
      expect(provider.tokens()).toBeUndefined()
    },
  )
})
