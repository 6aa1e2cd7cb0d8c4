/** One issuer with several tenants (Entra), through every host. */
import type { GatewayEvent } from 'mcp-gatehouse/gateway'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { fakeKey, FakeIdp, RESOURCE, type FakeKey } from '../support/idp.js'
import { verifies } from '../support/verifies.js'
import { createHosts, HOSTS, type Host } from './hosts.js'

const TEMPLATE = 'https://login.microsoftonline.com/{tenantid}/v2.0'
const FIRST = '9f2b6d1e-6a0f-4a3c-8d2e-3b1a5c7d9e10'
const SECOND = '1b7e2a9c-4d5f-4c1e-9a77-2f6d8e0c3b41'
const UNLISTED = '7c0d3e52-90ab-4f6d-8e21-5a4b6c8d0f93'

const issuerOf = (tenant: string) => TEMPLATE.replace('{tenantid}', tenant)

const events: GatewayEvent[] = []
let hosts: Host[]
let idp: FakeIdp
let keys: Readonly<Record<'first' | 'second' | 'shared' | 'unnamed', FakeKey>>

beforeAll(async () => {
  keys = {
    first: await fakeKey('first'),
    second: await fakeKey('second'),
    shared: await fakeKey('shared'),
    unnamed: await fakeKey('unnamed'),
  }
  idp = await FakeIdp.start()
  // As Entra's: every tenant publishes all keys, and each says whose tokens it signs.
  const published = [
    { ...keys.first.jwk, issuer: issuerOf(FIRST) },
    { ...keys.second.jwk, issuer: issuerOf(SECOND) },
    { ...keys.shared.jwk, issuer: TEMPLATE },
    keys.unnamed.jwk,
  ]
  const tenants = [FIRST, SECOND, UNLISTED].map((tenant) => {
    const each = new FakeIdp(issuerOf(tenant))
    each.publishedKeys = published
    return each
  })
  hosts = await createHosts({
    resource: RESOURCE,
    authorizationServers: { issuer: TEMPLATE, tenants: [FIRST, SECOND] },
    fetch: (input, init) => {
      const url = String(input)
      const one = tenants.find(({ issuer }) => url.startsWith(issuer))
      return (one ?? idp).fetch(url, init)
    },
    onEvent: (event) => events.push(event),
  })
})

afterAll(() => Promise.all(hosts.map((host) => host.close())))

interface Token {
  readonly tenant: string
  readonly tid?: unknown
  readonly key?: keyof typeof keys
}

describe.each(HOSTS)('%s', (name) => {
  async function send({ tenant, tid = tenant, key = 'shared' }: Token) {
    events.length = 0
    const host = hosts.find((candidate) => candidate.name === name)
    const token = await idp.token({ key: keys[key], claims: { iss: issuerOf(tenant), tid } })
    const answer = await host?.send({
      method: 'GET',
      path: '/mcp',
      headers: [['authorization', `Bearer ${token}`]],
    })
    const denied = events.find((event) => event.type === 'request.denied')
    return { status: answer?.status, caller: answer?.caller?.subject, denied }
  }

  verifies('IDN-30', 'each listed tenant is let in', async () => {
    expect(await send({ tenant: FIRST })).toMatchObject({ caller: 'user-1' })
    expect(await send({ tenant: SECOND })).toMatchObject({ caller: 'user-1' })
  })

  verifies(
    'IDN-30',
    'a tenant that is not listed is 401, and the log says the remedy',
    async () => {
      expect(await send({ tenant: UNLISTED })).toMatchObject({
        status: 401,
        caller: undefined,
        denied: {
          code: 'ERR_TOKEN_ISSUER_UNTRUSTED',
          hint: expect.stringContaining('list the tenant (tenants, beside an issuer'),
        },
      })
    },
  )

  for (const tid of [SECOND, UNLISTED, FIRST.toUpperCase(), '*', [SECOND], null]) {
    verifies('IDN-30', `tid ${JSON.stringify(tid)} is not the tenant of iss: 401`, async () => {
      expect(await send({ tenant: FIRST, tid })).toMatchObject({
        status: 401,
        caller: undefined,
        denied: { code: 'ERR_TOKEN_CLAIM', reason: expect.stringContaining('"tid"') },
      })
    })
  }

  verifies('IDN-31', 'a key of the tenant, of all tenants, or of nobody verifies', async () => {
    for (const key of ['first', 'shared', 'unnamed'] as const) {
      expect(await send({ tenant: FIRST, key }), key).toMatchObject({ caller: 'user-1' })
    }
    expect(await send({ tenant: SECOND, key: 'second' })).toMatchObject({ caller: 'user-1' })
  })

  verifies('IDN-31', 'a key of another tenant does not', async () => {
    for (const [tenant, key] of [
      [FIRST, 'second'],
      [SECOND, 'first'],
    ] as const) {
      expect(await send({ tenant, key }), tenant).toMatchObject({
        status: 401,
        caller: undefined,
        denied: { code: 'ERR_TOKEN_KEY_UNKNOWN' },
      })
    }
  })

  verifies('IDN-30', 'the metadata names the first alone', async () => {
    const host = hosts.find((candidate) => candidate.name === name)
    const path = '/.well-known/oauth-protected-resource/mcp'
    const answer = await host?.send({ method: 'GET', path, headers: [] })
    const isServed = name !== 'kernel'
    const named = `"authorization_servers":["${issuerOf(FIRST)}"]`
    expect(answer?.body.includes(named)).toBe(isServed)
    expect(answer?.body).not.toContain(SECOND)
  })
})
