/** Real clients, from nothing but the URL of the gateway, against the realm of the guide as it is. */
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { visit } from '../../../examples/demo/browser.js'
import { connect, MemoryProvider } from '../../../examples/demo/client.js'
import { Recorder } from '../../../examples/demo/recorder.js'
import * as v2 from '../../interop/client-v2.js'
import { whoami } from '../../interop/support.js'
import { verifies } from '../../support/verifies.js'
import { Keycloak } from '../keycloak.js'
import { loginByCode } from '../mint.js'
import { SCOPE, startFixture, type Caller, type Fixture } from '../../support/fixture.js'

let keycloak: Keycloak
const fixtures: Fixture[] = []

beforeAll(async () => {
  keycloak = await Keycloak.get()
})
afterEach(async () => {
  for (const fixture of fixtures.splice(0)) await fixture.stop()
})

async function stand(...[options]: [Parameters<typeof startFixture>[1]?]): Promise<Fixture> {
  const fixture = await startFixture(keycloak, options)
  fixtures.push(fixture)
  return fixture
}

/** Codes of what was refused, in order. */
function refusals({ events }: Fixture): (string | undefined)[] {
  return events.flatMap((event) => (event.type === 'request.denied' ? [event.code] : []))
}

describe('a client that knows only the URL', () => {
  verifies(
    ['CHL-01', 'CHL-03', 'PRM-01', 'PRM-05', 'TOK-04', 'AUD-01', 'CASE-37'],
    'registers, logs in with consent, and calls a tool that knows who it is',
    async () => {
      const fixture = await stand()
      const recorder = new Recorder()
      const provider = new MemoryProvider('alice')
      const client = await connect(fixture.url, provider, recorder)
      const claims = decodeJwt(provider.tokens()?.access_token ?? '')

      // What Keycloak ignores as it comes out of the box: the audience is the mapper's.
      expect(provider.logins[0]?.authorizationUrl.searchParams.get('resource')).toBe(fixture.url)
      expect(claims.aud).toBe(fixture.url)
      expect(provider.logins[0]?.forms).toEqual([
        'Sign in to your account',
        'Grant Access to mcp-gatehouse demo client',
      ])
      const registered = await provider.clientInformation()
      expect((await whoami(client)) as Caller).toEqual({
        issuer: keycloak.issuer,
        subject: claims.sub,
        clientId: registered?.client_id,
        scope: SCOPE,
      })
      expect(refusals(fixture)).toEqual(['ERR_CREDENTIALS_MISSING'])
      await client.close()
    },
  )

  test('of the second generation: it asks for offline_access as well, and gets it', async () => {
    const fixture = await stand()
    const provider = new v2.Provider('bob')
    const recorder = new Recorder()
    const client = await v2.connect({ url: fixture.url, provider, recorder, mode: 'legacy' })
    const claims = decodeJwt(provider.tokens()?.access_token ?? '')
    expect((await whoami(client)) as Caller).toMatchObject({ subject: claims.sub })
    expect(decodeJwt(provider.tokens()?.refresh_token ?? '')['typ']).toBe('Offline')
    await client.close()
  })

  verifies(
    ['PRM-08', 'AUD-05'],
    'and is told of no scope: it asks for none, and the realm’s default scopes bring the audience',
    async () => {
      const fixture = await stand({ scopes: [] })
      const provider = new MemoryProvider('alice')
      const client = await connect(fixture.url, provider, new Recorder())
      expect(provider.logins[0]?.authorizationUrl.searchParams.has('scope')).toBe(false)
      expect((await whoami(client)) as Caller).toMatchObject({ scope: SCOPE })
      await client.close()
    },
  )

  verifies(
    ['CHL-06', 'JWT-07'],
    'refreshes its token when that has expired, and goes on without a login',
    async () => {
      const fixture = await stand({ clockTolerance: 0 })
      await keycloak.admin.request('PUT', '', { accessTokenLifespan: 3 })
      const provider = new MemoryProvider('alice')
      const client = await connect(fixture.url, provider, new Recorder())
      await keycloak.admin.request('PUT', '', { accessTokenLifespan: 300 })
      const first = provider.tokens()?.access_token
      const before = await whoami(client)
      await sleep(4_000)
      expect(await whoami(client)).toEqual(before)
      expect(provider.tokens()?.access_token).not.toBe(first)
      expect(provider.logins).toHaveLength(1)
      expect(refusals(fixture)).toEqual(['ERR_CREDENTIALS_MISSING', 'ERR_TOKEN_EXPIRED'])
      await client.close()
    },
  )
})

describe('the client of the realm, for those that cannot register', () => {
  const STATIC = { clientId: 'mcp-client', scope: SCOPE }

  test('logs in with PKCE, back to any port of loopback', async () => {
    const fixture = await stand()
    for (const redirectUri of ['http://127.0.0.1:9/callback', 'http://localhost:3118/callback']) {
      const { access_token: token } = await loginByCode(keycloak, { ...STATIC, redirectUri })
      expect(await fixture.call(token)).toMatchObject({ clientId: 'mcp-client', scope: SCOPE })
    }
  })

  test('gets no code without PKCE, nor does one that registered itself', async () => {
    const metadata = {
      redirect_uris: ['http://127.0.0.1:9/callback'],
      token_endpoint_auth_method: 'none',
    }
    const answer = await fetch(`${keycloak.issuer}/clients-registrations/openid-connect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(metadata),
    })
    const { client_id: registered } = (await answer.json()) as { readonly client_id: string }
    for (const clientId of ['mcp-client', registered]) {
      const url = new URL(`${keycloak.protocol}/auth`)
      url.search = new URLSearchParams({
        response_type: 'code',
        client_id: clientId,
        redirect_uri: 'http://127.0.0.1:9/callback',
      }).toString()
      const { callback } = await visit(url)
      expect(callback.searchParams.get('error')).toBe('invalid_request')
      expect(callback.searchParams.get('error_description')).toContain('code_challenge_method')
    }
  })

  test('is not sent to a host that is not its own', async () => {
    const login = loginByCode(keycloak, {
      ...STATIC,
      redirectUri: 'https://claude.ai.example.com/api/mcp/auth_callback',
    })
    await expect(login).rejects.toThrow(/answered 400/)
  })
})

verifies(
  ['SCP-01', 'CHL-07'],
  'the scope mcp:admin is for those who have the role: bob asks for it and gets a token without',
  async () => {
    const fixture = await stand({ scopes: [SCOPE, 'mcp:admin'] })
    const scope = `${SCOPE} mcp:admin`
    const login = { clientId: 'mcp-client', scope }
    const bob = await loginByCode(keycloak, { ...login, username: 'bob' })
    expect(decodeJwt(bob.access_token)['scope']).toBe(SCOPE)
    expect(await fixture.send(bob.access_token)).toMatchObject({
      status: 403,
      code: 'ERR_SCOPE_INSUFFICIENT',
    })
    const alice = await loginByCode(keycloak, login)
    expect(await fixture.send(alice.access_token)).toEqual({ status: 200 })
  },
)
