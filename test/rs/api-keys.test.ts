/** API keys in the kernel: what options may hold, and what becomes of keys that are replaced. */
import * as sdkErrors from '@modelcontextprotocol/sdk/server/auth/errors.js'
import {
  createResourceServer,
  principalOf,
  toOAuthTokenVerifier,
  type ApiKeysDocument,
  type Authenticated,
} from 'mcp-gatehouse'
import { createTokenIntrospector } from 'mcp-gatehouse/introspect'
import { describe, expect, test, vi } from 'vitest'
import { digestOf, entryOf, KEY_ISSUER, keysOf, newKey } from '../support/api-keys.js'
import { FakeIdp, ISSUER, RESOURCE } from '../support/idp.js'
import { problemsOf } from '../support/problems.js'
import { createFixture } from '../support/server.js'
import { drive, simulateTime } from '../support/simulated-time.js'
import { verifies } from '../support/verifies.js'

async function start(apiKeys?: ApiKeysDocument) {
  const idp = await FakeIdp.start()
  return createFixture(idp, { ...(apiKeys !== undefined && { apiKeys }) })
}

describe('a key', () => {
  verifies('IDN-12', 'has a principal of its own, whatever its subject', async () => {
    const key = newKey()
    const { send } = await start({ name: 'ops', keys: [entryOf(key, { subject: 'user-1' })] })
    const { token } = (await send(key)) as Authenticated
    expect(token).toMatchObject({ issuer: 'urn:mcp-gatehouse:keys:ops', subject: 'user-1' })
    expect(token).toMatchObject({ clientId: 'key-1', scopes: ['mcp:tools'], audience: [RESOURCE] })
    expect(token.expiresAt).toBeUndefined()
    expect(token.claims).toEqual({
      iss: token.issuer,
      sub: 'user-1',
      client_id: 'key-1',
      scope: 'mcp:tools',
    })
    expect(principalOf(token).key).not.toBe(principalOf({ ...token, issuer: ISSUER }).key)
    expect(JSON.stringify(token)).not.toContain(key)
  })

  verifies('IDN-11', 'ends to the second, without a tolerance', async () => {
    const key = newKey()
    const end = new Date(Math.ceil(Date.now() / 1000) * 1000 + 10_000)
    const { verdict, wait } = await start(keysOf(entryOf(key, { expires: end.toISOString() })))
    expect(await verdict(key)).toBe('authenticated')
    wait(8)
    expect(await verdict(key)).toBe('authenticated')
    wait(3)
    expect(await verdict(key)).toBe('ERR_TOKEN_EXPIRED')
  })

  verifies('IDN-11', 'is refused where no keys are configured, and says the setting', async () => {
    const { verdict, events } = await start()
    expect(await verdict(newKey())).toBe('ERR_KEY_UNKNOWN')
    expect(events).toMatchObject([{ hint: 'name the file of your API keys in --oauth-keys-file' }])
  })

  verifies('IDN-11', 'is never introspected', async () => {
    const fetchFunction = vi.fn<typeof fetch>()
    const introspector = createTokenIntrospector({
      issuer: ISSUER,
      clientId: 'rs',
      clientSecret: 's',
      introspectionUrl: `${ISSUER}/introspect`,
      fetch: fetchFunction,
    })
    const key = newKey()
    const server = createResourceServer({
      resource: RESOURCE,
      authorizationServers: { issuer: ISSUER, validation: 'introspection', introspector },
      apiKeys: keysOf(entryOf(key)),
      fetch: fetchFunction,
      onEvent: false,
    })
    const outcomes = [key, newKey(), `${key}x`].map(
      async (each) => (await server.authenticate({ authorization: `Bearer ${each}` })).outcome,
    )
    expect(await Promise.all(outcomes)).toEqual(['authenticated', 'denied', 'denied'])
    expect(fetchFunction).not.toHaveBeenCalled()
  })

  verifies('IDN-12', 'opens the SDK’s own gate, too', async () => {
    const key = newKey()
    const { resourceServer } = await start(keysOf(entryOf(key)))
    const auth = await toOAuthTokenVerifier(resourceServer, sdkErrors).verifyAccessToken(key)
    expect(auth).toMatchObject({ clientId: 'key-1', extra: { issuer: KEY_ISSUER } })
    expect(auth.expiresAt ?? Number.NaN).toBeGreaterThan(Date.now() / 1000)
  })
})

