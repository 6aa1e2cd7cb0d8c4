/** Which tokens of a real Authelia (4.37.5) get in, and what becomes of all others. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect } from 'vitest'
import type { GatewayOptions } from 'mcp-gatehouse/gateway'
import type { IntrospectionSpec } from '../support/introspection.js'
import { startFixture, type Fixture } from '../support/fixture.js'
import { verifies } from '../support/verifies.js'
import { CLIENT, GATEWAY } from './configuration.js'
import { introspection } from './introspection.js'
import { basic, clientCredentials, Session } from './mint.js'
import { Server } from './server.js'

const INACTIVE = { status: 401, code: 'ERR_TOKEN_INACTIVE' }
const OPAQUE = { status: 401, code: 'ERR_TOKEN_OPAQUE' }

let server: Server
let session: Session
let fixture: Fixture

beforeAll(async () => {
  server = await Server.start()
  session = await Session.open(server)
  return () => server.remove()
})
afterEach(() => fixture.stop())

async function stand(
  spec?: IntrospectionSpec,
  more?: Partial<GatewayOptions>,
): Promise<() => number> {
  const { options, calls } = introspection(server, spec)
  fixture = await startFixture(server, { ...options, ...more })
  return calls
}

/** What Authelia itself says of a token. */
async function askAuthelia(token: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await server.fetch(`${server.issuer}/api/oidc/introspection`, {
    method: 'POST',
    headers: basic(GATEWAY, server.clientSecret),
    body: new URLSearchParams({ token }),
  })
  return (await answer.json()) as Readonly<Record<string, unknown>>
}

