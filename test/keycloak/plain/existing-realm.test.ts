/**
 * The guide's steps in a realm that exists: first it refuses, and then each step does what the guide says. By the
 * API that the console uses.
 */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, MemoryProvider } from '../../../examples/demo/client.js'
import { Recorder } from '../../../examples/demo/recorder.js'
import * as v2 from '../../interop/client-v2.js'
import { whoami } from '../../interop/support.js'
import { Admin } from '../admin.js'
import { Keycloak } from '../keycloak.js'
import { SCOPE, startFixture, type Caller, type Fixture } from '../../support/fixture.js'

const REALM = 'existing'
const POLICIES =
  '/components?type=org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy'

let admin: Admin
let fixture: Fixture
let scopeId: string

beforeAll(async () => {
  const keycloak = await Keycloak.get()
  admin = new Admin(keycloak.origin, REALM)
  await admin.createRealm()
  await admin.request('POST', '/users', {
    username: 'alice',
    enabled: true,
    email: 'alice@example.com',
    firstName: 'Alice',
    lastName: 'Demo',
    credentials: [{ type: 'password', value: 'alice' }],
  })
  fixture = await startFixture(keycloak, {
    authorizationServers: `${keycloak.origin}/realms/${REALM}`,
  })
})
afterAll(() => fixture.stop())

async function attempt(provider: MemoryProvider): Promise<Caller> {
  const client = await connect(fixture.url, provider, new Recorder())
  const caller = (await whoami(client)) as Caller
  await client.close()
  return caller
}

/** Changes the policies of that kind for clients that nobody vouches for. */
async function setPolicy(providerId: string, config: Record<string, string[]>): Promise<void> {
  const policies = (await admin.request('GET', POLICIES)) as {
    readonly id: string
    readonly providerId: string
    readonly subType: string
  }[]
  const policy = policies.find(
    (entry) => entry.providerId === providerId && entry.subType === 'anonymous',
  )
  await admin.request('PUT', `/components/${policy?.id}`, { ...policy, config })
}

test('as it is: no client may register with a scope that the realm does not have', async () => {
  await expect(attempt(new MemoryProvider('alice'))).rejects.toThrow(/Trusted Hosts|Client Scopes/)
})

test('step 1, the scope, but not yet step 4: no client may register at all', async () => {
  scopeId = (await admin.request('POST', '/client-scopes', {
    name: SCOPE,
    protocol: 'openid-connect',
    attributes: { 'include.in.token.scope': 'true', 'display.on.consent.screen': 'true' },
  })) as string
  await admin.request('PUT', `/default-default-client-scopes/${scopeId}`)
  await expect(attempt(new MemoryProvider('alice'))).rejects.toThrow(/Trusted Hosts/)
})

test('step 4, the policies, but no mapper: a login, and then 401', async () => {
  await setPolicy('trusted-hosts', {
    'host-sending-registration-request-must-match': ['false'],
    'client-uris-must-match': ['true'],
    'trusted-hosts': ['localhost', '127.0.0.1'],
  })
  const provider = new MemoryProvider('alice')
  await expect(attempt(provider)).rejects.toThrow()
  expect(provider.logins).not.toHaveLength(0)
  const denied = fixture.events.filter((event) => event.type === 'request.denied')
  expect(denied.at(-1)).toMatchObject({
    code: 'ERR_TOKEN_AUDIENCE',
    hint: expect.stringContaining('Audience mapper'),
  })
})

test('the mapper: clients of both generations get in', async () => {
  await admin.request('POST', `/client-scopes/${scopeId}/protocol-mappers/models`, {
    name: 'audience',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-audience-mapper',
    config: {
      'included.custom.audience': fixture.url,
      'access.token.claim': 'true',
      'lightweight.claim': 'true',
      'introspection.token.claim': 'true',
    },
  })
  const first = new MemoryProvider('alice')
  const caller = await attempt(first)
  const claims = decodeJwt(first.tokens()?.access_token ?? '')
  expect([claims.aud].flat()).toContain(fixture.url)
  expect(caller).toMatchObject({ subject: claims.sub })
  expect(caller.scope?.split(' ')).toContain(SCOPE)

  const provider = new v2.Provider('alice')
  const recorder = new Recorder()
  const client = await v2.connect({ url: fixture.url, provider, recorder, mode: 'legacy' })
  expect((await whoami(client)) as Caller).toMatchObject({ subject: claims.sub })
  expect(decodeJwt(provider.tokens()?.refresh_token ?? '')['typ']).toBe('Offline')
  await client.close()
})