describe('replaced keys', () => {
  verifies('IDN-15', 'a key that is missing now opens nothing, and a new one does', async () => {
    const [old, next] = [newKey(), newKey()]
    const { resourceServer, verdict } = await start(keysOf(entryOf(old)))
    expect([await verdict(old), await verdict(next)]).toEqual(['authenticated', 'ERR_KEY_UNKNOWN'])
    resourceServer.replaceApiKeys(keysOf(entryOf(next)))
    expect([await verdict(old), await verdict(next)]).toEqual(['ERR_KEY_UNKNOWN', 'authenticated'])
  })

  verifies('IDN-15', 'keys with a problem replace nothing', async () => {
    const key = newKey()
    const { resourceServer, verdict } = await start(keysOf(entryOf(key)))
    const wrong = keysOf(entryOf(newKey()), entryOf(newKey(), { subject: '' }))
    expect(problemsOf(() => resourceServer.replaceApiKeys(wrong))).toEqual([
      'apiKeys.keys[1].subject',
      'apiKeys.keys[1].id',
    ])
    expect(await verdict(key)).toBe('authenticated')
  })

  verifies('IDN-15', 'an open stream of a revoked key ends', async () => {
    simulateTime()
    const key = newKey()
    const idp = await FakeIdp.start()
    const server = createResourceServer({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      fetch: idp.fetch,
      apiKeys: keysOf(entryOf(key)),
      onEvent: false,
    })
    const authenticated = await server.authenticate({ authorization: `Bearer ${key}` })
    const onEnd = vi.fn<() => void>()
    server.watch(authenticated as Authenticated, onEnd)
    await drive(new Promise((resolve) => setTimeout(resolve, 120_000)))
    expect(onEnd).not.toHaveBeenCalled()
    server.replaceApiKeys(keysOf())
    await drive(new Promise((resolve) => setTimeout(resolve, 61_000)))
    expect(onEnd).toHaveBeenCalledOnce()
  })
})

describe('options', () => {
  const make = (apiKeys: unknown) => () =>
    createResourceServer({
      resource: RESOURCE,
      authorizationServers: ISSUER,
      apiKeys: apiKeys as ApiKeysDocument,
    })
  const key = entryOf(newKey())

  test.each([
    [[], 'apiKeys'],
    [{}, 'apiKeys'],
    [{ keys: {} }, 'apiKeys'],
    [{ name: 'a b', keys: [] }, 'apiKeys.name'],
    [{ keys: [7] }, 'apiKeys.keys[0]'],
    [{ keys: [{ ...key, key: 'mgh_' }] }, 'apiKeys.keys[0].key'],
    [{ keys: [{ ...key, id: 'a b' }] }, 'apiKeys.keys[0].id'],
    [{ keys: [{ ...key, digest: key.digest.toUpperCase() }] }, 'apiKeys.keys[0].digest'],
    [{ keys: [{ ...key, digest: digestOf('a').slice(1) }] }, 'apiKeys.keys[0].digest'],
    [{ keys: [{ ...key, subject: 'a\nb' }] }, 'apiKeys.keys[0].subject'],
    [{ keys: [{ ...key, scopes: ['a b'] }] }, 'apiKeys.keys[0].scopes'],
    [{ keys: [{ ...key, resources: [] }] }, 'apiKeys.keys[0].resources'],
    [{ keys: [{ ...key, resources: RESOURCE }] }, 'apiKeys.keys[0].resources'],
    [{ keys: [{ ...key, expires: undefined }] }, 'apiKeys.keys[0].expires'],
    [{ keys: [{ ...key, id: ['a'] }] }, 'apiKeys.keys[0].id'],
    [{ keys: [{ ...key, id: 2027 }] }, 'apiKeys.keys[0].id'],
    [{ keys: [{ ...key, digest: [key.digest] }] }, 'apiKeys.keys[0].digest'],
    [{ name: ['a'], keys: [] }, 'apiKeys.name'],
    [{ keys: [{ ...key, expires: '2027-13-01' }] }, 'apiKeys.keys[0].expires'],
    [{ keys: [{ ...key, expires: '2027-02-31' }] }, 'apiKeys.keys[0].expires'],
    [{ keys: [{ ...key, expires: '2027-03-01T10:00' }] }, 'apiKeys.keys[0].expires'],
    [{ keys: [key, { ...key, digest: digestOf('b') }] }, 'apiKeys.keys[1].id'],
    [{ keys: [key, { ...key, id: 'b' }] }, 'apiKeys.keys[1].digest'],
  ])('%# are refused', (apiKeys, path) => {
    expect(problemsOf(make(apiKeys))).toEqual([path])
  })

  test('no problem shows a digest', () => {
    const bad = { keys: [{ ...key, digest: `${key.digest}0` }] }
    expect(make(bad)).toThrow('must be SHA-256')
    expect(make(bad)).not.toThrow(key.digest)
    expect(make({ keys: [] })).not.toThrow()
  })
})