verifies(
  ['INT-01', 'INT-03', 'TOK-07'],
  'an opaque token from code and PKCE: let in, and the upstream hears who is calling',
  async () => {
    const calls = await stand()
    const { access_token: token } = await session.mint()
    expect(token).toMatch(/^authelia_at_[\w-]{43}\.[\w-]{43}$/)
    expect(await fixture.call(token)).toEqual({
      issuer: server.issuer,
      subject: (await askAuthelia(token))['sub'],
      clientId: CLIENT,
      scope: 'openid offline_access groups',
    })
    expect(await fixture.send(token)).toEqual({ status: 200 })
    expect(calls()).toBe(1)
    // One character less, or another one: asked about for itself.
    for (const other of [
      token.slice(0, -1),
      `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
    ]) {
      expect(await fixture.send(other)).toMatchObject(INACTIVE)
    }
    expect(calls()).toBe(3)
  },
)

describe('aud', () => {
  verifies(
    ['AUD-01', 'AUD-05', 'CASE-1'],
    'of a client that asks for no audience, as MCP clients do: only its own id, and the log says what to do',
    async () => {
      await stand()
      const { access_token: token } = await session.mint({
        audience: '',
        resource: server.resource,
      })
      expect((await askAuthelia(token))['aud']).toEqual([CLIENT])
      expect(await fixture.send(token)).toMatchObject({
        status: 401,
        code: 'ERR_TOKEN_AUDIENCE',
        hint: expect.stringContaining(
          '4.37 writes the client id into aud: name it in --oauth-audience',
        ),
      })
      await fixture.stop()
      await stand({}, { audience: CLIENT })
      expect(await fixture.send(token)).toEqual({ status: 200 })
    },
  )

  verifies(
    ['AUD-01', 'AUD-03', 'CASE-2'],
    'of a path below: Authelia grants it, and it is not ours',
    async () => {
      await stand()
      const audience = `${server.resource}/below`
      const { access_token: token } = await session.mint({ audience })
      expect((await askAuthelia(token))['aud']).toEqual([audience, CLIENT])
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_AUDIENCE' })
    },
  )

  verifies(['AUD-01', 'INT-03'], 'of a client’s own token: none at all', async () => {
    await stand()
    const { access_token: token } = await clientCredentials(server)
    expect(await askAuthelia(token)).not.toHaveProperty('aud')
    expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_AUDIENCE' })
  })
})

verifies(
  'INT-03',
  'scopes are those of the answer: one missing is a 403, and the upstream is not reached',
  async () => {
    await stand()
    const { access_token: token } = await session.mint({ scope: 'openid profile' })
    const answer = await fixture.post(token)
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
    expect(answer.headers.get('www-authenticate')).toMatch(/scope="[^"]*\bgroups\b/)
    expect(await fixture.send(token)).toMatchObject({
      code: 'ERR_SCOPE_INSUFFICIENT',
      hint: expect.stringContaining('Authelia: list the scope'),
    })
  },
)

describe('other tokens than access tokens', () => {
  verifies(
    ['JWT-02', 'CASE-4'],
    'an ID token, which is a JWT of this issuer: refused where signatures are checked, and where Authelia is asked',
    async () => {
      const { id_token: token = '' } = await session.mint()
      const calls = await stand()
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_TYPE' })
      expect(calls()).toBe(0)
      await fixture.stop()
      // Its audience is the client, which this gateway takes: what is left is what it is.
      await stand({}, { audience: CLIENT, scopes: [] })
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_TYPE' })
      await fixture.stop()
      await stand({ validation: 'introspection', tokenPrefix: undefined })
      expect(await fixture.send(token)).toMatchObject(INACTIVE)
    },
  )

  verifies(
    ['INT-03', 'CASE-4'],
    'a refresh token, which Authelia calls active: only the prefix tells, and nobody is asked',
    async () => {
      const { refresh_token: token = '' } = await session.mint()
      const opinion = await askAuthelia(token)
      expect(opinion).toMatchObject({ active: true, client_id: CLIENT })
      expect(opinion['aud']).toContain(server.resource)
      const calls = await stand()
      expect(await fixture.send(token)).toMatchObject({
        ...OPAQUE,
        hint: 'Authelia: send the access token, which begins with authelia_at_',
      })
      // 4.37.5 knows it without the prefix as well.
      const bare = token.replace('authelia_rt_', '')
      expect(await askAuthelia(bare)).toMatchObject({ active: true })
      expect(await fixture.send(bare)).toMatchObject(OPAQUE)
      expect(calls()).toBe(0)
    },
  )

  verifies('INT-03', 'why the prefix is needed: without it the refresh token gets in', async () => {
    await stand({ tokenPrefix: undefined })
    const { refresh_token: token = '' } = await session.mint()
    expect(await fixture.send(token)).toEqual({ status: 200 })
  })
})

verifies(
  ['INT-03', 'INT-05'],
  'garbage: of another prefix nobody asks, of this one Authelia says that it is not active',
  async () => {
    const calls = await stand()
    for (const garbage of ['x', 'authelia_at', 'AUTHELIA_AT_x', 'ory_at_x', 'not a token']) {
      expect((await fixture.send(garbage)).status, garbage).toBeGreaterThanOrEqual(400)
    }
    expect(calls()).toBe(0)
    expect(await fixture.send('authelia_at_0123456789')).toMatchObject(INACTIVE)
    expect(calls()).toBe(1)
  },
)

describe('a life of two seconds', () => {
  beforeAll(async () => {
    await server.stop()
    await server.start('2s')
    session = await Session.open(server)
    return async () => {
      await server.stop()
      await server.start()
      session = await Session.open(server)
    }
  })

  verifies(
    ['JWT-07', 'INT-04'],
    'ends on time, also where the answer could be kept for longer',
    async () => {
      await stand({ cache: 300 }, { clockTolerance: 0 })
      const { access_token: token } = await session.mint()
      expect(await fixture.send(token)).toEqual({ status: 200 })
      await sleep(3_000)
      expect((await fixture.send(token)).status).toBe(401)
      expect(await askAuthelia(token)).toEqual({ active: false })
    },
  )

  verifies(
    ['JWT-07', 'INT-03', 'CASE-4'],
    'exp is compared by us: a refresh token stays active after it',
    async () => {
      await stand({ tokenPrefix: undefined }, { clockTolerance: 0 })
      const { refresh_token: token = '' } = await session.mint()
      await sleep(3_000)
      const opinion = await askAuthelia(token)
      expect(opinion).toMatchObject({ active: true })
      expect(Number(opinion['exp'])).toBeLessThan(Date.now() / 1000)
      expect(await fixture.send(token)).toMatchObject({ status: 401, code: 'ERR_TOKEN_EXPIRED' })
    },
  )
})
