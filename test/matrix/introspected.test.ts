/** Tokens that are asked about, through every host: what a JWT says of itself holds, and one token's trouble is its own. */
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { FakeIntrospection } from '../introspect/server.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createHosts, HOSTS, type Host, type TestAnswer } from './hosts.js'

const server = new FakeIntrospection()
let idp: FakeIdp
let hosts: Host[]

beforeAll(async () => {
  idp = await FakeIdp.start()
  hosts = await createHosts({
    resource: RESOURCE,
    authorizationServers: {
      issuer: ISSUER,
      validation: 'introspection',
      introspector: createTokenIntrospector({
        issuer: ISSUER,
        clientId: 'rs',
        clientSecret: 'secret',
        wait: 0,
        fetch: server.fetch,
      }),
    },
    fetch: idp.fetch,
  })
})

afterAll(() => Promise.all(hosts.map((host) => host.close())))

describe.each(HOSTS)('%s', (name) => {
  async function send(token: string): Promise<TestAnswer> {
    const host = hosts.find((candidate) => candidate.name === name)
    if (host === undefined) throw new Error(`no host ${name}`)
    return host.send({
      method: 'GET',
      path: '/mcp',
      headers: [['Authorization', `Bearer ${token}`]],
    })
  }
  /** Of this host, since all share one introspector. */
  const jwt = (claims: Record<string, unknown>) =>
    idp.token({ claims: { aud: undefined, scope: undefined, jti: name, ...claims } as never })

  verifies(
    'ATK-18',
    'a JWT that is bound to its sender: 401, whatever the answer leaves out',
    async () => {
      const silent = await send(await jwt({ cnf: { jkt: 'x' } }))
      expect([silent.status, silent.caller]).toEqual([401, undefined])
      expect(silent.headers.get('www-authenticate') ?? 'error="invalid_token"').toContain(
        'error="invalid_token"',
      )
      expect((await send(await jwt({}))).status).toBe(200)
    },
  )

  verifies(
    'ATK-16',
    'a token that the provider answers with an error: 503, the next one 200',
    async () => {
      const [odd, other] = [await jwt({ odd: true }), await jwt({ odd: false })]
      server.answer = (token) =>
        token === odd ? new Response('<h1>Blocked', { status: 403 }) : server.active()
      const answer = await send(odd)
      expect([answer.status, answer.caller]).toEqual([503, undefined])
      expect(answer.headers.has('www-authenticate')).toBe(false)
      expect((await send(other)).status).toBe(200)
    },
  )
})
